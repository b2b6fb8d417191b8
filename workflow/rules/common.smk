# Settings of the run, read and checked once, and the functions that rules use to find their input.
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

CHECKOUT = Path(workflow.current_basedir).parents[1]
SCRIPTS = CHECKOUT / "scripts"
sys.path.insert(0, str(SCRIPTS))

from cisflow.problems import InputError
from cisflow.provenance import code_hash
from cisflow.settings.study import read_study

try:
    study = read_study(config, CHECKOUT / "workflow" / "schemas", CHECKOUT)
except InputError as error:
    raise WorkflowError(str(error)) from None


def one_of(names):
    """Regular expression that matches exactly the given names (never-matching when there are none)."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


wildcard_constraints:
    run=re.escape(config["run"]),
    library=one_of(study.libraries),
    bin=one_of({b for library in study.bins for b in study.bin_names(library)}),
    method="bin-mean|maude",
    dataset=one_of(study.datasets),
    map=one_of(study.maps),
    model=one_of({row["model"] for row in study.models}),
    seed="[0-9]+",


def code(script):
    """Digest of a rule script and the library code that it uses; a rule parameter, so that code changes rerun the rule."""
    return code_hash(SCRIPTS / script)
