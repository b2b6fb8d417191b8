"""A change of a module's code reruns the rules whose scripts use it, and no others."""

from __future__ import annotations

import re

import pytest
import yaml

from cisflow import code_digest
from conftest import CHECKOUT

SCRIPTS = CHECKOUT / "scripts"
TABLE = yaml.safe_load((CHECKOUT / "docs" / "reruns.yaml").read_text())["code"]


def digests():
    code_digest.code_hash.cache_clear()
    return {path.stem: code_digest.code_hash(path) for path in SCRIPTS.glob("*.py")}


@pytest.fixture(scope="module")
def before():
    return digests()


@pytest.mark.parametrize("module", TABLE)
def test_a_changed_module_reruns_what_the_table_says(module, before, monkeypatch):
    path, known = (code_digest.PACKAGE / module).resolve(), code_digest._digest_and_imports
    assert path.is_file()
    monkeypatch.setattr(
        code_digest,
        "_digest_and_imports",
        lambda other: ("changed", known(other)[1]) if other == path else known(other),
    )
    after = digests()
    monkeypatch.undo()
    code_digest.code_hash.cache_clear()
    assert {name for name, digest in after.items() if digest != before[name]} == set(TABLE[module])


def test_every_rule_carries_the_digest_of_its_own_script():
    for path in (CHECKOUT / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"\n *(?:use )?rule ", path.read_text())[1:]:
            script, digest = re.search(r"scripts/(\w+\.py)", rule), re.search(r'code=code\("(\w+\.py)"\)', rule)
            if script:
                assert digest, rule.split(":")[0]
                assert digest[1] == script[1], rule.split(":")[0]
