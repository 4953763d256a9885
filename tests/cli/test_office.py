"""`check`, `credits` and `log`: the settings, the ledger and the log of a running gateway."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from relay_gateway.cli.log import moment
from relay_gateway.core.decision import Decision
from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import reply
from relay_gateway.edge.log import line
from relay_gateway.gateway import Outcome
from tests.cli.conftest import COMPANY, run


def test_check_says_what_is_set(office):
    result = run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    for words in ("127.0.0.1:2525", "ledger.sqlite3", "acme", "live", "ja", "en", "version"):
        assert words in result.stdout


def test_check_names_a_place_that_the_gateway_could_not_write_to(office):
    (office / "file").write_text("")
    path = office / "config" / "gateway.yaml"
    path.write_text("listen: {clients: [127.0.0.0/8]}\nlog: {file: ../file/gateway.log}\n")
    result = run("check")
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr.startswith("config/gateway.yaml:2:13: file/gateway.log cannot be written")
    path.write_text("listen: {clients: [127.0.0.0/8]}\nreproducers: ../file/reproducers\n")
    said = "config/gateway.yaml:2:14: file/reproducers cannot be written"
    assert run("check").stderr.startswith(said)


def test_a_log_that_cannot_be_written_is_a_sentence_at_the_start(office):
    (office / "file").write_text("")
    path = office / "config" / "gateway.yaml"
    path.write_text("listen: {clients: [127.0.0.0/8]}\nlog: {file: ../file/gateway.log}\n")
    result = run("serve")
    assert result.exit_code == 69
    assert result.stderr.startswith("The gateway cannot start: ")


def test_check_names_every_fault_at_its_place(office):
    (office / "config" / "gateway.yaml").write_text("listen: {clients: [10.0.0.1/8]}\nlegder: x\n")
    (office / "config" / "companies" / "acme.yaml").write_text(COMPANY.replace("live", "alive"))
    result = run("check", "-c", "config/gateway.yaml")
    assert (result.exit_code, result.stdout) == (78, "")
    lines = result.stderr.splitlines()
    assert [line.rpartition(":")[0].split(": ")[0] for line in lines if line] != []
    assert lines[0].startswith("config/gateway.yaml:1:")
    assert lines[1].startswith("config/gateway.yaml:2:1: ")
    assert lines[2].startswith("config/companies/acme.yaml:3:7: ")


def test_credits_make_no_ledger_where_there_is_none(office):
    result = run("credits")
    assert result.exit_code == 0
    assert "0/10" in result.stdout
    assert "no ledger" in result.stderr
    assert not (office / "config" / "ledger.sqlite3").exists()


def test_credits_of_an_unknown_company_name_the_known_ones(office):
    result = run("credits", "nobody")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nobody" in result.stderr
    assert "acme" in result.stderr


def test_a_ledger_that_is_none_is_a_sentence(office):
    (office / "config" / "ledger.sqlite3").write_text("no database at all, only a long text\n" * 99)
    result = run("credits")
    assert result.exit_code == 74
    assert "ledger.sqlite3" in result.stderr


def logged(id_, reason, at, **more):
    """The line that the gateway writes of a mail."""
    envelope = Envelope(id_, b"", (), Client("192.0.2.1", b"x"))
    decision = Decision(reason, "acme")
    outcome = Outcome(envelope, decision, reply(250, "2.0.0 fine"), 1, 2048, 2600, {"think": 0.25})
    return json.dumps({**line(outcome), "timestamp": at, **more})


LOG = "\n".join(
    (
        logged("A1", Reason.REJECTION, "2021-02-12T01:00:00.5Z"),
        '{"event": "started", "timestamp": "2021-02-12T00:00:00Z"}',
        "not JSON",
        logged("B2", Reason.NO_REJECTION, "2021-02-13T01:00:00Z", company="other"),
    )
)


def test_the_log_is_a_row_a_mail_and_counts_what_it_could_not_read(office):
    (office / "config" / "gateway.log").write_text(LOG)
    result = run("log")
    assert result.exit_code == 0
    head, *rows = result.stdout.splitlines()
    columns = "time id company decision reason score reply size seconds"
    assert head.split() == columns.split()
    assert len(rows) == 2
    assert rows[0].split()[2:] == ["A1", "acme", "leave", "rejection", "250", "2048", "0.250"]
    assert "1 line" in result.stderr


@pytest.mark.parametrize(
    ("option", "ids"),
    [
        (("--company", "other"), ["B2"]),
        (("--reason", "rejection"), ["A1"]),
        (("--reason", "rejection", "--reason", "no_rejection"), ["A1", "B2"]),
        (("--id", "B2"), ["B2"]),
        (("--since", "2021-02-12T12:00:00Z"), ["B2"]),
        (("--since", "2h"), []),
    ],
)
def test_the_log_shows_what_is_asked_for(office, option, ids):
    shown = run("log", "-", "--json", *option, stdin=LOG).stdout.splitlines()
    assert [json.loads(each)["id"] for each in shown] == ids


def test_nothing_in_a_log_is_a_command_to_the_terminal(office):
    evil = json.dumps({"event": "mail", "id": "\x1b]0;x\x07", "reason": "\x9b31m", "seconds": {}})
    for options in ((), ("--json",)):
        assert run("log", "-", *options, stdin=evil).stdout.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "odd",
    [
        "[]",
        "null",
        '{"event": "mail"}',
        '{"event": "mail", "seconds": 3, "reply": 250}',
        "[" * 9999,
        '{"event": "mail", "timestamp": 7, "seconds": {"x": "y"}, "reply": null, "score": "high"}',
        "\ud800".encode("utf-8", "surrogatepass"),
        '{"event": "mail", "id": "\\ud800"}',
    ],
)
def test_no_line_of_a_log_stops_the_view(office, odd):
    assert run("log", "-", stdin=odd).exit_code == 0
    assert run("log", "-", "--json", stdin=odd).exit_code == 0


def test_a_log_that_is_not_there_is_a_sentence(office):
    assert run("log").exit_code == 66
    assert run("log", "nowhere.log").exit_code == 66


def test_a_time_that_is_none_is_a_sentence(office):
    result = run("log", "-", "--since", "yesterday", stdin="")
    assert result.exit_code == 2
    assert "2h" in result.stderr


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2h", "2026-02-12T10:00:00+00:00"),
        ("3d", "2026-02-09T12:00:00+00:00"),
        ("30m", "2026-02-12T11:30:00+00:00"),
        ("2026-02-01T09:00+09:00", "2026-02-01T00:00:00+00:00"),
    ],
)
def test_a_moment_is_an_age_or_a_date(text, meant):
    assert moment(text, datetime(2026, 2, 12, 12, tzinfo=UTC)).isoformat() == meant
