"""Names of columns of a dataset that datasets and models share. Needs neither torch nor pandas.

Inputs: none. Outputs: names.
"""

from __future__ import annotations

#: Column of datasets whose elements are measured in both orientations: true for the reverse one.
ORIENTATION = "is_reverse"
#: Column of the measurement that every dataset has; models with several heads predict it first, and tables of scores
#: name it in their column ``head``.
FIRST_HEAD = "expression"
