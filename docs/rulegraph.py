"""Rule graph for the README: plots and bookkeeping left out, read from left to right.

snakemake --rulegraph | python docs/rulegraph.py | dot -Tsvg > docs/rulegraph.svg
"""

import re
import sys

HIDDEN = re.compile(r"plot_|record_settings|all$")
COLOURS = {
    "simulate": "#E8E8E8",
    "reads to elements": "#CFE3F3",
    "contact maps": "#D5EDE3",
    "models": "#FBE3C0",
    "evaluation": "#F5D3E2",
    "questions": "#DDD6F0",
    "report": "#FFFFFF",
}
STAGE_OF = {
    "simulate": "simulate",
    "count_": "reads to elements",
    "cluster_": "reads to elements",
    "align_": "reads to elements",
    "check_": "reads to elements",
    "assess_contact": "contact maps",
    "assess_": "reads to elements",
    "combine_": "reads to elements",
    "measure_test": "evaluation",
    "measure_contact": "contact maps",
    "measure_": "reads to elements",
    "estimate_": "reads to elements",
    "build_dataset": "reads to elements",
    "prepare_": "contact maps",
    "compute_": "contact maps",
    "train_": "models",
    "predict_variants": "questions",
    "gather_": "questions",
    "screen_": "questions",
    "design_": "questions",
    "query_": "questions",
    "ask_": "questions",
    "match_": "questions",
    "pack_": "questions",
    "list_": "questions",
    "predict_": "models",
    "score_": "evaluation",
    "bootstrap_": "evaluation",
    "rank_": "evaluation",
    "evaluate_": "evaluation",
    "interpret_": "questions",
    "build_folds": "reads to elements",
    "report": "report",
    "record_run": "report",
    "encode_genome": "contact maps",
    "annotate_": "contact maps",
    "diagnose_": "evaluation",
    "overfit_": "evaluation",
    "export_contacts": "evaluation",
}


def main() -> None:
    """Filter the graph from standard input."""
    text = sys.stdin.read()
    names = dict(re.findall(r'(\d+)\[label = "([^"]+)"', text))
    shown = {number: name for number, name in names.items() if not HIDDEN.match(name)}
    edges = {(a, b) for a, b in re.findall(r"(\d+) -> (\d+)", text) if a in shown and b in shown}
    followed = {a for a, b in edges if shown[b] != "report"}
    edges = {(a, b) for a, b in edges if shown[b] != "report" or a not in followed}
    print("digraph { graph [rankdir=LR, bgcolor=white, nodesep=0.15, ranksep=0.35];")
    print('node [shape=box, style="rounded,filled", fontname="DejaVu Sans", fontsize=11, color="#5b6875"];')
    print('edge [color="#5b6875", arrowsize=0.7];')
    for number, name in sorted(shown.items(), key=lambda item: item[1]):
        stage = next(stage for start, stage in STAGE_OF.items() if name.startswith(start))
        print(f'{number} [label="{name.replace("_", " ")}", fillcolor="{COLOURS[stage]}"];')
    for a, b in sorted(edges):
        print(f"{a} -> {b};")
    print("}")


if __name__ == "__main__":
    main()
