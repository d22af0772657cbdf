"""The glossary names modules and classes that exist, and each term once."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("tstats", "influxdb_tools", "migrations")
ROW = re.compile(r"^\| (?P<term>[^|]+) \| [^|]+ \| (?P<code>[^|]+) \|$", re.MULTILINE)
ROWS = [
    (found["term"], found["code"])
    for found in ROW.finditer((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))
    if found["term"] not in ("term", "---")
]
FILES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in FILES}
CLASSES = {
    node.name.lstrip("_")
    for path in FILES
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.ClassDef)
}


def test_there_are_terms() -> None:
    assert len(ROWS) > 30


@pytest.mark.parametrize(("term", "code"), ROWS, ids=[term for term, _ in ROWS])
def test_what_holds_a_term_exists(term: str, code: str) -> None:
    names = re.findall(r"`([^`]+)`", code)
    assert names, f"{term}: name the class or module that holds it"
    for name in names:
        known = MODULES if "." in name else CLASSES
        assert name in known, f"{term}: there is no {name} in the tree"


def test_each_term_is_defined_once() -> None:
    terms = Counter(term for row, _ in ROWS for term in row.split(", "))
    assert [term for term, times in terms.items() if times > 1] == []
