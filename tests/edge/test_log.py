"""The line of a mail explains it and gives nobody away; no byte in the log is a command."""

import io
import json
import logging
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from relay_gateway.core.decision import Copy, Decision
from relay_gateway.core.edit import Edit
from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.judge import Finding, Hit, Verdict
from relay_gateway.core.link import Referral
from relay_gateway.core.reason import Reason
from relay_gateway.core.reply import NO_NEXT_HOP, Reply, reply
from relay_gateway.core.rules import Role
from relay_gateway.edge.log import line, observe, setup
from relay_gateway.gateway import Outcome

ENVELOPE = Envelope(
    "7F3A",
    b"sender@acme.example",
    (b"candidate@mail.example",),
    Client("192.0.2.7", b"helo.acme.example"),
)
SEE_OFF = Hit("see-off", Role.DECISION, 2.0, 3, "matched-words", "whole-sentence")
SHADOW = Hit("new-rule", Role.SUPPORT, 0.5, -1, "matched-words", "whole-sentence", is_shadow=True)
LOST = Hit("not-hired", Role.DECISION, 3.0, 4, "matched-words", "whole-sentence", line=7)
VERDICT = Verdict(Finding.INSERT, "rejection", 4.5, 3.0, "ja", (SEE_OFF, SHADOW), (), (LOST,))
REFERRAL = Referral("REFERRALREFERRAL", "acme", "PERSONPERSONPERS")
DECISION = Decision(
    Reason.REJECTION,
    "acme",
    VERDICT,
    REFERRAL,
    (Edit(0, 0, b"X-Relay-Trace: v1 0\r\n"), Edit(700, 710, b"https://careerrelay.jp/TOKEN")),
)


def outcome(decision: Decision = DECISION, answer: Reply | None = None) -> Outcome:
    answer = answer or reply(250, "2.0.0 Ok: queued as 4F2A")
    seconds = {"think": 0.0012345678, "promise": 0.001, "deliver": 0.02, "confirm": 0.001}
    return Outcome(ENVELOPE, decision, answer, 1, 3000, 3400, seconds)


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest, tmp_path: Path):
    """Where the log goes; logging is put back after the test."""
    file = tmp_path / "log" / "relay.log"
    setup(request.param, "info", file)
    yield file
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()


# The line.


def test_the_line_says_why_and_what_was_changed():
    assert line(outcome()) == {
        "event": "mail",
        "id": "7F3A",
        "company": "acme",
        "reason": "rejection",
        "detail": "",
        "decision": "insert",
        "score": 4.5,
        "threshold": 3.0,
        "language": "ja",
        "rules": [
            {"rule": "see-off", "role": "decision", "weight": 2.0, "paragraph": 3, "sentence": 0},
            {
                "rule": "new-rule",
                "role": "support",
                "weight": 0.5,
                "paragraph": -1,
                "sentence": 0,
                "shadow": True,
            },
        ],
        "silenced": [
            {"rule": "not-hired", "role": "decision", "weight": 3.0, "paragraph": 4, "sentence": 7}
        ],
        "vetoes": [],
        "size": 3000,
        "sent_size": 3400,
        "edits": [
            {"offset": 0, "removed": 0, "added": 21},
            {"offset": 700, "removed": 10, "added": 28},
        ],
        "reply": {
            "code": 250,
            "status": "2.0.0",
            "text": "2.0.0 Ok: queued as 4F2A",
            "words": "2.0.0 Ok: queued as 4F2A",
        },
        "copies": 0,
        "counted": 1,
        "seconds": {"think": 0.001235, "promise": 0.001, "deliver": 0.02, "confirm": 0.001},
    }


