"""Checks of the config section ``cluster`` that a schema cannot say.

Inputs: the section. Outputs: a list of problems.
"""

from __future__ import annotations

from typing import Any

from cisflow.clusters.bowtie_options import bowtie2_option_problems
from cisflow.problems import Problem


def cluster_problems(cluster: dict[str, Any]) -> list[Problem]:
    """Options of Bowtie2 that cannot be given, and shards of a method that has none."""
    problems = bowtie2_option_problems(cluster["bowtie2_options"])
    if cluster["method"] != "bowtie2" and cluster["shards"] != 1:
        what = f"{cluster['shards']} shards with method {cluster['method']!r}, which is one job; expected 1"
        problems.append(Problem("config", what, column="cluster.shards"))
    return problems
