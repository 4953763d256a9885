"""A refuted mail through a whole gateway: delivered as it came, and kept without its words."""

from __future__ import annotations

import smtplib
import sys
from asyncio import to_thread
from pathlib import Path

import pytest

from tests.cli.conftest import run
from tests.doubles import NextServer
from tests.e2e.station import station
from tests.mails import mail, part

REFUTED = mail(
    part(
        "<form>佐藤 太郎 様<p>ご応募ありがとうございました。誠に残念ながら今回は採用を見送らせて"
        "いただくこととなりました。<form>株式会社アクメ\n",
        "text/html",
    )
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux can")


def submit(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.sendmail("saiyo@acme.example", "taro@gmail.example", REFUTED, ["BODY=8BITMIME"])


async def test_a_refuted_mail_arrives_as_it_came_and_leaves_a_reproducer(tmp_path: Path):
    settings = "reproducers: kept"
    async with (
        NextServer() as server,
        station(tmp_path, server.port, settings=settings) as gateway,
    ):
        await to_thread(submit, gateway.port)
        seen = await gateway.said("mail")
        kept = await gateway.said("reproducer")
        assert (await gateway.ask("check"))[0] == 0

    assert server.mails[0].raw.partition(b"\r\nFrom: ")[2] == REFUTED.partition(b"From: ")[2]
    assert seen["reason"] == "verify_failed"
    assert kept["id"] == seen["id"]
    path = tmp_path / "kept" / kept["reproducer"]
    assert path.stat().st_mode & 0o777 == 0o600
    new = path.read_bytes()
    for word in ("佐藤", "太郎", "アクメ", "taro", "saiyo", "result"):
        assert word.encode() not in new
    assert "verify_failed" in run("explain", path, "-c", gateway.path).output
