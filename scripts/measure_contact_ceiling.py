"""Rule measure_contact_ceiling: how well a perfect model could do on a model's windows; its targets."""

from cisflow.diagnosis.measure import diagnose_map
from cisflow.joblog import job
from cisflow.models.contact_settings import contact_settings

with job(snakemake):
    given, settings = snakemake.input, dict(snakemake.params.settings)
    diagnose_map(
        {"contacts": given.contacts, "expected": given.expected},
        given.get("replicate") and dict(zip(("contacts", "expected"), given.replicate, strict=True)),
        contact_settings(settings.pop("recipe")),
        settings,
        dict(snakemake.output.items()),
    )
