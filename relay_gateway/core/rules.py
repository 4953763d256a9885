"""Rules: what a company's letters say when they reject, and what only looks like it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import accumulate
from typing import Any

import re2

from relay_gateway.core import normal
from relay_gateway.core.sieve import Sieve, apart, refusal, source, together


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
    """One rule as written. It speaks where one of `words` stands or one of `says` (RE2) matches in
    the normal form of a sentence, where one of `needs` (if given) matches and none of `unless`, and
    keeps silent in a letter in which one of the rules speaks that it `yields_to`.
    It must speak in each of `matches` and in none of `spares`; a decision that a guard takes back
    has not spoken.
    """

    name: str
    language: str
    role: Role
    words: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
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


def build(
    packs: Sequence[Pack], examine: Sequence[Pack] | None = None, known: Sequence[Reader] = ()
) -> RuleSet:
    """The rules ready to judge, or `BadRules` with everything that is wrong with them.

    `examine` are the packs whose examples are run, if not these: a guard that was switched off
    later is still what its neighbours were written with. `known` readers serve where their pack is
    the same.
    """
    ready = {reader.pack: reader for reader in known}
    faults = tuple(
        fault for pack in (packs if examine is None else examine) for fault in _faults(pack, ready)
    )
    if faults:
        raise BadRules(faults)
    version = hashlib.sha256(repr(tuple(packs)).encode()).hexdigest()[:12]
    return RuleSet(tuple(packs), version, tuple(_reader(pack, ready) for pack in packs))


def _reader(pack: Pack, ready: dict[Pack, Reader]) -> Reader:
    """A pack compiled once: the examples warm the automata that letters are read with."""
    return ready.get(pack) or ready.setdefault(pack, Reader(pack))


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
    """One pack compiled; it looks only for the patterns that its sieve has left."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._numbers: dict[str, int] = {}
        self._sayings: dict[int, list[_Saying]] = {}
        for rule in pack.rules:
            if rule.state is not State.OFF:
                saying = self._saying(rule)
                self._sayings.setdefault(saying.number, []).append(saying)
        self._sieve = Sieve(tuple(self._numbers))
        self._patterns = self._sieve.patterns
        self._deciding = self._numbered(lambda rule: rule.role is Role.DECISION)
        self._contexts = self._numbered(lambda rule: rule.role is Role.CONTEXT)
        self._pointing = self._numbered(_is_pointing)
        self._vetoing = self.concerning(lambda rule: rule.role is Role.VETO)

    @property
    def sources(self) -> tuple[str, ...]:
        """All patterns in the order of their numbers."""
        return tuple(self._numbers)

    def sift(self, text: bytes) -> frozenset[int]:
        """The numbers of the patterns that may match in a text; no other does."""
        return self._sieve.sift(text)

    def is_sound(self) -> bool:
        """Whether each pattern wants to see something before it matches."""
        return not self._sieve.catch(b"")

    def concerning(self, is_meant: Callable[[Rule], bool]) -> frozenset[int]:
        """The patterns that tell whether rules stand: their own, and of what they yield to."""
        said = [saying for sayings in self._sayings.values() for saying in sayings]
        meant = [saying.rule for saying in said if is_meant(saying.rule)]
        names = {name for rule in meant for name in (rule.name, *rule.yields_to)}
        concerned = (saying for saying in said if saying.rule.name in names)
        return frozenset().union(*(saying.numbers for saying in concerned))

    def is_telling(self, text: Sentences, possible: frozenset[int]) -> bool:
        """Whether anything could decide, or hint at a decision: most mail is told apart by this."""
        if self._finds(text, possible & self._deciding):
            return True
        return self._finds(text, possible & self._pointing) and self._finds(
            text, possible & self._contexts
        )

    def hear(
        self, text: Sentences, possible: frozenset[int], often: Container[Role] = frozenset(Role)
    ) -> tuple[tuple[Spoken, ...], ...]:
        """The rules that speak in each sentence, if no patterns but `possible` match at all.

        Rules whose role may not speak `often` are given where they speak first: finding their words
        is what costs.
        """
        spoken: list[list[Spoken]] = [[] for _ in text.lines]
        for number in sorted(possible):
            for saying in self._sayings.get(number, ()):
                for index, words in self._heard(saying, text, possible):
                    spoken[index].append(Spoken(saying.rule, words.decode()))
                    if saying.rule.role not in often:
                        break
        return tuple(map(tuple, spoken))

    def vetoing(self, text: Sentences, possible: frozenset[int]) -> tuple[tuple[Spoken, ...], ...]:
        """The vetoes of a pack that could decide nothing, and what they would yield to."""
        return self.hear(text, possible & self._vetoing, ())

    def speaking(self, sentence: str, where: Where) -> tuple[Spoken, ...]:
        """The rules of this pack that speak in one sentence in normal form, standing in this place;
        every pattern is tried.
        """
        text = sentences(((sentence, where),))
        return self.hear(text, frozenset(range(len(self.sources))))[0]

    def overheard(self, sentence: str, where: Where) -> tuple[Spoken, ...]:
        """The same without the words that made them speak: half of the cost is to find those."""
        caught = self._sieve.catch(sentence.encode())
        return tuple(
            Spoken(saying.rule, "")
            for number in sorted(caught)
            for saying in self._sayings.get(number, ())
            if saying.rule.where in (where, Where.ANY) and saying.stands(caught)
        )

    def _heard(
        self, saying: _Saying, text: Sentences, possible: frozenset[int]
    ) -> Iterator[tuple[int, bytes]]:
        """The sentences in which one rule speaks, and its words there."""
        if saying.needs is not None and saying.needs not in possible:
            return
        unless = saying.unless if saying.unless in possible else None
        for index, words in _places(self._patterns[saying.number], text, saying.rule.where):
            if saying.rule.where not in (text.places[index], Where.ANY):
                continue
            if saying.needs is not None and not self._matches(saying.needs, text.lines[index]):
                continue
            if unless is None or not self._matches(unless, text.lines[index]):
                yield index, words

    def _finds(self, text: Sentences, numbers: frozenset[int]) -> bool:
        return any(self._matches(number, text.whole) for number in sorted(numbers))

    def _numbered(self, is_meant: Callable[[Rule], bool]) -> frozenset[int]:
        said = (saying for sayings in self._sayings.values() for saying in sayings)
        return frozenset(saying.number for saying in said if is_meant(saying.rule))

    def _matches(self, number: int, text: bytes) -> bool:
        return self._patterns[number].search(text) is not None

    def _saying(self, rule: Rule) -> _Saying:
        needs, unless = (
            self._number(source("|".join(condition))) if condition else None
            for condition in (rule.needs, rule.unless)
        )
        return _Saying(rule, self._number(_says(rule)), needs, unless)

    def _number(self, source: str) -> int:
        return self._numbers.setdefault(source, len(self._numbers))


