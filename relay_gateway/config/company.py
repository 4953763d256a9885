"""The company files. The sentences under the fields are shown by editors as help."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictInt, model_validator
from pydantic.dataclasses import dataclass

from relay_gateway.config import fields
from relay_gateway.config.fields import Count, Domain, Language, Location, Mailbox, Network
from relay_gateway.config.models import STRICT, SecretValue
from relay_gateway.core.credit import Basis, GrantOn, Reversal
from relay_gateway.core.segment import Segment
from relay_gateway.core.statement import LAST_DAY, TOKYO
from relay_gateway.core.template import MARKER
from relay_gateway.core.tenant import CARRIERS, SKIP_TLDS, Mode
from relay_gateway.core.words import LANGUAGES, Style


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Senders:
    """By these envelope senders a mail is known to be the company's."""

    domains: Annotated[tuple[Domain, ...], Field(examples=[["acme.example"]])] = ()
    """Every address at these domains; subdomains are written out."""
    addresses: Annotated[tuple[Mailbox, ...], Field(examples=[["saiyo@acme.example"]])] = ()
    """Single addresses."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ProofHeader:
    """A header field that only the company's mail platform knows; it never leaves the gateway."""

    name: Annotated[fields.Text, Field(pattern=fields.FIELD_NAME, examples=["X-Relay-Key"])]
    """The name of the field."""
    secret: Annotated[SecretValue, Field(examples=[{"env": "ACME_HEADER"}])]
    """Where its value is kept, of at least 32 characters; two lines while it is being changed."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ProofFile:
    """What shows, together with its senders, that a mail is the company's; one of these is enough.

    Without any, everybody who may send through the gateway is believed.
    """

    networks: Annotated[tuple[Network, ...], Field(examples=[["10.1.0.0/16"]])] = ()
    """The networks that it sends from."""
    users: Annotated[tuple[fields.Text, ...], Field(examples=[["acme"]])] = ()
    """The names that it logs in by."""
    certificates: Annotated[tuple[Domain, ...], Field(examples=[["mail.acme.example"]])] = ()
    """The names in its client certificate."""
    header: Annotated[ProofHeader | None, Field(examples=[{"name": "X-Relay-Key"}])] = None
    """A header field that its mail platform adds."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class SecretPlace:
    """Where the company's secret is kept; one of `env` and `file`, never the secret itself.

    The secret is one or more lines of at least 32 characters: the first signs links, all verify
    them (put a new one on top, keep the old), the last tells persons apart and never changes.
    """

    env: Annotated[fields.Text | None, Field(pattern=fields.VARIABLE)] = None
    """The name of an environment variable; its lines may also be separated by spaces."""
    file: Annotated[Location | None, Field(examples=["../../var/acme.secret"])] = None
    """The path of a file."""
    create: fields.Switch = False
    """Whether `serve` writes a new random secret to the file if it is missing."""

    @model_validator(mode="after")
    def _one_place(self) -> SecretPlace:
        if (self.env is None) == (self.file is None):
            raise fields.refuse("a secret has one place; write either env: NAME or file: PATH")
        if self.create and self.file is None:
            raise fields.refuse("only a file can be created; write file: PATH, or delete create")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Credits:
    """How referred persons become credits. Changes count anew and alter no event."""

    count_on: Basis = Basis.DELIVERED
    """delivered: the mail with the link was accepted; registered: the person registered."""
    per_credit: Count = 10
    """Persons that earn."""
    grant: Count = 1
    """Credits that they earn."""
    dedupe_days: Annotated[Count, Field(le=36500)] = 365
    """Days in which the same person is counted once."""
    grant_on: GrantOn = GrantOn.ACCEPTED
    """accepted: credits are earned at once; settled: when no bounce is to be expected any more."""
    settle_hours: Annotated[Count, Field(le=8760)] = 120
    """Hours without a bounce after which a mail is taken to have arrived."""
    reversal_after_grant: Reversal = Reversal.CARRY
    """When a person is voided who has earned a credit already. carry: the next credit takes one
    more; revoke_unused: a credit not used yet is taken back; none: nothing happens."""
    expiry_days: Annotated[Count | None, Field(le=36500, examples=[730])] = None
    """Days after which an unused credit is lost; never if left out."""
    value_yen: Annotated[StrictInt | None, Field(ge=1, le=100_000_000, examples=[300000])] = None
    """What one credit is worth to the company, in yen, for an estimate on its statements."""
    retention_days: Annotated[Count, Field(le=36500)] = 400
    """Days after a person's last event until the gateway, once a day, forgets who it was;
    longer than dedupe_days. Totals stay."""

    @model_validator(mode="after")
    def _keeps_long_enough(self) -> Credits:
        if self.retention_days <= self.dedupe_days:
            raise fields.refuse(
                f"whoever is forgotten after {self.retention_days} days would count again within"
                f" dedupe_days; write retention_days: {self.dedupe_days + 35}"
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class StatementFile:
    """When the company's months end, for its statements."""

    closing_day: Annotated[StrictInt, Field(ge=1, le=LAST_DAY)] = LAST_DAY
    """The last day of a month (締め日); 31 is the last of every month, also of shorter ones."""
    timezone: fields.Timezone = str(TOKYO)
    """The time zone of its days."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class BurstFile:
    """How many links an hour may bring before the company is stopped until
    `relay-gateway resume`: a mass mailing by mistake must not earn credits."""

    per_hour: Annotated[Count | None, Field(examples=[200])] = None
    """Links an hour; learnt from the busiest hour of the last 28 days if left out."""
    factor: Annotated[fields.Weight, Field(ge=1)] = 4.0
    """How many times that hour is still usual."""
    floor: Count = 100
    """Links an hour that are never too many, where they are learnt."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ScopeFile:
    """Whom the company does not want to reach with a link, and which letters."""

    agencies: Annotated[tuple[Domain, ...], Field(examples=[["agent.example"]])] = ()
    """Domains of recruiting agencies: a mail to them speaks about a candidate, not to one."""
    segments: Annotated[tuple[Segment, ...], Field(min_length=1, examples=[["any"]])] = (
        Segment.ANY,
        Segment.MID_CAREER,
    )
    """The kinds of hiring whose letters may carry the link: mid_career, new_graduate, internship,
    part_time, temporary; any for letters that do not say. A kind is for whom the linked page is."""
    carriers: Annotated[tuple[Domain, ...], Field(examples=[["softbank.ne.jp"]])] = CARRIERS
    """Domains whose subscribers can refuse every mail with a URL: their letters get the link only
    if there is a URL in them already."""
    skip_tlds: Annotated[tuple[fields.TopLevel, ...], Field(examples=[["de"]])] = SKIP_TLDS
    """Last labels of recipients' domains, of countries where the offer may count as advertising."""
    test_recipients: Annotated[tuple[Mailbox, ...], Field(examples=[["it@acme.example"]])] = ()
    """Addresses to try it out with: their letters get the link in mode monitor too, whether inside
    or outside the company, and are never counted."""
    suppress: Annotated[tuple[Mailbox, ...], Field(examples=[["taro@mail.example"]])] = ()
    """Persons who asked not to be sent the offer."""
    suppress_file: Annotated[Location | None, Field(examples=["../../var/acme.suppress"])] = None
    """The file of further such persons, as keyed hashes instead of addresses; it is written by
    `relay-gateway person suppress` and may be missing."""
    bulk_senders: Annotated[tuple[Mailbox, ...], Field(examples=[["ats@acme.example"]])] = ()
    """Own senders whose mails are marked as bulk and are letters all the same."""
    rewrites_dkim: fields.Switch = False
    """Whether mails that are DKIM-signed already may be changed, because the next hop signs them
    again. Otherwise they pass as they came: a broken signature keeps mails from arriving."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class BulkFile:
    """How one letter to several hidden recipients (BCC) is sent."""

    max_split: Annotated[int, Field(ge=1, le=200)] = 20
    """Each gets a copy with a link of their own, if they are no more than these; 1 never splits."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Approved:
    """Who has said yes to the company's links, for the record, and when they begin."""

    by: Annotated[fields.Text, Field(min_length=1, max_length=200, examples=["人事部長 佐藤"])]
    """Who."""
    on: Annotated[fields.Day, Field(examples=["2026-11-20"])]
    """When."""
    since: Annotated[fields.Day | None, Field(alias="from", examples=["2026-12-01"])] = None
    """The first day of links, in UTC; the day of the approval if left out."""


_OPT_OUT = "saiyo@acme.example"
_OPERATOR = "キャリアリレー株式会社 有料職業紹介事業許可番号 13-ユ-000000"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OwnWords:
    """The company's own words in one language, in place of the shipped ones. {link} stands alone on
    its line, {company} for the company's name. A text alone is for all letters."""

    any: Annotated[fields.Text | None, Field(examples=[fields.OWN_WORDS])] = None
    """For all letters, or for those of no kind below."""
    mid_career: Annotated[fields.Text | None, Field(examples=[fields.OWN_WORDS])] = None
    """For letters that speak of mid-career hiring (中途採用)."""
    new_graduate: Annotated[fields.Text | None, Field(examples=[fields.OWN_WORDS])] = None
    """For letters that speak of hiring new graduates (新卒採用)."""
    internship: Annotated[fields.Text | None, Field(examples=[fields.OWN_WORDS])] = None
    """For letters that speak of an internship (インターン)."""
    part_time: Annotated[fields.Text | None, Field(examples=[fields.OWN_WORDS])] = None
    """For letters that speak of part-time work (アルバイト、パート)."""
    temporary: Annotated[fields.Text | None, Field(examples=[fields.OWN_WORDS])] = None
    """For letters that speak of temporary work through an agency (派遣)."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class BlockFile:
    """How the offer is said: in which style, with which further lines, or in own words."""

    style: Style = Style.FULL
    """Of the shipped words. one_line: one line and the link; short: three; full: five."""
    own_name: Annotated[
        fields.Text | None, Field(alias="self", pattern=fields.OWN_NAME, examples=["当社"])
    ] = None
    """What the company calls itself in Japanese, 弊社 if left out: 当社, 当院, 当園 ..."""
    opt_out: Annotated[
        fields.ByLanguage, fields.OrText("any", _OPT_OUT), Field(examples=[_OPT_OUT])
    ] = Field(default_factory=dict)
    """A further line for those who want no such offers: a mail address to write to, or a sentence;
    a text alone is for all languages."""
    operator: Annotated[
        fields.ByLanguage, fields.OrText("any", _OPERATOR), Field(examples=[_OPERATOR])
    ] = Field(default_factory=dict)
    """A further line on who runs the service: its name and the number of its licence."""
    disclosure: fields.Switch = False
    """Whether a further line says that the company may get hiring support for referrals."""
    own: Annotated[
        dict[Language, Annotated[OwnWords, fields.OrText("any", fields.OWN_WORDS)]],
        Field(alias=fields.GATHERED),
    ] = Field(default_factory=dict)
    """The company's own words in this language: a text, or texts by kind of hiring."""


class LinkMode(StrEnum):
    """Whether links in letters lead to CareerRelay at once, or through us."""

    DIRECT = "direct"
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class LinkFile:
    """Where links lead, and on which way."""

    url: Annotated[fields.Link, Field(examples=["https://careerrelay.jp/c/acme"])]
    """The company's own CareerRelay URL; each mail gets a code at its end."""
    mode: LinkMode = LinkMode.DIRECT
    """direct: links in letters are this URL; redirect: they lead to `public`, which leads on."""
    public: Annotated[fields.Link | None, Field(examples=["https://go.acme.example"])] = None
    """Where the gateway's web service is reached from outside; letters get /r/CODE at its end."""

    @model_validator(mode="after")
    def _leads_somewhere(self) -> LinkFile:
        if self.mode is LinkMode.REDIRECT and self.public is None:
            how = "write for example public: https://go.acme.example"
            raise fields.refuse(f"redirect needs the address of the web service; {how}")
        return self

    @property
    def front(self) -> str:
        """What links in letters begin with, if they lead through us; else empty."""
        return f"{self.public}/r" if self.mode is LinkMode.REDIRECT else ""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class WebhookFile:
    """How CareerRelay and the mail system report registrations and bounces."""

    secret: Annotated[SecretValue, Field(examples=[{"env": "ACME_WEBHOOK"}])]
    """Where the secret that reports are signed with is kept: whsec_ and base64; several lines
    while it is being changed."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CompanyFile:
    """One company: its mails, its link, its words."""

    id: Annotated[fields.Text, Field(pattern=fields.COMPANY_ID, examples=["acme"])]
    """A short name for logs, links and the ledger; it never changes."""
    name: Annotated[fields.Text, Field(min_length=1, max_length=200, examples=["株式会社アクメ"])]
    """The name that stands for {company} in the block."""
    mode: Mode = Mode.MONITOR
    """monitor: judge and change nothing; live: add the link; paused: do nothing."""
    approved: Annotated[
        Approved | None, Field(examples=[{"by": "人事部長 佐藤", "on": "2026-11-20"}])
    ] = None
    """Who has approved the words and the rules, and from when links go out in mode live."""
    senders: Annotated[Senders, Field(examples=[{"domains": ["acme.example"]}])]
    """By these envelope senders a mail is known to be the company's."""
    proof: ProofFile = ProofFile()
    """What else must show that a mail is the company's, where several share the gateway."""
    internal_domains: Annotated[tuple[Domain, ...], Field(examples=[["acme-group.example"]])] = ()
    """Further domains of colleagues, who never get a link; senders.domains are among them."""
    link: Annotated[LinkFile, fields.OrLink(), Field(examples=["https://careerrelay.jp/c/acme"])]
    """The company's own CareerRelay URL; each mail gets a code at its end."""
    webhook: Annotated[
        WebhookFile | None, Field(examples=[{"secret": {"env": "ACME_WEBHOOK"}}])
    ] = None
    """How registrations and bounces are reported; see docs/web.md."""
    languages: Annotated[tuple[Language, ...], Field(min_length=1, examples=[["ja"]])] = ("ja",)
    """The languages of letters that may carry the link. In some countries the offer counts as
    advertising: ask before adding one."""
    rules: Annotated[tuple[fields.Text, ...], Field(examples=[["../rules/acme.yaml"]])] = ()
    """The company's own rules files, for its mails alone; they come after the gateway's."""
    secret: Annotated[SecretPlace, Field(examples=[{"env": "ACME_SECRET"}])]
    """Where the company's secret is kept."""
    block: Annotated[
        BlockFile, fields.Gathered(LANGUAGES), Field(examples=[{"style": "short"}])
    ] = Field(default_factory=BlockFile)
    """How the offer is said; the shipped words in full if left out."""
    marker: Annotated[
        fields.Text, Field(pattern=fields.MARKER, max_length=40, examples=[MARKER])
    ] = MARKER
    """What HR writes into a letter to exempt it; it is taken out before the letter leaves."""
    bulk: BulkFile = BulkFile()
    """What becomes of a letter to several hidden recipients."""
    credits: Credits = Credits()
    """How referred persons become credits."""
    statement: StatementFile = StatementFile()
    """When its months end, for its statements."""
    burst: BurstFile = BurstFile()
    """How many links an hour are too many."""
    scope: ScopeFile = ScopeFile()
    """Whom the company does not want to reach with a link."""
