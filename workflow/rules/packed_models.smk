# Trained models for others: a list of them, and each packed with its card and its scores.


rule pack_model:
    input:
        **{
            name: f"results/{{run}}/models/{{trained_on}}/{{model}}/seed{{seed}}/{file}"
            for name, file in BUNDLE_OUTPUTS.items()
        },
        scores=scored_tables,
    output:
        archive="results/{run}/packed/{trained_on}.{model}.seed{seed}.tar.gz",
        card="results/{run}/packed/{trained_on}.{model}.seed{seed}.md",
    log:
        "logs/{run}/models/{trained_on}.{model}.seed{seed}.pack_model.log",
    wildcard_constraints:
        trained_on=one_of([*study.datasets, *study.maps]),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=1500,
        runtime=20,
    params:
        code=code("pack_model.py"),
    message:
        "Pack {wildcards.model} (seed {wildcards.seed}) of {wildcards.trained_on} with its card"
    script:
        "../../scripts/pack_model.py"


rule list_models:
    input:
        *[bundle_files(file) for file in BUNDLE_OUTPUTS.values()],
    output:
        "results/{run}/packed/models.tsv",
    log:
        "logs/{run}/models/list_models.log",
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        code=code("list_models.py"),
    message:
        "List the trained models of run {wildcards.run}"
    script:
        "../../scripts/list_models.py"
