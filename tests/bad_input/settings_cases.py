"""Wrong configs, sheets, recipes and settings of designs."""

from __future__ import annotations

import math

from bad_input import case, changed, settings, write
from conftest import CHECKOUT

SCREENS = "screen\tdataset\tmodels\tkind\tregions\tsequences\twidth\tstrands\n"
VARIANTS = "variants\tdataset\tmodels\tvcf\tconstructs\tintervals\tgenome\tleft\tright\tshards\tpadding\n"
QUERIES = "query\tdataset\tmodels\tsequences\tintervals\tgenome\tspecies\tcell_type\n"
READS = "library\tbin\tread1\tread2\tbarcode\n"


@case("Config", "a key that is misspelt", "unknown key (did you mean 'overlap_tolerance'?)")
def _(folder):
    settings(folder, lambda config: config["reads"].update(overlap_tolerence=15))


@case("Config", "a required key is missing", 'column "seed": missing; it is required')
def _(folder):
    settings(folder, lambda config: config.pop("seed"))


@case("Config", "a value outside of a list", "'gpu' is not one of: auto, cpu, cuda (did you mean 'cpu'?)")
def _(folder):
    settings(folder, lambda config: config.update(device="gpu"))


@case("Config", "four wrong values at once", "4 problems", "must be at most 1", "is not of type integer", "not one of")
def _(folder):
    def edit(config):
        config["ranking"]["share"] = 1.5
        config["reads"]["min_identity"] = -0.1
        config["seed"] = "2022"
        config["cluster"]["method"] = "bowtie"

    settings(folder, edit)


@case("Config", "a number with a decimal comma (text in YAML)", "'0,75' is not of type number")
def _(folder):
    settings(folder, lambda config: config["reads"].update(min_identity="0,75"))


@case("Config", "`.nan` and `.inf` in place of numbers", "nan is not of type number", "inf is not of type number")
def _(folder):
    settings(
        folder,
        lambda config: (config["split"].update(validation=math.nan), config["estimate"].update(pseudocount=math.inf)),
    )


@case("Config", "a name of the run with a blank and a path", "column \"run\": '../my run' does not match the pattern")
def _(folder):
    settings(folder, lambda config: config.update(run="../my run"))


@case("Config", "a name of the run that ends in a line break", "column \"run\": 'demo\\n' does not match the pattern")
def _(folder):
    settings(folder, lambda config: config.update(run="demo\n"))


@case("Config", "a data_dir that is not there", 'column "data_dir"', "folder not found: no/such/folder")
def _(folder):
    settings(folder, lambda config: config.update(data_dir="no/such/folder"))


@case(
    "Config",
    "a read structure with an open brace and a lower-case base",
    "this brace is not closed",
    "written in capitals",
)
def _(folder):
    settings(folder, lambda config: config["reads"].update(structure="ACGt {variable:48-112 GGTT"))


@case("Config", "a read structure with two skips whose border cannot be found", "their border cannot be found")
def _(folder):
    settings(folder, lambda config: config["reads"].update(structure="{skip:0-5} {skip:1-3} ACGT {variable:80}"))


@case("Config", "options of Bowtie2 that change its output", "--sam", "bowtie2_options")
def _(folder):
    settings(folder, lambda config: config["cluster"].update(bowtie2_options="--no-unal --sam"))


@case(
    "Config",
    "a local copy of a public file that is not there, and one of no public file",
    "file not found",
    "no file of the downloads",
)
def _(folder):
    sheet = "file\turls\tbytes\tsha256\tmd5\tmembers\na/train.txt\thttps://example.org/train.txt\t\t\t\t\n"
    local = {"a/train.txt": "/no/such/train.txt", "a/val.txt": "val.txt"}
    settings(folder, lambda config: config["downloads"].update(local=local), downloads=sheet)


@case("Sheets", "a sheet that is not there", "no_such.tsv: file not found")
def _(folder):
    settings(folder, lambda config: config["sheets"].update(bins="no_such.tsv"))


@case("Sheets", "a folder in place of a sheet", "a folder, not a file; expected a tab-separated sheet")
def _(folder):
    (folder / "sheets").mkdir()
    settings(folder, lambda config: config["sheets"].update(bins="sheets"))


@case("Sheets", "an empty sheet", "the sheet is empty; expected a header and at least one row")
def _(folder):
    settings(folder, libraries="\n# nothing yet\n")


