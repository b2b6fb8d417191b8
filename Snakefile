# The whole workflow on one page: from FASTQ pairs and contact maps to ranked models and a report.
# `snakemake --cores 2` runs the demo; config/README.md says how to run a study of your own.
from snakemake.utils import min_version

min_version("9.25")


configfile: workflow.source_path("config/config.yaml")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/downloads.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/read_check.smk"
include: "workflow/rules/reads.smk"
include: "workflow/rules/clusters.smk"
include: "workflow/rules/expression.smk"
include: "workflow/rules/quality.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/contacts.smk"
include: "workflow/rules/map_quality.smk"
include: "workflow/rules/contact_models.smk"
include: "workflow/rules/diagnosis.smk"
include: "workflow/rules/profiles.smk"
include: "workflow/rules/question_inputs.smk"
include: "workflow/rules/designs.smk"
include: "workflow/rules/variants.smk"
include: "workflow/rules/screens.smk"
include: "workflow/rules/queries.smk"
include: "workflow/rules/packed_models.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/cross_validation.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/resources.smk"


localrules:
    all,
    plan,


rule all:
    default_target: True
    input:
        results(),
        f"results/{config['run']}/manifest.json",


# `snakemake --cores 2 plan` says in words what `snakemake --cores 2` will do; `cisflow plan` is the same without a rule.
rule plan:
    log:
        f"logs/{config['run']}/plan.log",
    conda:
        "envs/table.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cores=lambda wildcards: workflow.resource_settings.cores or 1,
    message:
        "Plan run {config[run]}"
    script:
        "scripts/print_plan.py"
