"""A company that the gateway works for, and what it asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from relay_gateway.core.access import Network
from relay_gateway.core.block import Wording
from relay_gateway.core.burst import Guard
from relay_gateway.core.credit import Terms
from relay_gateway.core.envelope import domain_of
from relay_gateway.core.rules import RuleSet
from relay_gateway.core.segment import Segment
from relay_gateway.core.statement import Calendar
from relay_gateway.core.template import MARKER

# SoftBank lets its subscribers refuse every mail that holds a URL
# (https://news.mynavi.jp/column/iphone_setting/017); these are the domains of its mailboxes.
CARRIERS = (
    "softbank.ne.jp",
    "i.softbank.jp",
    "disney.ne.jp",
    *(f"{letter}.vodafone.ne.jp" for letter in "cdhknqrst"),
    "vodafone.ne.jp",
)

# Where an offer of somebody else's below a notice may count as advertising that nobody asked for:
# Germany (BGH VI ZR 134/15), Korea ((광고) in the subject), and their neighbours in law.
SKIP_TLDS = tuple("de at ch fr it es pt nl be ie dk se no fi pl eu uk kr cn ca".split())


class Mode(StrEnum):
    """`monitor` judges and changes nothing; `live` adds links; `paused` does not even judge."""

    MONITOR = "monitor"
    LIVE = "live"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows, together with its senders, that a mail is a company's; one way is enough.

    `header` is the name, in lower case, of a field with one of the `secrets` as its value.
    Without any way whoever may send is believed.
    """

    networks: tuple[Network, ...] = ()
    users: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()
    header: str = ""
    secrets: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def is_asked(self) -> bool:
        """Whether any way is named."""
        return bool(self.networks or self.users or self.certificates or self.header)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a company never wants to reach with a link; domains and addresses in lower case.

    Only letters about these kinds of hiring get it, at `carriers` only those that hold a URL, at
    `skip_tlds` none. Letters to `test_recipients` get it uncounted. `suppressed` are the persons in
    `suppress_file`, as the ledger calls them. `rewrites_dkim` lets a mail be changed that a signer
    has already sealed, because the next hop signs it again.
    """

    agencies: frozenset[str] = frozenset()
    suppress: frozenset[str] = frozenset()
    suppress_file: str = ""
    suppressed: frozenset[str] = frozenset()
    bulk_senders: frozenset[str] = frozenset()
    segments: frozenset[Segment] = frozenset(Segment)
    carriers: frozenset[str] = frozenset()
    skip_tlds: frozenset[str] = frozenset()
    test_recipients: frozenset[str] = frozenset()
    rewrites_dkim: bool = False


@dataclass(frozen=True, slots=True)
class Tenant:
    """One company. `keys` are secret: the first signs links, all verify, the last names persons.

    `link` is the company's dedicated CareerRelay URL without a trailing slash. `marker` exempts a
    letter that holds it; one to at most `max_split` hidden recipients goes to each of them with a
    link of their own. In mode live links go out `since` a time, in seconds since the epoch.
    Persons may be forgotten `retention_days` after their last event. Without `rules` of its own it
    is judged by the gateway's. Links in letters begin with `front`, our own address, or with `link`
    if it is empty. Reports are signed with one of `hook_secrets`.
    """

    id: str
    name: str
    mode: Mode
    domains: frozenset[str]
    addresses: frozenset[str]
    internal_domains: frozenset[str]
    link: str
    languages: tuple[str, ...]
    keys: tuple[bytes, ...] = field(repr=False)
    wordings: Mapping[str, Wording]
    terms: Terms = field(default_factory=Terms)
    scope: Scope = field(default_factory=Scope)
    proof: Proof = field(default_factory=Proof)
    marker: str = MARKER
    max_split: int = 20
    since: float = 0.0
    guard: Guard = field(default_factory=Guard)
    calendar: Calendar = field(default_factory=Calendar)
    retention_days: int = 400
    rules: RuleSet | None = field(default=None, repr=False)
    front: str = ""
    hook_secrets: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def shown_link(self) -> str:
        """What links in letters begin with."""
        return self.front or self.link

    def sends(self, sender: bytes) -> bool:
        """Whether this envelope sender is one of the company's own."""
        address = sender.decode("utf-8", "replace").lower()
        return address in self.addresses or domain_of(sender) in self.domains
