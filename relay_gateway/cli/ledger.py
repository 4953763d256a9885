"""`ledger`: is it whole, and how it is copied, carried elsewhere and read by others."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from relay_gateway.cli import ailments, books, lines, phrases, screen
from relay_gateway.cli.desk import config_option, settings
from relay_gateway.cli.tongue import lang_option
from relay_gateway.config import LedgerPlace
from relay_gateway.config.ledger import place
from relay_gateway.config.redis_url import BadPlace
from relay_gateway.core import chain
from relay_gateway.core.chain import Entry, Head
from relay_gateway.core.credit import Event
from relay_gateway.edge.journalled_ledger import JournalledLedger
from relay_gateway.edge.ledger import Ailment, Book, Complaint
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from relay_gateway.ledgers import book, store

_BROKEN = 1
_CONFIGURED = "configured"


@click.group()
def ledger() -> None:
    """Check, copy and move the events that credits are counted from."""


@ledger.command()
@click.option("--verify", is_flag=True, help="Compute every digest of every chain again.")
@lang_option
@config_option
def check(path: Path | None, *, verify: bool) -> None:
    """Say what the ledger holds, whether it is whole, and what to set at a Redis.

    Exits 1 if something is broken.
    """
    kept = settings(path).ledger
    found = books.look(kept, lambda ledger: _look(ledger, verify=verify), _Found())
    _print(kept, found)
    if found.faults:
        raise screen.Stopped("\n".join(found.faults), _BROKEN)


@ledger.command()
@click.option("--company", help="Only this company's.")
@config_option
def export(company: str | None, path: Path | None) -> None:
    """Print all entries as JSON lines, in the order of their chains, with salts and digests."""
    nothing: list[Entry] = []
    for entry in books.look(settings(path).ledger, lambda each: _all(each, company), nothing):
        click.echo(lines.line(entry))


@ledger.command()
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def backup(file: Path, path: Path | None) -> None:
    """Copy the ledger to FILE while the gateway runs; of a Redis, as JSON lines."""
    kept = settings(path).ledger
    if file.exists():
        raise screen.Stopped(f"{file} exists; name another file.", screen.CANNOT_WRITE)
    try:
        # Whole or not at all, and not for everybody.
        with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=".ledger-") as folder:
            draft = Path(folder) / file.name
            count = books.look(kept, lambda ledger: _copy(kept, ledger, draft), -1)
            if count < 0:
                raise screen.Stopped("There is nothing to copy.", screen.NO_INPUT)
            draft.chmod(0o640)
            os.link(draft, file)
    except OSError as problem:
        what = f"{file} cannot be written ({problem.strerror}); name another place."
        raise screen.Stopped(what, screen.CANNOT_WRITE) from problem
    screen.say(f"{file} holds {count} events.", "green")


@ledger.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@config_option
def migrate(source: str, target: str, path: Path | None) -> None:
    """Carry all entries FROM one ledger TO another, as they are: chains, salts and digests.

    Each is sqlite:PATH, the URL of a Redis, or `configured` for the ledger of the settings with its
    password; FROM may be a file of `ledger export`. Stop the gateways first. Doing it again carries
    what is new.
    """
    try:
        here, there = (_place(text, path) for text in (source, target))
    except BadPlace as bad:
        raise screen.Stopped(f"A ledger is {bad}.", screen.USAGE) from bad
    if there is None:
        raise screen.Stopped(
            f"{target} is no ledger; write sqlite:PATH, the URL of a Redis, or {_CONFIGURED}.",
            screen.USAGE,
        )
    try:
        entries, waiting = _source(source, here)
        counts = asyncio.run(_carry(entries, waiting, store(there)))
    except (OSError, lines.Unreadable) as problem:
        raise screen.Stopped(f"{problem}.", screen.IO_FAULT) from problem
    for tenant, (new, head) in counts.items():
        screen.say(f"{tenant}: {head.entries} events, {new} of them new, head {head.digest}.")
    screen.say(f"{there.name} holds all that {source} holds.", "green")


class _Found:
    """What stands in a ledger."""

    def __init__(self) -> None:
        self.kinds: dict[str, Counter[str]] = {}
        self.heads: dict[str, Head] = {}
        self.waiting = 0
        self.complaints: Sequence[Complaint] = ()
        self.faults: list[str] = []


async def _look(ledger: JournalledLedger, *, verify: bool) -> _Found:
    found = _Found()
    found.waiting = await ledger.backlog()
    found.complaints = await ledger.ledger.complaints()
    damage = [each for each in found.complaints if each.ailment is Ailment.DAMAGED]
    found.faults += [f"The ledger is damaged: {each.detail}." for each in damage]
    for tenant in await ledger.ledger.tenants():
        head = found.heads[tenant] = await ledger.head(tenant)
        entries = await ledger.entries(tenant)
        found.kinds[tenant] = Counter(str(entry.event.kind) for entry in entries)
        # Others may have written since the head was read, but not before the first of its entries.
        behind = len(entries) - (await ledger.head(tenant)).entries
        if chain.head(entries[: head.entries]) != head or not head.entries or behind > 0:
            found.faults.append(f"The entries of {tenant} do not lead to its head; {_RESTORE}")
        if verify and (at := chain.broken(entries)) is not None:
            found.faults.append(f"The chain of {tenant} breaks at entry {at + 1}; {_RESTORE}")
    return found


_RESTORE = "somebody has altered the ledger: compare it with a backup (ledger export)."


def _print(kept: LedgerPlace, found: _Found) -> None:
    console = screen.out()
    console.print(screen.fact(phrases.LEDGER, kept.name), soft_wrap=True)
    console.print(screen.fact(phrases.JOURNAL, f"{kept.journal}"), soft_wrap=True)
    console.print(ailments.WAITING(count=found.waiting))
    table = screen.table(
        phrases.COMPANY, ailments.EVENTS, ailments.KINDS, ailments.HEAD, numbers=(ailments.EVENTS,)
    )
    for tenant, kinds in found.kinds.items():
        told = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
        table.add_row(tenant, str(kinds.total()), told, found.heads[tenant].digest)
    if found.kinds:
        console.print(table)
    for complaint in found.complaints:
        if complaint.ailment in ailments.AILMENTS:
            said = ailments.AILMENTS[complaint.ailment](detail=complaint.detail)
            where = f"{complaint.where}: " if complaint.where else ""
            console.print(f"{where}{said}", style="yellow", soft_wrap=True)
    if not found.faults:
        console.print(str(ailments.WHOLE), style="green")


async def _all(ledger: Book, company: str | None) -> list[Entry]:
    names = [company] if company else await ledger.tenants()
    return [entry for name in names for entry in await ledger.entries(name)]


async def _copy(kept: LedgerPlace, ledger: JournalledLedger, draft: Path) -> int:
    if kept.path is None:
        return lines.write(draft, await _all(ledger, None))
    await SqliteLedger(kept.path, only_reads=True).backup(draft)
    return len(await _all(SqliteLedger(draft, only_reads=True), None))


def _place(text: str, path: Path | None) -> LedgerPlace | None:
    """The ledger that is meant; None for the path of a file."""
    if text == _CONFIGURED:
        return settings(path).ledger
    if text.startswith(("sqlite:", "redis")):
        return place(text, Path())
    return None


def _source(text: str, here: LedgerPlace | None) -> tuple[list[Entry], Sequence[Event]]:
    """All entries, and the events that wait beside them."""
    if here is None:
        return lines.read(Path(text)), ()
    return asyncio.run(_read(book(here, only_reads=True)))


async def _read(ledger: JournalledLedger) -> tuple[list[Entry], Sequence[Event]]:
    try:
        await ledger.open()
        waiting = [event for _, event in await ledger.journal.waiting()]
        return await _all(ledger.ledger, None), waiting
    finally:
        await ledger.close()


async def _carry(
    entries: Iterable[Entry], waiting: Iterable[Event], target: Book
) -> dict[str, tuple[int, Head]]:
    counts: dict[str, tuple[int, Head]] = {}
    try:
        await target.open()
        for tenant, chained in _by_tenant(entries):
            if (at := chain.broken(chained)) is not None:
                raise OSError(f"The chain of {tenant} breaks at entry {at + 1}; {_RESTORE[:-1]}")
            new = await target.restore(chained)
            if list(await target.entries(tenant)) != chained:
                raise OSError(f"The entries of {tenant} have not arrived as they were; try again")
            counts[tenant] = new, await target.head(tenant)
        for event in waiting:
            await target.record(event)
    finally:
        await target.close()
    return counts


def _by_tenant(entries: Iterable[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    chains: dict[str, list[Entry]] = {}
    for entry in entries:
        chains.setdefault(entry.event.tenant, []).append(entry)
    yield from chains.items()
