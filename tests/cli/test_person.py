"""`person`: what is known is shown, who asks is forgotten or spared, and no total changes."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from relay_gateway.config import BadConfig, load
from relay_gateway.core.credit import Kind
from tests.cli.conftest import COMPANY, mail, run
from tests.cli.ledgers import DAY, address, crowd, happened, keep, kept, referral, referred

SUPPRESSING = COMPANY + "scope: {suppress_file: ../acme.suppress}\n"


@pytest.fixture
def sparing(office):
    """An office that keeps a list of those who want no offers."""
    (office / "config" / "companies" / "acme.yaml").write_text(SUPPRESSING)
    return office


def balance():
    return run("credits", "acme", "--json").stdout


def test_all_that_is_known_of_a_person_is_shown_and_nothing_of_others(office):
    keep(office, *crowd(12), happened(Kind.REGISTERED, 3, 9))
    result = run("person", "export", "acme", "--address", "Person3+x@Mail.Example")
    told = json.loads(result.stdout)
    assert [each["kind"] for each in told["events"]] == ["offered", "accepted", "registered"]
    assert {each["referral"] for each in told["events"]} == {referral(3).id}
    assert told["events"][0]["at"] == "2026-11-03T09:00:00+09:00"
    assert "mail.example" not in result.stdout


def test_an_address_may_come_by_standard_input(office):
    keep(office, *crowd(2))
    told = json.loads(run("person", "export", "acme", stdin=f"{address(2)}\n").stdout)
    assert len(told["events"]) == 2


def test_who_is_erased_is_known_no_more_and_totals_stay(office):
    keep(office, *crowd(12))
    before = balance()
    assert run("person", "erase", "acme", stdin=address(3)).exit_code == 0
    assert balance() == before
    assert referral(3).person not in {event.person for event in kept(office)}
    again = run("person", "erase", "acme", "--address", address(3))
    assert "knows nothing" in again.stderr
    assert json.loads(run("person", "export", "acme", stdin=address(3)).stdout)["events"] == []


def test_persons_of_long_ago_are_forgotten_and_totals_stay(office):
    now = time.time()
    old = [replace(event, at=now - 500 * DAY) for event in crowd(12)]
    new = [replace(event, at=now - DAY) for event in referred(101, 1, address(1))]
    registered = replace(happened(Kind.REGISTERED, 2, 1), at=now - 390 * DAY)
    keep(office, *old, *new, registered)
    before = balance()
    assert "acme: 10 persons forgotten" in run("person", "purge").stderr
    assert balance() == before
    assert "acme: 0 persons forgotten" in run("person", "purge").stderr
    known = {event.person for event in kept(office)}
    assert {referral(1).person, referral(2).person} <= known
    assert referral(3).person not in known


@pytest.mark.parametrize("given", ["", "taro", "@mail.example", "taro@", "a b@mail.example"])
def test_what_is_no_address_is_a_sentence(office, given):
    for command in ("export", "erase", "suppress"):
        result = run("person", command, "acme", "--address", given)
        assert result.exit_code in (2, 78)
        assert "Traceback" not in result.stderr


def test_who_is_spared_gets_no_link_however_the_address_is_spelt(sparing):
    letter = sparing / "letter.eml"
    letter.write_bytes(mail(to="Taro <taro@gmail.example>"))
    assert b"careerrelay" in run("rewrite", letter).stdout_bytes
    result = run("person", "suppress", "acme", stdin="TARO+jobs@gmail.example")
    assert result.exit_code == 0
    assert "when it starts" in result.stderr
    assert b"careerrelay" not in run("rewrite", letter).stdout_bytes


def test_the_list_holds_no_address_and_each_person_once(sparing):
    for _ in range(2):
        assert run("person", "suppress", "acme", stdin=address(1)).exit_code == 0
    text = (sparing / "config" / "acme.suppress").read_text()
    assert text.splitlines()[1:] == [referral(1).person]
    assert "mail.example" not in text


def test_who_is_spared_stays_so_after_being_erased(sparing):
    keep(sparing, *crowd(1))
    run("person", "suppress", "acme", stdin=address(1))
    run("person", "erase", "acme", stdin=address(1))
    (tenant,) = load("config/gateway.yaml").policy.tenants
    assert tenant.scope.suppressed == {referral(1).person}


def test_without_a_place_for_the_list_it_is_said_what_to_write(office):
    result = run("person", "suppress", "acme", stdin=address(1))
    assert result.exit_code == 78
    assert "suppress_file: ../../var/acme.suppress" in result.stderr


@pytest.mark.parametrize("line", ["taro@gmail.example", "0" * 15, "o" * 16])
def test_a_list_that_cannot_be_trusted_is_a_fault_at_its_place(sparing, line):
    (sparing / "config" / "acme.suppress").write_text(f"# list\n\n{line}\n")
    with pytest.raises(BadConfig, match=r"line 3 of .* is no person's key"):
        load("config/gateway.yaml")


def test_a_list_that_cannot_be_read_is_a_fault(sparing):
    (sparing / "config" / "acme.suppress").mkdir()
    with pytest.raises(BadConfig, match="cannot be read"):
        load("config/gateway.yaml")


def test_nobody_is_forgotten_before_counting_anew_is_allowed(office):
    keep(office, *crowd(1))
    assert run("person", "purge", "acme", "--days", 365).exit_code == 2
    assert "0 persons" in run("person", "purge", "acme", "--days", 366).stderr
