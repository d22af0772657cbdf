"""compose.yaml conforms to the Compose Specification."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

FILE = Path(__file__).parents[3] / "deploy" / "compose.yaml"


def parse(document: dict[str, Any]) -> PyCompose:
    """Parse a document according to the specification.

    Raises:
        ValueError: it does not conform.
    """
    parsed = PyCompose.from_json(json.dumps(document))  # with YAML's merge keys resolved
    parsed.validate()
    return parsed


@pytest.fixture
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def test_it_conforms_to_the_specification(document: dict[str, Any]) -> None:
    assert set(parse(document).service_names()) == set(document["services"])


def test_a_mistake_would_be_found(document: dict[str, Any]) -> None:
    misspelled = copy.deepcopy(document)
    misspelled["services"]["api"]["comand"] = []
    with pytest.raises(ValueError, match="comand"):
        parse(misspelled)
    del document["secrets"]["grafana_password"]
    with pytest.raises(ValueError, match="grafana_password"):
        parse(document)
