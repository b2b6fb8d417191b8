"""Bad screens are refused with the row and the value, doubtful ones are estimated with a warning in the log."""

import logging

import numpy as np
import pytest
from screens import read_screen

from cisflow.expression.abundance import abundance_from_bins
from cisflow.expression.bin_model import bin_model_from_fractions, bin_model_from_quantiles, bin_model_from_table
from cisflow.expression.maude import estimate_maude
from cisflow.joblog import logger
from cisflow.problems import InputError

REFUSED = {
    "bad_control_NA": r'counts row 4, column "NT": a missing value; expected TRUE or FALSE',
    "bad_duplicate_bin_rows": r"bin 'A' is there 2 times; each bin needs one row",
    "bad_missing_count": r'counts row 4, column "A": element 3 has a missing value; expected',
    "bad_missing_sort_column": r'counts, column "D": missing column',
    "bad_missing_unsorted": r'counts row 4, column "NS": element 3 has a missing value',
    "bad_model_lacks_a_bin": r"no edges for sorted bin 'C' is not one of: A, B, D, E, F",
    "bad_negative_count": r'counts row 4, column "A": element 3 has -5; expected a non-negative whole number',
    "bad_non_integer_count": r'counts row 4, column "A": element 3 has 93.5; expected a non-negative whole number',
    "bad_single_element": r"1 element; the estimate needs two or more",
    "bad_zero_width_bin": r"bin 'A' covers no cells: upper_quantile 0.001 must exceed 0.001",
}


@pytest.fixture
def messages(caplog):
    """Messages of the log, whatever other tests did to its handlers."""
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.INFO, logger="cisflow")
    yield lambda: " | ".join(record.getMessage() for record in caplog.records)
    logger.removeHandler(caplog.handler)


@pytest.fixture
def screen():
    random = np.random.default_rng(5)
    bins = bin_model_from_quantiles(list("abcd"), [0, 0.25, 0.5, 0.75], [0.25, 0.5, 0.75, 1])
    return random.poisson(40, (30, 4)), random.uniform(2e4, 4e4, 30), np.arange(30) < 12, bins


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_bad_screen_is_refused(golden, name):
    with pytest.raises(InputError, match=REFUSED[name]):
        read_screen(golden / "maude" / "edge" / name).estimate()


def test_every_bad_folder_is_tested(golden):
    accepted = {"bad_numeric_control_column", "bad_unsorted_zero_no_pseudo"}
    assert {p.name for p in (golden / "maude" / "edge").glob("bad_*")} == set(REFUSED) | accepted


def test_control_text_that_is_no_boolean(golden):
    screen = read_screen(golden / "maude" / "edge" / "no_controls")
    screen.counts["NT"] = "maybe"
    with pytest.raises(InputError, match=r'counts row 2, column "NT": \'maybe\'; expected TRUE or FALSE'):
        screen.estimate()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"limits": (2, 1)}, r'config, column "limits": \[2, 1\]; expected a lower and a higher number'),
        ({"limits": (-40, 4)}, "within 30 of 0"),
        ({"pseudocount": -1}, 'column "pseudocount": -1; expected'),
        ({"optimum": "best"}, "'best' is not one of: global, r"),
        ({"centre": "mode"}, "'mode' is not one of: mean, median"),
    ],
)
def test_bad_settings(screen, change, expected):
    with pytest.raises(InputError, match=expected):
        estimate_maude(*screen, **change)


def test_many_bad_rows_are_counted(screen):
    counts, abundance, controls, bins = screen
    with pytest.raises(InputError, match=r"and 100 more values of this kind"):
        estimate_maude(np.full((30, 4), -1), abundance, controls, bins)
    with pytest.raises(InputError, match=r"expected one column for each of 4 bins"):
        estimate_maude(counts[:, :3], abundance, controls, bins)
    with pytest.raises(InputError, match=r"element 1 has -1"):
        estimate_maude(counts, np.append(-1.0, abundance[1:]), controls, bins)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        ([-0.1, 0.5], [0.5, 1], "bin 'low' has -0.1; expected a share between 0 and 1"),
        ([0, 0.5], [0.5, 1.2], "bin 'high' has 1.2; expected a share between 0 and 1"),
        ([0, 0.5], [0.5, np.nan], "bin 'high' has a missing value"),
    ],
)
def test_quantiles_outside_the_unit_interval(lower, upper, expected):
    with pytest.raises(InputError, match=expected):
        bin_model_from_quantiles(["low", "high"], lower, upper)


def test_edges_that_contradict_their_quantiles(golden):
    bins = read_screen(golden / "maude" / "sim6").bins
    bins.loc[1, "binEndZ"] = 0.5
    with pytest.raises(InputError, match=r"bin 'B': edge 0.5 contradicts its quantile \(z = -0.838055\)"):
        bin_model_from_table(bins)


def test_bins_of_the_six_bin_design():
    with pytest.raises(InputError, match="'G' is not one of: A, B, C, D, E, F"):
        bin_model_from_fractions({"A": 0.1, "G": 0.1})
    with pytest.raises(InputError, match="1 bins given; two or more"):
        bin_model_from_fractions({"A": 0.1})


def test_doubtful_input_is_warned_about(screen, messages):
    counts, abundance, controls, bins = screen
    estimate_maude(counts, abundance / abundance.sum(), controls, bins)
    assert "sum to 1, less than the pseudocounts of 300" in messages()
    estimate_maude(counts, np.zeros(30), controls, bins)
    assert "All abundances are 0" in messages()
    estimate_maude(counts, abundance, np.arange(30) < 3, bins)
    assert "Only 3 controls" in messages()
    estimate_maude(counts, abundance, None, bins)
    assert "No controls: z and log_likelihood_ratio are missing" in messages()
    estimate_maude(counts, abundance, controls, bins, limits=(1, 2))
    assert "leave out 0" in messages()
    assert "30 of 30 elements lie at a limit" in messages()
    estimate_maude(counts * np.array([1, 0, 1, 1]), abundance, controls, bins)
    assert "Bins without reads: b" in messages()
    bin_model_from_quantiles(["low", "high"], [0, 0.4], [0.5, 1])
    assert "overlap (low and high by 0.1)" in messages()


def test_no_library_fraction_without_abundance_and_pseudocount(screen):
    counts, _, controls, bins = screen
    with pytest.raises(InputError, match="all abundances are 0 and the pseudocount is 0"):
        estimate_maude(counts, np.zeros(30), controls, bins, pseudocount=0)


def test_abundance_leaves_out_bins_without_reads():
    counts = np.array([[3, 0, 1], [1, 0, 1]])
    np.testing.assert_allclose(abundance_from_bins(counts), [0.625e6, 0.375e6])
    np.testing.assert_allclose(abundance_from_bins(counts, np.array([0.2, 0.5, 0.3]), 1), [0.6, 0.4])
    with pytest.raises(InputError, match="no reads in any sorted bin"):
        abundance_from_bins(np.zeros((2, 3), dtype=int))
