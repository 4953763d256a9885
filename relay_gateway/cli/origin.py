"""Where rules come from, and what own files changed, as people read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from rich.text import Text

from relay_gateway.cli import phrases
from relay_gateway.config.book import Book, Change, Origin
from relay_gateway.core.printable import printable
from relay_gateway.core.rules import Rule, State

_STYLES = {State.ON: "green", State.SHADOW: "yellow", State.OFF: "red"}


def place(origin: Origin) -> str:
    """`file:line`, as short as it leads there; of a shipped file the name is enough."""
    if origin.is_shipped:
        return f"{Path(origin.file).name}:{origin.line}"
    here = os.path.relpath(origin.file)
    return f"{origin.file if here.startswith('..') else here}:{origin.line}"


def changes(book: Book, company: str = "") -> Iterator[Text]:
    """One line for each thing that an own file changes or adds.

    Where no shipped rules of a language are loaded, the first own file is one line.
    """
    for language in dict.fromkeys(change.language for change in book.changes):
        its = [change for change in book.changes if change.language == language]
        head = f"{company + ' ' if company else ''}{language}: "
        if not company and _is_own_pack(book, language):
            first = [each for each in its if each.is_addition and each.by.file == its[0].by.file]
            file = place(its[0].by).rpartition(":")[0]
            said = phrases.OWN_PACK(count=len(first), file=file)
            yield Text.assemble((head, "bold"), printable(said))
            its = [change for change in its if change not in first]
        for change in its:
            yield _line(head, change)


def _is_own_pack(book: Book, language: str) -> bool:
    return not any(at.is_shipped for (its, _), at in book.origins.items() if its == language)


def _line(head: str, change: Change) -> Text:
    rule = change.after
    name = rule.name if rule else str(phrases.THRESHOLD)
    what = Text("; ").join(_deeds(change))
    was = f" ({_was(change.was)})" if change.was else ""
    by = phrases.BY(place=place(change.by))
    return Text.assemble((head, "bold"), f"{name}  ", what, (f"  {printable(by)}{was}", "dim"))


def _was(origin: Origin) -> str:
    return str(phrases.SHIPPED) if origin.is_shipped else printable(place(origin))


def _deeds(change: Change) -> Iterator[Text]:
    before, after = change.before, change.after
    if after is None:
        yield Text(f"{change.thresholds[0]:g} → {change.thresholds[1]:g}", "yellow")
        return
    if before is None:
        yield Text.assemble((str(phrases.ADDED), "green"), f", {after.role}, ", _state(after))
        return
    words = [name for name in _WORDS if getattr(before, name) != getattr(after, name)]
    if words:
        yield Text(phrases.REPLACED(keys=", ".join(words)), "yellow")
    if before.role != after.role:
        yield Text(f"is {before.role} → {after.role}", "yellow")
    if before.weight != after.weight:
        yield Text(f"weight {before.weight:g} → {after.weight:g}", "yellow")
    if before.state != after.state:
        yield Text.assemble(f"{before.state} → ", _state(after))
    if before == after:
        yield Text(str(phrases.REPEATED), "dim")


# Roles, weights and states are told with their values.
_WORDS = tuple(
    each.name
    for each in fields(Rule)
    if each.name not in ("name", "language", "role", "weight", "state")
)


def _state(rule: Rule) -> Text:
    return Text(str(rule.state), _STYLES[rule.state])
