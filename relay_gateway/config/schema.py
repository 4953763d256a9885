"""Writes the JSON Schemas of the files, from which editors give help: `python -m` this, and where.

They come from the models alone, so what an editor accepts and what the gateway reads agree.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

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
        f"{name}.schema.json": _text({"$schema": DRAFT, **shape.json_schema(kind), "title": title})
        for name, (title, kind) in KINDS.items()
    }


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
