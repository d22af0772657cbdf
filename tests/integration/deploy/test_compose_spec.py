"""compose.yaml is a file of the Compose Specification."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

FILE = Path(__file__).parents[3] / "deploy" / "compose.yaml"


def judge(document: dict[str, Any]) -> PyCompose:
    """The document as the specification sees it; raises ValueError with what is wrong."""
    parsed = PyCompose.from_json(json.dumps(document))  # YAML's merges are done
    parsed.validate()
    return parsed


@pytest.fixture
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def test_it_follows_the_specification(document: dict[str, Any]) -> None:
    assert set(judge(document).service_names()) == set(document["services"])


def test_a_fault_would_be_found(document: dict[str, Any]) -> None:
    misspelled = copy.deepcopy(document)
    misspelled["services"]["api"]["comand"] = []
    with pytest.raises(ValueError, match="comand"):
        judge(misspelled)
    del document["secrets"]["grafana_password"]
    with pytest.raises(ValueError, match="grafana_password"):
        judge(document)