@case("Sheets", "a header and no rows", "the sheet has a header but no rows")
def _(folder):
    settings(folder, libraries="library\tkind\tsource\tmethods\n")


@case(
    "Sheets",
    "commas in place of tabs",
    "models.tsv row 1: columns must be separated by tabs (it looks separated by ',')",
)
def _(folder):
    settings(folder, models=lambda text: text.replace("\t", ","))


@case("Sheets", "a spreadsheet saved as UTF-16", "libraries.tsv row 1: not a UTF-8 text file (byte 0xff)")
def _(folder):
    settings(folder, libraries=lambda text: text.encode("utf-16"))


@case("Sheets", "Latin-1 letters", "libraries.tsv row 2: not a UTF-8 text file (byte 0xe4)")
def _(folder):
    settings(folder, libraries=lambda text: text.replace("random\t", "h\u00e4fte\t", 1).encode("latin-1"))


@case(
    "Sheets",
    "a byte order mark and CRLF line ends are no fault; the misspelt column is",
    "unknown column (did you mean 'kind'?)",
)
def _(folder):
    settings(
        folder,
        libraries=lambda text: b"\xef\xbb\xbf" + text.replace("\tkind", "\tkinds", 1).replace("\n", "\r\n").encode(),
    )


@case("Sheets", "a missing and a repeated column", 'row 1, column "source": missing column', "there more than once")
def _(folder):
    settings(folder, libraries=changed("library\tkind\tsource", "library\tkind\tkind"))


@case("Sheets", "more cells than columns", "bins.tsv row 4: 9 cells, but the header has 8")
def _(folder):
    settings(folder, bins=changed("\t0.066807\t\t\n", "\t0.066807\t\t\t120\n"))


@case("Sheets", "a number with a decimal comma", "'0,040059' is not of type number", 'column "upper_quantile"')
def _(folder):
    settings(folder, bins=changed("\t0.040059", "\t0,040059"))


@case(
    "Sheets",
    "NaN, Inf and 1_000 in columns of numbers",
    "'NaN' is not of type",
    "'Inf' is not of type",
    "'1_000' is not of type",
)
def _(folder):
    def edit(text):
        return (
            text.replace("\t0.02275\t", "\tNaN\t", 1)
            .replace("\t0.066807\t", "\tInf\t", 1)
            .replace("bin02\tsorted\t2", "bin02\tsorted\t1_000", 1)
        )

    settings(folder, bins=edit)


@case("Sheets", "a quantile above 1", "must be at most 1", 'column "upper_quantile"')
def _(folder):
    settings(folder, bins=changed("\t0.040059\t", "\t4.0059\t"))


@case("Sheets", "bins whose quantiles are in another order than their positions", "are bins of random swapped?")
def _(folder):
    settings(folder, bins=changed("random\tbin01\tsorted\t1\t", "random\tbin01\tsorted\t7.5\t"))


@case("Sheets", "a library given twice", "libraries.tsv row 4, column \"library\": 'random' was already given in row 2")
def _(folder):
    settings(folder, libraries=lambda text: text + "random\trandom\tsimulated\t\t\tbin-mean\n")


@case("Sheets", "a name with a blank", "'ran dom' does not match the pattern")
def _(folder):
    settings(folder, libraries=changed("random\trandom", "ran dom\trandom"))


@case(
    "Sheets",
    "reads of a library and a bin that no other sheet has",
    "unknown bin: 'bin99' is not one of",
    "unknown library: 'randum'",
    "did you mean 'random'?",
    "file not found: b.fq.gz",
)
def _(folder):
    settings(folder, reads=READS + "random\tbin99\ta.fq.gz\t\t\nrandum\tbin01\ta.fq.gz\tb.fq.gz\t\n")


@case("Sheets", "a file whose name holds braces", "'{a}.fq.gz'; names of files and folders must not hold { or }")
def _(folder):
    write(folder / "{a}.fq.gz", "")
    settings(folder, reads=READS + "random\tbin01\t{a}.fq.gz\t\t\n")


@case(
    "Sheets",
    "a designed library of FASTQ files without its ordered sequences",
    "no reads for bin",
    "required when kind is designed",
)
def _(folder):
    settings(folder, libraries=changed("designed\tdesigned\tsimulated", "designed\tdesigned\tfastq"))


@case("Sheets", "a name that is a library and a sample at once", "is also the name of a library")
def _(folder):
    settings(
        folder,
        libraries="library\tkind\tsource\tmethods\tsample\nrandom\trandom\tsimulated\tbin-mean\tdesigned\n"
        "designed\tdesigned\tsimulated\tmaude,bin-mean\t\n",
    )


