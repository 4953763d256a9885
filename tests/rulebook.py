"""The shipped rule packs, read as plainly as can be, for tests of the rules themselves."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

import relay_gateway
from relay_gateway.core.rules import Pack, Role, Rule, RuleSet, State, Where, build

RULES = Path(relay_gateway.__file__).parent / "rules"


def load_pack(path: Path) -> Pack:
    """One pack as its file has it."""
    raw = yaml.load(path.read_text("utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 - makes only text
    language = raw["language"]
    return Pack(
        language, float(raw["threshold"]), tuple(_rule(language, one) for one in raw["rules"])
    )


@cache
def shipped() -> RuleSet:
    """All packs that come with the gateway."""
    return build([load_pack(path) for path in sorted(RULES.glob("*.yaml"))])


def _several(given: str | list[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _rule(language: str, raw: dict[str, Any]) -> Rule:
    return Rule(
        name=raw["name"],
        language=language,
        role=Role(raw["is"]),
        words=tuple(raw.get("words", ())),
        says=_several(raw.get("says", ())),
        needs=_several(raw.get("needs", ())),
        unless=_several(raw.get("unless", ())),
        yields_to=tuple(raw.get("yields_to", ())),
        where=Where(raw.get("where", "body")),
        weight=float(raw.get("weight", 0)),
        state=State(raw.get("state", "on")),
        matches=tuple(raw.get("matches", ())),
        spares=tuple(raw.get("spares", ())),
    )
