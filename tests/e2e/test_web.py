"""The web service beside the mail: a letter, its visit, its registration, its credit."""

from __future__ import annotations

import base64
import http.client
import json
import re
import signal
import smtplib
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from relay_gateway.app import running
from relay_gateway.cli.demo import COMPANY
from relay_gateway.config import ensure_secrets, load
from relay_gateway.core import report
from relay_gateway.core.account import state
from relay_gateway.core.credit import Basis, Kind, Terms
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.doubles import NextServer
from tests.e2e.station import FEW_RULES, Station, station
from tests.edge.webs import aside
from tests.ports import reserved
from tests.test_gateway import REJECTION

KEY = b"the webhook key of these tests, 32 octets"
SECRET = report.PREFIX + base64.b64encode(KEY).decode()
LINKED = COMPANY.replace(
    "link: https://careerrelay.jp/c/acme\n",
    "link: {url: https://careerrelay.jp/c/acme, mode: redirect, public: https://go.acme.example}\n"
    "webhook: {secret: {file: hook.secret}}\ncredits: {count_on: registered}\n",
)
LINK = re.compile(rb"https://go\.acme\.example(/r/(\w{24}))")


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str):
    """The status, the place that it leads to, and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("location", ""), answer.read()
    finally:
        connection.close()


async def asked(port: int, method: str, path: str, body: bytes | None = None, **headers: str):
    return await aside(lambda: ask(port, method, path, body, **headers))


def submit(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.sendmail("saiyo@acme.example", ["taro@gmail.example"], REJECTION)


async def register(port: int, token: str) -> int:
    """Post a registration as CareerRelay would; the status."""
    told = {"event_id": "evt_1", "token": token, "registered_at": "2026-11-20T10:00:00+09:00"}
    body, stamp = json.dumps(told).encode(), str(int(time.time()))
    status, _, _ = await asked(
        port,
        "POST",
        "/hooks/registered",
        body,
        content_type="application/json",
        webhook_id="msg_1",
        webhook_timestamp=stamp,
        webhook_signature=report.sign(KEY, "msg_1", stamp, body),
    )
    return status


def settle(folder: Path, next_hop: int, web: str) -> Path:
    """Settings for a company whose links lead through us."""
    (folder / "companies").mkdir(exist_ok=True)
    (folder / "few.yaml").write_text(FEW_RULES, "utf-8")
    (folder / "companies" / "hook.secret").write_text(SECRET + "\n")
    text = LINKED.replace("languages: [ja, en]", "languages: [ja]")
    (folder / "companies" / "acme.yaml").write_text(text, "utf-8")
    path = folder / "gateway.yaml"
    path.write_text(
        'listen: {address: "127.0.0.1:0", clients: [127.0.0.0/8], hostname: gateway.acme.example}\n'
        f"next_hop: {{host: 127.0.0.1, port: {next_hop}, tls: none}}\n"
        f"ledger: sqlite:ledger.sqlite3\ncompanies: companies\nrules: [./few.yaml]\n{web}",
        "utf-8",
    )
    return path


async def test_a_letter_its_visit_and_its_registration_make_a_credit(tmp_path: Path):
    async with NextServer() as server:
        path = settle(tmp_path, server.port, 'web: {listen: "127.0.0.1:0"}\n')
        config = ensure_secrets(load(path, {}))
        async with running(config) as gateway:
            await aside(submit, gateway.address[1])
            match = LINK.search(server.mails[0].raw)
            where, token = match[1].decode(), match[2].decode()
            port = gateway.web.address[1]
            terms = Terms(count_on=Basis.REGISTERED, per_credit=1)

            assert await asked(port, "GET", where) == (
                302,
                f"https://careerrelay.jp/c/acme/{token}",
                b"",
            )
            assert state(await gateway.ledger.events("acme"), terms).credits == 0
            assert await register(port, token) == 200
            assert await register(port, token) == 200
            events = await gateway.ledger.events("acme")
            assert state(events, terms).credits == 1
        ledger = SqliteLedger(config.ledger.near)
        await ledger.open()
        kinds = [event.kind for event in await ledger.events("acme")]
        await ledger.close()
        assert set(kinds) == {Kind.OFFERED, Kind.ACCEPTED, Kind.CLICKED, Kind.REGISTERED}


async def test_a_letter_with_such_a_link_is_not_linked_again(tmp_path: Path):
    async with NextServer() as server:
        config = ensure_secrets(load(settle(tmp_path, server.port, ""), {}))
        assert [str(each).partition(": ")[2] for each in config.cautions] == [
            "the links or webhooks of acme need a web service, and this gateway runs none; "
            "write web: {listen: 127.0.0.1:8025} where it is to run"
        ]
        config = replace(config, cautions=())
        async with running(config) as gateway:
            await aside(submit, gateway.address[1])
            first = server.mails[0].raw

            def resend() -> None:
                with smtplib.SMTP(*gateway.address, timeout=60) as client:
                    raw = re.sub(rb"(?im)^x-relay-trace:.*\r\n", b"", first)
                    raw = raw.replace(b"Message-ID: <", b"Message-ID: <again-")
                    client.sendmail("saiyo@acme.example", ["taro@gmail.example"], raw)

            await aside(resend)
            again = server.mails[1].raw
            assert LINK.findall(again) == LINK.findall(first)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux can")
async def test_it_answers_through_a_reload_and_ends_with_the_gateway(tmp_path: Path):
    async with NextServer() as server:
        with reserved() as port:
            settings = f'web: {{listen: "127.0.0.1:{port}"}}\nworkers: 2'
            async with station(tmp_path, server.port, settings=settings) as gateway:
                assert (await asked(port, "GET", "/readyz"))[0] == 200
                assert await gateway.reload() == 2
                for _ in range(5):
                    assert (await asked(port, "GET", "/healthz"))[0] == 200
                gateway.tell(signal.SIGTERM)
                assert await gateway.kill(signal.SIGCONT) == 0
                with pytest.raises(OSError):  # noqa: PT011 - refused or reset, both will do
                    await asked(port, "GET", "/healthz")


async def test_a_port_that_is_taken_stops_the_start_with_a_sentence(tmp_path: Path):
    async with NextServer() as server:
        its = Station(tmp_path, server.port, settings=f'web: {{listen: "127.0.0.1:{server.port}"}}')
        its.configure()
        run = partial(subprocess.run, check=False, capture_output=True, timeout=60)
        ended = await aside(run, its._command("serve"))
        assert ended.returncode == 69
        assert f"127.0.0.1:{server.port} is in use" in ended.stderr.decode()
