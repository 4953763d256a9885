"""What comes to wait together is kept together: one commit or one round trip for all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from relay_gateway.core.credit import Event
from relay_gateway.edge.ledger import recordable

# More than this many waiting means a store that has stopped; memory must not follow it.
_MOST_WAITING = 10_000

Keep = Callable[[Sequence[Event]], Awaitable[Sequence[bool]]]


class Batch:
    """Hands events to `keep`, as many at a time as have come to wait, one time after the other.

    `keep` says of each whether it is new, or raises `OSError` for all of them.
    """

    def __init__(self, name: str, keep: Keep, patience: float, most: int = _MOST_WAITING) -> None:
        self._name = name
        self._keep = keep
        self._patience = patience
        self._most = most
        self._waiting: list[tuple[Event, asyncio.Future[bool]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def record(self, event: Event) -> bool:
        """Whether the event is new, as soon as it is kept; `TimeoutError` if that takes too long.

        An event given up on while it is on its way may still be kept, which is harmless as it is
        never counted twice; one that still waits is not sent.
        """
        recordable(event)
        if len(self._waiting) >= _MOST_WAITING:
            raise TimeoutError(f"{self._name} is {_MOST_WAITING} events behind")
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((event, kept))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        try:
            async with asyncio.timeout(self._patience):
                return bool(await kept)
        except TimeoutError:
            silence = f"{self._name} has not answered within {self._patience} s"
            raise TimeoutError(silence) from None

    async def finish(self) -> None:
        """Wait until nothing waits."""
        if self._flushing:
            await asyncio.wait([self._flushing])

    async def _flush(self) -> None:
        while self._waiting:
            # Who has run out of patience has told it elsewhere, or has gone on without it.
            waiting = [pair for pair in self._waiting if not pair[1].done()]
            batch, self._waiting = waiting[: self._most], waiting[self._most :]
            told = [event for event, _ in batch]
            (kept,) = await asyncio.gather(self._keep(told), return_exceptions=True)
            answers: Sequence[bool | BaseException] = (
                [kept] * len(batch) if isinstance(kept, BaseException) else kept
            )
            for (_, waiter), answer in zip(batch, answers, strict=True):
                _answer(waiter, answer)


def _answer(waiter: asyncio.Future[bool], answer: bool | BaseException) -> None:
    # Who has run out of patience no longer listens.
    if waiter.done():
        return
    if isinstance(answer, BaseException):
        waiter.set_exception(answer)
    else:
        waiter.set_result(answer)
