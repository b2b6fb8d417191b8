"""Shared fixtures: where the golden files and the real data lie."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import settings

from cisflow.settings.study import Study, read_study

# Time decides no test, and every run tries the same cases.
settings.register_profile("cisflow", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("cisflow")

CHECKOUT = Path(__file__).parents[1]
SHARED = CHECKOUT.parent / "shared"

#: Test modules that take a minute and more, the longest first. Each runs in one process, because its tests share what
#: they are about; one that began last would leave the other processes without work.
LONGEST = (
    "test_dag",
    "test_slurm_jobs",
    "test_faults",
    "test_reruns",
    "test_replicate_jobs",
    "test_entry",
    "test_commands",
    "test_stage_jobs",
    "test_submitted_predictions",
    "test_public_studies",
    "test_cross_validation_jobs",
    "test_profile_jobs",
    "test_contact_variants",
    "test_stages",
    "test_training_options",
    "test_killed_variants",
    "test_comparisons",
    "test_real_call_sets",
    "test_contact_end_to_end",
    "test_reference_networks",
    "test_contact_screens",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first; the others stay in their order."""
    place = {name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONGEST)))


@pytest.fixture(autouse=True)
def same_initial_weights() -> None:
    """Networks that a test builds start from the same weights, whichever tests ran before in its process."""
    import torch

    torch.manual_seed(1)


@pytest.fixture
def demo_with(tmp_path: Path) -> Callable[[str, str], Study]:
    """Function that reads the demo with other text in one of its sheets."""
    config = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text())

    def read(sheet: str, text: str) -> Study:
        (tmp_path / f"{sheet}.tsv").write_text(text)
        config["sheets"][sheet] = str(tmp_path / f"{sheet}.tsv")
        return read_study(config, CHECKOUT / "workflow" / "schemas", CHECKOUT, tmp_path)

    return read


@pytest.fixture(scope="session")
def golden() -> Path:
    """Reference outputs of the original programs that are part of the project."""
    return CHECKOUT / "tests" / "golden"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real public data beside the checkout; tests that need it skip elsewhere."""
    if not (SHARED / "data").is_dir():
        pytest.skip("real data (../shared/data) is not there; it is not part of the project")
    return SHARED / "data"


@pytest.fixture(scope="session")
def shared_golden() -> Path:
    """Reference outputs on third-party data beside the checkout; tests that need them skip elsewhere."""
    if not (SHARED / "golden").is_dir():
        pytest.skip("reference outputs on third-party data (../shared/golden) are not there")
    return SHARED / "golden"


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished run of the smallest config on two cores; processes that test side by side share one."""
    from running import TINY, snakemake

    alone = "PYTEST_XDIST_WORKER" not in os.environ
    shared = tmp_path_factory.getbasetemp() if alone else tmp_path_factory.getbasetemp().parent
    folder, finished = shared / "tiny", shared / "tiny.finished"
    with open(shared / "tiny.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            assert not folder.exists(), "the smallest run failed in another process"
            code, text = snakemake(folder, "--cores", "2", "--configfile", str(TINY))
            assert code == 0, text[-6000:]
            finished.touch()
    return folder
