"""The rules files: shipped packs by name, own files by path, joined to one pack a language."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from relay_gateway.config import shape
from relay_gateway.config.document import Document, Fault
from relay_gateway.config.models import RuleEntry, RulesFile
from relay_gateway.core import rules
from relay_gateway.core.rules import BadRules, Pack, Rule, RuleSet

SHIPPED = Path(__file__).parent.parent / "rules"

_Origin = tuple[Document, int]


@dataclass(frozen=True, slots=True)
class Found:
    """The rules that the files hold; None after faults.

    `languages` are those that were meant; None if a file does not say.
    """

    rules: RuleSet | None
    languages: frozenset[str] | None
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class _Joined:
    """The rules of one language from all files, each with the place it was written."""

    threshold: float | None = None
    rules: list[tuple[Rule, _Origin]] = field(default_factory=list)

    def join(self, found: Document, file: RulesFile) -> None:
        """A rule takes the place of its namesake in a file before."""
        ours = {entry.name for entry in file.rules}
        kept = [(rule, origin) for rule, origin in self.rules if rule.name not in ours]
        new = [(_rule(file.language, e), (found, at)) for at, e in enumerate(file.rules)]
        self.rules = [*kept, *new]
        self.threshold = self.threshold if file.threshold is None else file.threshold


def read(gateway: Document, names: Sequence[str]) -> Found:
    """The packs that the gateway's file names, built and with their own examples passed."""
    faults: list[Fault] = []
    joined: dict[str, _Joined] = {}
    languages: set[str | None] = set()
    folder = Path(gateway.file).parent
    for at, name in enumerate(names):
        path = _path(folder, name)
        if not os.path.isfile(path):
            faults.append(gateway.at(("rules", at), _absent(name, path)))
            languages.add(None)
            continue
        found, file, its_faults = shape.read(path, RulesFile)
        faults += its_faults
        language = (found.value or {}).get("language")
        languages.add(language if isinstance(language, str) else None)
        if file:
            joined.setdefault(file.language, _Joined()).join(found, file)
    built = _build(joined, faults)
    meant = None if None in languages else frozenset(map(str, languages))
    return Found(None if faults else built, meant, tuple(faults))


def _path(folder: Path, name: str) -> Path:
    return SHIPPED / f"{name}.yaml" if _is_shipped(name) else folder / name


def _is_shipped(name: str) -> bool:
    return re.fullmatch("[A-Za-z0-9_-]+", name) is not None


def _absent(name: str, path: Path) -> str:
    if _is_shipped(name):
        shipped = tuple(sorted(file.stem for file in SHIPPED.glob("*.yaml")))
        return f"no pack {name} is shipped, {shape.did_you_mean(name, shipped)}"
    return f"the rules file {path} does not exist; create it, or correct the path"


def _rule(language: str, entry: RuleEntry) -> Rule:
    return Rule(
        name=entry.name,
        language=language,
        role=entry.role,
        words=entry.words,
        says=entry.says,
        needs=entry.needs,
        unless=entry.unless,
        yields_to=entry.yields_to,
        where=entry.where,
        weight=entry.weight,
        state=entry.state,
        matches=entry.matches,
        spares=entry.spares,
    )


def _build(joined: dict[str, _Joined], faults: list[Fault]) -> RuleSet | None:
    packs = []
    for language, one in joined.items():
        if one.threshold is None:
            faults += _no_threshold(language, one)
        texts = tuple(rule for rule, _ in one.rules)
        packs.append(Pack(language, one.threshold or 0.0, texts))
    try:
        return rules.build(packs)
    except BadRules as refusal:
        faults += [_told(fault, joined[fault.language]) for fault in refusal.faults]
    return None


def _no_threshold(language: str, one: _Joined) -> Iterator[Fault]:
    what = f"threshold is missing for {language}; write for example threshold: 4"
    for _, (found, _) in one.rules[:1]:
        yield found.at_key(("threshold",), what)


def _told(fault: rules.Fault, one: _Joined) -> Fault:
    """The same at its place in the file, with the name of the rule and what to do."""
    rule, (found, index) = one.rules[fault.rule_index]
    field_name = "is" if fault.field == "role" else fault.field
    route = ("rules", index, field_name) + (() if fault.item is None else (fault.item,))
    is_clause = fault.what.startswith(("is ", "matches "))
    said = f"{field_name} {fault.what}" if is_clause else fault.what
    advice = _ADVICE.get(field_name, "") if route[:3] in found.values else ""
    return found.at(route, f"rule {rule.name}: {said}{advice}")


_ADVICE = {
    "name": "; give each rule a name of its own",
    "words": "; delete the word",
    "says": "; correct the pattern",
    "needs": "; correct the pattern",
    "unless": "; correct the pattern",
    "yields_to": "; correct the name",
    "matches": "; widen the rule, or correct the example",
    "spares": "; narrow the rule with needs or unless, or correct the example",
}
