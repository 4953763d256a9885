"""The three kinds of YAML files. The sentences under the fields are shown by editors as help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from relay_gateway.config import fields
from relay_gateway.config.fields import Count, Domain, Language, Location, Mailbox, Seconds, Size
from relay_gateway.core.credit import Basis
from relay_gateway.core.rules import Role, State, Where
from relay_gateway.core.tenant import Mode

STRICT = ConfigDict(extra="forbid", use_attribute_docstrings=True)
DEFAULT_RULES = ("ja", "en")


class Tls(StrEnum):
    """How the line to the next hop is encrypted."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    REQUIRE = "require"
    VERIFY = "verify"
    IMPLICIT = "implicit"


class LogFormat(StrEnum):
    """One JSON object a line for machines, or coloured lines for people."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Listen:
    """Where mail is taken, and from whom."""

    address: Annotated[fields.Address, Field(examples=["[::1]:2525"])] = "127.0.0.1:2525"
    """The address and port to listen on."""
    clients: Annotated[tuple[fields.Client, ...], Field(examples=[["10.0.0.0/8", "::1/128"]])]
    """The networks of the mail servers that may send through this gateway; all others are turned
    away. It must hold at least one: an open relay is found and abused within hours."""
    hostname: Annotated[fields.Host | None, Field(examples=["relay.acme.example"])] = None
    """The name that the gateway gives itself in greetings; the machine's own if left out."""
    received: fields.Switch = True
    """Whether each mail gets a Received: line of ours, as RFC 5321 asks of every relay."""

    @property
    def host(self) -> str:
        """The host of `address`, an IPv6 address without its brackets."""
        return fields.split_address(self.address)[0]

    @property
    def port(self) -> int:
        """The port of `address`; 0 lets the system choose."""
        return fields.split_address(self.address)[1]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class NextHop:
    """The mail server that every mail is handed on to."""

    host: Annotated[fields.Host, Field(examples=["mx.acme.example"])]
    """Its host name or IP address."""
    port: fields.Port = 25
    """Its port: 25, or 587 and 465 at mail services."""
    tls: Tls = Tls.OPPORTUNISTIC
    """none: never; opportunistic: if the server offers it; require: or do not send; verify: also
    check the certificate; implicit: from the first byte (port 465), and check it."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Log:
    """Where and how the gateway writes its log. It never holds addresses or words of a mail."""

    format: LogFormat = LogFormat.JSON
    """json for machines, console for people."""
    file: Annotated[Location | None, Field(examples=["../var/gateway.log"])] = None
    """The file to write to; standard error if left out."""
    level: LogLevel = LogLevel.INFO
    """The least that is written: debug, info, warning or error."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Limits:
    """What one client may ask of the gateway. Sizes are bytes or text such as `50 MiB`."""

    message_size: Size = 50 * 2**20
    """Larger mails are refused, as announced by SIZE."""
    inspect_size: Size = 10 * 2**20
    """Larger mails pass unread: a letter of refusal is small."""
    recipients: Count = 1000
    """Recipients of one mail."""
    connections: Count = 1000
    """Clients at the same time."""
    errors: Count = 20
    """Refused commands after which a client is disconnected."""
    hops: Count = 50
    """Received: lines after which a mail is taken to go in circles."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Timeouts:
    """How long the gateway waits, in seconds."""

    think: Seconds = 5.0
    """For the reading of one mail; then it goes on as it came."""
    client_command: Seconds = 300.0
    """For a client's next command."""
    client_data: Seconds = 180.0
    """For the next bytes of a client's mail."""
    connect: Seconds = 30.0
    """For a connection to the next hop."""
    reply: Seconds = 300.0
    """For the next hop's reply to a command."""
    final_dot: Seconds = 550.0
    """For the next hop's reply to a whole mail; clients wait 600 (RFC 5321, 4.5.3.2.6)."""
    stop: Seconds = 30.0
    """For the mails under way when the gateway is told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class GatewayFile:
    """One gateway: where it listens, whom it hands mail to, what it keeps."""

    listen: Annotated[Listen, Field(examples=[{"clients": ["10.0.0.0/8"]}])]
    """Where mail is taken, and from whom."""
    next_hop: Annotated[NextHop | None, Field(examples=[{"host": "mx.acme.example"}])] = None
    """The mail server that mails are handed on to. Left out, they are kept in the outbox."""
    outbox: Location = Path("../var/outbox")
    """The folder where mails are kept while there is no next_hop, to look at what would go out."""
    ledger: fields.Ledger = "sqlite:../var/ledger.sqlite3"
    """Where referrals are counted: sqlite: and the path of a file."""
    companies: Location = Path("companies")
    """The folder of the company files, one NAME.yaml each."""
    rules: Annotated[tuple[fields.Text, ...], Field(examples=[["ja", "./my.yaml"]])] = DEFAULT_RULES
    """The rules to find rejections by: shipped packs by language, own files by path. A rule in a
    later file takes the place of one with the same name and language before."""
    log: Log = Log()
    """Where and how the gateway writes its log."""
    limits: Limits = Limits()
    """What one client may ask of the gateway."""
    timeouts: Timeouts = Timeouts()
    """How long the gateway waits, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Senders:
    """By these envelope senders a mail is known to be the company's."""

    domains: Annotated[tuple[Domain, ...], Field(examples=[["acme.example"]])] = ()
    """Every address at these domains; subdomains are written out."""
    addresses: Annotated[tuple[Mailbox, ...], Field(examples=[["saiyo@acme.example"]])] = ()
    """Single addresses."""


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
    """How referred persons become credits."""

    count_on: Basis = Basis.DELIVERED
    """delivered: the mail with the link was accepted; registered: the person registered."""
    per_credit: Count = 10
    """Persons that make one credit."""
    dedupe_days: Annotated[Count, Field(le=36500)] = 365
    """Days in which the same person is counted once."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ScopeFile:
    """Whom the company does not want to reach with a link."""

    agencies: Annotated[tuple[Domain, ...], Field(examples=[["agent.example"]])] = ()
    """Domains of recruiting agencies: a mail to them speaks about a candidate, not to one."""
    suppress: Annotated[tuple[Mailbox, ...], Field(examples=[["taro@mail.example"]])] = ()
    """Persons who asked not to be sent the offer."""
    bulk_senders: Annotated[tuple[Mailbox, ...], Field(examples=[["ats@acme.example"]])] = ()
    """Own senders whose mails are marked as bulk and are letters all the same."""
    rewrites_dkim: fields.Switch = False
    """Whether mails that are DKIM-signed already may be changed, because the next hop signs them
    again. Otherwise they pass as they came: a broken signature keeps mails from arriving."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CompanyFile:
    """One company: its mails, its link, its words."""

    id: Annotated[fields.Text, Field(pattern=fields.COMPANY_ID, examples=["acme"])]
    """A short name for logs, links and the ledger; it never changes."""
    name: Annotated[fields.Text, Field(min_length=1, max_length=200, examples=["株式会社アクメ"])]
    """The name that stands for {company} in the block."""
    mode: Mode = Mode.MONITOR
    """monitor: judge and change nothing; live: add the link; paused: do nothing."""
    senders: Annotated[Senders, Field(examples=[{"domains": ["acme.example"]}])]
    """By these envelope senders a mail is known to be the company's."""
    internal_domains: Annotated[tuple[Domain, ...], Field(examples=[["acme-group.example"]])] = ()
    """Further domains of colleagues, who never get a link; senders.domains are among them."""
    link: Annotated[fields.Link, Field(examples=["https://careerrelay.jp/c/acme"])]
    """The company's own CareerRelay URL; each mail gets a code at its end."""
    languages: Annotated[tuple[Language, ...], Field(min_length=1, examples=[["ja"]])] = ("ja",)
    """The languages of letters that may carry the link. In some countries the offer counts as
    advertising: ask before adding one."""
    secret: Annotated[SecretPlace, Field(examples=[{"env": "ACME_SECRET"}])]
    """Where the company's secret is kept."""
    block: Annotated[
        dict[Language, fields.Text],
        Field(examples=[{"ja": "転職支援サービスをご案内いたします。\n{link}"}]),
    ] = Field(default_factory=dict)
    """The company's own words per language: {link} alone on a line, {company} for its name. The
    shipped words if left out."""
    credits: Credits = Credits()
    """How referred persons become credits."""
    scope: ScopeFile = ScopeFile()
    """Whom the company does not want to reach with a link."""


