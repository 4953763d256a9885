"""`redeem`, `adjust`, `void`: kept once, with a name, and never with anybody's address."""

from __future__ import annotations

import json

import pytest

from relay_gateway.core.credit import Kind
from tests.cli.conftest import run
from tests.cli.ledgers import crowd, keep, kept, referral, token


def balance():
    return json.loads(run("credits", "acme", "--json").stdout)


def test_used_credits_are_entered_with_a_name(office):
    keep(office, *crowd(20))
    result = run("redeem", "acme", 1, "--by", "佐藤", "--note", "営業職の採用支援")
    assert result.exit_code == 0
    assert (balance()["used"], balance()["left"]) == (1, 1)
    last = kept(office)[-1]
    assert last.kind is Kind.REDEEMED
    assert (last.fact("by"), last.fact("n"), last.fact("note")) == ("佐藤", "1", "営業職の採用支援")


def test_the_same_entry_is_kept_once_unless_it_has_another_id(office):
    keep(office, *crowd(20))
    for options in ((), (), ("--id", "INV-7"), ("--id", "INV-7")):
        result = run("redeem", "acme", 1, "--by", "佐藤", *options)
        assert result.exit_code == 0
    assert "entered before" in result.stderr
    assert balance()["used"] == 2


def test_no_more_is_used_than_there_is(office):
    keep(office, *crowd(10))
    result = run("redeem", "acme", 2, "--by", "佐藤")
    assert (result.exit_code, balance()["used"]) == (2, 0)
    assert "1 credits left" in result.stderr


def test_credits_are_adjusted_up_and_down_with_a_reason(office):
    keep(office, *crowd(1))
    assert run("adjust", "acme", 3, "--by", "佐藤", "--why", "契約特典").exit_code == 0
    assert run("adjust", "acme", "-1", "--by", "佐藤", "--why", "誤入力").exit_code == 0
    assert (balance()["adjusted"], balance()["left"]) == (2, 2)
    assert run("adjust", "acme", 0, "--by", "佐藤", "--why", "x").exit_code == 2


@pytest.mark.parametrize(
    "options",
    [
        ("--by", "sato@acme.example", "--why", "x"),
        ("--by", "佐藤", "--why", "for taro@gmail.example"),
        ("--by", "佐藤", "--why", "taro＠gmail.example 様"),
        ("--by", "佐藤", "--why", "two\nlines"),
        ("--by", " ", "--why", "x"),
        ("--by", "佐藤", "--why", "x" * 201),
    ],
)
def test_words_that_hold_an_address_or_are_no_line_are_refused(office, options):
    result = run("adjust", "acme", 1, *options)
    assert result.exit_code == 2
    assert not (office / "config" / "ledger.sqlite3").exists()


@pytest.mark.parametrize("name", [token(4), token(4).lower(), referral(4).id])
def test_a_referral_is_taken_back_by_its_token_or_id(office, name):
    keep(office, *crowd(4))
    assert run("void", "acme", name, "--why", "recalled", "--by", "佐藤").exit_code == 0
    assert balance()["people"] == 3
    assert balance()["uncounted"] == {"recalled": 1}
    again = run("void", "acme", name, "--why", "fraud", "--by", "佐藤")
    assert again.exit_code == 0
    assert "void before" in again.stderr
    assert balance()["uncounted"] == {"recalled": 1}


@pytest.mark.parametrize(
    ("name", "status"), [("nonsense", 2), (token(4)[:-1] + "0", 2), (referral(9).id, 66)]
)
def test_what_is_no_referral_of_the_company_is_a_sentence(office, name, status):
    keep(office, *crowd(4))
    result = run("void", "acme", name, "--why", "fraud", "--by", "佐藤")
    assert (result.exit_code, balance()["people"]) == (status, 4)


def test_a_void_needs_one_of_the_known_reasons(office):
    assert run("void", "acme", token(1), "--why", "because", "--by", "x").exit_code == 2


def test_an_unknown_company_is_a_sentence_in_every_command(office):
    for command in (
        ("redeem", "nobody", 1, "--by", "x"),
        ("adjust", "nobody", 1, "--by", "x", "--why", "y"),
        ("void", "nobody", token(1), "--why", "test", "--by", "x"),
        ("resume", "nobody", "--by", "x"),
        ("statement", "nobody"),
        ("person", "export", "nobody", "--address", "a@mail.example"),
    ):
        result = run(*command)
        assert result.exit_code == 2
        assert "choose one of: acme" in result.stderr
