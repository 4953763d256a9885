"""The HTTP server, in the event loop of the mail and apart from it: it may fail, mail may not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger()

# A request is a few hundred octets and its answer fewer: nobody honest stays longer.
_LIFE = 30.0
# What a browser has connected for is asked at once; it may also connect for nothing.
_TO_ASK = 1.0
_CONNECTIONS = 200
_HEADER = 16 * 1024


class Web:
    """Serves an application on sockets that listen already, which become its own; `address` is
    where.
    """

    def __init__(
        self, app: ASGIApp, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None
    ) -> None:
        self._sockets = list(sockets)
        host, port = self._sockets[0].getsockname()[:2]
        self.address: tuple[str, int] = str(host), int(port)
        self._server = _Server(_settings(app, tls))
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take requests from now on."""
        self._task = asyncio.create_task(self._server.serve(self._sockets))
        self._task.add_done_callback(_look)

    async def stop(self, within: float) -> None:
        """Take no more, and give those under way so many seconds."""
        if self._task is None:
            for each in self._sockets:
                each.close()
            return
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=within)
        self._task.cancel()
        await asyncio.wait([self._task])


def _look(task: asyncio.Task[None]) -> None:
    """Mail goes on without it; the service manager need not know."""
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error("web_failed", exc_info=fault)


def _settings(app: ASGIApp, tls: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        loop="none",
        lifespan="off",
        interface="asgi3",
        # Its lines would hold paths, and so tokens.
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=_HEADER,
        ssl_context_factory=(lambda *_: tls) if tls else None,
    )


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the supervisor's."""
        yield


class _Protocol(H11Protocol):
    """A connection with an end: it does not matter at which point somebody falls silent."""

    _is_last = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # Each takes a file that mail may need.
        if len(self.connections) > _CONNECTIONS:
            transport.abort()
        self._end = self.loop.call_later(_LIFE, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()
        super().connection_lost(exc)

    # Not uvicorn's: it hangs up on who has just come, whose browser then shows a fault.
    def shutdown(self) -> None:
        if self.cycle is None:
            self._is_last = True
            self.loop.call_later(_TO_ASK, self._give_up)
        else:
            super().shutdown()

    def handle_events(self) -> None:
        super().handle_events()
        if self._is_last and self.cycle is not None:
            self.cycle.keep_alive = False

    def _give_up(self) -> None:
        if self.cycle is None:
            self.transport.close()
