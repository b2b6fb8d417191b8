"""Structural variants on contact maps: windows, pairing of bins, properties, tables, continued runs."""

import json

import numpy as np
import polars as pl
import pytest
from variant_toys import LENGTHS, RECIPES, write_toys

from cisflow.cli.main import main
from cisflow.contacts.genome import Genome, reverse_complement
from cisflow.files import read_table
from cisflow.models.cascade_zoom import Ladder
from cisflow.parts import Parts
from cisflow.problems import InputError
from cisflow.variants.alleles import Allele, Segment
from cisflow.variants.changes import Asked, asked_texts, of_allele, parse_change, read_changes
from cisflow.variants.contact_effects import COLUMNS, VariantModel, contact_effects, look_at, score_change
from cisflow.variants.contact_run import Changes, ContactInput, run_contact_variants
from cisflow.variants.contact_scores import pair_bins
from cisflow.variants.contact_views import ExpectedContacts, Placer, View, places_in, sources_of, views_of
from cisflow.variants.structural import Change, Refusal

KINDS = tuple(RECIPES)


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys")
    bundles = write_toys(folder)
    expected = {name: folder / "expected.npz" for name in KINDS if name != "one"}
    return ContactInput(folder / "genome.fa", {name: [path] for name, path in bundles.items()}, expected)


@pytest.fixture(scope="module")
def models(toys):
    return {model.name: model for model in toys.load()[1]}


def asked(change):
    return Asked(1, "x", "chrA", 1, "text", change)


def impacts(model, change):
    return [
        one.impact for _, _, replicates in score_change(model, *look_at(model, asked(change))) for one in replicates
    ]


# Windows


