"""`scan`: heaps of mail, as they lie on disks."""

from __future__ import annotations

import json
import mailbox
import os

import pytest

from tests.cli.conftest import BUSINESS, REJECTION, mail, run

KEYS = "path id company decision reason score language hits vetoes".split()


def scan(*arguments, stdin=None):
    """The objects that `scan --json` prints."""
    result = run("scan", "--json", *arguments, stdin=stdin)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_mail_is_one_object_with_exactly_these_keys(office):
    (office / "mail.eml").write_bytes(REJECTION)
    (told,) = scan("mail.eml")
    assert list(told) == KEYS
    assert told["path"] == "mail.eml"
    assert told["id"].startswith("<")
    assert (told["decision"], told["reason"]) == ("insert", "rejection")
    assert told["language"] == "ja"
    assert told["score"] > 0
    assert told["vetoes"] == []
    assert all(list(hit) == ["rule", "weight", "words"] for hit in told["hits"])


def test_folders_are_read_to_the_bottom_and_only_mails_in_them(office):
    deep = office / "post" / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "one.EML").write_bytes(REJECTION)
    (deep / "17").write_bytes(BUSINESS)
    (deep / "00001.7c53336b37003a92").write_bytes(b"From x Thu Feb 12 15:13:29 2026\n" + BUSINESS)
    (deep / "one.yaml").write_text("from: saiyo@acme.example\n")
    (deep / "Makefile").write_text("all: test\n")
    (deep / "picture.png").write_bytes(b"\x89PNG")
    told = scan("post")
    assert [os.path.basename(one["path"]) for one in told] == [
        "00001.7c53336b37003a92",
        "17",
        "one.EML",
    ]
    assert [one["decision"] for one in told] == ["leave", "leave", "insert"]


def test_an_mbox_is_as_many_mails_as_were_put_in(office):
    letters = [mail(), mail("Lunch at noon?\r\n\r\nFrom here it is not far.\r\n"), REJECTION]
    box = mailbox.mbox(office / "Inbox")
    for raw in letters:
        box.add(raw)
    box.close()
    told = scan("Inbox")
    assert [one["decision"] for one in told] == ["insert", "leave", "insert"]
    assert [one["id"] for one in told][:2] == ["1", "2"]


def test_a_sentence_that_begins_with_from_does_not_cut_a_mail_in_an_mbox(office):
    raw = b"From a@acme.example\n" + mail("Hello,\n\nFrom tomorrow on we are closed.\n\nBye\n")
    assert len(scan("-", stdin=raw)) == 1


def test_a_maildir_is_read_without_what_is_not_yet_delivered(office):
    folder = mailbox.Maildir(office / "Maildir")
    folder.add(REJECTION)
    read = mailbox.MaildirMessage(BUSINESS)
    read.set_subdir("cur")
    read.set_flags("S")
    folder.add(read)
    (office / "Maildir" / "tmp" / "half").write_bytes(REJECTION)
    assert sorted(one["decision"] for one in scan("Maildir")) == ["insert", "leave"]


def test_line_feeds_alone_do_not_change_a_judgement(office):
    (told,) = scan("-", stdin=REJECTION.replace(b"\r\n", b"\n"))
    assert told["decision"] == "insert"


def test_the_same_file_named_twice_is_judged_once(office):
    (office / "mail.eml").write_bytes(REJECTION)
    assert len(scan("mail.eml", "mail.eml")) == 1


@pytest.mark.parametrize("raw", [b"", b"\0\xff\n", b"Content-Type: multipart/mixed\r\n\r\n"])
def test_a_mail_that_cannot_be_read_is_left_and_stops_nothing(office, raw):
    (office / "1.eml").write_bytes(raw)
    (office / "2.eml").write_bytes(REJECTION)
    assert [one["decision"] for one in scan("1.eml", "2.eml")] == ["leave", "insert"]


def test_a_file_that_cannot_be_opened_is_left_and_stops_nothing(office):
    os.mkfifo(office / "0.eml")
    os.symlink("2.eml", office / "1.eml")
    (office / "2.eml").symlink_to("1.eml")
    (office / "3.eml").write_bytes(REJECTION)
    assert [one["path"] for one in scan(".")] == ["./3.eml"]


def test_who_belongs_to_no_company_is_judged_all_the_same_and_said_so(office):
    (office / "mail.eml").write_bytes(mail(sender="hr@elsewhere.example"))
    (told,) = scan("mail.eml")
    assert (told["company"], told["decision"]) == (None, "insert")
    assert "as if sent by acme" in run("scan", "mail.eml").stderr


def test_options_speak_for_every_mail(office):
    (office / "mail.eml").write_bytes(REJECTION)
    (told,) = scan("mail.eml", "--to", "boss@acme.example")
    assert told["reason"] == "internal"


def test_without_json_tables_close_the_scan(office):
    (office / "1.eml").write_bytes(REJECTION)
    (office / "2.eml").write_bytes(BUSINESS)
    text = run("scan", ".").stdout
    rows = [line.split() for line in text.splitlines()]
    assert ["insert", "rejection", "1"] in rows
    assert ["all", "2"] in rows
    assert ["wish-unmet", "decision", "ja", "1", "1", "1", "0"] in rows
    assert "./1.eml" in text
    assert "./2.eml" not in text


def test_a_folder_without_mail_is_a_sentence(office):
    (office / "empty").mkdir()
    result = run("scan", "empty")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no mail" in result.stderr


def test_json_is_plain_even_for_names_that_are_no_text(office):
    name = os.fsdecode(b"\xff\x1b[31m.eml")
    with open(name, "wb") as file:
        file.write(REJECTION)
    result = run("scan", "--json", ".")
    assert result.stdout.strip().isprintable()
    assert json.loads(result.stdout)["path"] == f"./{name}"
    assert name not in run("scan", ".").stdout
