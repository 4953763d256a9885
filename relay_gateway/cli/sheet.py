"""What stands on a company's monthly statement, whatever it is printed on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from relay_gateway.cli import clerk, sayings
from relay_gateway.core.account import amount
from relay_gateway.core.chain import Head
from relay_gateway.core.credit import Event, Kind
from relay_gateway.core.funnel import LABELS
from relay_gateway.core.statement import Statement
from relay_gateway.core.tenant import Tenant

Value = str | int


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what it is, the value, and what is to be said of it."""

    label: str
    value: Value
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together; the first section has no title of its own."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A statement in one language. `done` of `whole` people stand towards the next credit."""

    title: str
    sections: tuple[Section, ...]
    done: int
    whole: int


def sheet(tenant: Tenant, month: str, its: Statement, head: Head, now: float) -> Sheet:
    """The statement as people read it; `now` says whether its period is over."""
    sections = (
        Section("", tuple(_head(tenant, its, now))),
        Section(str(sayings.FUNNEL), tuple(_funnel(its))),
        Section(str(sayings.UNCOUNTED_TITLE), tuple(_uncounted(its))),
        Section(str(sayings.ACCOUNT), tuple(_account(tenant, its))),
        Section(str(sayings.GRANTS), tuple(_grants(tenant, its))),
        Section(str(sayings.BY_HAND), tuple(_entries(tenant, its))),
        Section(str(sayings.PROOF), tuple(_proof(its, head))),
    )
    told = tuple(section for section in sections if section.rows)
    title = sayings.TITLE(month=month, name=tenant.name)
    return Sheet(title, told, its.account.towards_next, tenant.terms.per_credit)


def _head(tenant: Tenant, its: Statement, now: float) -> Iterator[Row]:
    terms = tenant.terms
    zone = str(tenant.calendar.zone)
    unfinished = f" {sayings.UNFINISHED}" if now < its.period.end else ""
    days = f"{its.period.first} – {its.period.last}"
    yield Row(str(sayings.PERIOD), days, f"{zone}{unfinished}")
    words = sayings.TERMS_IN_WORDS(
        people=terms.per_credit, grant=terms.grant, days=terms.dedupe_days
    )
    basis = str(sayings.BASES[terms.count_on])
    yield Row(str(sayings.BASIS), basis, f"{sayings.BASES_IN_WORDS[terms.count_on]} {words}")
    yield Row(str(sayings.HELPED), sayings.HELPED_VALUE(n=its.helped))


def _funnel(its: Statement) -> Iterator[Row]:
    for step in fields(its.funnel):
        label = str(sayings.LABELS[LABELS[step.name]])
        yield Row(str(sayings.STEPS[step.name]), getattr(its.funnel, step.name), label)
    yield Row(str(sayings.BEGAN), its.began)
    yield Row(str(sayings.ENDED), its.ended)


def _uncounted(its: Statement) -> Iterator[Row]:
    for reason, number in its.uncounted.items():
        yield Row(str(sayings.REASONS[reason]), number, reason)


def _account(tenant: Tenant, its: Statement) -> Iterator[Row]:
    account, per_credit = its.account, tenant.terms.per_credit
    yield Row(str(sayings.CUMULATIVE), account.people)
    # Not 3/10: a spreadsheet would take that for a day in March.
    yield Row(str(sayings.TOWARDS), f"{account.towards_next} / {per_credit}")
    yield Row(str(sayings.EARNED_NOW), its.earned)
    yield Row(str(sayings.USED_NOW), its.used)
    yield Row(str(sayings.EARNED_ALL), account.earned)
    yield Row(str(sayings.USED_ALL), account.used)
    for label, number in (
        (sayings.REVOKED_ALL, account.revoked),
        (sayings.ADJUSTED_ALL, account.adjusted),
        (sayings.EXPIRED_ALL, account.expired),
        (sayings.DEFICIT_ALL, account.deficit),
    ):
        if number:
            yield Row(str(label), number)
    yield Row(str(sayings.LEFT_ALL), account.left)
    each = tenant.terms.value_yen
    if each is not None:
        yen = sayings.YEN(yen=account.credits * each)
        yield Row(str(sayings.VALUE), yen, sayings.VALUE_NOTE(each=each))


def _grants(tenant: Tenant, its: Statement) -> Iterator[Row]:
    for grant in its.account.grants:
        if grant.at >= its.period.start:
            taken = grant.revoked_at
            note = "" if taken is None else sayings.GRANT_REVOKED(at=clerk.moment(taken, tenant))
            yield Row(f"{sayings.GRANT} {clerk.moment(grant.at, tenant)}", grant.credits, note)


def _entries(tenant: Tenant, its: Statement) -> Iterator[Row]:
    for entry in its.entries:
        signed = -amount(entry) if entry.kind is Kind.REDEEMED else amount(entry)
        yield Row(str(sayings.ENTRIES[entry.kind]), signed, _entry_note(entry, tenant))


def _entry_note(entry: Event, tenant: Tenant) -> str:
    why = entry.fact("why") or entry.fact("note")
    said = f": {why}" if why else ""
    return sayings.ENTRY_NOTE(at=clerk.day(entry.at, tenant), by=entry.fact("by"), why=said)


def _proof(its: Statement, head: Head) -> Iterator[Row]:
    if its.rulesets:
        yield Row(str(sayings.RULESETS), ", ".join(its.rulesets))
    yield Row(str(sayings.DIGEST), head.digest, sayings.DIGEST_NOTE(entries=head.entries))
    yield Row(str(sayings.COVERAGE), str(sayings.COVERAGE_NOTE))