def test_a_mail_that_was_not_judged_is_left():
    told = line(outcome(Decision(Reason.INTERNAL, "acme")))
    assert (told["decision"], told["reason"], told["edits"]) == ("leave", "internal", [])
    assert "rules" not in told


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ((b"2.1.5 <candidate@mail.example>: taken",), "2.1.5 <address> taken"),
        ((b"spam: https://careerrelay.jp/c/acme/TOKEN",), "spam: <url>"),
        ((b"spam: careerrelay.jp/c/acme/HR37J3CN1TFZG4STTZ9EGPGW",), "spam: <url>"),
        ((b"see filter.example/why?who=taro%40mail.example",), "see <address>"),
        ((b'no "Candidate", sorry',), "no <address> sorry"),
        ((b"first", b"second"), "first second"),
        ((b"\x1b[2Jgone\r\n250 fake\x00\x7f",), r"\x1b[2Jgone\r\n250 fake\x00\x7f"),
        ((b"caf\xe9",), r"caf\xe9"),
        ((b"a" * 500,), "a" * 200),
        ((b"a " * 99 + b"candidate@mail.example",), "a " * 99 + "<a"),
        ((), ""),
    ],
)
def test_the_next_hops_words_are_told_without_addresses_and_commands(said, text):
    its = line(outcome(answer=Reply(550, said)))["reply"]
    assert (its["code"], its["text"], its["words"]) == (550, "", text)


@pytest.mark.parametrize(
    ("code", "said", "status"),
    [
        (550, b"5.1.1 <kim@mail.example> unknown", "5.1.1"),
        (250, b"2.6.0", "2.6.0"),
        (421, b"4.7.28 too much from Kim Example", "4.7.28"),
        (250, b"Ok", ""),
        (550, b"4.1.1 of another class", ""),
        (550, b"5.1.1.2 is none", ""),
        (554, b"192.0.2.1 is listed", ""),
        (550, b" 5.1.1", ""),
    ],
)
def test_the_enhanced_status_of_a_reply_is_told(code, said, status):
    assert line(outcome(answer=Reply(code, (said,))))["reply"]["status"] == status


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (b"2.0.0 Ok: queued as 4F2A11C0", "queued as 4F2A11C0"),
        (b"2.0.0 Ok: queued as 4Bx9ZyTqk1zN8hW", "queued as 4Bx9ZyTqk1zN8hW"),
        (b"OK id=1rZzKq-0006Ab-2C", "id=1rZzKq-0006Ab-2C"),
        (b"OK id=1tAbCd-00000001Ab2-3EfG", "id=1tAbCd-00000001Ab2-3EfG"),
        (b"2.6.0 <1@acme.example> [InternalId=4711, Hostname=x] Queued", "InternalId=4711"),
        (
            b"2.0.0 4BL1a2B3001234 Message accepted for delivery",
            "4BL1a2B3001234 Message accepted for delivery",
        ),
        (b"2.0.0 Ok: queued as Yamada", ""),
        (b"2.0.0 Taro Yamada has it", ""),
        (b"2.0.0 YamadaTaro Message accepted for delivery", ""),
        (b"2.0.0 Ok: queued as taro4@mail.example", ""),
    ],
)
def test_the_name_that_the_next_hop_gave_a_mail_is_kept_and_nothing_else(said, text):
    assert line(outcome(answer=Reply(250, (said,))))["reply"]["text"] == text


REFUSED = Reply(550, (b"5.1.1 Quill Featherstone left us",))


def test_what_another_server_says_may_name_somebody_and_is_not_written(log):
    observe(outcome(answer=REFUSED))
    written = log.read_text()
    assert "5.1.1" in written
    assert "550" in written
    assert "Feather" not in written
    # Nor what our own reply repeats, and that is told.
    observe(outcome(answer=NO_NEXT_HOP))
    assert "The next mail server cannot be reached" in log.read_text()


def test_words_of_other_servers_are_written_where_the_settings_ask_for_them(log, tmp_path):
    setup("json", "info", tmp_path / "own.log", has_words=True)
    observe(outcome(answer=REFUSED))
    (written,) = (tmp_path / "own.log").read_text().splitlines()
    told = {"code": 550, "status": "5.1.1", "text": "5.1.1 Quill Featherstone left us"}
    assert json.loads(written)["reply"] == told
    setup("console", "info", tmp_path / "own.log", has_words=True)
    observe(outcome(answer=REFUSED))
    assert "550 5.1.1 Quill Featherstone" in (tmp_path / "own.log").read_text()


# What is written.


