"""`demo`: the gateway and a next hop on free ports, the sample mails, and what became of them."""

from __future__ import annotations

import asyncio
import difflib
import smtplib
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.text import Text

from relay_gateway.app import Running, running
from relay_gateway.cli.samples import SAMPLES
from relay_gateway.cli.screen import out
from relay_gateway.config import Config, ensure_secrets, load
from relay_gateway.core.account import state
from relay_gateway.core.decision import Decision, decide
from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.message import read
from relay_gateway.core.page import pages
from relay_gateway.core.rules import Role
from relay_gateway.core.tenant import Tenant
from relay_gateway.edge import log

STEPS = (
    ("rejection.eml", "A rejection, plain text in ISO-2022-JP"),
    ("rejection-multipart.eml", "A rejection from Outlook, text and HTML in UTF-8"),
    ("rejection-with-link.eml", "The same letter; HR has pasted the plain CareerRelay link"),
    ("pass.eml", "An invitation to an interview under the same subject"),
    ("business.eml", "An ordinary business mail"),
    ("rejection.eml", "The first mail once more, as a mail server sends it after a timeout"),
)

GATEWAY = """\
listen: {address: "127.0.0.1:0", clients: [127.0.0.0/8], hostname: gateway.acme.example}
outbox: outbox
ledger: sqlite:ledger.sqlite3
companies: companies
"""
COMPANY = """\
id: acme
name: 株式会社アクメ
mode: live
senders: {domains: [acme.example]}
link: https://careerrelay.jp/c/acme
languages: [ja, en]
secret: {file: ../secret, create: true}
"""


@click.command()
def demo() -> None:
    """Send the sample mails through a gateway of their own, and show what became of each.

    Needs no settings and leaves nothing behind.
    """
    log.setup("console", "error")
    with TemporaryDirectory(prefix="relay_gateway-") as folder:
        asyncio.run(_demo(_settings(Path(folder)), out()))


def _settings(folder: Path) -> Config:
    (folder / "companies").mkdir()
    (folder / "gateway.yaml").write_text(GATEWAY, "utf-8")
    (folder / "companies" / "acme.yaml").write_text(COMPANY, "utf-8")
    return ensure_secrets(load(folder / "gateway.yaml", {}))


async def _demo(config: Config, console: Console) -> None:
    (tenant,) = config.policy.tenants
    async with running(config) as gateway:
        for number, (name, about) in enumerate(STEPS, 1):
            raw = (SAMPLES / name).read_bytes()
            console.print(Text(f"{number}. {about}", "bold"), Text(f"   {name}", "dim"), sep="")
            answer, left = await _send(gateway, raw)
            _explain(console, decide(_envelope(raw), raw, config.policy))
            _compare(console, raw, left)
            console.print(Text(f"   next hop: {answer}", "dim"))
            await _balance(console, gateway, tenant)


async def _send(gateway: Running, raw: bytes) -> tuple[str, bytes]:
    """Send one mail as a client does: the last reply, and the bytes that the next hop got."""
    answer = await asyncio.to_thread(_submit, *gateway.address, raw)
    newest = await asyncio.to_thread(_newest, gateway.outbox or Path())
    return answer, newest


def _submit(host: str, port: int, raw: bytes) -> str:
    its = _envelope(raw)
    with smtplib.SMTP(host, port) as client:
        client.ehlo("mail.acme.example")
        client.mail(its.sender.decode())
        client.rcpt(its.recipients[0].decode())
        code, text = client.data(raw)
        return f"{code} {text.decode()}"


def _newest(outbox: Path) -> bytes:
    return max((outbox / "new").iterdir(), key=lambda path: path.name).read_bytes()


def _envelope(raw: bytes) -> Envelope:
    mail = message_from_bytes(raw, policy=policy.default)
    sender, recipient = (mail[name].addresses[0].addr_spec for name in ("from", "to"))
    return Envelope("demo", sender.encode(), (recipient.encode(),), Client("127.0.0.1", b"demo"))


def _explain(console: Console, decision: Decision) -> None:
    verdict = decision.verdict
    style = "bold green" if decision.edits else "bold yellow"
    console.print(Text("   reason: ").append(str(decision.reason), style))
    if verdict is None or not verdict.hits:
        console.print(Text("   no rule speaks of a decision", "dim"))
        return
    score = f"score {verdict.score:g}, {verdict.threshold:g} needed"
    console.print(Text(f"   {score}, language {verdict.language}", "dim"))
    # A rule counts once, however often it spoke.
    hits = {hit.rule: hit for hit in reversed(verdict.hits)}.values()
    for hit in sorted(hits, key=lambda hit: list(Role).index(hit.role)):
        role = Text(f"   {hit.role:10}", "red" if hit.role is Role.VETO else "cyan")
        console.print(role.append(f"{hit.rule} {hit.weight:+g} 「{hit.words}」", "default"))


def _compare(console: Console, raw: bytes, left: bytes) -> None:
    rows = list(_diff(raw, left))
    for row in rows:
        console.print(Text("   ").append_text(row), soft_wrap=True)
    if not rows:
        console.print(Text("   unchanged, below the Received: field on top", "dim"))


def _diff(raw: bytes, left: bytes) -> Iterator[Text]:
    """A unified diff of both mails as they read."""
    before, after = list(_readable(raw)), list(_readable(left))
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for row in difflib.unified_diff(before, after, "sent", "delivered", n=1, lineterm=""):
        yield Text(row, styles.get(row[0], ""))


def _readable(raw: bytes) -> Iterator[str]:
    """The header as it stands, less our `Received:`, and the decoded text of each part."""
    message = read(raw)
    for field in message.fields:
        if field.name != "received":
            yield from raw[field.span.start : field.span.end].decode("ascii").splitlines()
    for group in pages(message):
        for page in group:
            yield f"[{page.part.media_type}]"
            yield from page.text.text.splitlines()


async def _balance(console: Console, gateway: Running, tenant: Tenant) -> None:
    its = state(await gateway.ledger.events(tenant.id), tenant.terms)
    bar = "■" * its.towards_next + "□" * (tenant.terms.per_credit - its.towards_next)
    people = f"{its.people} referred, {its.credits} credits"
    console.print(Text(f"   {tenant.name} {bar} {people}\n", "bold"))
