"""`credits`: people, progress, credits, and what is to be said of them, in both languages."""

from __future__ import annotations

import json

from relay_gateway.core.credit import Kind
from tests.cli.conftest import run
from tests.cli.ledgers import address, crowd, happened, keep, of_company, referred


def test_credits_are_ten_people_each(office):
    keep(office, *crowd(23))
    assert json.loads(run("credits", "acme", "--json").stdout) == {
        "company": "acme",
        "name": "株式会社アクメ",
        "people": 23,
        "credits": 2,
        "towards_next": 3,
        "deficit": 0,
        "pending": 0,
        "kept": 0,
        "earned": 2,
        "revoked": 0,
        "adjusted": 0,
        "used": 0,
        "expired": 0,
        "left": 2,
        "last_earned": "2026-11-20T09:00:01+09:00",
        "uncounted": {},
        "halted": None,
        "per_credit": 10,
        "count_on": "delivered",
        "dedupe_days": 365,
    }
    text = run("credits").stdout
    assert "███░░░░░░░ 3/10" in text
    assert "ご案内ベース (delivered)" in text
    assert "2026-11-20" in text


def test_what_did_not_count_is_said_with_its_reason(office):
    again = referred(50, 12, address(3))
    keep(office, *crowd(10), *again, happened(Kind.BOUNCED, 4, 13))
    shown = run("credits", "--lang", "en").stdout
    assert "acme: not counted: duplicate 1, bounced 1." in shown
    assert "調整 −1" in shown
    assert "集計対象外 重複 1, 不達 1" in run("credits", "--lang", "ja").stdout


def test_a_company_that_the_guard_has_stopped_is_said_so_plainly(office):
    halted = of_company(Kind.HALTED, 3, id="1", rule="wish-unmet")
    keep(office, *crowd(2), halted)
    shown = run("credits", "--lang", "en").stdout
    assert "stopped by the burst guard since 2026-11-03T09:00:00+09:00 (rule wish-unmet)" in shown
    assert "relay-gateway resume acme --by NAME" in shown
    assert json.loads(run("credits", "--json").stdout)["halted"] == "2026-11-03T09:00:00+09:00"


def test_a_company_goes_on_when_a_person_says_so_and_is_told_once(office):
    keep(office, of_company(Kind.HALTED, 3, id="1"))
    assert "acme goes on." in run("resume", "acme", "--by", "佐藤").stderr
    assert "burst guard" not in run("credits", "--lang", "en").stdout
    again = run("resume", "acme", "--by", "佐藤")
    assert "not stopped" in again.stderr
    assert again.exit_code == 0


def test_nothing_is_resumed_that_was_not_stopped(office):
    keep(office, *crowd(1))
    assert "not stopped" in run("resume", "acme", "--by", "佐藤").stderr