def published(levels=6, bins=250, bin_size=4000):
    ladder = Ladder.from_finest(bins, bin_size, levels)
    return ladder, ExpectedContacts("", np.zeros(ladder.length // bin_size), -5.0, bin_size)


def test_windows_lie_where_the_published_program_has_them(golden):
    cases = json.loads((golden / "orca" / "structural_golden.json").read_text())["coord_clip"]
    ladder, expected = published()
    seen = 0
    for case in cases:
        if case["window_radius"] != 16_000_000:
            continue
        placer = Placer(ladder, None, {"chr": case["chrlen"]}, expected)
        given = placer.place(View("ref", Allele.reference("chr", case["chrlen"]), "chr", case["pos"]))
        assert given.start == case["out"] - 16_000_000
        seen += 1
    assert seen == 9


@pytest.mark.parametrize(
    ("text", "references", "alternatives"),
    [
        # Table of the published functions: where reference and variant are zoomed at.
        ("region chrA:100-301", {"ref": 200}, {}),
        ("del chrA:1000-1400", {"ref_l": 1000, "ref_r": 1400}, {"alt": 1000}),
        ("dup chrA:1000-1400", {"ref_l": 1000, "ref_r": 1400}, {"alt": 1400}),
        ("inv chrA:1000-1400", {"ref_l": 1000, "ref_r": 1400}, {"alt_l": 1000, "alt_r": 1400}),
        ("ins chrA:1000 ACGTA -", {"ref": 1000}, {"alt_l": 1000, "alt_r": 1005}),
        ("break chrA:1000 chrB:700 +/+", {"ref_1": 1000, "ref_2": 700}, {"alt": 1000}),
        ("break chrA:1000 chrB:700 -/+", {"ref_1": 1000, "ref_2": 700}, {"alt": 5001}),
    ],
)
def test_places_that_changes_are_looked_at_from(text, references, alternatives):
    found = views_of(parse_change(text, LENGTHS), LENGTHS)
    assert [{view.name: view.position for view in views} for views in found] == [references, alternatives]


def test_short_derivatives_are_shown_from_their_start(models):
    placer = models["cascade"].placer
    change = parse_change("break chrA:500 chrC:400 +/-", LENGTHS)
    (view,) = views_of(change, LENGTHS)[1]
    given = placer.place(view)
    codes = placer.codes(given)
    assert (given.start, given.inside, change.allele.length) == (0, 500 + 501, 1001)
    assert (codes[1001:] == 4).all()
    assert (codes[:1001] < 4).all()
    assert np.array_equal(codes[500:1001], placer.fetch("chrC", 399, 900))


def test_inputs_of_several_chromosomes_are_filled_up(models):
    model = models["assembled"]
    (reference,), _ = views_of(parse_change("region chrC:100-200", LENGTHS), LENGTHS)
    given = model.placer.place(reference)
    assert (given.start, given.inside) == (0, 900)
    assert given.content.segments[1] == Segment("chrA", 0, 2560 - 900)
    # Contacts with the chromosome that fills up are expected as between chromosomes.
    assert given.trans[0, 0, -1]
    assert not given.trans[0, 0, 0]
    assert given.expected[0, 0, -1] == pytest.approx(np.exp(-7.0))
    source, _ = sources_of(given, model.placer.ladder, 0)
    assert list(dict.fromkeys(source)) == ["chrC", ""]


def test_what_models_need_is_asked_for(tmp_path, toys):
    for wanted, given in (
        ("expected contacts", ContactInput(toys.genome, {"cascade": toys.bundles["cascade"]})),
        ("chrZ", ContactInput(toys.genome, {"one": toys.bundles["one"]}, padding="chrZ")),
    ):
        with pytest.raises(InputError, match=wanted):
            given.load()
    np.savez(tmp_path / "short.npz", log_expected=np.zeros(10), resolution=40)
    short = ContactInput(toys.genome, {"cascade": toys.bundles["cascade"]}, {"cascade": tmp_path / "short.npz"})
    with pytest.raises(InputError, match="reach 400 bp"):
        short.load()


# Pairing of bins and scores


def test_bins_of_a_deletion_are_paired_with_the_bases_that_they_show():
    ladder = Ladder(16, (640,))
    placer = Placer(ladder, None, {"chrA": 6000})
    change = parse_change("del chrA:3000-3130", LENGTHS)
    references, (variant,) = ([placer.place(view) for view in views] for views in views_of(change, LENGTHS))
    pairing = pair_bins(variant, references, ladder, 0)
    middles = [one.start + 40 * np.arange(16) + 20 for one in references]
    found = pairing.counterpart([middle[:, None] * 1e6 + middle for middle in middles])
    shown = found.diagonal() // 1e6
    # Left of the junction the bins of the left view, right of it those of the right view: both exactly in phase.
    assert shown.tolist() == [*(3000 - 320 + 40 * np.arange(8) + 20), *(3130 + 40 * np.arange(8) + 20)]
    # Across the junction no reference window shows the farthest pairs.
    assert np.isnan(found[0, -1])
    assert np.isfinite(found[7, 8])


def test_inverted_and_inserted_bases_find_their_reference():
    ladder = Ladder(16, (640,))
    placer = Placer(ladder, None, {"chrA": 6000})
    change = parse_change("inv chrA:2800-3200", LENGTHS)
    variant = placer.place(views_of(change, LENGTHS)[1][0])
    source, position = sources_of(variant, ladder, 0)
    assert set(source) == {"chrA"}
    along = variant.start + 40 * np.arange(16) + 20
    inside = (along >= 2800) & (along < 3200)
    assert (position[inside] == 2800 + 3200 - 1 - along[inside]).all()
    assert (position[~inside] == along[~inside]).all()
    whole = placer.place(View("ref", Allele.reference("chrA", 6000), "chrA", 3000))
    assert (places_in(whole, source, position)[inside] == position[inside] - whole.start).all()
    inserted = parse_change("ins chrA:3000 " + "ACGT" * 30, LENGTHS)
    source, _ = sources_of(placer.place(views_of(inserted, LENGTHS)[1][0]), ladder, 0)
    assert (source == "inserted").sum() == 3


# Properties of predictions


@pytest.mark.parametrize("kind", KINDS)
def test_a_variant_equal_to_the_reference_has_no_effect(models, kind):
    model = models[kind]
    whole = Allele.reference("chrA", LENGTHS["chrA"])
    split = Change("segments", whole.invert(3000, 3400).invert(3000, 3400), [("chrA", 3000)], [3000])
    assert impacts(model, split) == [0.0] * len(model.placer.ladder.levels)
    bases = "".join("ACGT"[code] for code in model.placer.fetch("chrA", 3000, 3100))
    back = Change("segments", whole.delete(3000, 3100).insert(3000, 100, name="back"), [("chrA", 3000)], [3000])
    back = Change(back.kind, back.allele, back.reference_points, back.allele_points, {"back": bases})
    (reference,), (restored,) = look_at(model, asked(back))
    assert np.array_equal(reference.maps, restored.maps)


@pytest.mark.parametrize("kind", ["one", "cascade", "assembled"])
def test_changes_have_effects(models, kind):
    for text in ("del chrA:3000-3200", "dup chrA:3000-3200", "inv chrA:3000-3203", "break chrA:3000 chrB:900 +/-"):
        assert min(impacts(models[kind], parse_change(text, LENGTHS))) > 1e-4


@pytest.mark.parametrize("kind", ["one", "cascade"])
def test_the_other_strand_gives_the_mirrored_maps(models, kind):
    model = models[kind]
    ladder, rng = model.placer.ladder, np.random.default_rng(1)
    codes = rng.integers(0, 5, ladder.length).astype(np.uint8)
    offsets = ladder.offsets([3] * (len(ladder.levels) - 1))
    (replicate,), expected = (
        model.replicates,
        model.placer.place(View("ref", Allele.reference("chrA", 6000), "chrA", 3000)).expected,
    )
    forward = replicate.predict(codes, offsets, expected, None)
    reverse = replicate.predict(reverse_complement(codes), ladder.mirrored(offsets), expected, None)
    np.testing.assert_allclose(forward, reverse[:, ::-1, ::-1], atol=2e-6)


@pytest.mark.parametrize("kind", ["one", "cascade", "assembled"])
def test_windows_take_from_each_other_what_is_equal(models, kind):
    """Encoding variants from their references changes no map beyond rounding, and encodes a fraction of the bins."""
    model = models[kind]
    (replicate,) = model.replicates
    before = replicate.strands[0].encoded_bins
    change = parse_change("inv chrA:3000-3120", LENGTHS)
    seen = [one for views in look_at(model, asked(change)) for one in views]
    bins = model.placer.ladder.length // replicate.strands[0].encoder.bin_size
    assert replicate.strands[0].encoded_bins - before < 4 * bins
    for one in seen:
        replicate.forget()
        given = one.given
        alone = replicate.predict(model.placer.codes(given), given.offsets, given.expected, given.trans)
        np.testing.assert_allclose(one.maps[0], alone, atol=1e-5)
        model_alone = replicate.model
        if kind == "one":
            whole = model_alone.predict(model.placer.codes(given))[None]
        else:
            trans = np.zeros_like(given.expected, dtype=bool)
            whole = model_alone.predict_levels(model.placer.codes(given), [given.offsets], [given.expected], [trans])[0]
        np.testing.assert_allclose(alone, whole, atol=1e-5)


# Texts, tables, runs


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("del chrA:10-20 x", "expected one interval"),
        ("del chrA:0-6000", "nothing would be left"),
        ("inv chrA:10-7000", "reaches beyond"),
        ("ins chrA:10 AXT", "expected position, bases"),
        ("break chrA:1 chrB:2", "expected two positions"),
        ("break chrA:1 chrB:9999 ++", "outside chrB"),
        ("segments chrA:1-2:*", "expected chromosome:start-end"),
        ("segments chrA:0-10:+ at=10", "at=POSITION"),
        ("turn chrA:1-2", "no kind of change"),
        ("dup chrX:1-2", "no chromosome"),
    ],
)
def test_texts_that_are_no_change_say_why(text, reason):
    (refused,) = asked_texts([(1, text, text)], LENGTHS)
    assert isinstance(refused.change, Refusal)
    assert reason in refused.change.detail


