"""`explain` and `rewrite`: one mail on the desk."""

from __future__ import annotations

import json
import os

import pytest

from relay_gateway.cli.reasons import SENTENCES
from relay_gateway.config import load
from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.reason import Reason
from tests.cli.conftest import BUSINESS, COMPANY, REJECTION, mail, run

DESK = Client("127.0.0.1", b"localhost")


def put(folder, raw, name="mail.eml"):
    path = folder / name
    path.write_bytes(raw)
    return path


def switch(folder, **values):
    """The company's file with other values."""
    text = COMPANY
    for key, value in values.items():
        text = "".join(
            f"{key}: {value}\n" if line.startswith(f"{key}:") else f"{line}\n"
            for line in text.splitlines()
        )
    (folder / "config" / "companies" / "acme.yaml").write_text(text)


def test_rewrite_gives_the_bytes_that_decide_and_apply_make(office):
    policy = load(office / "config" / "gateway.yaml").policy
    envelope = Envelope("x", b"saiyo@acme.example", (b"sato@mail.example",), DESK)
    wanted = apply(REJECTION, decide(envelope, REJECTION, policy).edits)
    result = run("rewrite", put(office, REJECTION))
    assert result.stdout_bytes == wanted != REJECTION
    assert "rejection" in result.stderr


def test_rewrite_reads_standard_input_and_writes_a_file(office):
    run("rewrite", "-", "-o", "out.eml", stdin=REJECTION)
    assert (office / "out.eml").read_bytes() == run("rewrite", "-", stdin=REJECTION).stdout_bytes


@pytest.mark.parametrize("raw", [BUSINESS, b"", b"\0\xff", b"no header", BUSINESS[:200]])
def test_rewrite_leaves_other_mail_byte_for_byte(office, raw):
    assert run("rewrite", "-", stdin=raw).stdout_bytes == raw


def test_rewrite_keeps_bare_line_feeds_outside_its_own_words(office):
    raw = REJECTION.replace(b"\r\n", b"\n")
    outgoing = run("rewrite", "-", stdin=raw).stdout_bytes
    assert len(outgoing) > len(raw)
    assert set(raw.split(b"\n")) <= set(outgoing.split(b"\n"))


def test_rewrite_drops_the_line_that_mbox_puts_above_a_mail(office):
    plain = run("rewrite", "-", stdin=REJECTION).stdout_bytes
    from_mbox = b"From saiyo@acme.example Thu Feb 12 15:13:29 2026\n" + REJECTION
    assert run("rewrite", "-", stdin=from_mbox).stdout_bytes == plain


def test_rewrite_by_force_writes_into_any_letter_even_of_a_watched_company(office):
    switch(office, mode="monitor")
    raw = mail("Dear Taro,\r\n\r\nPlease find the form below.\r\n\r\nRegards,\r\nAcme\r\n")
    assert run("rewrite", "-", stdin=raw).stdout_bytes == raw
    assert b"careerrelay.jp/c/acme/" in run("rewrite", "-", "--force", stdin=raw).stdout_bytes


def test_rewrite_says_how_to_see_what_a_watched_company_would_get(office):
    switch(office, mode="monitor")
    result = run("rewrite", "-", stdin=REJECTION)
    assert result.stdout_bytes == REJECTION
    assert "--force" in result.stderr


def test_an_output_that_cannot_be_written_is_a_sentence(office):
    result = run("rewrite", "-", "-o", "no/such/folder", stdin=REJECTION)
    assert (result.exit_code, result.stdout) == (73, "")
    assert "no/such/folder" in result.stderr


def test_explain_says_the_verdict_its_words_and_the_place_of_the_block(office):
    text = run("explain", put(office, REJECTION)).stdout
    for words in ("insert", "rejection", "acme", "ja", "wish-unmet", "[期待に沿えない]"):
        assert words in text
    assert "    何卒ご了承くださいますようお願い申し上げます。\n  + " in text
    assert "    末筆ではございますが" in text


def test_explain_as_json_has_exactly_these_keys(office):
    told = json.loads(run("explain", "--json", put(office, REJECTION)).stdout)
    assert list(told) == (
        "decision reason detail company judged_as mode from to language score threshold hits "
        "vetoes missing blocks edits".split()
    )
    assert list(told["hits"][0]) == "rule role weight words sentence where shadow".split()
    assert list(told["blocks"][0]) == ["part", "above", "lines", "below"]
    assert told["edits"][0]["offset"] == 0
    assert told["edits"][1].keys() == {"offset", "removed", "added"}


