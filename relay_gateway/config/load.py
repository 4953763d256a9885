"""All settings at once: one frozen `Config`, or everything that is wrong in any of the files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from relay_gateway.config import companies, doors, ledger, packs, secret, shape
from relay_gateway.config.book import Book
from relay_gateway.config.document import Document, Fault
from relay_gateway.config.doors import Listener, Onward, Web
from relay_gateway.config.ledger import LedgerPlace
from relay_gateway.config.models import (
    DEFAULT_RULES,
    GatewayFile,
    Limits,
    Listen,
    Log,
    NextHop,
    Timeouts,
)
from relay_gateway.config.secret import BadSecret, MissingSecret
from relay_gateway.core.decision import Policy
from relay_gateway.core.rules import build
from relay_gateway.core.tenant import Tenant

_NO_BOOK = Book(build(()), {})


class BadConfig(Exception):
    """Settings that cannot be used, with all their faults."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Config:
    """What the files say. Paths are ready to open; certificates and passwords are read.

    Without a `next_hop` mails are kept in `outbox`; without a `spool` the system chooses a folder;
    without `reproducers` none are kept; without `web` there is no web service.
    The keys of `missing_secrets` are in `policy` already, but written by `ensure_secrets` only.
    `cautions` say what may stay as it is, and has a price. `book` tells of the gateway's rules,
    `books` of those of companies that have their own.
    """

    path: Path
    listeners: tuple[Listener, ...]
    next_hop: Onward | None
    outbox: Path
    ledger: LedgerPlace
    policy: Policy
    log: Log
    limits: Limits
    timeouts: Timeouts
    workers: int
    thinkers: int
    spool: Path | None
    reproducers: Path | None
    pid_file: Path
    missing_secrets: tuple[MissingSecret, ...] = ()
    cautions: tuple[Fault, ...] = ()
    web: Web | None = None
    book: Book = _NO_BOOK
    books: Mapping[str, Book] = field(default_factory=dict)


def load(path: Path | str, environ: Mapping[str, str] | None = None) -> Config:
    """The settings that begin in this gateway file; `BadConfig` names all faults of all files."""
    path = Path(path)
    found, file, gateway_faults = shape.read(path, GatewayFile)
    if found.value is None:
        raise BadConfig(gateway_faults)
    variables = os.environ if environ is None else environ
    rules = packs.read(found, file.rules if file else _names(found))
    folder = str(file.companies if file else _folder(found))
    tenants = companies.read(found, folder, rules, variables)
    faults = (*gateway_faults, *rules.faults, *tenants.faults)
    if file is None:
        raise BadConfig(_in_order(faults))
    ways = _Ways(*doors.listeners(found, file), *doors.onward(found, file, variables))
    kept, bad_ledger = ledger.ledger(found, file, variables)
    web, bad_web = doors.web(found, file)
    bad_ways = (*ways.bad_listeners, *ways.bad_next_hop, *bad_ledger, *bad_web)
    faults += (*_crossed(found, file), *bad_ways)
    if faults or rules.book is None:
        raise BadConfig(_in_order(faults))
    limits = _limits(found, file)
    policy = Policy(tenants.tenants, rules.book.rules, limits.inspect_size)
    return replace(
        _config(path, file, ways, kept, policy),
        limits=limits,
        web=web,
        book=rules.book,
        books=tenants.books,
        missing_secrets=tenants.missing_secrets,
        cautions=_in_order((*tenants.cautions, *_unreached(found, file, tenants.tenants))),
    )


def ensure_secrets(config: Config) -> Config:
    """The same with every missing secret written to its file; `BadConfig` if one cannot be."""
    written, faults = {}, []
    for missing in config.missing_secrets:
        try:
            written[missing.tenant] = secret.create(missing)
        except BadSecret as problem:
            faults.append(replace(missing.place, what=str(problem)))
    if faults:
        raise BadConfig(tuple(faults))
    tenants = tuple(
        replace(tenant, keys=written.get(tenant.id, tenant.keys))
        for tenant in config.policy.tenants
    )
    return replace(config, policy=replace(config.policy, tenants=tenants), missing_secrets=())


@dataclass(frozen=True, slots=True)
class _Ways:
    listeners: tuple[Listener, ...]
    bad_listeners: tuple[Fault, ...]
    next_hop: Onward | None
    bad_next_hop: tuple[Fault, ...]


def _config(
    path: Path, file: GatewayFile, ways: _Ways, kept: LedgerPlace, policy: Policy
) -> Config:
    folder = path.parent
    log = replace(file.log, file=folder / file.log.file) if file.log.file else file.log
    return Config(
        path=path,
        listeners=ways.listeners,
        next_hop=ways.next_hop,
        outbox=folder / file.outbox,
        ledger=kept,
        policy=policy,
        log=log,
        limits=file.limits,
        timeouts=file.timeouts,
        workers=file.workers,
        thinkers=file.thinkers,
        spool=folder / file.spool if file.spool else None,
        reproducers=folder / file.reproducers if file.reproducers else None,
        pid_file=folder / file.pid_file
        if file.pid_file
        else kept.near.with_name(f"{path.stem}.pid"),
    )


def _names(found: Document) -> tuple[str, ...]:
    """The rules of a file that is not in order, so that their faults are told as well."""
    names = (found.value or {}).get("rules", DEFAULT_RULES)
    if not isinstance(names, list | tuple):
        return ()
    return tuple(name for name in names if isinstance(name, str))


def _folder(found: Document) -> str:
    name = (found.value or {}).get("companies")
    return name if isinstance(name, str) else "companies"


def _limits(found: Document, file: GatewayFile) -> Limits:
    """Whoever lowers the size of mails alone need not lower the size of those that are read."""
    if ("limits", "inspect_size") in found.values:
        return file.limits
    smaller = min(file.limits.inspect_size, file.limits.message_size)
    return replace(file.limits, inspect_size=smaller)


def _crossed(found: Document, file: GatewayFile) -> Iterator[Fault]:
    """What no single field can know."""
    limits = _limits(found, file)
    if limits.inspect_size > limits.message_size:
        what = "inspect_size is larger than message_size; lower it, or raise message_size"
        yield found.at(("limits", "inspect_size"), what)
    if file.next_hop and any(_is_same(listen, file.next_hop) for listen in file.listen):
        what = "next_hop is this gateway itself, so mail would go in circles; name the next server"
        yield found.at(("next_hop", "host"), what)


def _unreached(found: Document, file: GatewayFile, tenants: tuple[Tenant, ...]) -> Iterator[Fault]:
    """Companies that count on a web service that is not here; another gateway may run it."""
    names = ", ".join(each.id for each in tenants if each.front or each.hook_secrets)
    if names and file.web is None:
        what = f"the links or webhooks of {names} need a web service, and this gateway runs none"
        yield found.at(
            ("web",), f"{what}; write web: {{listen: 127.0.0.1:8025}} where it is to run"
        )


_HERE = {"localhost", "127.0.0.1", "::1"}
_ANYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on


def _is_same(listen: Listen, next_hop: NextHop) -> bool:
    if listen.port != next_hop.port:
        return False
    is_local = next_hop.host in _HERE and listen.host in _HERE | _ANYWHERE
    return is_local or listen.host == next_hop.host


def _in_order(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """File by file as they were read, each from top to bottom."""
    files = list(dict.fromkeys(fault.file for fault in faults))
    unique = dict.fromkeys(faults)
    return tuple(sorted(unique, key=lambda one: (files.index(one.file), one.line, one.column)))
