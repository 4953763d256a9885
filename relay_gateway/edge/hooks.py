"""Webhooks in the Standard Webhooks form: who may tell, whether it is told again, and the answer.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from relay_gateway.core import report
from relay_gateway.core.report import BadReport
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge.hook_store import HookStore, Kept
from relay_gateway.edge.intake import Intake, Taken
from relay_gateway.gateway import Clock

log = structlog.get_logger()

LARGEST = 64 * 1024
REGISTERED, BOUNCED = "registered", "bounced"


@dataclass(frozen=True, slots=True)
class Post:
    """A report as it came: the three header fields and the raw body."""

    id: str
    timestamp: str
    signatures: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of HTTP and what stands in the body."""

    status: int
    said: Mapping[str, str]


class Hooks:
    """Takes reports for these companies, each signed with one of its webhook secrets."""

    def __init__(
        self, tenants: tuple[Tenant, ...], intake: Intake, store: HookStore, clock: Clock
    ) -> None:
        self._tenants = tuple(tenant for tenant in tenants if tenant.hook_secrets)
        self._intake = intake
        self._store = store
        self._clock = clock

    @property
    def is_open(self) -> bool:
        """Whether any company has a secret to sign with."""
        return bool(self._tenants)

    async def take(self, kind: str, post: Post) -> Answer:
        """The answer to a report; what is answered with 2yz need not be sent again."""
        if not post.id or not report.is_fresh(post.timestamp, self._clock.now()):
            how = "send webhook-id, and webhook-timestamp with the seconds of now"
            return _refusal(401, f"the report is not of the last five minutes; {how}")
        tenants = self._signers(post)
        if not tenants:
            how = "sign webhook-id.webhook-timestamp.body with the company's webhook.secret"
            return _refusal(401, f"no company's secret has made webhook-signature; {how}")
        try:
            if await self._store.is_answered(post.id):
                return Answer(200, {"status": "duplicate"})
            taken = await self._take(kind, report.fields(post.body), tenants)
            # Only now: what fails before this line is sent again by the same id.
            await self._store.answered(post.id, self._clock.now())
        except BadReport as why:
            return _refusal(422, str(why))
        except OSError as fault:
            log.error("report_failed", kind=kind, words=str(fault))
            return _refusal(503, "the report cannot be kept at the moment; send it again later")
        companies = ",".join(tenant.id for tenant in tenants)
        log.info("report", kind=kind, companies=companies, taken=str(taken))
        return Answer(_STATUS.get(taken, 200), {"status": _WORDS[taken]})

    async def retry(self) -> None:
        """Take what was kept for later, as far as there is a company now that has signed it."""
        try:
            for kept in await self._store.kept():
                tenants = tuple(each for each in self._tenants if each.id in kept.companies)
                if await self._told(kept.kind, kept.fields, tenants) is not Taken.STRANGE:
                    await self._store.drop(kept)
        except (OSError, BadReport) as fault:
            log.error("report_failed", kind="kept", words=str(fault))

    def _signers(self, post: Post) -> tuple[Tenant, ...]:
        return tuple(
            tenant
            for tenant in self._tenants
            if report.is_signed(
                tenant.hook_secrets, post.id, post.timestamp, post.signatures, post.body
            )
        )

    async def _take(
        self, kind: str, fields: Mapping[str, object], tenants: tuple[Tenant, ...]
    ) -> Taken:
        taken = await self._told(kind, fields, tenants)
        if taken is Taken.STRANGE:
            companies = tuple(tenant.id for tenant in tenants)
            # Checked by now: only texts are left, and none of them names anybody.
            texts = {name: str(value) for name, value in fields.items() if name != "test"}
            if not await self._store.keep(Kept(kind, texts, companies)):
                log.warning("report_dropped", kind=kind)
        return taken

    async def _told(
        self, kind: str, fields: Mapping[str, object], tenants: tuple[Tenant, ...]
    ) -> Taken:
        if kind == BOUNCED:
            return await self._intake.bounced(tenants, report.bounce(fields))
        return await self._intake.registered(tenants, report.registration(fields))


# Known to nobody yet, and kept: neither a success nor a reason to send it again.
_STATUS = {Taken.EARLY: 202, Taken.STRANGE: 202}
_WORDS = {
    Taken.NEW: "taken",
    Taken.KNOWN: "duplicate",
    Taken.EARLY: "unknown token, kept for later",
    Taken.STRANGE: "unknown token, kept for later",
    Taken.TEST: "test, not counted",
    Taken.IGNORED: "not final, not counted",
}


def _refusal(status: int, why: str) -> Answer:
    return Answer(status, {"error": why})
