"""The rules files: shipped packs by name, own files by path, joined to one pack a language.

A company's own files are joined to what the gateway's have left.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from relay_gateway.config import shape
from relay_gateway.config.book import Book, Change, Origin
from relay_gateway.config.document import Document, Fault
from relay_gateway.config.models import RuleEntry, RulesFile
from relay_gateway.core import rules
from relay_gateway.core.rules import BadRules, Pack, Reader, Role, Rule, State

SHIPPED = Path(__file__).parent.parent / "rules"


@dataclass(frozen=True, slots=True)
class Found:
    """The rules that the files hold; no book after faults.

    `languages` are those that were meant; None if a file does not say. `is_unread` tells that not
    only rules are at fault, but the files that they stand in.
    """

    book: Book | None
    languages: frozenset[str] | None
    faults: tuple[Fault, ...]
    joined: Mapping[str, Joined] = field(default_factory=dict, repr=False)
    is_unread: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A rule as it is now and as it was written, and where: the item of a file's list."""

    rule: Rule
    written: Rule
    found: Document
    index: int
    origin: Origin

    def at(self, fault: rules.Fault) -> Fault:
        """What is wrong with it, at its place in the file."""
        field_name = "is" if fault.field == "role" else fault.field
        route = ("rules", self.index, field_name) + (() if fault.item is None else (fault.item,))
        is_clause = fault.what.startswith(("is ", "matches "))
        said = f"{field_name} {fault.what}" if is_clause else fault.what
        advice = _ADVICE.get(field_name, "") if route[:3] in self.found.values else ""
        return self.found.at(route, f"rule {self.rule.name}: {said}{advice}")


@dataclass(slots=True)
class Joined:
    """The rules of one language from all files, and what the later ones changed."""

    language: str
    threshold: float | None = None
    threshold_at: Origin | None = None
    rules: list[Placed] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def as_written(self) -> Pack:
        """The rules before their weights and states were changed."""
        return Pack(self.language, self.threshold or 0.0, tuple(r.written for r in self.rules))

    @property
    def as_changed(self) -> Pack:
        """The rules as they judge."""
        return Pack(self.language, self.threshold or 0.0, tuple(r.rule for r in self.rules))

    def copy(self) -> Joined:
        """The same, to be continued by a company's files; what changed before is not its doing."""
        return replace(self, rules=list(self.rules), changes=[])

    def join(self, found: Document, file: RulesFile) -> Iterator[Fault]:
        """A whole rule takes the place of its namesake in a file before; others change it."""
        before = len(self.changes)
        self._set_threshold(found, file)
        whole = [(at, entry) for at, entry in enumerate(file.rules) if not _is_change(entry)]
        is_ours = _is_ours(found.file)
        new = [_placed(_rule(file.language, entry), found, at, is_ours) for at, entry in whole]
        ours = {one.rule.name: one for one in new}
        known = {one.rule.name: one for one in self.rules}
        self.rules = [*(one for one in self.rules if one.rule.name not in ours), *new]
        for one in ours.values():
            self._note(known.get(one.rule.name), one.rule, one.origin)
        for at, entry in enumerate(file.rules):
            if _is_change(entry):
                yield from self._change(found, at, entry)
            elif entry.role is None:
                what = f'is is missing in rules[{at + 1}]; write for example is: "decision"'
                yield found.at(("rules", at), what)
        self.changes[before:] = sorted(self.changes[before:], key=lambda each: each.by.line)

    def _set_threshold(self, found: Document, file: RulesFile) -> None:
        if file.threshold is None:
            return
        at = Origin(found.file, found.keys[("threshold",)][0], _is_ours(found.file))
        if self.threshold not in (None, file.threshold):
            both = (self.threshold or 0.0, file.threshold)
            self.changes.append(Change(self.language, at, self.threshold_at, thresholds=both))
        self.threshold, self.threshold_at = file.threshold, at

    def _change(self, found: Document, index: int, entry: RuleEntry) -> Iterator[Fault]:
        """A rule's new weight or state; its words stay as they were written."""
        at = next((n for n, one in enumerate(self.rules) if one.rule.name == entry.name), None)
        if at is None:
            known = tuple(one.rule.name for one in self.rules)
            advice = _unknown(entry.name, known) if known else "; give it is: and words:"
            what = f"no rule {entry.name} stands before this for {self.language}{advice}"
            yield found.at(("rules", index, "name"), what)
            return
        faults = tuple(_unchangeable(found, index, entry))
        yield from faults
        if not faults:
            was = self.rules[at]
            weight = was.rule.weight if entry.weight is None else entry.weight
            rule = replace(was.rule, weight=weight, state=entry.state or was.rule.state)
            self.rules[at] = replace(was, rule=rule)
            self._note(was, rule, _origin(found, index, _is_ours(found.file)))

    def _note(self, was: Placed | None, rule: Rule, by: Origin) -> None:
        if was is not None or not by.is_shipped:
            before, origin = (was.rule, was.origin) if was else (None, None)
            self.changes.append(Change(self.language, by, origin, before, rule))