@case(
    "Sheets",
    "a dataset trained on a library that is not there",
    'datasets.tsv row 2, column "train_library"',
    "did you mean 'random'?",
)
def _(folder):
    settings(folder, datasets=changed("promoters\trandom", "promoters\trandon"))


@case("Sheets", "a recipe that is not there", "file not found: config/recipes/demo/dream_cn.yaml")
def _(folder):
    settings(folder, models=changed("config/recipes/demo/dream_cnn.yaml", "config/recipes/demo/dream_cn.yaml"))


@case("Sheets", "a recipe of the other arm", "is for task 'contacts', but 'promoters' is of expression")
def _(folder):
    settings(folder, models=changed("config/recipes/demo/dream_cnn.yaml", "config/recipes/demo/orca_1mb.yaml"))


@case("Sheets", "seeds that are no whole numbers", "'1;2' does not match the pattern")
def _(folder):
    settings(folder, models=changed("dream_cnn.yaml\t1", "dream_cnn.yaml\t1;2"))


@case("Sheets", "a contact map with a negative resolution", "must be at least")
def _(folder):
    settings(folder, contact_maps=changed("\t1000\t", "\t-1000\t"))


@case(
    "Sheets",
    "a map of a file that is not there, without a genome",
    "file not found: map.mcool",
    'column "genome": empty',
)
def _(folder):
    settings(folder, contact_maps=changed("synthetic\tsimulated\t", "synthetic\tcooler\tmap.mcool"))


@case(
    "Sheets",
    "screens: a wrong value, a wrong link and missing files of one sheet, told together",
    "7 problems",
    "'disrupt' is not one of",
    "'x' is not of type integer",
    "'syntetic' is not one of",
    "'orka' is not one of",
    "file not found: none.bed",
)
def _(folder):
    rows = (
        "a\tsynthetic\torka\tdisrupt\tnone.bed\t\tx\t\n"
        "b\tsyntetic\t\tdisruption\tsimulated\t\t\t\n"
        "c\tsynthetic\t\tinsertion\tchr5:9-8\t\t\t\n"
    )
    settings(folder, screens=SCREENS + rows)


@case(
    "Sheets",
    "queries: sequences and intervals together, a file that is not there, half of an endpoint, the other arm",
    "6 problems",
    "give sequences or intervals",
    "file not found: new.fa",
    "intervals and genome belong together",
    "species and cell_type belong together",
    "distance_only knows no sequence",
    "'hg38.fa' has no meaning for models of this dataset",
)
def _(folder):
    rows = (
        "a\tpromoters\t\tnew.fa\tconfig/demo/motifs.meme\t\tsaccharomyces_cerevisiae\t\n"
        "b\tsynthetic\tdistance_only\t\tsimulated\thg38.fa\t\t\n"
    )
    settings(folder, queries=QUERIES + rows)


@case(
    "Sheets",
    "variants: neither constructs nor intervals, and bases that are none",
    "give constructs, or intervals and genome",
    "'ACGU' does not match",
    "file not found: v.vcf",
)
def _(folder):
    settings(folder, variants=VARIANTS + "v\tpromoters\t\tv.vcf\t\t\t\tACGU\t\t\t\n")


@case(
    "Sheets",
    "a public file with a hash of the wrong length and an ftp address",
    "does not match the pattern",
    'column "sha256"',
    'column "urls"',
)
def _(folder):
    sheet = "file\turls\tbytes\tsha256\tmd5\tmembers\ntrain.txt\tftp://example.org/train.txt\t12\tabc\t\t\n"
    settings(folder, downloads=sheet)


@case("Sheets", "a public file whose name leads out of the folder", "'../train.txt' does not match the pattern")
def _(folder):
    settings(folder, downloads="file\turls\tbytes\n../train.txt\thttps://example.org/train.txt\t-5\n")


@case(
    "Sheets",
    "a member that leads out of its archive, and members of no archive",
    "leads out of the archive's folder",
    "is no archive",
)
def _(folder):
    rows = "a.tar.gz\thttps://example.org/a\t../../x.csv\nb.txt\thttps://example.org/b\tx.csv\n"
    settings(folder, downloads="file\turls\tmembers\n" + rows)


