"""`explain`: what the gateway thinks of one mail, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from relay_gateway.cli import mailbox, reasons, screen, trial
from relay_gateway.cli.desk import config_option, desk
from relay_gateway.cli.envelope import asked, envelope_options
from relay_gateway.cli.standing import Standing, standings
from relay_gateway.cli.trial import Trial
from relay_gateway.core.edit import Edit
from relay_gateway.core.judge import SUBJECT, Finding, Hit, Verdict
from relay_gateway.core.reason import Reason
from relay_gateway.core.rules import Role
from relay_gateway.edge.log import printable

STYLES = {Finding.INSERT: "bold green", Finding.PROBABLE: "bold yellow", Finding.LEAVE: "bold blue"}

_ROLE_STYLES = {Role.DECISION: "red", Role.GUARD: "blue", Role.VETO: "magenta"}


@click.command()
@click.argument("mail")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@envelope_options
@config_option
def explain(mail: str, *, is_json: bool, path: Path | None, **given: Any) -> None:
    """Say what the gateway would do with a mail, and why.

    MAIL is a file, or - for standard input. Nothing is changed and nothing is counted.
    """
    raw = mailbox.one(mail)
    bench = desk(path)
    judged = trial.judge(raw, bench, asked(given))
    # A watched company gets no edits, but may see what they would be.
    shown = trial.as_live(judged, bench) if judged.decision.reason is Reason.MONITOR else judged
    spots = standings(raw, shown.decision)
    if is_json:
        screen.echo_json(_as_json(judged, shown.decision.edits, spots))
    else:
        _print(screen.out(), judged, shown.decision.edits, spots)


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
        "missing": list(reasons.missing(verdict)),
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


def _print(
    console: Console, judged: Trial, edits: tuple[Edit, ...], spots: tuple[Standing, ...]
) -> None:
    decision = judged.decision
    if judged.is_as_if:
        said = f"The sender belongs to no company. If {judged.tenant.id} had sent the mail:"
        console.print(said, style="yellow")
    word = str(judged.finding), STYLES[judged.finding]
    console.print(Text.assemble(word, (f"  {decision.reason}", "bold")))
    console.print(reasons.SENTENCES[decision.reason])
    console.print()
    for name, value in _facts(judged):
        console.print(Text.assemble((f"{name:<9} ", "dim"), printable(value)), soft_wrap=True)
    if decision.verdict and decision.verdict.hits:
        console.print()
        console.print(_hits(decision.verdict))
    for spot in spots:
        console.print()
        _print_block(console, spot)
    if edits:
        console.print()
        table = screen.table("offset", "removed", "added", numbers=("offset", "removed", "added"))
        for edit in edits:
            table.add_row(*map(str, _edit(edit).values()))
        console.print(table)


def _facts(judged: Trial) -> Iterator[tuple[str, str]]:
    decision, verdict, tenant = judged.decision, judged.decision.verdict, judged.tenant
    yield "company", as_if(judged) or f"{tenant.id} ({tenant.name}), {tenant.mode}"
    yield "from", judged.envelope.sender.decode("utf-8", "replace") or "<>"
    yield "to", ", ".join(each.decode("utf-8", "replace") for each in judged.envelope.recipients)
    if decision.detail:
        yield "detail", decision.detail
    if verdict and verdict.language:
        yield "language", verdict.language
        yield "score", f"{verdict.score:g} (needed: {verdict.threshold:g})"
    if verdict and verdict.vetoes:
        yield "vetoes", ", ".join(verdict.vetoes)
    lacking = reasons.missing(verdict)
    if lacking:
        yield "missing", "; ".join(lacking)


def as_if(judged: Trial) -> str:
    """That the sender belongs to no company, and whose name was lent; nothing otherwise."""
    return f"none; judged as if sent by {judged.tenant.id}" if judged.is_as_if else ""


def _hits(verdict: Verdict) -> Any:
    table = screen.table("role", "rule", "weight", "words in their sentence", numbers=("weight",))
    for hit in verdict.hits:
        role = Text(str(hit.role), _ROLE_STYLES.get(hit.role, ""))
        name = Text.assemble(hit.rule, (" (shadow)" if hit.is_shadow else "", "dim"))
        table.add_row(role, name, f"{hit.weight:g}", _marked(hit))
    return table


def _marked(hit: Hit) -> Text:
    """The sentence with the words that spoke; in a pipe, where colour is lost, in brackets."""
    before, words, after = hit.sentence.partition(hit.words)
    is_plain = not screen.out().is_terminal
    shown = f"[{printable(words)}]" if is_plain else printable(words)
    place = "subject: " if hit.paragraph == SUBJECT else ""
    spoken = (shown, "bold red")
    return Text.assemble((place, "dim"), printable(before), spoken, printable(after))


def _print_block(console: Console, spot: Standing) -> None:
    console.print(Text(f"The block in {spot.media_type}", "bold"))
    rows = ((spot.above, " ", "dim"), *((line, "+", "green") for line in spot.new))
    for line, sign, style in (*rows, (spot.below, " ", "dim")):
        if line:
            console.print(Text(f"  {sign} {printable(line)}", style), soft_wrap=True)
