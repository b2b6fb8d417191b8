# make demo   environment, then the default config; ends with the place of the report
# make test   environment, then all tests
# Both work alone on a fresh Debian 12 with Python 3.11.
PYTHON ?= python3
CORES ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Processes of tests: as many as there are cores, at most 8 (some take 2 GB). In each, sums in two threads on any machine.
TESTS_AT_ONCE ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n < 8 ? n : 8)))
# A module in one process, because its tests share what they are about; in the order of tests/conftest.py.
PYTEST := OMP_NUM_THREADS=2 $(BIN)/python -m pytest -n $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder

.PHONY: demo test slow env tools test-tools lint format docs bench clean

demo: env
	@start=$$(date +%s); \
	$(BIN)/snakemake --cores $(CORES) && \
	echo "Report: results/demo/report.html ($$(( $$(date +%s) - start )) s)"

test: env test-tools
	$(PYTEST) -m 'not dag and not slow'
	$(PYTEST) -m 'dag and not slow'

slow: env test-tools
	$(PYTEST) -m slow # more seeds, examples and settings; whole runs through Slurm

env: tools $(STAMP)

tools:
	@envs/system-tools.sh

test-tools: # a Slurm for the tests that run on one, where it can be installed; they skip with a reason elsewhere
	@envs/system-tools.sh slurm

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info[:2] == (3, 11) else "Python 3.11 is needed, this is " + sys.version.split()[0] + "; name one with: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

docs: env
	$(BIN)/python -m cisflow.settings.document
	$(BIN)/python docs/reruns.py
	$(BIN)/python tests/document_bad_input.py
	$(BIN)/python tests/faults.py
	$(BIN)/snakemake --rulegraph | $(BIN)/python docs/rulegraph.py | dot -Tsvg -o docs/rulegraph.svg

bench: env
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf results/demo logs/demo state/demo
