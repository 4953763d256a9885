"""A gateway with small rules of its own, so that tests do not turn on the words of the shipped."""

from __future__ import annotations

import json

from relay_gateway.core.decision import decide
from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.reply import reply
from relay_gateway.edge.log import line
from relay_gateway.gateway import Outcome
from tests.cli.conftest import GATEWAY, mail

BASE = """\
language: en
threshold: 5
rules:
  - name: not-hired
    is: decision
    weight: 3
    words: [we will not hire you]
    unless: 'on Monday'
    matches: [Sadly we will not hire you.]
    spares: [If you are late we will not hire you.]
  - name: if-you
    is: guard
    words: [if you]
    matches: [If you agree]
  - name: the-job
    is: context
    weight: 1
    words: [the job]
  - name: dear-you
    is: addressee
    weight: 1
    words: [dear applicant]
  - name: sadly
    is: support
    weight: 1
    words: [sadly]
  - name: by-mistake
    is: veto
    words: [by mistake]
"""
LETTER = "Dear applicant,\r\n\r\nthank you for asking about the job.\r\n\r\n{}\r\n\r\nAcme\r\n"
REJECTED = LETTER.format("Sadly we will not hire you.")


def settings(office, *files, base=BASE):
    """The office judged by these files after the base, each a name and its text."""
    (office / "config" / "base.yaml").write_text(base)
    for name, text in files:
        (office / "config" / name).write_text(text)
    names = ", ".join(f"./{name}" for name in ("base.yaml", *(name for name, _ in files)))
    (office / "config" / "gateway.yaml").write_text(f"{GATEWAY}rules: [{names}]\n")
    company = office / "config" / "companies" / "acme.yaml"
    company.write_text(company.read_text().replace("[ja, en]", "[en]"))


def own(*rules, head="language: en\n"):
    """A rules file with these entries, each on a line of its own from line 3 on."""
    return f"{head}rules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules)


def letter(words="Sadly we will not hire you.", **fields):
    """A letter about the job that says this."""
    return mail(LETTER.format(words), **fields)


def logged(raw, policy, **more):
    """The line that the gateway's log holds of a mail."""
    client = Client("127.0.0.1", b"localhost")
    envelope = Envelope("7F3A", b"saiyo@acme.example", (b"taro@gmail.example",), client)
    decision = decide(envelope, raw, policy)
    outcome = Outcome(envelope, decision, reply(250, "2.0.0 Ok"), True, len(raw), len(raw), {})
    return json.dumps({"timestamp": "2026-02-12T09:30:00Z", **line(outcome), **more}) + "\n"
