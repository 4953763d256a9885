"""Plays the lines of a dialog; `dialogs/README.md` says what they mean."""

from __future__ import annotations

import ipaddress
import ssl
from contextlib import AsyncExitStack
from typing import Any

from argon2 import PasswordHasher

from relay_gateway.core.access import Access
from relay_gateway.edge.smtp import Limits
from tests.certificates import authority
from tests.doubles import DROP, HANG, NextServer, Talker
from tests.edge.fronts import LOOPBACK, front, go_private

_NETWORKS = ("clients", "shared", "proxies", "forwarders")
# As little work as it can be: what it costs is shown elsewhere.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Stage:
    """One client, a front end, and a next server that does as it is told."""

    def __init__(self, server: NextServer, stack: AsyncExitStack) -> None:
        self._server, self._stack = server, stack
        self._access: dict[str, Any] = {"clients": LOOPBACK.clients}
        self._entrance: dict[str, Any] = {}
        self._limits: dict[str, int] = {}
        self._client: Talker | None = None
        self._mails = 0

    async def play(self, word: str, rest: str, where: str) -> None:
        """Play one line, and fail there if it does not come as it says."""
        match word:
            case ">":
                await (await self._talker()).say(_bytes(rest) + b"\r\n")
            case ">>":
                await (await self._talker()).say(_bytes(rest))
            case "<":
                heard = await self._heard()
                said = b"" if rest == "(closed)" else _bytes(rest)
                assert heard.startswith(said), f"{where}\nheard {heard!r}"
                assert bool(heard) is bool(said), f"{where}\nheard {heard!r}"
            case "TLS":
                names = rest.removeprefix("as ").split()
                await go_private(await self._talker(), authority().client(*names))
            case "next:":
                await self._direct(*rest.partition(" ")[::2])
            case _:
                self._set(word.rstrip(":"), rest) or self._check(word, rest, where)

    async def _heard(self) -> bytes:
        try:
            return await (await self._talker()).line()
        except ConnectionResetError:
            return b""

    def _set(self, name: str, value: str) -> bool:
        """Whether it is a setting of the front end, which has it then."""
        if name in _NETWORKS:
            self._access[name] = tuple(ipaddress.ip_network(one) for one in value.split())
        elif name == "names":
            self._access["names"] = frozenset(value.split())
        elif name == "tls":
            self._entrance |= {"tls": context()} | {f"is_{one}": True for one in value.split()}
        elif name == "user":
            user, password = value.split()
            self._entrance["users"] = {user: CHEAP.hash(password)}
        elif name == "limit":
            limit, _, number = value.partition("=")
            self._limits[limit] = int(number)
        return name in (*_NETWORKS, "names", "tls", "user", "limit")

    async def _direct(self, step: str, said: str) -> None:
        acts = {"drop": DROP, "hang": HANG}
        if step == "gone":
            await self._server.stop()
        elif said == "usual":
            del self._server.replies[step]
        else:
            self._server.replies[step] = acts.get(said, _bytes(said) + b"\r\n")

    def _check(self, word: str, rest: str, where: str) -> None:
        match word, rest:
            case "heard:", _:
                assert _bytes(rest) in self._server.lines, f"{where}\n{self._server.lines}"
            case "mail:", _:
                assert self._server.mails[self._mails].raw == _bytes(rest), where
                self._mails += 1
            case "no", "mail":
                assert len(self._server.mails) == self._mails, where
            case "no", "connection":
                assert self._server.connections == 0, where
            case _:
                raise AssertionError(f"{where}\nis no line of a dialog")

    async def _talker(self) -> Talker:
        if self._client is None:
            # Who is in none of the networks is heard only where there are other ways in.
            other = bool(self._entrance) or "shared" in self._access
            access = Access(**{**self._access, "has_other_ways": other})
            settings = {"access": access, "entrance": self._entrance}
            opened = front(self._server, limits=Limits(**self._limits), **settings)
            front_end = await self._stack.enter_async_context(opened)
            self._client = await Talker.at(front_end.port)
            self._stack.push_async_callback(self._client.close)
        return self._client


def context() -> ssl.SSLContext:
    """How a front end speaks TLS that asks for certificates, but goes without."""
    ours = authority().server("gateway.example")
    ours.load_verify_locations(authority().file)
    ours.verify_mode = ssl.CERT_OPTIONAL
    return ours


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")
