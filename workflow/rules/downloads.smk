# Public files of the downloads sheet: fetched once for all runs of a working folder, checked, unpacked.
localrules:
    download_file,


# On a cluster this runs where Snakemake runs, because compute nodes often have no network.
rule download_file:
    output:
        f"{study.public.folder}/{{source}}",
    log:
        f"logs/{config['run']}/downloads/{{source}}.download_file.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=500,
        runtime=1440,
    params:
        code=code("download_file.py"),
        settings=lambda wildcards: {
            "content": public_content(study.public.sources[wildcards.source]),
            "folder": str(study.public.folder),
        },
        source=lambda wildcards: unrecorded(**vars(study.public.sources[wildcards.source])),
    message:
        "Fetch {wildcards.source}"
    script:
        "../../scripts/download_file.py"


rule check_download:
    input:
        lambda wildcards: study.path(wildcards.source),
    output:
        "results/{run}/sources/{source}.json",
    log:
        "logs/{run}/downloads/{source}.check_download.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=500,
        runtime=60,
    params:
        code=code("check_download.py"),
        settings=lambda wildcards: {
            "source": vars(study.public.sources[wildcards.source]),
            "folder": str(study.public.folder),
        },
    message:
        "Compare {wildcards.source} with what was published"
    script:
        "../../scripts/check_download.py"


rule unpack_member:
    input:
        archive=lambda wildcards: study.path(study.public.unpacked[wildcards.unpacked][0]),
        checks=lambda wildcards: checks_of(study.public.unpacked[wildcards.unpacked][0]),
    output:
        f"{study.public.folder}/{{unpacked}}",
    log:
        f"logs/{config['run']}/downloads/{{unpacked}}.unpack_member.log",
    conda:
        "../../envs/table.yaml"
    resources:
        mem_mb=500,
        runtime=60,
    params:
        code=code("unpack_member.py"),
        settings=lambda wildcards: {"member": study.public.unpacked[wildcards.unpacked][1]},
    message:
        "Unpack {wildcards.unpacked}"
    script:
        "../../scripts/unpack_member.py"
