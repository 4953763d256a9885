"""Is this letter a rejection? The verdict is the explanation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from relay_gateway.core import normal
from relay_gateway.core.letter import Letter, Voice
from relay_gateway.core.rules import (
    Reader,
    Role,
    Rule,
    RuleSet,
    Spoken,
    State,
    Where,
    effective,
    sentences,
    standing,
)


class Finding(StrEnum):
    """`probable` is reported, never rewritten."""

    INSERT = "insert"
    PROBABLE = "probable"
    LEAVE = "leave"


SUBJECT = -1


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that spoke, the words that made it speak, and the sentence they stood in.

    `paragraph` is the index in `Letter.paragraphs`, or `SUBJECT`.
    """

    rule: str
    role: Role
    weight: float
    paragraph: int
    words: str
    sentence: str
    is_shadow: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules of one language say of one letter; `vetoes` are names of rules."""

    finding: Finding
    reason: str
    score: float
    threshold: float
    language: str
    hits: tuple[Hit, ...]
    vetoes: tuple[str, ...]

    @property
    def is_rejection(self) -> bool:
        """Whether the letter may carry a link."""
        return self.finding is Finding.INSERT


def judge(subject: str, letter: Letter, rules: RuleSet) -> Verdict:
    """What the writer's own words say, in whichever language says it most clearly.

    A letter that turns somebody down in two languages is of the one that does so first.
    """
    if sum(len(p.text) for p in letter.paragraphs if p.voice is Voice.OWN) > _LONGEST:
        return _nothing("too_long")
    lines = tuple(_lines(subject, letter))
    text = sentences([(line.sentence, line.where) for line in lines])
    found = [(reader, reader.find(text.whole)) for reader in rules.readers]
    if not any(_is_telling(reader.candidates(numbers)) for reader, numbers in found):
        return _nothing("no_decision")
    readings = [
        _reading(reader, lines, reader.hear(text, numbers, _LOCAL))
        for reader, numbers in found
        if numbers
    ]
    vetoes = tuple(
        hit.rule
        for reading in readings
        for hit in reading.hits
        if hit.role is Role.VETO and not hit.is_shadow
    )
    verdicts = [_verdict(reading, tuple(dict.fromkeys(vetoes))) for reading in readings]
    return min(verdicts, key=lambda verdict: _order(verdict, lines))


def _nothing(reason: str) -> Verdict:
    return Verdict(Finding.LEAVE, reason, 0.0, 0.0, "", (), ())


# Nobody is turned down on ten pages: what is longer is a newsletter, a log or an article, and
# words that stand far apart in it do not belong together.
_LONGEST = 20_000
_RANK = {Finding.INSERT: 2, Finding.PROBABLE: 1, Finding.LEAVE: 0}

# A support of this weight points to a rejection (regret, a prayer for the reader); a lighter one
# stands in any answer to an application.
_POINTING = 1.0

# What supports, and what contexts, have to weigh together before a hint is reported.
_HINTING = 2.0


@dataclass(frozen=True, slots=True)
class _Line:
    paragraph: int
    sentence: str

    @property
    def where(self) -> Where:
        return Where.SUBJECT if self.paragraph == SUBJECT else Where.BODY


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one pack finds: `hits` as spoken, `is_taken_back` if a guard silenced a decision."""

    reader: Reader
    hits: tuple[Hit, ...]
    is_taken_back: bool

    def weights(self, *roles: Role) -> dict[str, float]:
        return {
            hit.rule: hit.weight for hit in self.hits if hit.role in roles and not hit.is_shadow
        }


def _order(verdict: Verdict, lines: Sequence[_Line]) -> tuple[int, int, float]:
    first = _first_decision(verdict, lines) if verdict.is_rejection else 0
    return -_RANK[verdict.finding], first, -verdict.score


def _first_decision(verdict: Verdict, lines: Sequence[_Line]) -> int:
    """Where the letter first says it; what its subject says comes after all its lines."""
    told = {
        (hit.paragraph, hit.sentence)
        for hit in verdict.hits
        if hit.role is Role.DECISION and not hit.is_shadow
    }
    return min(
        number + len(lines) * (line.paragraph == SUBJECT)
        for number, line in enumerate(lines)
        if (line.paragraph, line.sentence) in told
    )


def _lines(subject: str, letter: Letter) -> Iterator[_Line]:
    texts = {SUBJECT: subject} | {
        number: paragraph.text
        for number, paragraph in enumerate(letter.paragraphs)
        if paragraph.voice is Voice.OWN
    }
    for number, text in zip(texts, normal.normalise_all(tuple(texts.values())), strict=True):
        for sentence in normal.sentences(text):
            yield _Line(number, sentence)


def _is_telling(candidates: Sequence[Rule]) -> bool:
    """One pass tells most mail apart: nothing in it could decide, or hint at a decision."""
    roles = {rule.role for rule in candidates}
    is_pointing = any(r.role is Role.SUPPORT and r.weight >= _POINTING for r in candidates)
    return Role.DECISION in roles or (Role.CONTEXT in roles and is_pointing)


def _reading(
    reader: Reader, lines: Sequence[_Line], heard: Sequence[tuple[Spoken, ...]]
) -> _Reading:
    hits = tuple(
        Hit(
            one.rule.name,
            one.rule.role,
            one.rule.weight,
            line.paragraph,
            one.words,
            line.sentence,
            one.rule.state is State.SHADOW,
        )
        for line, spoken in zip(lines, standing(heard), strict=True)
        for one in spoken
    )
    is_taken_back = any(len(effective(spoken)) < len(spoken) for spoken in heard if spoken)
    return _Reading(reader, hits, is_taken_back)


# What is said of one sentence; other rules count once, wherever they speak first.
_LOCAL = frozenset({Role.DECISION, Role.GUARD})


def _verdict(reading: _Reading, vetoes: tuple[str, ...]) -> Verdict:
    pack = reading.reader.pack
    scoring = reading.weights(Role.DECISION, Role.CONTEXT, Role.ADDRESSEE, Role.SUPPORT)
    score = sum(scoring.values())
    finding, reason = _find(reading, score)
    if vetoes and finding is not Finding.LEAVE:
        finding, reason = Finding.LEAVE, "veto"
    return Verdict(finding, reason, score, pack.threshold, pack.language, reading.hits, vetoes)


def _find(reading: _Reading, score: float) -> tuple[Finding, str]:
    if not reading.weights(Role.DECISION):
        if _is_probable(reading):
            return Finding.PROBABLE, "probable"
        return Finding.LEAVE, "no_decision"
    if not reading.weights(Role.CONTEXT):
        return Finding.LEAVE, "no_context"
    if not reading.weights(Role.ADDRESSEE):
        return Finding.LEAVE, "no_addressee"
    if score < reading.reader.pack.threshold:
        return Finding.LEAVE, "below_threshold"
    return Finding.INSERT, "rejection"


def _is_probable(reading: _Reading) -> bool:
    supports = reading.weights(Role.SUPPORT).values()
    contexts = reading.weights(Role.CONTEXT).values()
    is_hinting = len(supports) >= 2 and max(supports) >= _POINTING and sum(supports) >= _HINTING
    return is_hinting and sum(contexts) >= _HINTING and not reading.is_taken_back
