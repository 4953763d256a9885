"""One line a mail, made from its `Outcome`: why, how fast and how large, but never who or what.

No address, subject, word of a mail or token is written, and no byte that a terminal or a log
reader would take for a command.
"""

from __future__ import annotations

import json
import logging
import logging.config
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from relay_gateway.core.judge import Hit, Verdict
from relay_gateway.core.printable import printable
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import Reply
from relay_gateway.gateway import Outcome

FORMATS = ("json", "console")
LEVELS = ("debug", "info", "warning", "error")

# The mail went its way, but an operator should look.
_ALARMS = {Reason.OUR_FAULT, Reason.OUT_OF_TIME, Reason.VERIFY_FAILED, Reason.LEDGER_DOWN}

# Whoever looks after the machine needs the words of these; other faults may quote the mail.
_OUTSPOKEN = (OSError,)

_FINISHED = "relay_gateway.finished"
_encode = json.JSONEncoder(default=repr).encode


def setup(
    format: str = "json",
    level: str = "info",
    file: Path | None = None,
    *,
    has_words: bool = False,
) -> None:
    """Send all logging, other people's too, to one place in one form: standard error or a file.

    Of what other servers answer only what names nobody is written, unless it `has_words`.
    """
    say = _speak if has_words else _hush
    stamp: list[Processor] = [
        say,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Processor] = [_fault, _json]
    if format == "console":
        has_colors = file is None and sys.stderr.isatty()
        console = structlog.dev.ConsoleRenderer(colors=has_colors, sort_keys=False, pad_event_to=4)
        render = [_fault, _terse, _escape, console]
    unwrap = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    formatter = _Formatter([unwrap, *render], [*stamp, _first_line])
    _direct(_handler(file), formatter, level)
    structlog.configure(
        processors=[*stamp, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(logging.getLogger().handlers),
    )


def observe(outcome: Outcome) -> None:
    """Write the line of one mail; a warning where it was refused, or a fault of ours left it."""
    fields = line(outcome)
    log = structlog.get_logger("relay_gateway")
    is_alarm = outcome.decision.reason in _ALARMS or not outcome.reply.is_ok
    tell = log.warning if is_alarm else log.info
    tell(fields.pop("event"), **fields)


def line(outcome: Outcome) -> dict[str, Any]:
    """What is written about one mail; enough to explain it, and to judge it by other weights."""
    decision = outcome.decision
    return {
        "event": "mail",
        "id": outcome.envelope.id,
        "company": decision.tenant,
        "reason": str(decision.reason),
        "detail": decision.detail,
        **_judgement(decision.verdict),
        "size": outcome.size,
        "sent_size": outcome.sent_size,
        "edits": [
            {"offset": edit.start, "removed": edit.end - edit.start, "added": len(edit.new)}
            for edit in decision.edits
        ],
        "reply": told(outcome.reply, _named(outcome)),
        "copies": len(decision.copies),
        "counted": outcome.counted,
        "seconds": {stage: round(seconds, 6) for stage, seconds in outcome.seconds.items()},
    }


def _judgement(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None:
        return {"decision": "leave"}
    return {
        "decision": str(verdict.finding),
        "score": verdict.score,
        "threshold": verdict.threshold,
        "language": verdict.language,
        "rules": [_rule(hit) for hit in verdict.hits],
        "silenced": [_rule(hit) for hit in verdict.silenced],
        "vetoes": list(verdict.vetoes),
    }


def _rule(hit: Hit) -> dict[str, Any]:
    # Neither the words nor the sentence, only its number: those are the mail's.
    return {
        "rule": hit.rule,
        "role": str(hit.role),
        "weight": hit.weight,
        "paragraph": hit.paragraph,
        "sentence": hit.line,
        **({"shadow": True} if hit.is_shadow else {}),
    }


def _named(outcome: Outcome) -> tuple[bytes, ...]:
    return (outcome.envelope.sender, *outcome.envelope.recipients)


def told(reply: Reply, addresses: Iterable[bytes] = ()) -> dict[str, Any]:
    """A reply as it is logged: `text` is ours, or the name that the next hop gave the mail; its
    `words` may name somebody without an @, so it depends on the settings whether they are written.
    """
    said = words(reply, addresses)
    queued = _QUEUED.search(said) if reply.is_ok else None
    text = said if reply.is_ours else queued[0] if queued else ""
    return {"code": reply.code, "status": reply.status, "text": text, "words": said}


def words(reply: Reply, addresses: Iterable[bytes] = ()) -> str:
    """The beginning of a server's words, without what it repeats of the mail: addresses, and the
    names before the @ of these.
    """
    names = {address.rpartition(b"@")[0].lower() for address in addresses}
    # Cut roughly first: a hostile server may send any amount; finely after, so that no half of
    # an address stays.
    rough = b" ".join(reply.lines)[:2000].split(b" ")
    kept = b" ".join(_hidden(word, names) for word in rough)[:200]
    return printable(kept.decode("ascii", "backslashreplace"))


# Filters name what they refuse without its scheme, and write addresses into links to their reasons.
_LINK = re.compile(rb"://|/[0-9A-Za-z]{24}(?![0-9A-Za-z])")
_ADDRESS = re.compile(rb"@|%40|=40")
_MARKS = b"\"'<>()[]{},.;:!?"


def _hidden(word: bytes, names: AbstractSet[bytes]) -> bytes:
    if _LINK.search(word):
        return b"<url>"
    is_named = word.lower().strip(_MARKS) in names
    return b"<address>" if is_named or _ADDRESS.search(word) else word


# As Postfix, Exim, Exchange and Sendmail say it; a digit, because a name has none.
_QUEUED = re.compile(
    r"(?a)\bqueued as (?=[A-Za-z]*\d)[0-9A-Za-z]{4,40}\b"
    r"|\bid=[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}\b"
    r"|\bInternalId=\d{1,20}\b"
    r"|(?<![-.\w])(?=[A-Za-z]*\d)[0-9A-Za-z]{10,20} Message accepted for delivery"
)


def _hush(_logger: object, _name: str, event: EventDict) -> EventDict:
    reply = event.get("reply")
    if isinstance(reply, dict) and "words" in reply:
        event["reply"] = {key: value for key, value in reply.items() if key != "words"}
    return event


def _speak(_logger: object, _name: str, event: EventDict) -> EventDict:
    reply = event.get("reply")
    if isinstance(reply, dict) and "words" in reply:
        event["reply"] = {"code": reply["code"], "status": reply["status"], "text": reply["words"]}
    return event


def _first_line(_logger: object, _name: str, event: EventDict) -> EventDict:
    # asyncio says on the first line what went wrong and quotes the exception on the next ones.
    return {**event, "event": str(event["event"]).partition("\n")[0]}


def _fault(_logger: object, _name: str, event: EventDict) -> EventDict:
    """An exception as one line: what it was and where, without words that it may quote."""
    given = event.pop("exc_info", None)
    fault = given[1] if isinstance(given, tuple) else given
    if fault is True:
        fault = sys.exc_info()[1]
    if isinstance(fault, BaseException):
        event["fault"] = type(fault).__name__
        event["where"] = [
            f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(fault.__traceback__, limit=-8)
        ]
        if isinstance(fault, _OUTSPOKEN):
            event["words"] = str(fault)
    return event


def _json(_logger: object, _name: str, event: EventDict) -> str:
    """ASCII on one line: the encoder itself escapes all that is not printable."""
    first = {"timestamp": "", "level": "", "event": ""}
    return _encode({**first, **event})


def _terse(_logger: object, _name: str, event: EventDict) -> EventDict:
    """The line of one mail, short enough for a terminal: what is empty is left out."""
    if event.get("event") != "mail" or "edits" not in event:
        return event
    rules = {one["rule"]: one["weight"] for one in event.get("rules", ())}
    short = {
        **event,
        "rules": " ".join(f"{rule}{weight:+g}" for rule, weight in rules.items()),
        "edits": " ".join(f"{one['offset']}+{one['added']}" for one in event["edits"]),
        "reply": _short(**event["reply"]),
        "copies": event["copies"] or "",
        "seconds": round(sum(event["seconds"].values()), 3),
    }
    return {key: value for key, value in short.items() if value not in ("", [])}


def _short(code: int, status: str, text: str) -> str:
    return " ".join(filter(None, (str(code), "" if text.startswith(status) else status, text)))


def _escape(_logger: object, _name: str, event: EventDict) -> EventDict:
    return {printable(key): _escaped(value) for key, value in event.items()}


def _escaped(value: Any) -> Any:
    match value:
        case str():
            return printable(value)
        case Mapping():
            return {_escaped(key): _escaped(item) for key, item in value.items()}
        case list() | tuple():
            return [_escaped(item) for item in value]
        case None | bool() | int() | float():
            return value
    return printable(str(value))


class _Lines:
    """Finished lines on their way to the handlers, past a `Logger` that would only cost time."""

    def __init__(self, handlers: list[logging.Handler]) -> None:
        self._handlers = handlers

    def info(self, text: str) -> None:
        record = logging.makeLogRecord({"name": _FINISHED, "msg": text})
        for handler in self._handlers:
            handler.handle(record)

    debug = warning = error = critical = info


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Gives other people's records our form and leaves our own finished lines alone."""

    def __init__(self, processors: list[Processor], foreign: list[Processor]) -> None:
        super().__init__(processors=processors, foreign_pre_chain=foreign)

    def format(self, record: logging.LogRecord) -> str:
        return str(record.msg) if record.name == _FINISHED else super().format(record)


def _handler(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
    file.parent.mkdir(parents=True, exist_ok=True)
    # dictConfig would wrap what goes wrong here in a ValueError without the file's name.
    file.open("ab").close()
    # Opens the file anew after logrotate has moved it.
    return {"class": "logging.handlers.WatchedFileHandler", "filename": file, "encoding": "utf-8"}


def _direct(handler: dict[str, Any], formatter: logging.Formatter, level: str) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": lambda: formatter}},
            "handlers": {"line": {**handler, "formatter": "line"}},
            "root": {"handlers": ["line"], "level": level.upper()},
            # Below errors aiosmtpd writes envelope addresses and whatever the client says.
            "loggers": {"mail": {"level": "ERROR"}},
        }
    )
