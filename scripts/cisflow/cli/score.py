"""``cisflow score``: scores of submissions by the rules of the challenge.

Inputs: submissions, ground truth, test subsets, public lists. Outputs: scores per model, subset and metric, and on
request a leaderboard.
"""

from __future__ import annotations

import argparse

from cisflow.cli.options import check_outputs, example
from cisflow.cli.submissions import PARTS, add_submission_options, read_given
from cisflow.problems import InputError, Problem


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "score",
        help="scores of submissions to a prediction challenge",
        description="Score many submissions at once by the rules of the Random Promoter DREAM Challenge 2022 "
        "(docs/methods/evaluation.md). When a submission is not in order nothing is scored, and every problem of "
        "every file is told. Columns of the output: part, model, subset, kind, n, weight, metric, value, low, high.",
        **example(
            "cisflow score team1.json B=team2.tsv --truth test.txt --subsets test_subset_ids \\\n"
            "    --public public_leaderboard_ids --part public private --output scores.tsv --leaderboard board.tsv"
        ),
    )
    add_submission_options(parser)
    parser.add_argument(
        "--part",
        nargs="+",
        choices=PARTS,
        help="public: the public lists; private: what is left without them; all: nothing removed (default: private "
        "where there are public lists, else all)",
    )
    parser.add_argument("--output", required=True, help="table of scores")
    parser.add_argument("--leaderboard", metavar="FILE", help="output: one row per model, best Pearson Score first")
    parser.add_argument(
        "--interval-draws",
        type=int,
        default=1000,
        help="bootstrap draws behind the 95 %% intervals; 0: no intervals (default: 1000)",
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    import pandas as pd

    from cisflow.evaluation.ranking import leaderboard, score_table
    from cisflow.files import write_table

    check_outputs([given.output, given.leaderboard])
    if given.interval_draws < 0:
        raise InputError(Problem("--interval-draws", f"{given.interval_draws}; expected 0 or more"))
    parts = list(dict.fromkeys(given.part)) if given.part else None
    tables = []
    for part, evaluation in read_given(given, parts).items():
        table = score_table(evaluation, given.seed, given.threads, given.interval_draws)
        table.insert(0, "part", part)
        tables.append(table)
    write_table(pd.concat(tables, ignore_index=True), given.output)
    if given.leaderboard:
        boards = [leaderboard(table.drop(columns="part")).assign(part=table["part"].iloc[0]) for table in tables]
        board = pd.concat(boards, ignore_index=True)
        write_table(board[["part", *board.columns.drop("part")]], given.leaderboard)