@case("Sheets", "an accessibility assay without genome, bigWig and peaks", 'column "bigwig"', "empty; required")
def _(folder):
    settings(folder, profiles="assay\tsource\tbias_recipe\tfolds\nk562\tfiles\tconfig/recipes/none.yaml\t\n")


@case("Recipes", "YAML that does not parse", "recipe.yaml row 2: not valid YAML")
def _(folder):
    write(folder / "recipe.yaml", "task: expression\n  model: [network\n")
    settings(folder, models=changed("config/recipes/demo/dream_cnn.yaml", "recipe.yaml"))


@case("Recipes", "no task", 'recipe.yaml, column "task": missing; expected one of: expression, contacts, profiles')
def _(folder):
    write(folder / "recipe.yaml", "model: network\n")
    settings(folder, models=changed("config/recipes/demo/dream_cnn.yaml", "recipe.yaml"))


@case("Recipes", "a block that is not there", "'bhi_frist' is not one of", "did you mean")
def _(folder):
    from cisflow.models.import_weights import read_recipe
    from cisflow.models.network import SequenceNetwork

    recipe = (CHECKOUT / "config" / "recipes" / "demo" / "dream_cnn.yaml").read_text(encoding="utf-8")
    found = read_recipe(write(folder / "recipe.yaml", recipe.replace("name: bhi_first", "name: bhi_frist")))
    SequenceNetwork(found["network"], 6, 93)


@case("Recipes", "settings of a design: unknown key, too few sequences", "unknown key", "must be at least")
def _(folder):
    from cisflow.design.settings import read_design

    read_design(write(folder / "design.yaml", "populaton: 10\npopulation: 0\n"))


@case(
    "Recipes",
    "settings of a design that are bytes of something else",
    "design.yaml row 1: not a text file in UTF-8 (byte 0x89)",
)
def _(folder):
    from cisflow.design.settings import read_design

    read_design(write(folder / "design.yaml", b"\x89PNG\r\n"))


@case("Sheets", "a folder in place of a recipe", "recipes is a folder, not a file")
def _(folder):
    (folder / "recipes").mkdir()
    settings(folder, models=changed("config/recipes/demo/dream_cnn.yaml", "recipes"))


@case("Sheets", "a name of 5,000 letters in place of a file", "config: File name too long")
def _(folder):
    settings(folder, models=changed("config/recipes/demo/dream_cnn.yaml", "r" * 5000))


@case("Sheets", "a seed given twice", "seed 1 is given more than once")
def _(folder):
    settings(folder, models=changed("dream_cnn.yaml\t1", "dream_cnn.yaml\t1,2,1"))


@case("Sheets", "a seed of 30 digits", "does not match the pattern")
def _(folder):
    settings(folder, models=changed("dream_cnn.yaml\t1", "dream_cnn.yaml\t" + "9" * 30))


@case(
    "Sheets", "a contact map that is named as a dataset", "'promoters' is also the name of a dataset; each needs a name"
)
def _(folder):
    settings(folder, contact_maps=changed("synthetic\t", "promoters\t"))


LIBRARY = {
    "libraries": "library\tkind\tsource\tmethods\nlib\trandom\tfastq\tbin-mean\n",
    "bins": "library\tbin\trole\tposition\nlib\tb1\tsorted\t0\nlib\tb2\tsorted\t1\n",
}


def one_library(folder, reads):
    """Check a study of one library of FASTQ files a.fq and b.fq."""
    others = dict.fromkeys(("datasets", "models", "contact_maps", "designs", "variants", "screens", "queries"))
    for name in ("a.fq", "b.fq"):
        write(folder / name, "")
    settings(folder, lambda config: config["sheets"].update(others), reads=READS + reads, **LIBRARY)


@case("Sheets", "one FASTQ file for two bins", "a.fq is also the file of bin 'b1' (row 2); expected one file per bin")
def _(folder):
    one_library(folder, "lib\tb1\ta.fq\t\t\nlib\tb2\ta.fq\t\t\n")


@case("Sheets", "one FASTQ file for both mates", 'reads.tsv row 2, column "read2": a.fq is read1 as well')
def _(folder):
    one_library(folder, "lib\tb1\ta.fq\ta.fq\t\nlib\tb2\tb.fq\tb.fq\t\n")


@case(
    "Sheets",
    "bins that are no rows of the bins sheet, and a bin without reads",
    "unknown bin: 'b3'",
    "no reads for bin 'b2'",
)
def _(folder):
    one_library(folder, "lib\tb1\ta.fq\t\t\nlib\tb3\tb.fq\t\t\n")
