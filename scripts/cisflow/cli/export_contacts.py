"""``cisflow export-contacts``: predicted or observed contact maps as files for HiGlass, cooler and cooltools.

Inputs: predictions of a contact model, the prepared map. Outputs: ``.mcool`` or ``.cool``,
and on request the matrices as ``.npz``.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cisflow.cli.options import example
from cisflow.problems import InputError, Problem

if TYPE_CHECKING:
    from cisflow.evaluation.contact_predictions import PredictedMaps


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export-contacts",
        help="predicted contact maps as .mcool, .cool and .npz",
        description="Write predicted contacts, exp(log ratio) x expected contacts, or what was observed, on the bins "
        "of the genome. .mcool has one resolution per level; .cool has one level. Where windows overlap, a pixel is "
        "the mean over them (docs/methods/contact_evaluation.md).",
        **example(
            "cisflow export-contacts predictions/synthetic/orca.contacts.npz --map contacts/synthetic/map.cool \\\n"
            "    --windows chr5:400000-600000 --output orca.mcool"
        ),
    )
    parser.add_argument("predictions", help="predictions of a model, .contacts.npz")
    parser.add_argument("--map", required=True, metavar="FILE", help="map.cool: chromosomes and their lengths")
    parser.add_argument("--output", required=True, metavar="FILE", help=".mcool (all levels) or .cool (one level)")
    parser.add_argument("--arrays", metavar="FILE", help="output: every matrix by itself, .npz")
    parser.add_argument(
        "--windows",
        nargs="+",
        metavar="WINDOW",
        help="chromosome:start-end (the test window that shows it best), or best, median, worst with --scores; "
        "default: all windows",
    )
    parser.add_argument("--scores", metavar="FILE", help="contact_scores.tsv, for best, median and worst")
    parser.add_argument("--model", help="model of the scores that best, median and worst go by (default: the first)")
    parser.add_argument("--observed", action="store_true", help="what was measured instead of what was predicted")
    parser.add_argument(
        "--values",
        choices=("contacts", "inverse", "ratio"),
        default="contacts",
        help="exp(log ratio) x expected contacts; the same without the eps that ratios are made with; exp(log ratio) "
        "(default: contacts)",
    )
    parser.add_argument("--level", type=int, metavar="BP", help="length of the level of a .cool; default: the finest")
    parser.set_defaults(run=run)


def _windows(given: argparse.Namespace, found: PredictedMaps) -> dict[str, int]:
    from cisflow.contacts.regions import RANKED, parse_region
    from cisflow.evaluation.contact_windows import all_windows, chosen_windows, window_of_region
    from cisflow.files import read_table

    if not given.windows:
        return all_windows(found)
    ranked = {name for kind in ("", "trans_") for name in (f"{kind}{rank}" for rank in RANKED)}
    by_rank: dict[str, int] = {}
    if ranked & set(given.windows):
        if not given.scores:
            raise InputError(Problem("--windows", "best, median and worst need --scores contact_scores.tsv"))
        scores = read_table(given.scores)
        by_rank = dict(chosen_windows(scores, found, given.model or scores["model"].iloc[0]))
    chosen: dict[str, int] = {}
    problems: list[Problem] = []
    for text in given.windows:
        try:
            if text in ranked:
                chosen[text] = by_rank[text]
            else:
                region = parse_region(text)
                chosen[region.name] = window_of_region(found, region)
        except InputError as error:
            problems += error.problems
        except ValueError as error:
            problems.append(Problem("--windows", str(error)))
        except KeyError:
            problems.append(Problem("--windows", f"{text!r}; the predictions have no such windows"))
    if problems:
        raise InputError(problems)
    return chosen


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    import cooler

    from cisflow.evaluation.contact_export import write_arrays, write_maps
    from cisflow.evaluation.contact_predictions import read_predicted_maps

    found = read_predicted_maps(given.predictions)
    level = None
    if given.level is not None:
        if given.level not in found.levels:
            there = ", ".join(f"{length}" for length in found.levels)
            raise InputError(Problem("--level", f"{given.level}; the predictions have levels of {there} bp"))
        level = found.levels.tolist().index(given.level)
    windows = _windows(given, found)
    lengths = cooler.Cooler(given.map).chromsizes.to_dict()
    rows, title = list(dict.fromkeys(windows.values())), "observed" if given.observed else given.predictions
    shown = (found, rows, lengths, title, given.observed, given.values, level)
    write_maps(given.output, *shown)
    if given.arrays:
        write_arrays(given.arrays, found, windows, given.observed)
