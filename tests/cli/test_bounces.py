"""`bounces`: notifications as mail servers write them, and whom they take back."""

from __future__ import annotations

import asyncio
import json
import mailbox

import pytest

from relay_gateway.core import dsn, link
from relay_gateway.core.account import state
from relay_gateway.core.credit import Event, Kind, Terms
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.cli.conftest import run

KEYS = (b"0123456789abcdef" * 4,)
TARO = b"taro@gmail.example"
REFERRAL = link.refer("acme", b"<1@acme.example>", TARO, KEYS)
TOKEN = link.token(REFERRAL, KEYS)
LETTER = (
    "From: =?utf-8?B?5o6h55So?= <saiyo@acme.example>\nTo: taro@gmail.example\n"
    "Subject: result\nMessage-ID: <1@acme.example>\n"
)
BODY = f"Dear Taro,\nhttps://careerrelay.jp/c/acme/{TOKEN}\n"


def notification(  # noqa: PLR0913 - each is one way in which servers differ
    *,
    action="failed",
    status="5.1.1",
    recipient="Final-Recipient: rfc822; taro@gmail.example",
    letter=LETTER,
    body=BODY,
    kind="message/rfc822",
    report="message/delivery-status",
):
    """What Postfix returns: words, a report, and the mail."""
    returned = f"{letter}\n{body}" if kind == "message/rfc822" else letter
    return (
        "From: MAILER-DAEMON@mail.acme.example\nTo: saiyo@acme.example\n"
        "Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\n"
        "Date: Fri, 20 Nov 2026 10:00:00 +0900\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\n\n'
        "--B\nContent-Type: text/plain\n\n<taro@gmail.example>: no such user\n\n"
        f"--B\nContent-Type: {report}\n\n"
        "Reporting-MTA: dns; mail.acme.example\nX-Postfix-Queue-ID: 4XYZ\n\n"
        f"{recipient}\nAction: {action}\nStatus: {status}\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\n\n"
        f"--B\nContent-Type: {kind}\n\n{returned}\n--B--\n"
    ).encode()


def test_a_mail_nested_without_end_is_no_notification():
    bomb = b"Content-Type: message/rfc822\n\n" * 3000 + b"hi"
    assert dsn.failures(bomb) is None


def events(office, *, tell=False):
    """What the ledger knows, after one mail more was delivered if told to."""

    async def ask():
        its = SqliteLedger(office / "config" / "ledger.sqlite3")
        await its.open()
        if tell:
            one = Event(Kind.ACCEPTED, "acme", REFERRAL.id, REFERRAL.person, 1_795_000_000.0)
            await its.record(one)
        found = await its.events("acme")
        await its.close()
        return found

    return asyncio.run(ask())


def people(office):
    return state(events(office), Terms()).people


@pytest.fixture
def at_work(office):
    """An office whose gateway has delivered one letter."""
    events(office, tell=True)
    return office


@pytest.mark.parametrize(
    "raw",
    [
        notification(),
        notification().replace(b"\n", b"\r\n"),
        notification(kind="text/rfc822-headers"),
        notification(kind="message/global", report="message/global-delivery-status"),
        notification(recipient="Final-Recipient: RFC822; <Taro+x@gmail.example>"),
        notification(
            recipient="Original-Recipient: rfc822; taro@gmail.example\n"
            "Final-Recipient: rfc822; moved@mail.example"
        ),
        notification(letter=LETTER.replace("Message-ID: ", "message-id:\n ")),
        notification(letter="From: saiyo@acme.example\n"),
        notification(status="5.7.26 (refused)"),
        notification(action="FAILED"),
    ],
)
def test_a_letter_that_failed_for_good_takes_its_person_back(at_work, raw):
    assert people(at_work) == 1
    (at_work / "bounce.eml").write_bytes(raw)
    result = run("bounces", "bounce.eml", "--json")
    counts = {"new": 1, "known": 0, "ignored": 0, "strange": 0, "others": 0}
    assert (result.stderr, json.loads(result.stdout)) == ("", counts)
    assert people(at_work) == 0
    (told,) = [event for event in events(at_work) if event.kind is Kind.BOUNCED]
    assert told.fact("status").startswith("5.")
    assert told.person == REFERRAL.person

    again = json.loads(run("bounces", "bounce.eml", "--json").stdout)
    assert again == counts | {"new": 0, "known": 1}


@pytest.mark.parametrize(
    ("raw", "counted"),
    [
        (notification(action="delayed", status="4.4.1"), "ignored"),
        (notification(action="failed", status="4.2.2"), "ignored"),
        (notification(action="delayed", status="5.1.1"), "ignored"),
        (notification(action="relayed", status="2.0.0"), "ignored"),
        (notification(action="failed", status="no idea"), "ignored"),
        (notification(letter=LETTER.replace("<1@", "<2@")), "strange"),
        (notification(recipient="Final-Recipient: rfc822; jiro@gmail.example"), "strange"),
        (b"From: taro@gmail.example\nSubject: Re: result\n\nThank you!\n", "others"),
        (b"\xff\xfe\0", "others"),
        (b"", "others"),
    ],
)
def test_whatever_else_comes_back_changes_nothing(at_work, raw, counted):
    (at_work / "mail.eml").write_bytes(raw)
    result = run("bounces", "mail.eml", "--json")
    assert json.loads(result.stdout)[counted] == 1
    assert people(at_work) == 1
    assert "gmail" not in result.output


def test_a_letter_that_quotes_an_older_one_does_not_take_that_one_back(at_work):
    later = LETTER.replace("<1@", "<7@")
    (at_work / "mail.eml").write_bytes(notification(letter=later))
    result = run("bounces", "mail.eml")
    assert people(at_work) == 1
    assert result.stderr == "mail.eml:1: 5.1.1, and the ledger knows of no such mail.\n"


def test_mboxes_maildirs_and_standard_input_are_read(at_work):
    mbox = b"From MAILER-DAEMON Fri Nov 20 10:00:00 2026\n" + notification()
    (at_work / "in.mbox").write_bytes(mbox + b"\nFrom x Fri Nov 20 10:00:00 2026\n" + b"To: x\n\n")
    result = run("bounces", "in.mbox")
    assert "1 taken back, 0 known before" in result.stdout
    assert "1 mails that are no delivery notification" in result.stdout
    box = mailbox.Maildir(at_work / "box")
    box.add(notification())
    assert "1 known before" in run("bounces", "box").stdout
    assert "1 known before" in run("bounces", "-", stdin=notification()).stdout


def test_a_notification_of_several_recipients_speaks_of_each():
    two = (
        "Final-Recipient: rfc822; taro@gmail.example\nAction: failed\nStatus: 5.1.1\n\n"
        "Final-Recipient: rfc822; jiro@gmail.example"
    )
    found = dsn.failures(notification(recipient=two, action="delayed", status="4.4.1"))
    assert [(each.recipients, each.is_final) for each in found] == [
        ((b"taro@gmail.example",), True),
        ((b"jiro@gmail.example",), False),
    ]