def test_segments_are_any_chromosome(tmp_path):
    change = parse_change("segments chrA:0-900:+ chrB:100-800:- chrA:2000-2500:+", LENGTHS)
    assert change.allele_points == [900, 1600]
    assert change.reference_points == [("chrA", 900), ("chrA", 2000), ("chrB", 100), ("chrB", 800)]
    assert of_allele(change.allele, 1000).reference_points == [("chrB", 699)]
    (tmp_path / "list").write_text("# one\nfirst\tdel chrA:1-2\n\ndup chrA:1-9\n")
    assert read_changes(tmp_path / "list") == [(2, "first", "del chrA:1-2"), (4, "dup chrA:1-9", "dup chrA:1-9")]


HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def test_no_line_of_a_vcf_file_is_lost(tmp_path, toys):
    first = "".join("ACGT"[code] for code in Genome(toys.genome).codes("chrA", 1999, 2000))
    other = "ACGT".replace(first, "")[0]
    lines = [
        f"chrA\t2000\tsnv\t{first}\t{other}\t.\t.\t.",
        "chrA\t2000\tdel\tN\t<DEL>\t.\t.\tEND=2300",
        f"chrA\t2000\twrong\t{other}\t<DEL>\t.\t.\tEND=2300",
        "chrA\t2000\tcnv\tN\t<CNV>,<INV>\t.\t.\tEND=2300",
        "no record",
        "chrA\t2000\tbnd\tN\tN[chrB:500[\t.\t.\tSVTYPE=BND",
    ]
    (tmp_path / "calls.vcf").write_text(HEADER + "\n".join(lines) + "\n")
    given = ContactInput(toys.genome, {"one": toys.bundles["one"] * 2})
    output = tmp_path / "effects.tsv"
    counts = run_contact_variants(given, Changes(tmp_path / "calls.vcf"), output, tmp_path / "state")
    table = read_table(output)
    assert list(table.columns) == list(COLUMNS)
    assert counts == {
        "predicted": 4,
        "REF differs from the genome": 1,
        "kind of variant that does not say what the chromosome looks like": 1,
        "bad line: 1 fields between tabs; expected 8 or more": 1,
    }
    assert table["item"].drop_duplicates().tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert table.loc[table["status"] != "predicted", "line"].tolist() == [5, 6, 7]
    # Two replicates that are the same network: an interval without width.
    kept = table[table["status"] == "predicted"]
    assert np.allclose(kept["low"], kept["impact"])
    assert np.allclose(kept["high"], kept["impact"])
    assert not list((tmp_path / "state").rglob("*.parquet"))


