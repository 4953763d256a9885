"""Does a document have the shape of a model? Its value, or a sentence for each thing in the way."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails

from relay_gateway.config import document
from relay_gateway.config.document import Document, Fault, Route, shown_key
from relay_gateway.config.fields import FORMS, GATHERED, SENTENCE

Shape = TypeVar("Shape")
Schema = Mapping[str, Any]


def read(path: Path, kind: type[Shape]) -> tuple[Document, Shape | None, tuple[Fault, ...]]:
    """The file as a document and as a value of `kind`; without the value, the faults say why."""
    found = document.read(path)
    if found.value is None:
        return found, None, found.faults
    try:
        value = _adapter(kind).validate_python(found.value)
    except ValidationError as refusal:
        errors = refusal.errors(include_url=False)
        schema = json_schema(kind)
        return found, None, (*found.faults, *(_fault(found, schema, error) for error in errors))
    return found, None if found.faults else value, found.faults


def json_schema(
    kind: type[Any], maker: type[GenerateJsonSchema] = GenerateJsonSchema
) -> dict[str, Any]:
    """The JSON Schema of a kind of file, without its head."""
    return _adapter(kind).json_schema(schema_generator=maker)


def _adapter(kind: type[Shape]) -> TypeAdapter[Shape]:
    return TypeAdapter(kind)


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """The rest of a sentence on an unknown word: the likely one, or all there are."""
    near = get_close_matches(word, known, 1, 0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"choose one of {', '.join(known)}" if known else "delete it"


def _fault(found: Document, schema: Schema, error: ErrorDetails) -> Fault:
    # The last step is "[key]" where the key of a table, not its value, is wrong.
    is_key = error["loc"][-1:] == ("[key]",)
    route = tuple(step for step in error["loc"] if step not in ("[key]", GATHERED))
    match error["type"]:
        case "unexpected_keyword_argument":
            return found.at_key(route, _unknown(route, _node(schema, route[:-1])))
        case "missing":
            return found.at_key(route, _missing(route, _node(schema, route)))
    said = f"{_name(route)} {_shown(route, error['input'])}, {_advice(error, _node(schema, route))}"
    return found.at_key(route, said) if is_key else found.at(route, said)


def _unknown(route: Route, around: Schema) -> str:
    known = tuple(around.get("properties", {}))
    key = str(route[-1])
    return f"unknown key {shown_key(key)}, {did_you_mean(key, known)}"


def _missing(route: Route, node: Schema) -> str:
    holder = f" in {_name(route[:-1])}" if len(route) > 1 else ""
    return f"{route[-1]} is missing{holder}; write for example {route[-1]}: {_example(node)}"


def _name(route: Route) -> str:
    """The last key of the route, with the number of the item if it leads into a list."""
    at = max((at for at, step in enumerate(route) if isinstance(step, str)), default=0)
    first, *items = route[at:] or ("the file",)
    return shown_key(str(first)) + "".join(f"[{int(item) + 1}]" for item in items)


def _shown(route: Route, value: object) -> str:
    # A secret written into the wrong place must not end in a log as well.
    if "secret" in route:
        return "cannot stand like this"
    match value:
        case Mapping():
            return "is a group of keys"
        case list() | tuple():
            return "is a list" if value else "is an empty list"
    # Nor one in a URL.
    text = re.sub(r"//[^/\s]*@", "//…@", written(value))
    return f"is {text if len(text) <= 60 else text[:57] + '...'}"


def written(value: object) -> str:
    """The value as one may write it in YAML, on one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _advice(error: ErrorDetails, node: Schema) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case t if t == SENTENCE:
            return str(context["sentence"])
        case "enum" | "literal_error":
            choices = tuple(str(choice) for choice in node.get("enum", ()))
            return f"which is not known; {did_you_mean(str(error['input']), choices)}"
        case "string_pattern_mismatch" if context["pattern"] in FORMS:
            return FORMS[context["pattern"]]
    return f"{_wanted(error, context)}; write for example {_example(node)}"


def _wanted(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    match error["type"]:
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            word, bound = next(iter(context.items()))
            return f"it must be {_BOUNDS[word]} {bound:g}"
        case "too_short" | "string_too_short":
            return "it must not be empty"
        case "too_long" | "string_too_long":
            return f"it is longer than {context['max_length']} characters"
    return _WANTED.get(error["type"], error["msg"])


_BOUNDS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
_WANTED = {
    "string_type": "text belongs here, in quotes if it looks like something else",
    "int_type": "a whole number belongs here",
    "float_type": "a number belongs here",
    "finite_number": "a number belongs here",
    "bool_type": "true or false belongs here",
    "tuple_type": "a list belongs here",
    "dict_type": "keys belong here",
    "dataclass_type": "keys belong here",
}


def _example(node: Schema) -> str:
    examples = node.get("examples")
    if examples:
        return written(examples[0])
    if "properties" in node:
        return "{" + ", ".join(f"{key}: ..." for key in list(node["properties"])[:3]) + "}"
    by_type = {"array": [], "boolean": True, "integer": 10, "number": 5}
    return written(node.get("default") or by_type.get(node.get("type", ""), "text"))


def _node(schema: Schema, route: Route) -> Schema:
    """The part of the schema that speaks of the value at the route; empty if none does."""
    node = _resolved(schema, schema)
    for step in route:
        inner = node.get("items", {}) if isinstance(step, int) else _member(node, step)
        node = _resolved(schema, inner)
    return node


def _member(node: Schema, key: str) -> Schema:
    properties: Schema = node.get("properties", {})
    tables: Schema = node.get("patternProperties", {})
    found: Schema = properties.get(key) or next(iter(tables.values()), {})
    return found


def _resolved(schema: Schema, node: Schema) -> Schema:
    """The node with what it refers to; of a choice with null, the other."""
    for choice in node.get("anyOf", ()):
        if choice.get("type") != "null":
            node = {**choice, **node}
            break
    if "$ref" in node:
        target = schema["$defs"][node["$ref"].rpartition("/")[2]]
        return {**target, **node}
    return node
