"""The gateway file and rule files. Editors show the sentences under the fields as help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, StrictInt, model_validator
from pydantic.dataclasses import dataclass

from relay_gateway.config import fields
from relay_gateway.config.fields import (
    Count,
    Domain,
    Language,
    Location,
    Network,
    Seconds,
    Size,
)
from relay_gateway.core.rules import Role, State, Where

STRICT = ConfigDict(extra="forbid")
# All that is shipped: a language that a company has not switched on is judged and reported.
DEFAULT_RULES = ("ja", "en", "zh", "ko", "de", "fr", "es", "pt")
DEFAULT_LEDGER = "sqlite:../var/ledger.sqlite3"


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


class Newlines(StrEnum):
    """What becomes of a mail in which a CR or LF stands alone."""

    REFUSE = "refuse"
    NORMALIZE = "normalize"


class LeastTls(StrEnum):
    """The oldest TLS that is spoken."""

    V1_2 = "1.2"
    V1_3 = "1.3"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ListenTls:
    """Our certificate, and those of clients."""

    certificate: Annotated[Location, Field(examples=["relay.pem"])]
    """The file of our certificate and of those that signed it, in PEM."""
    key: Annotated[Location | None, Field(examples=["relay.key"])] = None
    """The file of its private key, without a passphrase; in `certificate` if left out."""
    minimum: Annotated[LeastTls, fields.UNQUOTED] = LeastTls.V1_2
    """The oldest TLS that is spoken: 1.2 or 1.3."""
    implicit: fields.Switch = False
    """Whether TLS begins with the first byte (port 465), not after STARTTLS."""
    required: fields.Switch = False
    """Whether mail is taken under TLS only."""
    client_ca: Annotated[Location | None, Field(examples=["clients-ca.pem"])] = None
    """The file of the certificates, in PEM, that clients' certificates must be signed by. A client
    that shows one may bring the mail of a company that it proves (proof.certificates); who is in
    clients or shared is not asked for one."""
    client_names: Annotated[tuple[Domain, ...], Field(examples=[["mail.acme.example"]])] = ()
    """The names in clients' certificates that may send whatever they like."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Listen:
    """Where mail is taken, and from whom."""

    address: Annotated[fields.Address, Field(examples=["[::1]:2525"])] = "127.0.0.1:2525"
    """The address and port to listen on."""
    clients: Annotated[tuple[Network, ...], Field(examples=[["10.0.0.0/8", "::1/128"]])] = ()
    """The networks of the mail servers that may send through this gateway. Who is in none of them
    and has no other way in (shared, users, tls.client_ca) is turned away."""
    shared: Annotated[tuple[Network, ...], Field(examples=[["192.0.2.0/24"]])] = ()
    """Networks that others send from as well, such as those of a mail platform: only mail that
    proves its company (proof in the company's file) is taken from them."""
    hostname: Annotated[fields.Host | None, Field(examples=["relay.acme.example"])] = None
    """The name that the gateway gives itself in greetings; the machine's own if left out."""
    received: fields.Switch = True
    """Whether each mail gets a Received: line of ours, as RFC 5321 asks of every relay."""
    tls: Annotated[ListenTls | None, Field(examples=[{"certificate": "relay.pem"}])] = None
    """Our certificate; without one STARTTLS and AUTH are not offered."""
    users: Annotated[Location | None, Field(examples=["users"])] = None
    """The file of those who may send after logging in (AUTH), one `name:hash` a line; make one
    with `relay-gateway password`. Needs tls."""
    proxies: Annotated[tuple[Network, ...], Field(examples=[["10.0.0.5/32"]])] = ()
    """Load balancers that begin each connection with the PROXY protocol; others must not."""
    xforward: Annotated[tuple[Network, ...], Field(examples=[["127.0.0.1/32"]])] = ()
    """Mail servers that are believed when they say by XFORWARD where a mail came from."""
    bare_newlines: Newlines = Newlines.REFUSE
    """refuse: a mail with a lone CR or LF is refused; normalize: they become CRLF."""

    @property
    def host(self) -> str:
        """The host of `address`, an IPv6 address without its brackets."""
        return fields.split_address(self.address)[0]

    @property
    def port(self) -> int:
        """The port of `address`; 0 lets the system choose."""
        return fields.split_address(self.address)[1]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class SecretValue:
    """Where a password or secret is kept; one of `env` and `file`, never the secret itself."""

    env: Annotated[fields.Text | None, Field(pattern=fields.VARIABLE)] = None
    """The name of an environment variable."""
    file: Annotated[Location | None, Field(examples=["next-hop.password"])] = None
    """The path of a file."""

    @model_validator(mode="after")
    def _one_place(self) -> SecretValue:
        if (self.env is None) == (self.file is None):
            raise fields.refuse("a secret has one place; write either env: NAME or file: PATH")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Login:
    """How the gateway logs in at the next hop (AUTH); under TLS only."""

    user: Annotated[fields.Text, Field(min_length=1, examples=["relay@acme.example"])]
    """The name."""
    secret: Annotated[SecretValue, Field(examples=[{"env": "NEXT_HOP_PASSWORD"}])]
    """Where the password is kept."""


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
    name: Annotated[fields.Host | None, Field(examples=["mx.acme.example"])] = None
    """The name that its certificate must show; `host` if left out."""
    ca: Annotated[Location | None, Field(examples=["next-hop-ca.pem"])] = None
    """The file of the certificates, in PEM, that its own must be signed by; those that the system
    trusts if left out."""
    certificate: Annotated[Location | None, Field(examples=["relay.pem"])] = None
    """The file of the certificate that we show it, in PEM."""
    key: Annotated[Location | None, Field(examples=["relay.key"])] = None
    """The file of that certificate's private key; in `certificate` if left out."""
    login: Annotated[Login | None, Field(examples=[{"user": "relay"}])] = None
    """How the gateway logs in, if it has to."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Ledger:
    """Where referrals are counted, and where their events wait while it is away."""

    url: Annotated[fields.Ledger, Field(examples=[DEFAULT_LEDGER])] = DEFAULT_LEDGER
    """sqlite: and the path of a file; or a Redis or Valkey, which several gateways may share:
    redis://HOST:PORT/0, redis+sentinel://HOST:PORT,HOST:PORT/NAME/0, redis+cluster://HOST,HOST;
    rediss under TLS."""
    user: Annotated[fields.Text | None, Field(min_length=1, examples=["relay"])] = None
    """The name that the gateway logs in by at a Redis, if it has users."""
    secret: Annotated[SecretValue | None, Field(examples=[{"env": "REDIS_PASSWORD"}])] = None
    """Where its password is kept."""
    sentinel_secret: Annotated[SecretValue | None, Field(examples=[{"file": "sentinel"}])] = None
    """Where the Sentinels' own password is kept, if they have one."""
    ca: Annotated[Location | None, Field(examples=["redis-ca.pem"])] = None
    """The file of the certificates, in PEM, that a Redis under TLS must be signed by; those that
    the system trusts if left out."""
    certificate: Annotated[Location | None, Field(examples=["redis-client.pem"])] = None
    """The file of the certificate that we show a Redis under TLS (tls-auth-clients), in PEM."""
    key: Annotated[Location | None, Field(examples=["redis-client.key"])] = None
    """The file of that certificate's private key; in `certificate` if left out."""
    journal: Annotated[Location | None, Field(examples=["../var/journal.sqlite3"])] = None
    """The file on this host where events wait while the ledger is away; beside a SQLite ledger, and
    ../var/journal.sqlite3 for a Redis, if left out."""
    patience: Seconds | None = None
    """How long a mail waits for the ledger before its event goes into the journal: 0.25 seconds for
    a Redis and 2 for SQLite if left out."""
    wait_replicas: Annotated[StrictInt, Field(ge=0, le=9)] = 0
    """How many replicas of a Redis must have an event before it counts as kept (WAIT)."""
    wait_seconds: Seconds = 0.2
    """How long they may take."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class WebTls:
    """The web service's certificate."""

    certificate: Annotated[Location, Field(examples=["web.pem"])]
    """The file of its certificate and of those that signed it, in PEM."""
    key: Annotated[Location | None, Field(examples=["web.key"])] = None
    """The file of its private key, without a passphrase; in `certificate` if left out."""
    minimum: Annotated[LeastTls, fields.UNQUOTED] = LeastTls.V1_2
    """The oldest TLS that is spoken: 1.2 or 1.3."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class WebFile:
    """The web service: links that lead through us, and webhooks."""

    listen: Annotated[fields.Address, Field(examples=["127.0.0.1:8025"])] = "127.0.0.1:8025"
    """The address and port to listen on."""
    tls: Annotated[WebTls | None, Field(examples=[{"certificate": "web.pem"}])] = None
    """Its certificate; without one a proxy before it speaks TLS."""
    proxies: Annotated[tuple[Network, ...], Field(examples=[["127.0.0.1/32"]])] = ()
    """The proxies that are believed when they say by X-Forwarded-For who asks."""
    metrics: Annotated[tuple[Network, ...], Field(examples=[["127.0.0.1/32"]])] = ()
    """The networks from which /metrics may be seen; nobody's if left out."""
    rate: Count = 300
    """Requests a minute that one address may make of each worker process."""
    total_rate: Count = 6000
    """Requests a minute that all may make together of each worker process."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Log:
    """Where and how the gateway writes its log. It never holds addresses or words of a mail."""

    format: LogFormat = LogFormat.JSON
    """json for machines, console for people."""
    file: Annotated[Location | None, Field(examples=["../var/gateway.log"])] = None
    """The file to write to; standard error if left out."""
    level: LogLevel = LogLevel.INFO
    """The least that is written: debug, info, warning or error."""
    reply_words: fields.Switch = False
    """Whether the words of other servers' replies are written: they may name a person."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Limits:
    """What one client may ask of the gateway. Sizes are bytes or text such as `50 MiB`."""

    message_size: Size = 50 * 2**20
    """Larger mails are refused, as announced by SIZE."""
    inspect_size: Size = 10 * 2**20
    """Larger mails pass unread: a letter of refusal is small."""
    recipients: Count = 1000
    """Recipients of one mail."""
    connections: Count = 2000
    """Clients at the same time, of each worker process."""
    connections_per_address: Count = 1500
    """Clients at the same time from one address; what is left over is kept for the others."""
    connections_of_strangers: Count = 100
    """Clients at the same time that have not yet shown that they may send."""
    commands: Count = 500
    """Commands between two mails that name no recipient, after which a client is disconnected."""
    data_rate: Count = 500
    """Bytes a second that a client has to send of a mail, on the average."""
    spool_size: Size = 2**20
    """Larger mails are kept on disk, not in memory, while they are on their way."""
    errors: Count = 20
    """Refused commands after which a client is disconnected."""
    hops: Count = 50
    """Received: lines after which a mail is taken to go in circles."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Timeouts:
    """How long the gateway waits, in seconds."""

    think: Seconds = 2.0
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
    """For the next hop, from DATA to its last reply; clients wait 600 (RFC 5321, 4.5.3.2.6)."""
    stop: Seconds = 30.0
    """For the mails under way when the gateway is told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class GatewayFile:
    """One gateway: where it listens, whom it hands mail to, what it keeps."""

    listen: Annotated[
        tuple[Listen, ...],
        fields.OneOrMore(),
        Field(min_length=1, examples=[{"clients": ["10.0.0.0/8"]}]),
    ]
    """Where mail is taken, and from whom; a list of these if there are several addresses."""
    next_hop: Annotated[NextHop | None, Field(examples=[{"host": "mx.acme.example"}])] = None
    """The mail server that mails are handed on to. Left out, they are kept in the outbox."""
    outbox: Location = Path("../var/outbox")
    """The folder where mails are kept while there is no next_hop, to look at what would go out."""
    ledger: Annotated[Ledger, fields.OrText("url", DEFAULT_LEDGER)] = Ledger()
    """Where referrals are counted: sqlite: and the path of a file, the URL of a Redis, or a group
    with `url` and more."""
    companies: Location = Path("companies")
    """The folder of the company files, one NAME.yaml each."""
    rules: Annotated[tuple[fields.Text, ...], Field(examples=[["ja", "./my.yaml"]])] = DEFAULT_RULES
    """The rules to find rejections by: shipped packs by language, own files by path. A rule in a
    later file takes the place of one with the same name and language before, or changes its weight
    or state; `relay-gateway check` tells each."""
    web: Annotated[WebFile | None, Field(examples=[{"listen": "127.0.0.1:8025"}])] = None
    """The web service, for link.mode redirect and for webhooks; there is none if left out."""
    log: Log = Log()
    """Where and how the gateway writes its log."""
    limits: Limits = Limits()
    """What one client may ask of the gateway."""
    timeouts: Timeouts = Timeouts()
    """How long the gateway waits, in seconds."""
    workers: Annotated[Count, Field(le=64)] = 1
    """Processes that take mail on the same addresses."""
    thinkers: Annotated[Count, Field(le=64)] = 2
    """Processes that each worker has mails judged in."""
    spool: Annotated[Location | None, Field(examples=["../var/spool"])] = None
    """The folder for mails over limits.spool_size while they are on their way; the system's folder
    for temporary files if left out. Nothing is left there after a crash."""
    reproducers: Annotated[Location | None, Field(examples=["../var/reproducers"])] = None
    """The folder for mails, without their words, that a fault of the gateway's has left as they
    came, to be sent to us; at most 20 files. None are kept if left out."""
    pid_file: Annotated[Location | None, Field(examples=["/run/relay-gateway.pid"])] = None
    """The file by which `relay-gateway reload` finds the gateway; beside the ledger if left out."""