class Stopping:
    """Stands for a small model; stops the run at a given prediction."""

    def __init__(self, stop_at=None):
        self.predictions, self.stop_at = 0, stop_at

    def forget(self):
        pass

    def predict(self, codes, offsets, expected, trans):
        self.predictions += 1
        if self.predictions == self.stop_at:
            raise KeyboardInterrupt
        sums = codes.reshape(8, -1).sum(axis=1).astype(np.float32)
        return (sums[:, None] - sums)[None]


def test_a_killed_run_of_a_thousand_variants_continues(tmp_path):
    rng = np.random.default_rng(0)
    genome = rng.integers(0, 4, 6000).astype(np.uint8)
    placer = Placer(Ladder(8, (640,)), lambda name, start, end: genome[start:end], {"chrA": 6000})
    texts = [f"{kind} chrA:{start}-{start + 90}" for kind in ("del", "inv") for start in range(100, 2600, 5)]
    assert len(texts) == 1000
    texts[500] = "del chrZ:1-2"

    def run(folder, predictor):
        found = asked_texts([(k, text, text) for k, text in enumerate(texts, 1)], {"chrA": 6000})
        model = VariantModel("toy", [predictor], placer)
        parts = Parts(folder, "key")
        return pl.concat(contact_effects([model], enumerate(found, 1), parts, 1000, every_items=300))

    whole = run(tmp_path / "whole", Stopping())
    assert whole["item"].n_unique() == 1000
    stopped = Stopping(1500)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", stopped)
    assert [path.name for path in (tmp_path / "killed" / "key").glob("*.parquet")] == ["000000000-000000300.parquet"]
    (tmp_path / "killed" / "key" / ".9.partial.000000000-000000999.parquet").write_bytes(b"half")
    rest = Stopping()
    assert run(tmp_path / "killed", rest).equals(whole)
    assert rest.predictions < 3500 - 3 * 300 + 1


def test_command(tmp_path, toys, capsys):
    options = ["variants", f"one={toys.bundles['one'][0]}", "--genome", str(toys.genome), "--device", "cpu"]
    table, counts = tmp_path / "effects.tsv", tmp_path / "counts.tsv"
    written = ["--output", str(table), "--counts", str(counts), "--figures", str(tmp_path / "figures")]
    change = ["--change", "ins chrA:3000 ACGT", "--change", "del chrA:9-8"]
    assert main([*options, *change, *written]) == 0
    assert read_table(table)["level"].dropna().astype(int).tolist() == [640, 640]
    assert read_table(counts).to_dict("list") == {"status": ["predicted", "change not understood"], "alleles": [1, 1]}
    for suffix in (".svg", ".png", ".tsv", ".json"):
        assert (tmp_path / "figures" / f"000001.one{suffix}").is_file()
    capsys.readouterr()
    assert main([*options, *change, *written, "--left", "ACGT"]) == 1
    assert "--left" in capsys.readouterr().err