def test_explain_names_what_was_missing(office):
    told = json.loads(run("explain", "--json", "-", stdin=BUSINESS).stdout)
    assert told["decision"] == "leave"
    assert any("decision" in words for words in told["missing"])
    assert told["edits"] == told["blocks"] == []


def test_explain_shows_a_watched_company_where_its_block_would_stand(office):
    switch(office, mode="monitor")
    told = json.loads(run("explain", "--json", "-", stdin=REJECTION).stdout)
    assert (told["decision"], told["reason"]) == ("insert", "monitor")
    assert told["blocks"]
    assert told["edits"]


def test_explain_shows_a_link_that_becomes_a_tracked_one(office):
    raw = (office / "mail.eml").write_bytes(
        mail(
            "Dear Taro,\r\n\r\nThank you for applying for the position of engineer.\r\n"
            "Unfortunately, we have decided not to move forward with your application.\r\n\r\n"
            "https://careerrelay.jp/c/acme\r\n\r\nKind regards,\r\nAcme Recruiting\r\n"
        )
    )
    assert raw
    told = json.loads(run("explain", "--json", "mail.eml").stdout)
    assert told["reason"] == "upgraded_link"
    (block,) = told["blocks"]
    (line,) = block["lines"]
    assert line.startswith("https://careerrelay.jp/c/acme/")


def test_a_sender_of_no_company_is_judged_as_if_the_first_had_sent_it(office):
    switch(office, mode="paused")
    raw = mail(sender="hr@elsewhere.example")
    told = json.loads(run("explain", "--json", "-", stdin=raw).stdout)
    assert (told["company"], told["judged_as"], told["mode"]) == (None, "acme", "live")
    assert told["decision"] == "insert"
    assert "as if sent by acme" in run("explain", "-", stdin=raw).stdout
    assert "as if sent by acme" in run("rewrite", "-", stdin=raw).stderr


def test_options_take_the_place_of_the_header(office):
    told = json.loads(
        run(
            "explain",
            "--json",
            "-",
            "--from",
            "hr@acme.example",
            "--to",
            "boss@acme.example",
            stdin=REJECTION,
        ).stdout
    )
    assert told["from"] == "hr@acme.example"
    assert told["to"] == ["boss@acme.example"]
    assert told["reason"] == "internal"


def test_a_mail_to_nobody_is_judged_as_if_to_one_person_outside(office):
    raw = mail().replace(b"To: taro@gmail.example\r\n", b"")
    told = json.loads(run("explain", "--json", "-", stdin=raw).stdout)
    assert (told["decision"], told["to"]) == ("insert", ["someone@outside.invalid"])


def test_without_settings_the_shipped_rules_and_a_sample_company_serve(here):
    result = run("explain", "--json", "-", stdin=REJECTION)
    told = json.loads(result.stdout)
    assert (told["decision"], told["company"], told["judged_as"]) == ("insert", None, "sample")
    assert "config/gateway.yaml" in result.stderr
    assert os.listdir(here) == []


def test_settings_that_are_named_must_be_there(here):
    result = run("explain", "-c", "nowhere.yaml", "-", stdin=REJECTION)
    assert result.exit_code == 78
    assert result.stderr.startswith("nowhere.yaml:1:1: ")


@pytest.mark.parametrize("command", ["explain", "rewrite", "send", "scan"])
def test_a_mail_that_is_not_there_is_a_sentence(office, command):
    result = run(command, "nowhere.eml")
    assert (result.exit_code, result.stdout) == (66, "")
    assert "nowhere.eml" in result.stderr


def test_an_unknown_company_is_answered_with_the_known_ones(office):
    result = run("explain", "--company", "nobody", "-", stdin=REJECTION)
    assert result.exit_code == 2
    assert "acme" in result.stderr


def test_no_byte_of_a_mail_is_a_command_to_the_terminal(office):
    raw = mail(
        "Dear Taro,\r\n\r\nThank you for applying.\r\n"
        "Unfortunately we have decided not to move \x1b]0;forward\x07 with your application."
        "\r\n\u009b31m\r\n",
        sender="\x1b[31mhr\x1b[0m@acme.example",
    )
    for arguments in (("explain", "-"), ("explain", "--json", "-"), ("scan", "--json", "-")):
        result = run(*arguments, stdin=raw)
        shown = (result.stdout + result.stderr).replace("\n", "")
        assert shown.isprintable()


def test_every_reason_has_its_sentence():
    assert set(SENTENCES) == set(Reason)
