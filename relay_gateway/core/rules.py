"""Rules: what a company's letters say when they reject, and what only looks like it."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import re2

from relay_gateway.core import normal


class Role(StrEnum):
    """What a rule's words are evidence of.

    A rejection needs a `decision`, a recruiting `context` and the `addressee` as applicant;
    `support` adds weight; a `guard` takes back a decision in its own sentence (a condition, a
    question, hearsay); a `veto` anywhere leaves the mail alone.
    """

    DECISION = "decision"
    CONTEXT = "context"
    ADDRESSEE = "addressee"
    SUPPORT = "support"
    GUARD = "guard"
    VETO = "veto"


class State(StrEnum):
    """`shadow` rules are judged and reported but have no effect."""

    OFF = "off"
    SHADOW = "shadow"
    ON = "on"


class Where(StrEnum):
    """The place that a rule reads."""

    SUBJECT = "subject"
    BODY = "body"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as written. It speaks where one of `words` stands or `says` (RE2) matches in the
    normal form of a sentence, where `needs` (if given) also matches and `unless` does not.
    It must speak in each of `matches` and in none of `spares`; a decision that a guard takes back
    has not spoken.
    """

    name: str
    language: str
    role: Role
    words: tuple[str, ...] = ()
    says: str = ""
    needs: str = ""
    unless: str = ""
    where: Where = Where.BODY
    weight: float = 0.0
    state: State = State.ON
    matches: tuple[str, ...] = ()
    spares: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules of one language and the score that a rejection has to reach."""

    language: str
    threshold: float
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one rule of a pack; `item` counts within `words`, `matches`, `spares`."""

    language: str
    rule_index: int
    field: str
    item: int | None
    what: str


class BadRules(Exception):
    """Packs that cannot be used, with all their faults."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(
            "; ".join(f"{f.language}[{f.rule_index}].{f.field}: {f.what}" for f in faults)
        )
        self.faults = faults


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Packs whose patterns are compiled and whose rules have passed their own examples."""

    packs: tuple[Pack, ...]
    version: str
    readers: tuple[Reader, ...] = field(default=(), repr=False, compare=False)


def build(packs: Sequence[Pack]) -> RuleSet:
    """The rules ready to judge, or `BadRules` with everything that is wrong with them."""
    faults = tuple(fault for pack in packs for fault in _faults(pack))
    if faults:
        raise BadRules(faults)
    version = hashlib.sha256(repr(tuple(packs)).encode()).hexdigest()[:12]
    return RuleSet(tuple(packs), version, tuple(map(Reader, packs)))


@dataclass(frozen=True, slots=True)
class Spoken:
    """A rule that speaks in a sentence, and the words that make it speak."""

    rule: Rule
    words: str