def test_a_mail_is_one_line_that_gives_nobody_away(log):
    observe(outcome(answer=reply(550, "no such person <candidate@mail.example>")))
    written = log.read_text()
    assert written.count("\n") == 1
    assert "rejection" in written
    secrets = ("candidate", "sender@", "TOKEN", "matched-words", "whole-sentence", "192.0.2.7")
    assert not [secret for secret in (*secrets, "REFERRAL", "PERSON") if secret in written]


@pytest.mark.parametrize("log", ["json"], indirect=True)
def test_json_lines_can_be_read_by_a_program(log):
    observe(outcome())
    told = json.loads(log.read_text())
    assert told.pop("timestamp").endswith("Z")
    assert told.pop("level") == "info"
    its = line(outcome())
    del its["reply"]["words"]
    assert told == its


@pytest.mark.parametrize("log", ["console"], indirect=True)
def test_on_a_terminal_copies_are_told_where_there_are_some(log):
    observe(outcome())
    assert "copies" not in log.read_text()
    copy = Copy(b"taro@mail.example", REFERRAL, ())
    observe(outcome(replace(DECISION, copies=(copy, copy))))
    assert "copies=2" in log.read_text()


@pytest.mark.parametrize(
    "reason", [Reason.OUR_FAULT, Reason.OUT_OF_TIME, Reason.VERIFY_FAILED, Reason.LEDGER_DOWN]
)
def test_a_fault_of_ours_is_a_warning(log, reason):
    observe(outcome(Decision(reason, "acme")))
    assert "warning" in log.read_text()


NASTY = '\x1b[31mred\r\n{"event":"fake"}\x00\x7f\x9b\u2028\u202e'


def test_no_byte_in_the_log_is_a_command(log):
    structlog.get_logger().info(NASTY, **{"key": NASTY, "list": [NASTY], "map": {NASTY: b"\x1b"}})
    structlog.get_logger().info("mail", object=ValueError("\x1b"), number=1, nothing=None)
    logging.getLogger("theirs").warning("they say %s", NASTY)
    written = log.read_bytes()
    assert written.count(b"\n") == 3
    text = written.decode().replace("\n", "")
    assert text.isprintable()


def fail() -> None:
    raise ValueError("words of the mail")


def test_an_exception_is_one_line_that_says_where_but_not_what_it_quotes(log):
    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("decide_failed", id="7F3A")
        logging.getLogger("asyncio").exception("Task exception was never retrieved\nwords of it")
    written = log.read_text()
    assert written.count("\n") == 2
    assert written.count("ValueError") == 2
    assert written.count(" fail") == 2
    assert "words of" not in written


def test_the_words_of_a_fault_of_the_machine_are_told(log):
    try:
        raise OSError("database is locked")
    except OSError as fault:
        structlog.get_logger().error("ledger_failed", exc_info=fault)
    assert "database is locked" in log.read_text()


def test_what_the_smtp_library_says_of_addresses_is_not_written(log):
    library = logging.getLogger("mail.log")
    library.info("sender: candidate@mail.example")
    library.warning("unrecognised: candidate@mail.example")
    library.error("SMTP session exception")
    assert log.read_text().count("\n") == 1
    assert "candidate" not in log.read_text()


def test_a_moved_file_is_opened_anew(log):
    observe(outcome())
    log.rename(log.with_suffix(".1"))
    observe(outcome())
    assert log.read_text().count("\n") == 1


def test_below_the_level_nothing_is_written(log):
    structlog.get_logger().debug("detail")
    assert log.read_text() == ""


def test_a_second_setup_replaces_the_first(log, tmp_path):
    setup("json", "error", tmp_path / "second.log")
    observe(outcome())
    structlog.get_logger().error("alarm")
    assert log.read_text() == ""
    assert (tmp_path / "second.log").read_text().count("\n") == 1


@pytest.mark.usefixtures("log")
def test_without_a_file_the_log_goes_to_standard_error():
    with redirect_stderr(io.StringIO()) as stream:
        setup("json", "info")
        observe(outcome())
    assert json.loads(stream.getvalue())["id"] == "7F3A"
