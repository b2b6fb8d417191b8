"""The report: one self-contained HTML page that opens without network.

Inputs: figures (SVG with JSON caption), tables, settings and manifests of a run. Outputs: ``report.html``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cisflow.files import read_table, write_text
from cisflow.quality.verdict import overall
from cisflow.report.contacts import contact_sentences, contact_table
from cisflow.report.layout import figure_values, render, table_values
from cisflow.report.page import PAGE
from cisflow.report.profiles import profile_sentence
from cisflow.report.tables import funnel_table, score_table, versions_table

VERDICT_SUFFIX = ".verdict.tsv"
#: Sections of the report in the order of the stages, with the sentence under the heading.
SECTIONS = {
    "sources": ("Public files", "What was fetched or brought along, and whether it is what was published."),
    "simulate": ("Simulated input", "What the workflow drew; the truth that the later stages have to recover."),
    "reads": ("Reads", "From read pairs to counts of unique sequences."),
    "quality": ("Quality of the libraries", "Whether each sorted library can be used, in one sentence."),
    "expression": ("Expression", "Expression per element from its reads over the sorting bins."),
    "datasets": ("Datasets", "Rows for training, validation and test, and leakage between them."),
    "cross_validation": (
        "Cross-validation",
        "Every row predicted by models that never saw its fold, and paired tests between models over the folds.",
    ),
    "contacts": ("Contact maps", "Balanced maps, the distance law, and what models predict on held-out chromosomes."),
    "profiles": (
        "Accessibility profiles",
        "Cuts per base predicted from sequence beside a model of the enzyme's bias, on chromosomes held out in turn.",
    ),
    "models": ("Training", "Loss and validation score along training."),
    "evaluation": ("Scores and ranking", "How well each model predicts what it has not seen."),
    "designs": (
        "Designed libraries",
        "Sequences that tell models apart, as an order with subsets that scoring reads.",
    ),
    "variants": (
        "Variants",
        "What the models say of given alleles: effects on expression, impact of structural variants on contact maps.",
    ),
    "screens": (
        "Screens of contact models",
        "Which bases predicted contacts depend on, and what inserted sequences do to them.",
    ),
    "queries": (
        "Queries",
        "What the models predict of sequences and regions that were given, and are no part of their data.",
    ),
    "diagnosis": ("Diagnosis of contact models", "What limits each network, in one sentence, with its reasons."),
}


@dataclass
class ReportInput:
    """Files of a run that go into its report; paths as given by the rule."""

    settings: str
    figures: Sequence[str] = ()
    funnels: Sequence[str] = ()
    verdicts: Sequence[str] = ()
    map_verdicts: Sequence[str] = ()
    diagnoses: Sequence[str] = ()
    rankings: Sequence[str] = ()
    scores: Sequence[str] = ()
    sources: Sequence[str] = ()
    contact_summaries: Sequence[str] = ()
    contact_akita: Sequence[str] = ()
    contact_differences: Sequence[str] = ()
    contact_rankings: Sequence[str] = ()
    contact_comparisons: Sequence[str] = ()
    leakage: Sequence[str] = ()
    fold_summaries: Sequence[str] = ()
    fold_comparisons: Sequence[str] = ()
    profile_summaries: Sequence[str] = ()
    profile_comparisons: Sequence[str] = ()
    design_funnels: Sequence[str] = ()
    variant_statuses: Sequence[str] = ()
    screen_strongest: Sequence[str] = ()
    manifests: Sequence[str] = ()
    recipes: Sequence[str] = field(default_factory=tuple)


def _headlines(config: dict[str, Any], given: ReportInput, funnel: pd.DataFrame) -> list[str]:
    """Sentences with the main numbers of the run."""
    sentences = []
    reads = funnel[(funnel["stage"] == "reads") & funnel["step"].str.contains("read", case=False)]
    for library, part in reads.groupby("of", sort=False):
        sentences.append(f"Library {library}: {int(part['count'].iloc[0]):,} reads or pairs went in.")
    for path in given.rankings:
        rankings, dataset = read_table(path), Path(path).parent.name
        heads = rankings["head"].unique()
        for head in heads:
            ranking = rankings[rankings["head"] == head]
            best, of = ranking.iloc[0], f", {head}" if len(heads) > 1 else ""
            sentences.append(
                f"Dataset {dataset}{of}: {len(ranking)} models ranked; first is {best['model']} "
                f"(mean rank {best['mean_rank']:.2f}, 95 % of draws between {best['rank_low']:g} and "
                f"{best['rank_high']:g}; Pearson Score {best['pearson_score']:.3f}, "
                f"Spearman Score {best['spearman_score']:.3f})."
            )
    for path in given.fold_summaries:
        summary = read_table(path)
        heads = summary["head"].unique()
        for head in heads:
            best = summary[(summary["head"] == head) & (summary["metric"] == "pearson")].iloc[0]
            of = f" of {head}" if len(heads) > 1 else ""
            sentences.append(
                f"Dataset {Path(path).parent.name}, cross-validated over {best['folds']} test folds: highest mean "
                f"Pearson r{of} is that of {best['model']}, {best['mean']:.3f} (95 % interval {best['low']:.3f} to "
                f"{best['high']:.3f})."
            )
    for path in given.contact_summaries:
        sentences += contact_sentences(path)
    sentences += [profile_sentence(path) for path in given.profile_summaries]
    return sentences


def _verdict(path: str, report: str | Path, what: str = "library") -> dict[str, str]:
    """Verdict on a library or a map, and its page relative to the report."""
    library = Path(path).name.removesuffix(VERDICT_SUFFIX)
    verdict, sentence = overall(read_table(path), library, what)
    page = Path(os.path.relpath(Path(path).with_name(f"{library}.html"), Path(report).parent)).as_posix()
    return {"library": library, "verdict": verdict, "sentence": sentence, "page": page}


def _diagnosis(path: str, report: str | Path) -> dict[str, str]:
    """Conclusion of the diagnosis of a contact model, and its page relative to the report."""
    row, stem = read_table(path).iloc[0], Path(path).name.removesuffix(VERDICT_SUFFIX)
    page = Path(os.path.relpath(Path(path).with_name(f"{stem}.html"), Path(report).parent)).as_posix()
    return {"library": stem, "verdict": row["verdict"], "sentence": row["sentence"], "page": page}


def _titled(title: str, path: str) -> dict[str, Any]:
    """A table as the page shows it, with the name of its dataset in the title."""
    name = Path(path).name.removesuffix(".leakage.tsv")
    dataset = name if name != Path(path).name else Path(path).parent.name
    return {"title": f"{title}, {dataset}", "file": path, **table_values(read_table(path))}


def _model_rows(given: ReportInput) -> pd.DataFrame:
    rows = []
    for recipe_path in given.recipes:
        folder = Path(recipe_path).parent
        recipe = yaml.safe_load(Path(recipe_path).read_text(encoding="utf-8"))
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        rows.append(
            {
                "dataset": folder.parts[-3],
                "model": folder.parts[-2],
                "seed": folder.parts[-1].removeprefix("seed"),
                "parameters": manifest["training"]["parameters"],
                "steps": manifest["training"].get("steps", 0),
                "best validation score": manifest["training"]["best_selection"],
                "note": recipe.get("note", ""),
            }
        )
    return pd.DataFrame(rows)


def build_report(given: ReportInput, results: str | Path, output: str | Path, versions: dict[str, str]) -> None:
    """Write the report of a run.

    Parameters
    ----------
    given : ReportInput
        Files of the run.
    results : path
        Folder of the run's results; names in the page are relative to it.
    output : path
        HTML file, written atomically.
    versions : dict
        Versions of the packages that ran.
    """
    root = Path(results)
    settings_text = Path(given.settings).read_text(encoding="utf-8")
    config = yaml.safe_load(settings_text)
    funnel = funnel_table(given.funnels)
    sections = []
    for name, (title, about) in SECTIONS.items():
        figures = [figure_values(svg, root) for svg in given.figures if Path(svg).parent.name == name]
        tables = []
        if name == "evaluation":
            for path in given.rankings:
                tables.append(
                    {"title": f"Ranking, {Path(path).parent.name}", "file": path, **table_values(read_table(path))}
                )
            for path in given.scores:
                tables.append(
                    {"title": f"Scores, {Path(path).parent.name}", "file": path, **table_values(score_table(path))}
                )
            for path in given.contact_summaries:
                title = f"Contact maps, {Path(path).parent.name}"
                tables.append({"title": title, "file": path, **table_values(contact_table(path))})
            tables += [_titled("Comparison on the scale of Akita", path) for path in given.contact_akita]
            tables += [_titled("Difference between contact maps", path) for path in given.contact_differences]
            tables += [_titled("Ranking of contact models", path) for path in given.contact_rankings]
            tables += [_titled("Paired tests of contact models", path) for path in given.contact_comparisons]
        if name == "sources" and given.sources:
            table = pd.DataFrame([json.loads(Path(path).read_text(encoding="utf-8")) for path in given.sources])
            columns = ["file", "bytes", "sha256", "source", "verified"]
            tables.append({"title": "Public files", "file": "", **table_values(table[columns])})
        if name == "datasets":
            tables += [_titled("Leakage between splits", path) for path in given.leakage]
        if name == "cross_validation":
            tables += [_titled("Mean scores", path) for path in given.fold_summaries]
            tables += [_titled("Paired tests", path) for path in given.fold_comparisons]
        if name == "profiles":
            tables += [_titled("Mean scores", path) for path in given.profile_summaries]
            tables += [_titled("Paired tests", path) for path in given.profile_comparisons]
        if name == "variants":
            tables += [_titled("Alleles by status", path) for path in given.variant_statuses]
        if name == "screens":
            tables += [_titled("Strongest effects", path) for path in given.screen_strongest]
        if name == "designs":
            tables += [_titled("Sequences by subset", path) for path in given.design_funnels]
        if name == "models" and given.recipes:
            tables.append({"title": "Models", "file": "", **table_values(_model_rows(given))})
        verdicts = [_verdict(path, output) for path in given.verdicts] if name == "quality" else []
        verdicts += [_verdict(path, output, "map") for path in given.map_verdicts] if name == "contacts" else []
        verdicts += [_diagnosis(path, output) for path in given.diagnoses] if name == "diagnosis" else []
        if figures or tables or verdicts:
            found = {"figures": figures, "tables": tables, "verdicts": verdicts}
            sections.append({"name": name, "title": title, "about": about, **found})
    page = render(
        PAGE,
        run=config["run"],
        seed=config["seed"],
        version=versions["cisflow"],
        headlines=_headlines(config, given, funnel),
        funnel=table_values(funnel) if len(funnel) else None,
        sections=sections,
        versions=table_values(versions_table(given.manifests, versions)),
        settings=settings_text,
    )
    write_text(page, output)
