"""Rules: what a company's letters say when they reject, and what only looks like it."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import accumulate
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
    normal form of a sentence, where `needs` (if given) also matches and `unless` does not, and
    keeps silent in a letter in which one of the rules speaks that it `yields_to`.
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
    yields_to: tuple[str, ...] = ()
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


@dataclass(frozen=True, slots=True)
class Sentences:
    """A letter's sentences in normal form, line by line and as one text; where each stands."""

    whole: bytes
    lines: tuple[bytes, ...]
    starts: tuple[int, ...]
    places: tuple[Where, ...]


def sentences(lines: Sequence[tuple[str, Where]]) -> Sentences:
    """Sentences, and the place of each, ready to be read."""
    encoded = tuple(text.encode() for text, _ in lines)
    starts = tuple(accumulate((len(line) + 1 for line in encoded), initial=0))
    return Sentences(b"\n".join(encoded), encoded, starts, tuple(place for _, place in lines))


class Reader:
    """One pack compiled: a pass for the patterns' literals finds the few that may match at all.

    `re2.Set` would be one automaton of all patterns, which bounded repeats make too large to keep:
    it was measured at twenty times the cost.
    """

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._numbers: dict[str, int] = {}
        self._patterns: dict[int, Any] = {}
        self._sayings: dict[int, list[_Saying]] = {}
        self._filter = re2.Filter()
        for rule in pack.rules:
            if rule.state is not State.OFF:
                saying = self._saying(rule)
                self._sayings.setdefault(saying.number, []).append(saying)
        if self._numbers:
            self._filter.Compile()

    def find(self, text: bytes) -> frozenset[int]:
        """The numbers of the patterns that match somewhere in a text of several lines."""
        return frozenset((self._filter.Match(text) if self._numbers else None) or ())

    def candidates(self, found: frozenset[int]) -> tuple[Rule, ...]:
        """The rules that may speak in a text where these patterns match; no other rule does."""
        return tuple(
            saying.rule for number in sorted(found) for saying in self._sayings.get(number, ())
        )

    def hear(
        self, text: Sentences, found: frozenset[int], often: Container[Role] = frozenset(Role)
    ) -> tuple[tuple[Spoken, ...], ...]:
        """The rules that speak in each sentence, if `found` are the patterns that match at all.

        Rules whose role may not speak `often` are given where they speak first: finding their words
        is what costs.
        """
        spoken: list[list[Spoken]] = [[] for _ in text.lines]
        for number in sorted(found):
            for saying in self._sayings.get(number, ()):
                for index, words in self._heard(saying, text, found):
                    spoken[index].append(Spoken(saying.rule, words.decode()))
                    if saying.rule.role not in often:
                        break
        return tuple(map(tuple, spoken))

    def speaking(self, sentence: str, where: Where) -> tuple[Spoken, ...]:
        """The rules that speak in one sentence in normal form, standing in this place."""
        text = sentences(((sentence, where),))
        return self.hear(text, self.find(text.whole))[0]

    def _heard(
        self, saying: _Saying, text: Sentences, found: frozenset[int]
    ) -> Iterator[tuple[int, bytes]]:
        """The sentences in which one rule speaks, and its words there."""
        if saying.needs is not None and saying.needs not in found:
            return
        unless = saying.unless if saying.unless in found else None
        for index, words in _places(self._patterns[saying.number], text):
            if saying.rule.where not in (text.places[index], Where.ANY):
                continue
            if saying.needs is not None and not self._matches(saying.needs, text.lines[index]):
                continue
            if unless is None or not self._matches(unless, text.lines[index]):
                yield index, words

    def _matches(self, number: int, line: bytes) -> bool:
        return self._patterns[number].search(line) is not None

    def _saying(self, rule: Rule) -> _Saying:
        needs, unless = (
            self._number(_source(condition)) if condition else None
            for condition in (rule.needs, rule.unless)
        )
        return _Saying(rule, self._number(_says(rule)), needs, unless)

    def _number(self, source: str) -> int:
        if source not in self._numbers:
            number = self._numbers[source] = self._filter.Add(source, _options())
            self._patterns[number] = re2.compile(source, _options())
        return self._numbers[source]


@dataclass(frozen=True, slots=True)
class _Saying:
    """A rule with the numbers that its three patterns have in the pack."""

    rule: Rule
    number: int
    needs: int | None
    unless: int | None


def _places(pattern: Any, text: Sentences) -> Iterator[tuple[int, bytes]]:
    """The sentences in which a pattern matches, and the first words that it matches there."""
    index = 0
    while index < len(text.lines) and (match := pattern.search(text.whole, text.starts[index])):
        words = match[0]
        if b"\n" in words:
            # It took two sentences for one, and may have passed over words in the second.
            yield from _places_apart(pattern, text, index)
            return
        index = bisect_right(text.starts, match.start())
        yield index - 1, words


def _places_apart(pattern: Any, text: Sentences, first: int) -> Iterator[tuple[int, bytes]]:
    for index in range(first, len(text.lines)):
        match = pattern.search(text.lines[index])
        if match:
            yield index, match[0]


def effective(spoken: Sequence[Spoken]) -> tuple[Spoken, ...]:
    """What stands of the rules that speak in one sentence: a guard takes its decisions back."""
    if not any(one.rule.role is Role.GUARD and one.rule.state is State.ON for one in spoken):
        return tuple(spoken)
    return tuple(one for one in spoken if one.rule.role is not Role.DECISION)


def standing(heard: Sequence[Sequence[Spoken]]) -> tuple[tuple[Spoken, ...], ...]:
    """What stands of the rules that speak in a letter, sentence by sentence."""
    left = [effective(spoken) if spoken else () for spoken in heard]
    names = {one.rule.name for spoken in left for one in spoken if one.rule.state is State.ON}
    return tuple(
        tuple(one for one in spoken if names.isdisjoint(one.rule.yields_to)) if spoken else ()
        for spoken in left
    )


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
    names = {rule.name for rule in pack.rules}
    for index, rule in enumerate(pack.rules):
        if not rule.name or rule.name in seen:
            what = "is used by another rule" if rule.name else "is missing"
            yield Fault(pack.language, index, "name", None, f"{rule.name or 'a name'} {what}")
        seen.add(rule.name)
        for item, name in enumerate(rule.yields_to):
            if name not in names:
                yield Fault(pack.language, index, "yields_to", item, f"names no rule: {name}")
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
    heard = [
        reader.speaking(sentence, where) for sentence in normal.sentences(normal.normalise(example))
    ]
    return any(one.rule.name == rule.name for spoken in standing(heard) for one in spoken)
