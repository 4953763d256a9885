"""Writes the JSON Schemas of the files, from which editors give help: `python -m` this, and where.

They come from the models alone, so what an editor accepts and what the gateway reads agree.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DataclassSchema

from relay_gateway.config import shape
from relay_gateway.config.company import CompanyFile
from relay_gateway.config.models import GatewayFile, RulesFile

FOLDER = Path(__file__).parent.parent / "schemas"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
KINDS = {
    "gateway": ("A gateway (gateway.yaml)", GatewayFile),
    "company": ("A company (companies/NAME.yaml)", CompanyFile),
    "rules": ("Rules of one language", RulesFile),
}


def texts() -> dict[str, str]:
    """The schemas as they belong into their files, by file name."""
    return {
        f"{name}.schema.json": _text(
            {"$schema": DRAFT, **shape.json_schema(kind, _Explained), "title": title}
        )
        for name, (title, kind) in KINDS.items()
    }


class _Explained(GenerateJsonSchema):
    """Says of each key what its model's source says in the sentences under it.

    pydantic would read the source each time the gateway starts, for nobody who looks at it.
    """

    def dataclass_schema(self, schema: DataclassSchema) -> JsonSchemaValue:
        """The schema of one model, with its sentences."""
        made = super().dataclass_schema(schema)
        for name, sentences in _sentences(schema["cls"]):
            key = schema["cls"].__pydantic_fields__[name].alias or name
            made["properties"][key]["description"] = sentences
        return made


def _sentences(model: type[Any]) -> Iterator[tuple[str, str]]:
    (written,) = ast.parse(inspect.getsource(model)).body
    for field, below in pairwise(written.body if isinstance(written, ast.ClassDef) else ()):
        match field, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(sentences))):
                yield name, inspect.cleandoc(sentences)


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def write(folder: Path) -> tuple[Path, ...]:
    """Write all schemas into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")
    return tuple(folder / name for name in texts())


if __name__ == "__main__":
    for path in write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        print(path)