class Reader:
    """One pack compiled: a pass for the patterns' literals finds the few that may match at all.

    `re2.Set` would be one automaton of all patterns, which bounded repeats make too large to keep:
    it was measured at twenty times the cost.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._numbers: dict[str, int] = {}
        self._sayings: dict[int, list[_Saying]] = {}
        self._filter = re2.Filter()
        for rule in pack.rules:
            if rule.state is not State.OFF:
                saying = self._saying(rule)
                self._sayings.setdefault(saying.number, []).append(saying)
        if self._numbers:
            self._filter.Compile()

    def candidates(self, text: str) -> tuple[Rule, ...]:
        """The rules that may speak in a text of several lines; no other rule speaks in it."""
        found = self._match(text.encode())
        return tuple(saying.rule for number in found for saying in self._sayings.get(number, ()))

    def speaking(
        self, sentence: str, where: Where, heard: Container[str] = ()
    ) -> tuple[Spoken, ...]:
        """The rules that speak in one sentence in normal form, standing in this place.

        Rules that were `heard` before need not speak again: finding their words is what costs.
        """
        encoded = sentence.encode()
        found = frozenset(self._match(encoded))
        return tuple(
            Spoken(saying.rule, saying.words.search(encoded)[0].decode())
            for number in sorted(found)
            for saying in self._sayings.get(number, ())
            if saying.rule.where in (where, Where.ANY)
            and saying.rule.name not in heard
            and (saying.needs is None or saying.needs in found)
            and saying.unless not in found
        )

    def _match(self, text: bytes) -> Sequence[int]:
        found: Sequence[int] | None = self._filter.Match(text) if self._numbers else None
        return found or ()

    def _saying(self, rule: Rule) -> _Saying:
        needs, unless = (
            self._number(_source(condition)) if condition else None
            for condition in (rule.needs, rule.unless)
        )
        says = _says(rule)
        return _Saying(rule, self._number(says), re2.compile(says, _options()), needs, unless)

    def _number(self, source: str) -> int:
        if source not in self._numbers:
            self._numbers[source] = self._filter.Add(source, _options())
        return self._numbers[source]


@dataclass(frozen=True, slots=True)
class _Saying:
    """A rule with the numbers that its three patterns have in the pack."""

    rule: Rule
    number: int
    words: Any
    needs: int | None
    unless: int | None


def effective(spoken: Sequence[Spoken]) -> tuple[Spoken, ...]:
    """What stands of the rules that speak in one sentence: a guard takes its decisions back."""
    if not any(one.rule.role is Role.GUARD and one.rule.state is State.ON for one in spoken):
        return tuple(spoken)
    return tuple(one for one in spoken if one.rule.role is not Role.DECISION)


def _options() -> Any:
    options = re2.Options()
    # A pattern is refused with a sentence of ours, not with a line on stderr.
    options.log_errors = False
    return options


def _source(pattern: str) -> str:
    # Lines are sentences: `^` and `$` mean the same in one sentence and in many.
    return f"(?m:{normal.pattern(pattern)})"


def _says(rule: Rule) -> str:
    words = [re2.escape(normal.normalise(word)) for word in rule.words]
    return "|".join([*words, *([_source(rule.says)] if rule.says else [])])


def _faults(pack: Pack) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, rule in enumerate(pack.rules):
        if not rule.name or rule.name in seen:
            what = "is used by another rule" if rule.name else "is missing"
            yield Fault(pack.language, index, "name", None, f"{rule.name or 'a name'} {what}")
        seen.add(rule.name)
    broken = [
        fault for index, rule in enumerate(pack.rules) for fault in _broken(pack, index, rule)
    ]
    yield from broken
    if not broken:
        yield from _failed(pack)


def _broken(pack: Pack, index: int, rule: Rule) -> Iterator[Fault]:
    if not rule.words and not rule.says:
        yield Fault(pack.language, index, "says", None, "give the rule words or a pattern")
    for item, word in enumerate(rule.words):
        if not normal.normalise(word):
            yield Fault(pack.language, index, "words", item, "is empty")
    for name, source in (("says", rule.says), ("needs", rule.needs), ("unless", rule.unless)):
        if source and (what := _refusal(source)):
            yield Fault(pack.language, index, name, None, what)


def _refusal(source: str) -> str:
    try:
        compiled = re2.compile(_source(source), _options())
    except re2.error as error:
        reason = error.args[0]
        return f"is no RE2 pattern: {reason.decode() if isinstance(reason, bytes) else reason}"
    return "matches every text" if compiled.search(b"") else ""


def _failed(pack: Pack) -> Iterator[Fault]:
    reader = Reader(Pack(pack.language, pack.threshold, tuple(map(_examined, pack.rules))))
    for index, rule in enumerate(pack.rules):
        for item, example in enumerate(rule.matches):
            if not _speaks(reader, rule, example):
                yield Fault(
                    pack.language, index, "matches", item, "the rule does not find its example"
                )
        for item, example in enumerate(rule.spares):
            if _speaks(reader, rule, example):
                yield Fault(
                    pack.language, index, "spares", item, "the rule finds what it should spare"
                )


def _examined(rule: Rule) -> Rule:
    """A rule that is switched off keeps its examples true all the same."""
    return replace(rule, state=State.SHADOW) if rule.state is State.OFF else rule


def _speaks(reader: Reader, rule: Rule, example: str) -> bool:
    where = Where.SUBJECT if rule.where is Where.SUBJECT else Where.BODY
    return any(
        one.rule.name == rule.name
        for sentence in normal.sentences(normal.normalise(example))
        for one in effective(reader.speaking(sentence, where))
    )