Pattern = Annotated[fields.Text, Field(max_length=4000)]
Patterns = Annotated[tuple[Pattern, ...], fields.OneOrMore()]
Words = Annotated[tuple[fields.Text, ...], Field(examples=[["採用を見送"]])]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RuleEntry:
    """One rule: it speaks where one of `words` stands or one of `says` matches in a sentence, where
    one of `needs` (if written) also matches and none of `unless` does. With nothing but `name` and
    `weight` or `state` it changes the rule of that name in the files before."""

    name: Annotated[fields.Text, Field(pattern=fields.RULE_NAME, examples=["see-off-hiring"])]
    """Its name in logs and explanations."""
    role: Annotated[Role | None, Field(alias="is", examples=["decision"])] = None
    """decision, context and addressee must all be found; support adds weight; guard takes back a
    decision in its sentence; veto anywhere leaves the mail alone."""
    words: Words = ()
    """Words as they stand in the normal form of a sentence."""
    says: Annotated[Patterns, Field(examples=["採用.{0,12}見送"])] = ()
    """An RE2 pattern in single quotes, or a list of them."""
    needs: Patterns = ()
    """Patterns of which the same sentence must match one, too."""
    unless: Patterns = ()
    """Patterns of which the same sentence must match none."""
    yields_to: Words = ()
    """Names of rules; where one of them speaks in the letter, this one keeps silent."""
    where: Where = Where.BODY
    """subject, body or any."""
    weight: fields.Weight | None = None
    """What it adds to the score; nothing if left out."""
    state: State | None = None
    """off, shadow (reported without effect) or on, as it is if left out."""
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
