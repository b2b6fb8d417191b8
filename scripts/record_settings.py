"""Rule record_settings: write the resolved config of the run."""

import yaml

from cisflow.files import write_text
from cisflow.joblog import job

with job(snakemake):
    write_text(yaml.safe_dump(dict(snakemake.params.config), sort_keys=False), snakemake.output[0])
