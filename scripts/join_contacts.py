"""Rule join_contacts: the predicted windows of all shards, in the order of one job."""

import numpy as np

from cisflow.joblog import job
from cisflow.models.contact_predict import joined_windows, write_predictions

with job(snakemake):
    write_predictions(joined_windows([dict(np.load(path)) for path in snakemake.input]), snakemake.output[0])
