"""`explain`: what the gateway thinks of one mail, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from relay_gateway.cli import mailbox, phrases, reasons, screen, trial, whynot
from relay_gateway.cli.desk import config_option, desk
from relay_gateway.cli.envelope import asked, envelope_options
from relay_gateway.cli.standing import Standing, standings
from relay_gateway.cli.tongue import Said, lang_option
from relay_gateway.cli.trial import Trial
from relay_gateway.core.edit import Edit
from relay_gateway.core.judge import SUBJECT, Finding, Hit, Verdict
from relay_gateway.core.printable import printable
from relay_gateway.core.reason import Reason
from relay_gateway.core.rules import Role

STYLES = {Finding.INSERT: "bold green", Finding.PROBABLE: "bold yellow", Finding.LEAVE: "bold blue"}

_ROLE_STYLES = {
    Role.DECISION: "red",
    Role.CONTEXT: "cyan",
    Role.ADDRESSEE: "cyan",
    Role.GUARD: "blue",
    Role.VETO: "magenta",
}


@click.command()
@click.argument("mail")
@click.option("--why-not", "is_why_not", is_flag=True, help="Say what was missing, or how near.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@envelope_options
@lang_option
@config_option
def explain(mail: str, *, is_why_not: bool, is_json: bool, path: Path | None, **given: Any) -> None:
    """Say what the gateway would do with a mail, and why.

    MAIL is a file, or - for standard input. Nothing is changed and nothing is counted. With
    --why-not the sentences are shown that nearly said a rejection, and what silenced them.
    """
    raw = mailbox.one(mail)
    bench = desk(path)
    judged = trial.judge(raw, bench, asked(given))
    # A watched company gets no edits, but may see what they would be.
    shown = trial.as_live(judged, bench) if judged.decision.reason is Reason.MONITOR else judged
    rules = judged.tenant.rules or bench.rules
    spots = standings(raw, shown.decision, rules)
    told = whynot.why_not(raw, rules) if is_why_not else None
    if is_json:
        value = _as_json(judged, shown.decision.edits, spots)
        screen.echo_json(value | ({"why_not": whynot.as_json(told)} if is_why_not else {}))
        return
    console = screen.out()
    _print(console, judged)
    if told:
        console.print()
        is_by_words = judged.decision.verdict is not None
        reason = reasons.SENTENCES[judged.decision.reason]
        whynot.show(console, told, reason, is_by_words=is_by_words)
    _print_change(console, shown.decision.edits, spots)


def _as_json(judged: Trial, edits: tuple[Edit, ...], spots: tuple[Standing, ...]) -> dict[str, Any]:
    decision, verdict = judged.decision, judged.decision.verdict
    return {
        "decision": str(judged.finding),
        "reason": str(decision.reason),
        "detail": decision.detail,
        "company": judged.company,
        "judged_as": judged.tenant.id,
        "mode": str(judged.tenant.mode),
        "from": judged.envelope.sender.decode("utf-8", "replace"),
        "to": [address.decode("utf-8", "replace") for address in judged.envelope.recipients],
        "language": verdict.language if verdict else "",
        "score": verdict.score if verdict else 0.0,
        "threshold": verdict.threshold if verdict else 0.0,
        "hits": [_hit(hit) for hit in (verdict.hits if verdict else ())],
        "vetoes": list(verdict.vetoes if verdict else ()),
        "missing": [words.en for words in reasons.missing(verdict)],
        "blocks": [
            {"part": s.media_type, "above": s.above, "lines": list(s.new), "below": s.below}
            for s in spots
        ],
        "edits": [_edit(edit) for edit in edits],
    }


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "rule": hit.rule,
        "role": str(hit.role),
        "weight": hit.weight,
        "words": hit.words,
        "sentence": hit.sentence,
        "where": "subject" if hit.paragraph == SUBJECT else "body",
        "shadow": hit.is_shadow,
    }


def _edit(edit: Edit) -> dict[str, int]:
    return {"offset": edit.start, "removed": edit.end - edit.start, "added": len(edit.new)}


def _print(console: Console, judged: Trial) -> None:
    decision = judged.decision
    if judged.is_as_if:
        console.print(phrases.AS_IF(company=judged.tenant.id), style="yellow")
    word = str(phrases.FINDINGS[judged.finding]), STYLES[judged.finding]
    console.print(Text.assemble(word, (f"  {decision.reason}", "bold")))
    console.print(str(reasons.SENTENCES[decision.reason]))
    console.print()
    for name, value in _facts(judged):
        console.print(screen.fact(name, value), soft_wrap=True)
    if decision.verdict and decision.verdict.hits:
        console.print()
        console.print(_hits(decision.verdict))


def _print_change(console: Console, edits: tuple[Edit, ...], spots: tuple[Standing, ...]) -> None:
    for spot in spots:
        console.print()
        _print_block(console, spot)
    if edits:
        console.print()
        numbers = (phrases.OFFSET, phrases.REMOVED, phrases.ADDED_BYTES)
        table = screen.table(*numbers, numbers=numbers)
        for edit in edits:
            table.add_row(*map(str, _edit(edit).values()))
        console.print(table)


def _facts(judged: Trial) -> Iterator[tuple[Said, str]]:
    decision, verdict, tenant = judged.decision, judged.decision.verdict, judged.tenant
    yield phrases.COMPANY, as_if(judged) or f"{tenant.id} ({tenant.name}), {tenant.mode}"
    yield phrases.SENDER, judged.envelope.sender.decode("utf-8", "replace") or "<>"
    to = (address.decode("utf-8", "replace") for address in judged.envelope.recipients)
    yield phrases.RECIPIENTS, ", ".join(to)
    if decision.detail:
        yield phrases.DETAIL, decision.detail
    if verdict and verdict.language:
        yield phrases.LANGUAGE, verdict.language
        yield phrases.SCORE, f"{_gauge(verdict)}  {whynot.distance(verdict)}"
    if verdict and verdict.vetoes:
        yield phrases.VETOES, ", ".join(verdict.vetoes)
    lacking = reasons.missing(verdict)
    if lacking:
        yield phrases.MISSING, "; ".join(map(str, lacking))


_WIDTH = 24


def _gauge(verdict: Verdict) -> str:
    """The score as a bar, with a stroke where it has to reach."""
    most = max(verdict.score, verdict.threshold, 1)
    full = round(max(verdict.score, 0) * _WIDTH / most)
    stroke = min(round(verdict.threshold * _WIDTH / most), _WIDTH - 1)
    signs = ["━" if at < full else "┄" for at in range(_WIDTH)]
    signs[stroke] = "┃"
    return "".join(signs)


def as_if(judged: Trial) -> str:
    """That the sender belongs to no company, and whose name was lent; nothing otherwise."""
    return phrases.LENT(company=judged.tenant.id) if judged.is_as_if else ""


def _hits(verdict: Verdict) -> Any:
    columns = (phrases.ROLE, phrases.RULE, phrases.WEIGHT, phrases.WORDS)
    table = screen.table(*columns, numbers=(phrases.WEIGHT,))
    for hit in verdict.hits:
        role = Text(str(phrases.ROLES[hit.role]), _ROLE_STYLES.get(hit.role, ""))
        name = Text.assemble(hit.rule, (str(phrases.IS_SHADOW) if hit.is_shadow else "", "dim"))
        place = str(phrases.SUBJECT) if hit.paragraph == SUBJECT else ""
        words = Text.assemble((place, "dim"), whynot.marked(hit.sentence, hit.words))
        table.add_row(role, name, f"{hit.weight:g}", words)
    return table


def _print_block(console: Console, spot: Standing) -> None:
    console.print(Text(phrases.BLOCK_IN(part=spot.media_type), "bold"))
    console.print(Text(spot.why, "dim"), soft_wrap=True)
    rows = ((spot.above, " ", "dim"), *((line, "+", "green") for line in spot.new))
    for line, sign, style in (*rows, (spot.below, " ", "dim")):
        if line:
            console.print(Text(f"  {sign} {printable(line)}", style), soft_wrap=True)