# A support of this weight points to a rejection (regret, a prayer for the reader); a lighter one
# stands in any answer to an application.
POINTING = 1.0


def _is_pointing(rule: Rule) -> bool:
    return rule.role is Role.SUPPORT and rule.weight >= POINTING


@dataclass(frozen=True, slots=True)
class _Saying:
    """A rule with the numbers that its three patterns have in the pack."""

    rule: Rule
    number: int
    needs: int | None
    unless: int | None

    @property
    def numbers(self) -> frozenset[int]:
        numbers = self.number, self.needs, self.unless
        return frozenset(number for number in numbers if number is not None)

    def stands(self, matching: frozenset[int]) -> bool:
        """Whether the rule speaks in a sentence in which these patterns match, and no others."""
        is_met = self.needs is None or self.needs in matching
        return self.number in matching and is_met and self.unless not in matching


def _places(pattern: Any, text: Sentences, where: Where) -> Iterator[tuple[int, bytes]]:
    if where is Where.SUBJECT:
        titles = (at for at, place in enumerate(text.places) if place is where)
        return apart(pattern, text.lines, titles)
    return together(pattern, text.whole, text.lines, text.starts)


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


def _says(rule: Rule) -> str:
    words = [re2.escape(normal.normalise(word)) for word in rule.words]
    return "|".join([*words, *([source("|".join(rule.says))] if rule.says else [])])


def _faults(pack: Pack, ready: dict[Pack, Reader]) -> Iterator[Fault]:
    yield from _misnamed(pack)
    try:
        reader = _reader(replace(pack, rules=tuple(map(_examined, pack.rules))), ready)
    except re2.error:
        broken = tuple(_broken(pack))
        if not broken:
            raise
        yield from broken
    else:
        yield from _failed(pack, reader) if reader.is_sound() else _broken(pack)


def _misnamed(pack: Pack) -> Iterator[Fault]:
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


def _broken(pack: Pack) -> Iterator[Fault]:
    for index, rule in enumerate(pack.rules):
        if not rule.words and not rule.says:
            yield Fault(pack.language, index, "says", None, "give the rule words or a pattern")
        for item, word in enumerate(rule.words):
            if not normal.normalise(word):
                yield Fault(pack.language, index, "words", item, "is empty")
        for name, given in (("says", rule.says), ("needs", rule.needs), ("unless", rule.unless)):
            refused = enumerate(map(refusal, given))
            yield from (Fault(pack.language, index, name, at, what) for at, what in refused if what)


def _failed(pack: Pack, reader: Reader) -> Iterator[Fault]:
    for index, rule in enumerate(pack.rules):
        for item, example in enumerate(normal.normalise_all(rule.matches)):
            if not _is_found(reader, rule, example):
                what = "the rule does not find its example"
                yield Fault(pack.language, index, "matches", item, what)
        for item, example in enumerate(normal.normalise_all(rule.spares)):
            if _is_found(reader, rule, example):
                what = "the rule finds what it should spare"
                yield Fault(pack.language, index, "spares", item, what)


def _examined(rule: Rule) -> Rule:
    """A rule that is switched off keeps its examples true all the same."""
    return replace(rule, state=State.SHADOW) if rule.state is State.OFF else rule


def _is_found(reader: Reader, rule: Rule, example: str) -> bool:
    """Whether the rule stands in an example in normal form."""
    where = Where.SUBJECT if rule.where is Where.SUBJECT else Where.BODY
    heard = [reader.overheard(sentence, where) for sentence in normal.sentences(example)]
    return any(one.rule.name == rule.name for spoken in standing(heard) for one in spoken)