Pattern = Annotated[fields.Text, Field(max_length=4000)]
Words = Annotated[tuple[fields.Text, ...], Field(examples=[["採用を見送"]])]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RuleEntry:
    """One rule: it speaks where one of `words` stands or `says` matches in a sentence, where
    `needs` (if written) also matches and `unless` does not."""

    name: Annotated[fields.Text, Field(pattern=fields.RULE_NAME, examples=["see-off-hiring"])]
    """Its name in logs and explanations."""
    role: Annotated[Role, Field(alias="is", examples=["decision"])]
    """decision, context and addressee must all be found; support adds weight; guard takes back a
    decision in its sentence; veto anywhere leaves the mail alone."""
    words: Words = ()
    """Words as they stand in the normal form of a sentence."""
    says: Pattern = ""
    """An RE2 pattern; in single quotes."""
    needs: Pattern = ""
    """A pattern that the same sentence must also match."""
    unless: Pattern = ""
    """A pattern that the same sentence must not match."""
    where: Where = Where.BODY
    """subject, body or any."""
    weight: fields.Weight = 0.0
    """What it adds to the score."""
    state: State = State.ON
    """off, shadow (reported without effect) or on."""
    matches: Words = ()
    """Sentences that the rule must find, or it does not load."""
    spares: Words = ()
    """Sentences that the rule must leave alone, or it does not load."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RulesFile:
    """Rules of one language."""

    language: Annotated[Language, Field(examples=["ja"])]
    """The language of the letters that the rules read."""
    threshold: Annotated[fields.Weight | None, Field(examples=[4])] = None
    """The score that a rejection has to reach; a file that adds to a pack may leave it out."""
    rules: Annotated[tuple[RuleEntry, ...], Field(examples=[[]])]
    """The rules."""
