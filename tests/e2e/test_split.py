"""A gateway killed between two copies of one letter: everybody gets one, and counts once."""

from __future__ import annotations

import asyncio
import smtplib
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from relay_gateway.core.account import state
from relay_gateway.core.credit import Terms
from tests.doubles import NextServer
from tests.e2e.station import Station, station
from tests.e2e.test_crash import LINK
from tests.test_gateway import REJECTION

HIDDEN = REJECTION.replace(b"To: taro@gmail.example", b"To: saiyo@acme.example")
PEOPLE = [f"person{number}@mail.example" for number in range(4)]
OK = b"250 2.1.5 fine\r\n"


def submit(port: int) -> bool:
    """One try of a mail server; whether the mail was taken."""
    try:
        with closing(smtplib.SMTP("127.0.0.1", port, timeout=60)) as client:
            client.sendmail("saiyo@acme.example", PEOPLE, HIDDEN, ["BODY=8BITMIME"])
    except (smtplib.SMTPException, OSError):
        return False
    return True


async def deliver(gateway: Station) -> None:
    """Try until it is taken."""
    for _ in range(20):
        await gateway.is_up.wait()
        if await asyncio.to_thread(submit, gateway.port):
            return
    raise AssertionError("never taken")


# The client's own four recipients come first, then those of the copies.
@pytest.mark.parametrize("copy", [2, 3, 4])
async def test_killed_before_a_copy_leaves_it_sends_that_and_the_later_ones(
    tmp_path: Path, copy: int
):
    never = asyncio.Event()
    answers = [OK] * (len(PEOPLE) + copy - 1) + [(never, OK)]
    async with (
        NextServer({"RCPT": answers}) as server,
        station(tmp_path, server.port) as gateway,
    ):
        sending = asyncio.create_task(deliver(gateway))
        await server.reached("RCPT", len(PEOPLE) + copy)
        await gateway.kill()
        assert len(server.mails) == copy - 1
        await gateway.start()
        await sending
        events = await gateway.events()

    got = Counter(rcpt for mail in server.mails for rcpt in mail.rcpts)
    assert got == Counter(f"TO:<{each}>".encode() for each in PEOPLE)
    assert len({LINK.search(mail.raw)[1] for mail in server.mails}) == len(PEOPLE)
    assert state(events, Terms()).people == len(PEOPLE)
