# What jobs ask a scheduler for; included after all rules. A rule declares the least that it needs for memory and time;
# workflow/resources.tsv (`cisflow calibrate`) has how both grew with the input in recorded runs; a second attempt asks for twice
# as much. What the user sets (--set-resources) stays as it is.
from snakemake.resources import Resource

from cisflow.resources import asking, read_needs

NEEDS = read_needs(CHECKOUT / "workflow" / "resources.tsv")

for declaring in list(workflow.rules):
    set_by_user = workflow.resource_settings._parsed_overwrite_resources.get(declaring.name, {})
    for resource_name in ("mem_mb", "runtime"):
        if resource_name in declaring.resources and resource_name not in set_by_user:
            asked = asking(declaring.name, resource_name, declaring.resources[resource_name], NEEDS)
            declaring.resources[resource_name] = Resource(resource_name, asked)
