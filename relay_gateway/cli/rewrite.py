"""`rewrite`: the bytes of a mail as they would leave."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from relay_gateway.cli import mailbox, phrases, reasons, screen, trial
from relay_gateway.cli.desk import config_option, desk
from relay_gateway.cli.envelope import asked, envelope_options
from relay_gateway.cli.explain import as_if
from relay_gateway.cli.tongue import lang_option
from relay_gateway.cli.trial import Trial
from relay_gateway.core.edit import apply
from relay_gateway.core.judge import Finding
from relay_gateway.core.reason import Reason


@click.command()
@click.argument("mail")
@click.option("--force", "is_forced", is_flag=True, help="Take the mail for a rejection anyway.")
@click.option("-o", "--output", metavar="OUT", default="-", help="A file; otherwise stdout.")
@envelope_options
@lang_option
@config_option
def rewrite(mail: str, *, is_forced: bool, output: str, path: Path | None, **given: Any) -> None:
    """Write a mail as it would leave, but for our Received: field.

    MAIL is a file, or - for standard input. --force also writes what a company in mode monitor
    would get.
    """
    raw = mailbox.one(mail)
    judged = trial.judge(raw, desk(path), asked(given, is_forced=is_forced))
    outgoing = apply(raw, judged.decision.edits)
    _write(output, outgoing)
    _tell(judged, len(outgoing) - len(raw), is_forced=is_forced)


def _write(output: str, outgoing: bytes) -> None:
    if output == mailbox.STDIN:
        sys.stdout.buffer.write(outgoing)
        sys.stdout.buffer.flush()
        return
    try:
        Path(output).write_bytes(outgoing)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        words = f"{output} cannot be written ({reason}); name another file with -o."
        raise screen.Stopped(words, screen.CANNOT_WRITE) from problem


def _tell(judged: Trial, grown: int, *, is_forced: bool) -> None:
    decision = judged.decision
    if judged.is_as_if:
        screen.say(phrases.FROM_COMPANY(company=as_if(judged)), "yellow")
    detail = f" ({decision.detail})" if decision.detail else ""
    why = reasons.FORCED if is_forced and decision.edits else reasons.SENTENCES[decision.reason]
    screen.say(f"{judged.finding}, {decision.reason}{detail}: {why}")
    if decision.edits:
        screen.say(phrases.WRITTEN(edits=len(decision.edits), grown=grown), "green")
    else:
        screen.say(str(phrases.AS_IT_CAME))
    if decision.reason is Reason.MONITOR:
        screen.say(str(phrases.USE_FORCE))
    elif judged.finding is Finding.LEAVE and decision.verdict:
        lacking = [str(words) for words in reasons.missing(decision.verdict)]
        said = phrases.LACKING(what="; ".join(lacking)) if lacking else str(phrases.VETOED)
        screen.say(said)
