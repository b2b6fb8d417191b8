"""Networks and training extras beside the three DREAM models and the Prix Fixe grid, one file each."""

# Importing the modules enters their parts into the registers.
from cisflow.models.reference import (
    adapters,
    deepgxp,
    deepstarr,
    glove,
    legnet,
    mprann,
    mutation,
    proformer,
    several_heads,
    vaishnav,
)

__all__ = [
    "adapters",
    "deepgxp",
    "deepstarr",
    "glove",
    "legnet",
    "mprann",
    "mutation",
    "proformer",
    "several_heads",
    "vaishnav",
]
