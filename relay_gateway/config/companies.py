"""The company files: each becomes a tenant, and no two may be taken for each other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from pathlib import Path

from relay_gateway.config import certificates, packs, secret, shape, suppress, wordings
from relay_gateway.config.book import Book
from relay_gateway.config.certificates import BadFile
from relay_gateway.config.company import (
    Approved,
    CompanyFile,
    Credits,
    ProofFile,
    ScopeFile,
    WebhookFile,
)
from relay_gateway.config.document import Document, Fault, Route
from relay_gateway.config.secret import BadSecret, Keys, MissingSecret
from relay_gateway.config.zone import zone
from relay_gateway.core import report
from relay_gateway.core.block import Wording
from relay_gateway.core.burst import Guard
from relay_gateway.core.credit import Terms
from relay_gateway.core.report import BadReport
from relay_gateway.core.statement import Calendar
from relay_gateway.core.tenant import Proof, Scope, Tenant


@dataclass(frozen=True, slots=True)
class Found:
    """The companies of a folder that are in order, and what is wrong with all of them.

    `cautions` say what may stay as it is, and has a price; `books` are of those with own rules.
    """

    tenants: tuple[Tenant, ...]
    missing_secrets: tuple[MissingSecret, ...]
    faults: tuple[Fault, ...]
    cautions: tuple[Fault, ...] = ()
    books: Mapping[str, Book] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Company:
    found: Document
    tenant: Tenant
    missing: MissingSecret | None
    cautions: tuple[Fault, ...]
    book: Book | None


def read(gateway: Document, name: str, rules: packs.Found, environ: Mapping[str, str]) -> Found:
    """All companies in the folder that the gateway's file names; `rules` are the gateway's."""
    folder = Path(gateway.file).parent / name
    paths = _paths(folder)
    if not paths:
        what = f"no company file stands in {folder}; write NAME.yaml there, one a company"
        return Found((), (), (gateway.at(("companies",), what),))
    faults: list[Fault] = []
    companies = tuple(
        company for path in paths if (company := _company(path, rules, environ, faults))
    )
    faults += _clashes(companies)
    missing = tuple(company.missing for company in companies if company.missing)
    cautions = tuple(caution for company in companies for caution in company.cautions)
    tenants = tuple(company.tenant for company in companies)
    books = {company.tenant.id: company.book for company in companies if company.book}
    return Found(tenants, missing, tuple(faults), cautions, books)


def _paths(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError):
        return []
    is_ours = [name for name in names if name.endswith((".yaml", ".yml")) and name[0] != "."]
    return [folder / name for name in is_ours]


def _company(
    path: Path, rules: packs.Found, environ: Mapping[str, str], faults: list[Fault]
) -> _Company | None:
    found, file, its_faults = shape.read(path, CompanyFile)
    faults += its_faults
    if file is None:
        return None
    said = wordings.read(found, file)
    own = packs.read(found, file.rules, rules) if file.rules else rules
    faults += [*_lacking(found, file, own.languages), *said.faults]
    faults += own.faults if file.rules else ()
    try:
        keys = secret.keys(file.secret, path.parent, environ)
    except BadSecret as problem:
        faults.append(found.at(("secret",), str(problem)))
        keys = (b"",)
    missing = None if keys else _missing(found, file)
    tenant = _tenant(file, keys or (missing.key if missing else b"",), said.wordings)
    try:
        tenant = replace(tenant, proof=_proof(file.proof, path.parent, environ))
    except BadFile as bad:
        faults.append(found.at(("proof", "header", "secret"), str(bad)))
    try:
        tenant = replace(tenant, scope=_suppressing(tenant.scope, file.scope, path.parent))
    except BadFile as bad:
        faults.append(found.at(("scope", "suppress_file"), str(bad)))
    try:
        hook_secrets = _hook_secrets(file.webhook, path.parent, environ)
        tenant = replace(tenant, hook_secrets=hook_secrets)
    except BadFile as bad:
        faults.append(found.at(("webhook", "secret"), str(bad)))
    book = own.book if file.rules else None
    tenant = replace(tenant, rules=book.rules if book else None)
    return _Company(found, tenant, missing, said.cautions, book)


def _proof(file: ProofFile, folder: Path, environ: Mapping[str, str]) -> Proof:
    ways = Proof(file.networks, frozenset(file.users), frozenset(file.certificates))
    if file.header is None:
        return ways
    values = certificates.values(file.header.secret, folder, environ)
    if any(len(value) < secret.SHORTEST for value in values):
        what = f"the secret of {file.header.name} has fewer than {secret.SHORTEST} characters"
        raise BadFile("secret", f"{what}; {secret.HOW}")
    return replace(ways, header=file.header.name.lower(), secrets=values)


def _hook_secrets(
    file: WebhookFile | None, folder: Path, environ: Mapping[str, str]
) -> tuple[bytes, ...]:
    if file is None:
        return ()
    try:
        lines = certificates.values(file.secret, folder, environ)
        return tuple(report.secret(line.decode("ascii", "replace")) for line in lines)
    except BadReport as bad:
        raise BadFile("secret", str(bad)) from None


def _suppressing(scope: Scope, file: ScopeFile, folder: Path) -> Scope:
    if file.suppress_file is None:
        return scope
    place = folder / file.suppress_file
    return replace(scope, suppress_file=str(place), suppressed=suppress.read(place))


def _missing(found: Document, file: CompanyFile) -> MissingSecret:
    path = Path(found.file).parent / (file.secret.file or "")
    what = f"the secret {path} does not exist yet; serve will create it"
    place = found.at(("secret", "file"), what)
    return MissingSecret(file.id, path, secret.new(), place)


def _tenant(file: CompanyFile, keys: Keys, words: Mapping[str, Wording]) -> Tenant:
    domains = frozenset(file.senders.domains)
    scope = file.scope
    return Tenant(
        id=file.id,
        name=file.name,
        mode=file.mode,
        domains=domains,
        addresses=frozenset(file.senders.addresses),
        internal_domains=domains | frozenset(file.internal_domains),
        link=file.link.url,
        front=file.link.front,
        languages=file.languages,
        keys=keys,
        wordings=words,
        terms=_terms(file.credits),
        guard=Guard(file.burst.per_hour, file.burst.factor, file.burst.floor),
        calendar=Calendar(file.statement.closing_day, zone(file.statement.timezone)),
        retention_days=file.credits.retention_days,
        scope=Scope(
            agencies=frozenset(scope.agencies),
            suppress=frozenset(scope.suppress),
            bulk_senders=frozenset(scope.bulk_senders),
            segments=frozenset(scope.segments),
            carriers=frozenset(scope.carriers),
            skip_tlds=frozenset(scope.skip_tlds),
            test_recipients=frozenset(scope.test_recipients),
            rewrites_dkim=scope.rewrites_dkim,
        ),
        marker=file.marker,
        max_split=file.bulk.max_split,
        since=_since(file.approved),
    )


def _since(approved: Approved | None) -> float:
    """The first moment of links, in seconds since the epoch; 0 if nobody has to approve."""
    if approved is None:
        return 0.0
    return datetime.combine(approved.since or approved.on, time(), UTC).timestamp()


def _terms(credits: Credits) -> Terms:
    return Terms(
        count_on=credits.count_on,
        per_credit=credits.per_credit,
        dedupe_days=credits.dedupe_days,
        grant=credits.grant,
        grant_on=credits.grant_on,
        settle_hours=credits.settle_hours,
        reversal_after_grant=credits.reversal_after_grant,
        expiry_days=credits.expiry_days,
        value_yen=credits.value_yen,
    )


def _lacking(
    found: Document, file: CompanyFile, languages: frozenset[str] | None
) -> Iterator[Fault]:
    for at, language in enumerate(file.languages):
        if languages is not None and language not in languages:
            what = f"no rules are loaded for {language}; add them to rules in the gateway's file"
            yield found.at(("languages", at), what)
    if not (file.senders.domains or file.senders.addresses):
        what = 'senders names nobody; write for example domains: ["acme.example"]'
        yield found.at(("senders",), what)


def _clashes(companies: Sequence[_Company]) -> Iterator[Fault]:
    """Each id, sender and secret has one owner; the one who comes second is named."""
    owners: dict[tuple[str, str | bytes], _Company] = {}
    for company in companies:
        for what, value, route in _claims(company):
            owner = owners.setdefault((what, value), company)
            if what == "sender" and owner is company:
                # A single address of one, in a domain of another.
                domain = str(value).rpartition("@")[2]
                owner = next((each for each in companies if domain in each.tenant.domains), owner)
            if owner is not company:
                shown = "" if isinstance(value, bytes) else f" {value}"
                said = f"the {what}{shown} is also that of {owner.found.file}"
                yield company.found.at(route, f"{said}; each company has its own")


def _claims(company: _Company) -> Iterator[tuple[str, str | bytes, Route]]:
    tenant = company.tenant
    yield "id", tenant.id, ("id",)
    senders = (company.found.value or {}).get("senders")
    for kind, owned in (("domains", tenant.domains), ("addresses", tenant.addresses)):
        listed = senders.get(kind, ()) if isinstance(senders, dict) else ()
        for at, written in enumerate(listed):
            name = str(written).lower().rstrip(".")
            if name in owned:
                yield "sender", name, ("senders", kind, at)
    for key in filter(None, tenant.keys):
        yield "secret", key, ("secret",)
