"""Is this letter a rejection? The verdict is the explanation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from relay_gateway.core import normal
from relay_gateway.core.letter import Letter, Paragraph, Voice
from relay_gateway.core.rules import (
    POINTING,
    Pack,
    Role,
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

    `paragraph` is the index in `Letter.paragraphs`, or `SUBJECT`; `line` numbers the sentence.
    """

    rule: str
    role: Role
    weight: float
    paragraph: int
    words: str
    sentence: str
    is_shadow: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules of one language say of one letter; `vetoes` are names of rules.

    `silenced` are decisions that a guard took back in their sentence.
    """

    finding: Finding
    reason: str
    score: float
    threshold: float
    language: str
    hits: tuple[Hit, ...]
    vetoes: tuple[str, ...]
    silenced: tuple[Hit, ...] = ()

    @property
    def is_rejection(self) -> bool:
        """Whether the letter may carry a link."""
        return self.finding is Finding.INSERT


def judge(
    subject: str, letter: Letter, rules: RuleSet, forms: normal.Forms | None = None
) -> Verdict:
    """What the writer's own words say, in whichever language says it most clearly.

    A letter that turns somebody down in two languages is of the one that does so first. `forms`
    keeps the normal forms for whoever reads the same mail next.
    """
    if sum(len(p.text) for p in letter.paragraphs if p.voice is Voice.OWN) > _LONGEST:
        return _nothing("too_long")
    forms = forms or normal.Forms()
    lines = tuple(_lines(subject, letter, forms))
    text = sentences([(line.sentence, line.where) for line in lines])
    sifted = [(reader, reader.sift(text.whole)) for reader in rules.readers]
    telling = [pair for pair in sifted if pair[0].is_telling(text, pair[1])]
    if not telling:
        return _nothing("no_decision")
    readings = [
        _reading(reader.pack, lines, reader.hear(text, possible, _LOCAL))
        for reader, possible in telling
    ]
    # A language that decides nothing is asked for its vetoes only: they speak for every language.
    others = [
        _reading(reader.pack, lines, reader.vetoing(text, possible))
        for reader, possible in sifted
        if (reader, possible) not in telling
    ]
    vetoes = tuple(
        hit.rule
        for reading in (*readings, *others)
        for hit in reading.hits
        if hit.role is Role.VETO and not hit.is_shadow and not _is_foreign(hit, reading.pack)
    )
    verdicts = [_verdict(reading, tuple(dict.fromkeys(vetoes))) for reading in readings]
    best = min(verdicts, key=lambda verdict: _order(verdict, lines))
    return _with_postscript(best, letter, rules, forms) if best.is_rejection else best


def _with_postscript(
    verdict: Verdict, letter: Letter, rules: RuleSet, forms: normal.Forms
) -> Verdict:
    """The verdict on a rejection, once the whole sentences below its signature have been heard:
    what takes it back may stand there, and contact lines and slogans are no sentences.
    """
    parts = {n: part.text for n, part in enumerate(letter.paragraphs) if _is_signature(part)}
    said = zip(parts, forms.of(tuple(parts.values())), strict=True)
    lines = tuple(
        _Line(number, sentence)
        for number, text in said
        for sentence in normal.sentences(text)
        if sentence.endswith(_STOPS)
    )
    text = sentences([(line.sentence, line.where) for line in lines])
    hits = tuple(
        hit
        for reader in rules.readers
        for hit in _reading(reader.pack, lines, reader.vetoing(text, reader.sift(text.whole))).hits
        if hit.role is Role.VETO and not hit.is_shadow
    )
    if not hits:
        return verdict
    names = tuple(dict.fromkeys(hit.rule for hit in hits))
    all_hits = (*verdict.hits, *hits)
    return replace(verdict, finding=Finding.LEAVE, reason="veto", hits=all_hits, vetoes=names)


# A sentence with kana is Japanese, whatever it names: "Studio" in it is no word of another trade.
_KANA = re.compile("[\u3041-\u309f]")


def _is_foreign(veto: Hit, pack: Pack) -> bool:
    # No sentence ends between 。 and a Latin letter.
    around = [part for part in veto.sentence.split("。") if veto.words in part]
    return pack.language != "ja" and bool(around) and all(map(_KANA.search, around))


def _is_signature(part: Paragraph) -> bool:
    return part.voice is Voice.SIGNATURE


_STOPS = ("。", ".", "!", "?")


def stated(verdict: Verdict) -> Verdict:
    """The verdict on a letter in which HR itself has asked for the link: the decision is enough,
    unless something speaks against it.
    """
    is_decided = any(hit.role is Role.DECISION and not hit.is_shadow for hit in verdict.hits)
    if verdict.is_rejection or not is_decided:
        return verdict
    if verdict.vetoes:
        return replace(verdict, finding=Finding.LEAVE, reason="veto")
    return replace(verdict, finding=Finding.INSERT, reason="stated")


def _nothing(reason: str) -> Verdict:
    return Verdict(Finding.LEAVE, reason, 0.0, 0.0, "", (), ())


# Nobody is turned down on ten pages: what is longer is a newsletter, a log or an article, and
# words that stand far apart in it do not belong together.
_LONGEST = 20_000
_RANK = {Finding.INSERT: 2, Finding.PROBABLE: 1, Finding.LEAVE: 0}

# What supports, and what contexts, have to weigh together before a hint is reported.
_HINTING = 2.0


class _Line(NamedTuple):
    paragraph: int
    sentence: str

    @property
    def where(self) -> Where:
        return Where.SUBJECT if self.paragraph == SUBJECT else Where.BODY


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one pack finds: `hits` as spoken, and the decisions that guards silenced."""

    pack: Pack
    hits: tuple[Hit, ...]
    silenced: tuple[Hit, ...]

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