def read(home: Document, names: Sequence[str], base: Found | None = None) -> Found:
    """The packs that a file names, built and with their own examples passed.

    Its rules come after those of `base`, whose packs are shared where nothing changes.
    """
    faults: list[Fault] = []
    is_whole = base is None or not base.faults
    joined = {its: one.copy() for its, one in base.joined.items()} if base else {}
    languages: set[str | None] = {None} if base and base.languages is None else set(joined)
    folder = Path(home.file).parent
    for at, name in enumerate(names):
        path = folder / name if not _is_shipped(name) else SHIPPED / f"{name}.yaml"
        if not os.path.isfile(path):
            faults.append(home.at(("rules", at), _absent(name, path)))
            languages.add(None)
            continue
        languages.add(_join(path, joined, faults, is_sure=is_whole))
    meant = None if None in languages else frozenset(map(str, languages))
    is_unread = bool(faults)
    book = _book(joined, base.book if base else None, faults) if is_whole else None
    return Found(None if faults else book, meant, tuple(faults), joined, is_unread)


def read_files(paths: Sequence[Path]) -> Found:
    """Rules files by themselves; where none of a language names a threshold, they come after the
    shipped pack of that language.
    """
    faults: list[Fault] = []
    joined: dict[str, Joined] = {}
    languages: set[str | None] = set()
    shapes = [shape.read(path, RulesFile)[1] for path in paths]
    whole = {file.language for file in shapes if file and file.threshold is not None}
    for language in sorted({file.language for file in shapes if file} - whole):
        if (SHIPPED / f"{language}.yaml").is_file():
            _join(SHIPPED / f"{language}.yaml", joined, faults)
    for path in paths:
        languages.add(_join(path, joined, faults))
    is_unread = bool(faults)
    book = _book(joined, None, faults)
    meant = None if None in languages else frozenset(map(str, languages))
    return Found(None if faults else book, meant, tuple(faults), joined, is_unread)


def _join(
    path: Path, joined: dict[str, Joined], faults: list[Fault], *, is_sure: bool = True
) -> str | None:
    """One more file; the language that it is meant for."""
    is_sure = is_sure and not faults
    found, file, its_faults = _read(path)
    faults += its_faults
    if file:
        more = tuple(joined.setdefault(file.language, Joined(file.language)).join(found, file))
        # What it changes may stand in a file that could not be read.
        faults += more if is_sure else ()
    language = (found.value or {}).get("language")
    return language if isinstance(language, str) else None


_Read = tuple[Document, RulesFile | None, tuple[Fault, ...]]


def _read(path: Path) -> _Read:
    """A rules file; one of ours is read once, as long as nobody writes to it."""
    if not _is_ours(str(path)):
        return shape.read(path, RulesFile)
    kept = path.stat()
    return _read_once(path, kept.st_mtime_ns, kept.st_size)


@lru_cache(maxsize=32)
def _read_once(path: Path, _changed: int, _size: int) -> _Read:
    return shape.read(path, RulesFile)


def _is_shipped(name: str) -> bool:
    return re.fullmatch("[A-Za-z0-9_-]+", name) is not None


def _is_ours(file: str) -> bool:
    return Path(file).resolve().parent == SHIPPED.resolve()


