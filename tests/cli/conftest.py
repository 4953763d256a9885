"""A folder of one's own with settings in it, and the command line run in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from relay_gateway.cli import main

SAMPLES = Path(__file__).parents[2] / "relay_gateway" / "samples"
REJECTION = (SAMPLES / "rejection.eml").read_bytes()
BUSINESS = (SAMPLES / "business.eml").read_bytes()

GATEWAY = """\
listen: {clients: [127.0.0.0/8], hostname: gateway.acme.example}
ledger: sqlite:ledger.sqlite3
log: {file: gateway.log}
"""
COMPANY = """\
id: acme
name: 株式会社アクメ
mode: live
senders: {domains: [acme.example]}
link: https://careerrelay.jp/c/acme
languages: [ja, en]
secret: {file: ../acme.secret}
"""


def mail(words="", *, sender="saiyo@acme.example", to="taro@gmail.example", **fields):
    """A plain English mail; words left out make a rejection."""
    words = words or (
        "Dear Taro,\r\n\r\nThank you for applying for the position of engineer.\r\n"
        "Unfortunately, we have decided not to move forward with your application.\r\n\r\n"
        "Kind regards,\r\nAcme Recruiting\r\n"
    )
    header = {"From": sender, "To": to, "Subject": "Your application", **fields}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in header.items())
    return (lines + "\r\n" + words).encode()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def office(here):
    """A folder with good settings for one company."""
    (here / "config" / "companies").mkdir(parents=True)
    (here / "config" / "gateway.yaml").write_text(GATEWAY)
    (here / "config" / "companies" / "acme.yaml").write_text(COMPANY)
    (here / "config" / "acme.secret").write_text("0123456789abcdef" * 4 + "\n")
    return here


def run(*arguments, stdin=None, locale="C"):
    """The command line as a shell would call it; a traceback fails the test."""
    runner = CliRunner(env={"LC_ALL": locale})
    result = runner.invoke(main, [str(each) for each in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
