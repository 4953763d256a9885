"""What a letter lacked to be taken for a rejection: the sentences that came near, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console
from rich.text import Text

from relay_gateway.cli import phrases, reasons, screen
from relay_gateway.cli.tongue import Said
from relay_gateway.core import normal
from relay_gateway.core.decision import heard
from relay_gateway.core.judge import Finding, Verdict
from relay_gateway.core.message import Message, Unfit, Unreadable, read
from relay_gateway.core.page import pages
from relay_gateway.core.printable import printable
from relay_gateway.core.rules import Pack, Reader, Role, Rule, RuleSet, Spoken, State, Where
from relay_gateway.core.subject import subject

# More would hide the nearest.
_SHOWN = 5
# A support of this weight points to a rejection; a lighter one stands in any polite letter.
_POINTING = 1.0


@dataclass(frozen=True, slots=True)
class Silence:
    """Why a rule did not speak: `by` guard, unless, needs, where or state; who, and which words."""

    by: str
    rule: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence in which a decision rule found its words and was silenced."""

    sentence: str
    language: str
    rule: str
    words: str
    silences: tuple[Silence, ...]


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The verdict on the words alone, what silenced decisions, and the vetoes with their words.

    `near` are sentences that point to a rejection without deciding anything.
    """

    verdict: Verdict
    candidates: tuple[Candidate, ...]
    near: tuple[tuple[str, Spoken], ...]
    vetoes: tuple[tuple[str, Spoken], ...]


def why_not(raw: bytes, rules: RuleSet) -> WhyNot | None:
    """What the words of a mail say; None if it has none that can be read."""
    try:
        message = read(raw)
        every = [page for group in pages(message) for page in group]
    except (Unreadable, Unfit):
        return None
    if not every:
        return None
    verdicts = [heard(subject(message), page, rules) for page in every]
    order = (Finding.LEAVE, Finding.PROBABLE, Finding.INSERT)
    best = max(verdicts, key=lambda each: (order.index(each.finding), each.score))
    lines = tuple(_lines(message, (part.text for page in every for part in page.letter.own)))
    candidates: list[Candidate] = []
    near: list[tuple[str, Spoken]] = []
    vetoes: list[tuple[str, Spoken]] = []
    for reader in rules.readers:
        candidates += _candidates(reader, lines)
        for sentence, where in lines:
            for one in reader.speaking(sentence, where):
                is_on = one.rule.state is State.ON
                if one.rule.role is Role.VETO and is_on:
                    vetoes.append((sentence, one))
                elif one.rule.role is Role.SUPPORT and one.rule.weight >= _POINTING:
                    near.append((sentence, one))
    # What one thing silenced came nearest.
    candidates.sort(key=lambda each: len(each.silences))
    return WhyNot(best, tuple(candidates), tuple(near), tuple(vetoes))


def _lines(message: Message, texts: Iterator[str]) -> Iterator[tuple[str, Where]]:
    """The sentences that are judged, in normal form, each once."""
    placed = [(subject(message), Where.SUBJECT), *((text, Where.BODY) for text in texts)]
    yield from dict.fromkeys(
        (sentence, where)
        for text, where in placed
        for sentence in normal.sentences(normal.normalise(text))
    )


def _candidates(reader: Reader, lines: Sequence[tuple[str, Where]]) -> Iterator[Candidate]:
    pack = reader.pack
    decisions = {rule.name: rule for rule in pack.rules if rule.role is Role.DECISION}
    bare = _reader(pack, tuple(map(_bare, decisions.values())))
    for sentence, where in lines:
        found = bare.speaking(sentence, where)
        guards = [
            one
            for one in (reader.speaking(sentence, where) if found else ())
            if one.rule.role is Role.GUARD and one.rule.state is State.ON
        ]
        for one in found:
            rule = decisions[one.rule.name]
            silences = tuple(_silences(pack, rule, sentence, where, guards))
            if silences:
                yield Candidate(sentence, pack.language, rule.name, one.words, silences)


def _bare(rule: Rule) -> Rule:
    """The rule without anything that could silence it."""
    return replace(rule, needs=(), unless=(), where=Where.ANY, state=State.ON)


def _reader(pack: Pack, rules: tuple[Rule, ...]) -> Reader:
    return Reader(Pack(pack.language, pack.threshold, rules))


def _silences(
    pack: Pack, rule: Rule, sentence: str, where: Where, guards: Sequence[Spoken]
) -> Iterator[Silence]:
    if rule.state is not State.ON:
        yield Silence("state", words=str(rule.state))
    if rule.where not in (where, Where.ANY):
        yield Silence("where", words=str(rule.where))
    if rule.needs and not _words(pack, rule.needs, sentence):
        yield Silence("needs")
    forbidden = _words(pack, rule.unless, sentence) if rule.unless else ""
    if forbidden:
        yield Silence("unless", words=forbidden)
    for guard in guards:
        yield Silence("guard", guard.rule.name, guard.words)


def _words(pack: Pack, patterns: tuple[str, ...], sentence: str) -> str:
    """What a condition of a rule matches in the sentence."""
    asked = Rule("condition", pack.language, Role.SUPPORT, says=patterns, where=Where.ANY)
    spoken = _reader(pack, (asked,)).speaking(sentence, Where.BODY)
    return spoken[0].words if spoken else ""


def as_json(told: WhyNot | None) -> dict[str, Any]:
    """The same in both languages."""
    if told is None:
        return {}
    verdict = told.verdict
    return {
        "by_words": str(verdict.finding),
        "score": verdict.score,
        "threshold": verdict.threshold,
        "missing": [words.en for words in reasons.missing(verdict)],
        "vetoes": [
            {"rule": one.rule.name, "words": one.words, "sentence": sentence}
            for sentence, one in told.vetoes
        ],
        "candidates": [
            {
                "sentence": one.sentence,
                "language": one.language,
                "rule": one.rule,
                "words": one.words,
                "silenced": [
                    {"by": each.by, "rule": each.rule, "words": each.words} for each in one.silences
                ],
            }
            for one in told.candidates
        ],
        "near": [
            {"rule": one.rule.name, "words": one.words, "sentence": sentence}
            for sentence, one in told.near
        ],
    }


def show(console: Console, told: WhyNot, reason: Said, *, is_by_words: bool) -> None:
    """What it lacked, in sentences; of a rejection, how little would be needed to lose it."""
    verdict = told.verdict
    is_insert = verdict.finding is Finding.INSERT
    console.print(Text(str(phrases.WHY if is_insert else phrases.WHY_NOT), "bold"))
    finding = phrases.FINDINGS[verdict.finding]
    if not is_by_words:
        said = phrases.NOT_READ(reason=reason, finding=finding)
        console.print("  " + said, style="yellow", soft_wrap=True)
    for sentence, one in told.vetoes[:_SHOWN]:
        said = phrases.VETO_SAYS(rule=one.rule.name, words=printable(one.words))
        console.print(Text("  " + said, "magenta"), soft_wrap=True)
        console.print("    ", marked(sentence, one.words), sep="", soft_wrap=True)
    if is_insert:
        _show_margin(console, verdict)
        return
    _show_roles(console, verdict)
    _show_candidates(console, told.candidates)
    if not told.candidates and not _decisions(verdict):
        console.print("  " + str(phrases.NO_CANDIDATE), soft_wrap=True)
        _show_near(console, told.near)


def _decisions(verdict: Verdict) -> dict[str, float]:
    return {
        hit.rule: hit.weight
        for hit in verdict.hits
        if hit.role is Role.DECISION and not hit.is_shadow
    }


def _show_roles(console: Console, verdict: Verdict) -> None:
    spoken = {hit.role for hit in verdict.hits if not hit.is_shadow}
    # Without a word that could decide nothing else was looked for.
    roles = tuple(reasons.ROLES) if verdict.hits else (Role.DECISION,)
    for role in roles:
        has = role in spoken
        sign, style = ("✓", "green") if has else ("✗", "bold red")
        console.print(Text.assemble(("  " + sign, style), f" {reasons.ROLES[role]}"))
    if verdict.hits:
        is_enough = verdict.score >= verdict.threshold
        sign, style = ("✓", "green") if is_enough else ("✗", "bold red")
        console.print(Text.assemble(("  " + sign, style), f" {phrases.SCORE} ", distance(verdict)))


def distance(verdict: Verdict) -> str:
    """How far the score is from what is needed, in words."""
    left = verdict.score - verdict.threshold
    if not left:
        return phrases.GAUGE_EVEN(score=verdict.score)
    said = phrases.GAUGE if left > 0 else phrases.GAUGE_SHORT
    return said(score=verdict.score, threshold=verdict.threshold, left=abs(left))


def _show_margin(console: Console, verdict: Verdict) -> None:
    decisions = _decisions(verdict)
    names = ", ".join(f"{rule} ({weight:g})" for rule, weight in decisions.items())
    said = (
        phrases.ONE_DECISION(rule=names)
        if len(decisions) == 1
        else phrases.MORE_DECISIONS(count=len(decisions), rules=names)
    )
    console.print("  " + distance(verdict), soft_wrap=True)
    console.print("  " + said, soft_wrap=True)


def _show_candidates(console: Console, candidates: Sequence[Candidate]) -> None:
    if not candidates:
        return
    console.print(Text("  " + str(phrases.CANDIDATES), "bold"))
    for one in candidates[:_SHOWN]:
        console.print("    ", marked(one.sentence, one.words), sep="", soft_wrap=True)
        said = phrases.SPOKE(rule=one.rule, words=printable(one.words))
        console.print(Text("      " + said, "dim"), soft_wrap=True)
        for silence in one.silences:
            console.print(Text("      → " + _silenced(silence), "blue"), soft_wrap=True)


def _silenced(silence: Silence) -> str:
    said = {
        "guard": phrases.BY_GUARD,
        "unless": phrases.BY_UNLESS,
        "needs": phrases.BY_NEEDS,
        "where": phrases.BY_WHERE,
        "state": phrases.BY_STATE,
    }[silence.by]
    words = printable(silence.words)
    return said(rule=silence.rule, words=words, where=words, state=words)


def _show_near(console: Console, near: Sequence[tuple[str, Spoken]]) -> None:
    if not near:
        return
    console.print(Text("  " + str(phrases.NEAR), "bold"))
    for sentence, one in near[:_SHOWN]:
        tail = (f"  {one.rule.name} +{one.rule.weight:g}", "dim")
        console.print("    ", Text.assemble(marked(sentence, one.words), tail), sep="")


def marked(sentence: str, words: str) -> Text:
    """The sentence with the words that spoke; in a pipe, where colour is lost, in brackets."""
    before, its, after = sentence.partition(words)
    is_plain = not screen.out().is_terminal
    shown = f"[{printable(its)}]" if is_plain else printable(its)
    return Text.assemble(printable(before), (shown, "bold red"), printable(after))
