"""`explain --why-not`: what was missing, what silenced it, and why the block stands there."""

from __future__ import annotations

import json

import pytest

from tests.cli.bench import BASE, letter, settings
from tests.cli.conftest import run


def why(raw, *more):
    """What `explain --why-not --json` says."""
    result = run("explain", "--why-not", "--json", "-", *more, stdin=raw)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["why_not"]


def test_a_guard_is_named_with_its_words_and_its_sentence(office):
    settings(office)
    told = why(letter("Sadly, if you are late, we will not hire you."))
    (one,) = told["candidates"]
    assert (one["rule"], one["words"]) == ("not-hired", "we will not hire you")
    assert one["silenced"] == [{"by": "guard", "rule": "if-you", "words": "if you"}]
    assert "a sentence that says the decision" in told["missing"]


def test_words_that_forbid_it_are_named(office):
    settings(office)
    told = why(letter("On Monday we will not hire you."))
    (one,) = told["candidates"]
    assert one["silenced"] == [{"by": "unless", "rule": "", "words": "on monday"}]


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ("needs: 'alas'", {"by": "needs", "rule": "", "words": ""}),
        ("state: shadow", {"by": "state", "rule": "", "words": "shadow"}),
        ("where: subject", {"by": "where", "rule": "", "words": "subject"}),
    ],
)
def test_each_other_silence_is_named(office, change, by):
    base = BASE.replace("unless: 'on Monday'", change)
    settings(office, base=base.replace("matches: [Sadly", "# ").replace("spares", "# "))
    (one,) = why(letter())["candidates"]
    assert one["silenced"] == [by]


def test_a_distance_is_told_where_everything_else_is_there(office):
    settings(office, base=BASE.replace("threshold: 5", "threshold: 8"))
    text = run("explain", "--why-not", "-", stdin=letter()).stdout
    assert "✓ a sentence that says the decision" in text
    assert "✗ score 6, needed 8 (2 too few)" in text


def test_a_context_that_is_missing_is_marked(office):
    settings(office, base=BASE.replace("[the job]", "[the vacancy]"))
    text = run("explain", "--why-not", "-", stdin=letter()).stdout
    assert "✗ a sign that it is about a job" in text
    assert "✓ a sign that its reader is the applicant" in text


def test_a_veto_is_shown_in_its_sentence(office):
    settings(office)
    raw = letter("By mistake we said that sadly we will not hire you.")
    (veto,) = why(raw)["vetoes"]
    assert (veto["rule"], veto["words"]) == ("by-mistake", "by mistake")
    text = run("explain", "--why-not", "-", stdin=raw).stdout
    assert "The veto by-mistake speaks: 「by mistake」" in text


def test_a_mail_that_says_nothing_of_the_kind_shows_what_only_sounds_like_it(office):
    settings(office)
    raw = letter("Sadly the lift is broken.")
    told = why(raw)
    assert told["candidates"] == []
    assert [one["rule"] for one in told["near"]] == ["sadly"]
    text = run("explain", "--why-not", "-", stdin=raw).stdout
    assert "No sentence comes near a decision" in text
    assert "[sadly] the lift is broken" in text


def test_a_mail_that_was_not_read_is_judged_by_its_words_alone(office):
    settings(office)
    raw = letter(to="boss@acme.example")
    assert why(raw)["by_words"] == "insert"
    text = run("explain", "--why-not", "-", stdin=raw).stdout
    assert "It goes to nobody outside the company. By its words alone it would be insert." in text


def test_a_rejection_tells_how_little_it_would_take(office):
    settings(office)
    text = run("explain", "--why-not", "-", stdin=letter()).stdout
    assert "What would it take to lose the link?" in text
    assert "6, needed 5 (1 above)" in text
    assert "One rule alone says the decision: not-hired (3)." in text


def test_a_mail_without_words_has_nothing_to_tell(office):
    settings(office)
    raw = b"From: saiyo@acme.example\r\nContent-Type: image/png\r\n\r\nx\r\n"
    assert why(raw) == {}
    assert run("explain", "--why-not", "-", stdin=raw).exit_code == 0


@pytest.mark.parametrize(
    ("closing", "below"),
    [
        ("We wish you every success.\r\n\r\nAcme", "before the closing wish"),
        ("Thank you again for your time.\r\n\r\nAcme", "before the closing words"),
        ("Kind regards,\r\nAcme", "before the signature"),
        ("-- \r\nAcme", "before the signature"),
        ("> Dear Acme,\r\n> I apply.", "before the older mail quoted below"),
    ],
)
def test_the_place_of_the_block_is_explained(office, closing, below):
    settings(office)
    raw = letter("Sadly we will not hire you.").replace(b"Acme\r\n", closing.encode() + b"\r\n")
    text = run("explain", "-", stdin=raw).stdout
    assert f"It stands after the paragraph with the decision, {below}." in text


def test_paragraphs_that_belong_to_the_decision_are_counted(office):
    settings(office)
    words = "Sadly we will not hire you.\r\n\r\nYour papers are on their way."
    raw = letter(words).replace(b"Acme\r\n", b"Kind regards,\r\nAcme\r\n")
    text = run("explain", "-", stdin=raw).stdout
    assert "after the decision and 1 more paragraph(s)" in text