def _absent(name: str, path: Path) -> str:
    if _is_shipped(name):
        shipped = tuple(sorted(file.stem for file in SHIPPED.glob("*.yaml")))
        return f"no pack {name} is shipped, {shape.did_you_mean(name, shipped)}"
    return f"the rules file {path} does not exist; create it, or correct the path"


def _is_change(entry: RuleEntry) -> bool:
    return entry.role is None and not entry.words and not entry.says


def _unknown(name: str, known: tuple[str, ...]) -> str:
    said = shape.did_you_mean(name, known)
    if said.startswith("choose"):
        return "; `relay-gateway rules list` names them all"
    return f", {said}"


_CHANGEABLE = {"name", "weight", "state"}


def _unchangeable(found: Document, index: int, entry: RuleEntry) -> Iterator[Fault]:
    given = [str(r[2]) for r in found.keys if r[:2] == ("rules", index) and len(r) == 3]
    for key in given:
        if key not in _CHANGEABLE:
            what = f"rule {entry.name}: {key} cannot be changed alone"
            yield found.at_key(
                ("rules", index, key), f"{what}; write the whole rule, with is: and words:"
            )
    if entry.weight is None and entry.state is None:
        what = f"rule {entry.name} is changed in nothing; write weight: or state:"
        yield found.at(("rules", index), what)


def _origin(found: Document, index: int, is_ours: bool) -> Origin:
    # A rule without a name does not get here.
    return Origin(found.file, found.keys[("rules", index, "name")][0], is_ours)


def _placed(rule: Rule, found: Document, index: int, is_ours: bool) -> Placed:
    return Placed(rule, rule, found, index, _origin(found, index, is_ours))


def _rule(language: str, entry: RuleEntry) -> Rule:
    return Rule(
        name=entry.name,
        language=language,
        role=entry.role or Role.SUPPORT,
        words=entry.words,
        says=entry.says,
        needs=entry.needs,
        unless=entry.unless,
        yields_to=entry.yields_to,
        where=entry.where,
        weight=entry.weight or 0.0,
        state=entry.state or State.ON,
        matches=entry.matches,
        spares=entry.spares,
    )


def _book(joined: dict[str, Joined], base: Book | None, faults: list[Fault]) -> Book | None:
    for one in joined.values():
        if one.threshold is None:
            faults += _no_threshold(one)
    packs = tuple(one.as_changed for one in joined.values())
    written = tuple(one.as_written for one in joined.values())
    known = {*(base.written if base else ()), *_PROVED}
    try:
        built = rules.build(
            packs,
            [pack for pack in written if pack not in known],
            (*(base.rules.readers if base else ()), *_PROVED.values()),
        )
    except BadRules as refusal:
        faults += [_told(fault, joined[fault.language]) for fault in refusal.faults]
        return None
    for one, reader in zip(joined.values(), built.readers, strict=True):
        if reader.pack == one.as_written and all(each.origin.is_shipped for each in one.rules):
            _PROVED[reader.pack] = reader
    origins = {
        (its, each.rule.name): each.origin for its, one in joined.items() for each in one.rules
    }
    changes = tuple(change for one in joined.values() for change in one.changes)
    return Book(built, origins, changes, written)


# Packs as they are shipped that have passed their examples in this process: a reload, and each
# company with rules of its own, would compile and prove them again.
_PROVED: dict[Pack, Reader] = {}


def _no_threshold(one: Joined) -> Iterator[Fault]:
    what = f"threshold is missing for {one.language}; write for example threshold: 4"
    for placed in one.rules[:1]:
        yield placed.found.at_key(("threshold",), what)


def _told(fault: rules.Fault, one: Joined) -> Fault:
    """The same at its place in the file, with the name of the rule and what to do."""
    placed = one.rules[fault.rule_index]
    told = placed.at(fault)
    if placed.origin.is_shipped and (guards := _own_guards(one)):
        advice = f"an own guard takes it back, narrow {guards}"
        return replace(told, what=f"{told.what.partition(';')[0]}; {advice}")
    return told


def _own_guards(one: Joined) -> str:
    """The guards of own files, to which a shipped rule's example can be lost."""
    own = [each for each in one.rules if each.rule.role is Role.GUARD]
    return " or ".join(
        f"{each.rule.name} ({each.origin.file}:{each.origin.line})"
        for each in own
        if not each.origin.is_shipped
    )


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
