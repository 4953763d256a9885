"""The schemas that editors use say what the gateway reads."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from relay_gateway.config import shape
from relay_gateway.config.schema import DRAFT, FOLDER, KINDS, texts

ROOT = Path(__file__).parent.parent
SAMPLES = {
    ROOT / "config/gateway.yaml": "gateway",
    ROOT / "config/companies/acme.yaml": "company",
} | dict.fromkeys((ROOT / "relay_gateway/rules").glob("*.yaml"), "rules")


@pytest.mark.parametrize("name", texts())
def test_a_schema_is_what_the_models_say(name):
    fresh, kept = texts()[name], (FOLDER / name).read_text(encoding="utf-8")
    assert kept == fresh, "write them anew with: make schemas"


@pytest.mark.parametrize("name", texts())
def test_every_key_is_explained(name):
    schema = json.loads(texts()[name])
    assert schema["$schema"] == DRAFT
    for table in (schema, *schema.get("$defs", {}).values()):
        for key, node in table.get("properties", {}).items():
            assert resolved(schema, node).get("description"), f"{key} has no sentence under it"
        assert table.get("additionalProperties", False) is False


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_has_the_shape_of_its_schema(path):
    _, value, faults = shape.read(path, KINDS[SAMPLES[path]][1])
    assert not faults
    assert value


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_names_its_schema_for_editors(path):
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match
    assert (path.parent / match[1]).resolve() == FOLDER / f"{SAMPLES[path]}.schema.json"


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for name, (_, kind) in KINDS.items()])
def test_every_example_is_accepted(kind, name):
    schema = shape.json_schema(kind)
    for key, node in properties(schema):
        for example in node.get("examples", ()):
            assert fits(schema, node, example), f"{name}: {key}: {example}"


def test_the_words_stand_under_their_language_among_the_other_keys_of_the_block():
    text = texts()["company.schema.json"]
    block = json.loads(text)["$defs"]["BlockFile"]
    assert {"style", "self", "opt_out", "operator", "disclosure", "ja", "en"} == set(
        block["properties"]
    )
    (others,) = block["patternProperties"].values()
    assert others == block["properties"]["ja"] == block["properties"]["en"]
    assert "[languages]" not in text


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for table in (schema, *schema.get("$defs", {}).values()):
        yield from table.get("properties", {}).items()


def resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    return {**schema["$defs"][node["$ref"].rpartition("/")[2]], **node}


def fits(schema: dict[str, Any], node: dict[str, Any], value: object) -> bool:
    """As much of JSON Schema as the examples need: types, choices, patterns, references."""
    node = resolved(schema, node)
    if "anyOf" in node:
        return any(fits(schema, choice, value) for choice in node["anyOf"])
    match value:
        case dict():
            known = node.get("properties", value)
            return node["type"] == "object" and set(value) <= set(known)
        case list():
            items = node.get("items", {})
            return node["type"] == "array" and all(fits(schema, items, one) for one in value)
        case str():
            is_known = value in node.get("enum", [value])
            is_right = re.search(node.get("pattern", ""), value) is not None
            return node["type"] == "string" and is_known and is_right
    return node["type"] in {"integer", "number", "boolean"}


def test_the_command_writes_all_schemas_into_a_folder(tmp_path):
    command = [sys.executable, "-m", "relay_gateway.config.schema", str(tmp_path / "new")]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("new/*")}
    assert written == texts()
