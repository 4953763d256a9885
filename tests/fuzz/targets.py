"""All that is fuzzed, by name: samples to begin with, and what must hold for any bytes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from types import FrameType
from typing import Any

from tests.fuzz import dialogs, thoughts
from tests.fuzz.mutations import Mutator

# Whatever takes longer would hold up a mail server somewhere.
LONGEST = 30


class TooSlow(Exception):
    """A check that did not come to its end."""


@dataclass(frozen=True, slots=True)
class Target:
    """`check` raises whatever is wrong with its bytes."""

    samples: Callable[[], Sequence[bytes]]
    words: Sequence[bytes]
    check: Callable[[bytes], None]

    def inputs(self, seed: str) -> Iterator[bytes]:
        """Mutations without end, the same ones for the same seed."""
        random = Random(seed)  # noqa: S311 - to be repeated, not to be guessed
        mutator = Mutator(random, self.samples(), self.words)
        while True:
            yield mutator.draw()

    def fault(self, raw: bytes) -> Exception | None:
        """What is wrong with these bytes."""
        try:
            with _patience():
                self.check(raw)
        except Exception as fault:  # noqa: BLE001 - whatever it is, it was found
            return fault
        return None


def _awaited(check: Callable[[bytes], Coroutine[Any, Any, None]]) -> Callable[[bytes], None]:
    return lambda raw: asyncio.run(check(raw))


TARGETS = {
    "path": Target(lambda: thoughts.COMMANDS, thoughts.WORDS_OF_COMMANDS, thoughts.check_path),
    "xforward": Target(
        lambda: thoughts.FORWARDED, thoughts.WORDS_OF_FORWARDERS, thoughts.check_xforward
    ),
    "proxy": Target(lambda: thoughts.HEADERS, thoughts.WORDS_OF_PROXIES, thoughts.check_proxy),
    "message": Target(thoughts.letters, thoughts.WORDS_OF_MAILS, thoughts.check_message),
    "decide": Target(thoughts.letters, thoughts.WORDS_OF_MAILS, thoughts.check_decide),
    "login": Target(lambda: dialogs.LOGINS, dialogs.WORDS_OF_LOGINS, _awaited(dialogs.check_login)),
    "client": Target(
        lambda: dialogs.SESSIONS, dialogs.WORDS_OF_CLIENTS, _awaited(dialogs.check_client)
    ),
    "next_hop": Target(
        lambda: dialogs.ANSWERS, dialogs.WORDS_OF_NEXT_HOPS, _awaited(dialogs.check_next_hop)
    ),
}


@contextmanager
def _patience() -> Iterator[None]:
    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"took longer than {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
