"""The ways in and the way out: listeners and next hop, with certificates and passwords read."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from relay_gateway.config import certificates
from relay_gateway.config.certificates import BadFile
from relay_gateway.config.document import Document, Fault
from relay_gateway.config.fields import split_address
from relay_gateway.config.models import (
    GatewayFile,
    Listen,
    ListenTls,
    Newlines,
    NextHop,
    Tls,
    WebTls,
)
from relay_gateway.core.access import Access, Network


@dataclass(frozen=True, slots=True)
class Listener:
    """One address that mail is taken at. Port 0 lets the system choose."""

    host: str
    port: int
    hostname: str
    has_received: bool
    access: Access
    tls: ssl.SSLContext | None = None
    asking: ssl.SSLContext | None = None
    is_implicit: bool = False
    is_tls_required: bool = False
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    normalizes_newlines: bool = False

    @property
    def address(self) -> str:
        """Host and port as one writes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Onward:
    """The next hop: where it is, and what we show to it and want to be shown."""

    host: str
    port: int
    tls: Tls
    name: str
    context: ssl.SSLContext | None = None
    login: tuple[bytes, bytes] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Web:
    """Where the web service listens, and how much it answers a minute."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    proxies: tuple[Network, ...]
    rate: int
    total_rate: int
    watchers: tuple[Network, ...] = ()


def web(found: Document, file: GatewayFile) -> tuple[Web | None, tuple[Fault, ...]]:
    """The web service, if there is to be one and its files can be read; else what is wrong."""
    its = file.web
    if its is None:
        return None, ()
    try:
        folder = Path(found.file).parent
        tls = certificates.server_context(_as_listen(its.tls), folder) if its.tls else None
    except BadFile as bad:
        return None, (found.at(("web", "tls", bad.key), str(bad)),)
    host, port = split_address(its.listen)
    return Web(host, port, tls, its.proxies, its.rate, its.total_rate, its.metrics), ()


def _as_listen(tls: WebTls) -> ListenTls:
    return ListenTls(certificate=tls.certificate, key=tls.key, minimum=tls.minimum)


def listeners(found: Document, file: GatewayFile) -> tuple[tuple[Listener, ...], tuple[Fault, ...]]:
    """The listeners whose files can be read, and what is wrong with the others."""
    ready: list[Listener] = []
    faults: list[Fault] = []
    for at, listen in enumerate(file.listen):
        faults += _crossed(found, at, listen)
        try:
            ready.append(_listener(listen, Path(found.file).parent))
        except BadFile as bad:
            group = () if bad.key == "users" else ("tls",)
            faults.append(found.at(("listen", at, *group, bad.key), str(bad)))
    return tuple(ready), tuple(faults)


def onward(
    found: Document, file: GatewayFile, environ: Mapping[str, str]
) -> tuple[Onward | None, tuple[Fault, ...]]:
    """The next hop, if there is one whose files can be read, and what is wrong with it."""
    hop = file.next_hop
    if hop is None:
        return None, ()
    faults = list(_lacking_tls(found, hop))
    folder = Path(found.file).parent
    try:
        # A system's certificates take 20 ms to read; nobody asks for them without TLS.
        context = None if hop.tls is Tls.NONE else certificates.client_context(hop, folder)
        login = _login(hop, folder, environ)
    except BadFile as bad:
        group = ("login",) if bad.key == "secret" else ()
        faults.append(found.at(("next_hop", *group, bad.key), str(bad)))
        return None, tuple(faults)
    return Onward(hop.host, hop.port, hop.tls, hop.name or hop.host, context, login), tuple(faults)


def _listener(listen: Listen, folder: Path) -> Listener:
    tls = listen.tls
    return Listener(
        host=listen.host,
        port=listen.port,
        hostname=listen.hostname or socket.gethostname(),
        has_received=listen.received,
        access=_access(listen),
        tls=certificates.server_context(tls, folder) if tls else None,
        asking=certificates.asking_context(tls, folder) if tls else None,
        is_implicit=tls.implicit if tls else False,
        is_tls_required=tls.required if tls else False,
        users=certificates.users(folder / listen.users) if listen.users else {},
        normalizes_newlines=listen.bare_newlines is Newlines.NORMALIZE,
    )


def _access(listen: Listen) -> Access:
    tls = listen.tls
    return Access(
        clients=listen.clients,
        shared=listen.shared,
        names=frozenset(tls.client_names if tls else ()),
        proxies=listen.proxies,
        forwarders=listen.xforward,
        # A listener that nobody may use is a fault told apart from this.
        has_other_ways=_has_other_ways(listen) or not (listen.clients or listen.shared),
    )


def _has_other_ways(listen: Listen) -> bool:
    return listen.users is not None or (listen.tls is not None and listen.tls.client_ca is not None)


def _crossed(found: Document, at: int, listen: Listen) -> Iterator[Fault]:
    here = ("listen", at)
    if not (listen.clients or listen.shared or _has_other_ways(listen)):
        what = "clients is empty, so nobody could send; write the networks of your mail servers"
        yield found.at((*here, "clients"), f'{what}, for example ["10.0.0.0/8"]')
    if listen.users is not None and listen.tls is None:
        what = "users log in under TLS only; write tls: {certificate: FILE, key: FILE}"
        yield found.at((*here, "users"), what)
    if listen.tls and listen.tls.client_names and listen.tls.client_ca is None:
        what = "client_names can be believed only if a CA signs them; write client_ca: FILE"
        yield found.at((*here, "tls", "client_names"), what)


def _lacking_tls(found: Document, hop: NextHop) -> Iterator[Fault]:
    if hop.login is not None and hop.tls in (Tls.NONE, Tls.OPPORTUNISTIC):
        what = "a password is sent under TLS only; write tls: verify, require or implicit"
        yield found.at(("next_hop", "login"), what)


def _login(hop: NextHop, folder: Path, environ: Mapping[str, str]) -> tuple[bytes, bytes] | None:
    if hop.login is None:
        return None
    return hop.login.user.encode(), certificates.values(hop.login.secret, folder, environ)[0]
