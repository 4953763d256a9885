"""A gateway that is killed loses nothing it had taken, and counts nobody twice."""

from __future__ import annotations

import asyncio
import re
import signal
import smtplib
from contextlib import closing
from pathlib import Path

import pytest

from relay_gateway.core.account import state
from relay_gateway.core.credit import Kind, Terms
from tests.doubles import NextServer
from tests.e2e.station import station
from tests.test_gateway import REJECTION

PEOPLE = 24
LINK = re.compile(rb"https://careerrelay\.jp/c/acme/(\w{24})")


def submit(port: int, number: int) -> bool:
    """One try of a mail server; whether the mail was taken."""
    raw = REJECTION.replace(b"<1@acme", b"<%d@acme" % number)
    try:
        with closing(smtplib.SMTP("127.0.0.1", port, timeout=60)) as client:
            client.ehlo("mail.acme.example")
            client.mail("saiyo@acme.example", ["BODY=8BITMIME"])
            client.rcpt(f"person{number}@mail.example")
            code, _ = client.data(raw)
            return code == 250
    except (smtplib.SMTPException, OSError):
        return False


async def deliver(gateway, number: int) -> int:
    """Try until the mail is taken, as a mail server does; how often it took."""
    for attempt in range(1, 50):
        await gateway.is_up.wait()
        if await asyncio.to_thread(submit, gateway.port, number):
            return attempt
    raise AssertionError("never taken")


def of(number: int, mails) -> list[bytes]:
    return [mail.raw for mail in mails if b"Message-ID: <%d@acme" % number in mail.raw]


@pytest.mark.parametrize("steps", [("MAIL", "DATA"), ("RCPT", "DOT"), ("DOT", "MAIL")])
async def test_a_gateway_killed_under_load_loses_nothing_and_counts_each_once(
    tmp_path: Path, steps: tuple[str, str]
):
    async with NextServer() as server, station(tmp_path, server.port) as gateway:
        crowd = asyncio.gather(*(deliver(gateway, number) for number in range(PEOPLE)))
        for step, times in zip(steps, (3, 12), strict=True):
            await server.reached(step, times)
            await gateway.kill()
            await gateway.start()
        tries = await crowd
        events = await gateway.events()

    for number, attempts in enumerate(tries):
        copies = of(number, server.mails)
        assert 1 <= len(copies) <= attempts
        assert len({LINK.search(copy)[1] for copy in copies}) == 1
    assert state(events, Terms()).people == PEOPLE
    assert sum(event.kind is Kind.ACCEPTED for event in events) == PEOPLE


async def test_told_to_stop_it_lets_the_mail_under_way_arrive(tmp_path: Path):
    taken = asyncio.Event()
    slow = {"DOT": (taken, b"250 2.0.0 taken\r\n")}
    async with NextServer(replies=slow) as server, station(tmp_path, server.port) as gateway:
        sending = asyncio.create_task(asyncio.to_thread(submit, gateway.port, 1))
        await server.reached("DOT")
        stopping = asyncio.create_task(gateway.kill(signal.SIGTERM))
        taken.set()

        assert await sending
        assert await stopping == 0
        assert len(server.mails) == 1
