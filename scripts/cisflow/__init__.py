"""cisflow: from raw measurements of cis-regulation to ranked sequence models.

One sub-package per stage, with the same names as the rule files in ``workflow/rules``.
Nothing here imports Snakemake; heavy imports (torch) stay inside the stages that need them.
"""

__version__ = "0.1.0"
