rule record_settings:
    output:
        "results/{run}/settings.yaml",
    log:
        "logs/{run}/report/settings.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        config=config,
    message:
        "Record the settings of run {wildcards.run}"
    script:
        "../../scripts/record_settings.py"
