"""``cisflow rank``: order of submissions, with the uncertainty from the choice of test items.

Inputs: submissions, ground truth, test subsets, public lists. Outputs: ranking, and on request scores, rank
distributions, paired comparisons, every draw and figures.
"""

from __future__ import annotations

import argparse

from cisflow.cli.options import add_section, check_outputs, example, section_settings
from cisflow.cli.submissions import PARTS, add_submission_options, read_given


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "rank",
        help="order of submissions, with bootstrap and paired tests",
        description="Rank many submissions by the bootstrap of the Random Promoter DREAM Challenge 2022 "
        "(docs/methods/evaluation.md). Columns of the output: rank, model, mean_rank, mean_pearson_rank, "
        "mean_spearman_rank, rank_low, rank_high, both scores with 95 % intervals, probability_best.",
        **example(
            "cisflow rank *.json --truth test.txt --subsets test_subset_ids --public public_leaderboard_ids \\\n"
            "    --output ranking.tsv --comparisons comparisons.tsv --figures figures --threads 2"
        ),
    )
    add_submission_options(parser)
    parser.add_argument("--part", choices=PARTS, help="as in cisflow score, one part")
    parser.add_argument("--output", required=True, help="table of the ranking, best first")
    parser.add_argument("--scores", metavar="FILE", help="output: scores as from cisflow score")
    parser.add_argument("--ranks", metavar="FILE", help="output: share of the draws of each model at each rank")
    parser.add_argument("--comparisons", metavar="FILE", help="output: paired tests of all pairs of models")
    parser.add_argument("--bootstrap", metavar="FILE", help="output: scores and ranks of every draw")
    parser.add_argument("--figures", metavar="FOLDER", help="output: figures (SVG, PNG, numbers, caption)")
    add_section(parser, "ranking", leave_out=("shards",))
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.evaluation.comparisons import comparison_table
    from cisflow.evaluation.ranking import (
        bootstrap_table,
        interval_draws,
        rank_distribution,
        ranking_table,
        score_table,
    )
    from cisflow.files import write_table

    check_outputs([given.output, given.scores, given.ranks, given.comparisons, given.bootstrap])
    settings = section_settings(given, "ranking")
    (evaluation,) = read_given(given, [given.part] if given.part else None).values()
    draws = interval_draws(evaluation, given.seed, given.threads)
    scores = score_table(evaluation, given.seed, given.threads, found=draws)
    bootstrap = bootstrap_table(evaluation, settings, given.seed, given.threads)
    ranking, ranks = ranking_table(bootstrap, scores), rank_distribution(bootstrap)
    comparisons = comparison_table(scores, draws, evaluation.models)
    tables = {given.scores: scores, given.ranks: ranks, given.comparisons: comparisons, given.bootstrap: bootstrap}
    for path, table in tables.items():
        if path:
            write_table(table, path)
    if given.figures:
        from cisflow.figures.submissions import save_figures

        save_figures(given.figures, evaluation, scores, bootstrap, ranking)
    write_table(ranking, given.output)