def _lines(subject: str, letter: Letter, forms: normal.Forms) -> Iterator[_Line]:
    texts = {SUBJECT: subject} | {
        number: paragraph.text
        for number, paragraph in enumerate(letter.paragraphs)
        if paragraph.voice is Voice.OWN
    }
    for number, text in zip(texts, forms.of(tuple(texts.values())), strict=True):
        for sentence in normal.sentences(text):
            yield _Line(number, sentence)


def _reading(pack: Pack, lines: Sequence[_Line], heard: Sequence[tuple[Spoken, ...]]) -> _Reading:
    hits: list[Hit] = []
    silenced: list[Hit] = []
    for number, left in enumerate(standing(heard) if any(heard) else ()):
        line, spoken = lines[number], heard[number]
        hits += (_hit(one, line, number) for one in left)
        if spoken and len(effective(spoken)) < len(spoken):
            lost = (one for one in spoken if one.rule.role is Role.DECISION)
            silenced += (_hit(one, line, number) for one in lost)
    return _Reading(pack, tuple(hits), tuple(silenced))


def _hit(one: Spoken, line: _Line, number: int) -> Hit:
    return Hit(
        one.rule.name,
        one.rule.role,
        one.rule.weight,
        line.paragraph,
        one.words,
        line.sentence,
        one.rule.state is State.SHADOW,
        number,
    )


# What is said of one sentence; other rules count once, wherever they speak first.
_LOCAL = frozenset({Role.DECISION, Role.GUARD})


def weigh(
    pack: Pack, hits: tuple[Hit, ...], silenced: tuple[Hit, ...], vetoes: tuple[str, ...]
) -> Verdict:
    """The verdict on a letter of which this is known; its words are not needed any more."""
    return _verdict(_Reading(pack, hits, silenced), vetoes)


def _verdict(reading: _Reading, vetoes: tuple[str, ...]) -> Verdict:
    pack = reading.pack
    scoring = reading.weights(Role.DECISION, Role.CONTEXT, Role.ADDRESSEE, Role.SUPPORT)
    score = sum(scoring.values())
    finding, reason = _find(reading, score)
    if vetoes and finding is not Finding.LEAVE:
        finding, reason = Finding.LEAVE, "veto"
    told = pack.threshold, pack.language, reading.hits, vetoes, reading.silenced
    return Verdict(finding, reason, score, *told)


def _find(reading: _Reading, score: float) -> tuple[Finding, str]:
    if not reading.weights(Role.DECISION):
        if _is_probable(reading):
            return Finding.PROBABLE, "probable"
        return Finding.LEAVE, "no_decision"
    if not reading.weights(Role.CONTEXT):
        return Finding.LEAVE, "no_context"
    if not reading.weights(Role.ADDRESSEE):
        return Finding.LEAVE, "no_addressee"
    if score < reading.pack.threshold:
        return Finding.LEAVE, "below_threshold"
    return Finding.INSERT, "rejection"


def _is_probable(reading: _Reading) -> bool:
    supports = reading.weights(Role.SUPPORT).values()
    contexts = reading.weights(Role.CONTEXT).values()
    is_hinting = len(supports) >= 2 and max(supports) >= POINTING and sum(supports) >= _HINTING
    return is_hinting and sum(contexts) >= _HINTING and not reading.silenced
