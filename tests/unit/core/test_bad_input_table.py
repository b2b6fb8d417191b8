"""Every wrong input of the register gets one clear message; the table in docs is the register's."""

from __future__ import annotations

import pytest

from bad_input import CASES, KINDS, message_of
from bad_input.table import DOCUMENT, bad_input_table, registered

registered()


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What is said about a case; each input is made once."""
    messages = {}

    def message(one):
        if one not in messages:
            messages[one] = message_of(one, tmp_path_factory.mktemp("case"))
        return messages[one]

    return message


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_what_is_said(one, said):
    for part in one.parts:
        assert part in said(one)


def test_the_table_in_the_documentation_is_up_to_date(said):
    assert DOCUMENT.read_text(encoding="utf-8") == bad_input_table(said), "run: python tests/document_bad_input.py"


def test_the_register_is_whole():
    assert len(CASES) >= 60
    assert len({one.name for one in CASES}) == len(CASES)
    assert {one.kind for one in CASES} == set(KINDS)
