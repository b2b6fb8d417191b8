"""Write docs/bad_input.md from the register of wrong inputs: ``python tests/document_bad_input.py``."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from bad_input import message_of
from bad_input.table import DOCUMENT, bad_input_table, registered
from cisflow.files import write_text


def said(one):
    """What is said about a case, whose input is made in a folder of its own."""
    with TemporaryDirectory() as folder:
        return message_of(one, Path(folder))


if __name__ == "__main__":
    registered()
    write_text(bad_input_table(said), DOCUMENT)
