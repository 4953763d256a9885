"""`import`: registrations from a file, all or none, and never who it was."""

from __future__ import annotations

import asyncio
import json

import pytest

from relay_gateway.core import link
from relay_gateway.core.account import state
from relay_gateway.core.credit import Basis, Event, Kind, Terms
from relay_gateway.edge.sqlite_ledger import SqliteLedger
from tests.cli.conftest import run

KEYS = (b"0123456789abcdef" * 4,)
TERMS = Terms(count_on=Basis.REGISTERED)


def referral(number):
    return link.refer("acme", b"<%d@acme.example>" % number, b"p%d@gmail.example" % number, KEYS)


def token(number):
    return link.token(referral(number), KEYS)


def row(number, **but):
    given = {"event": f"evt_{number}", "token": token(number), "at": "2026-11-20T10:00:00+09:00"}
    return ",".join({**given, **but}.values())


HEADING = "event_id,token,registered_at"


def ledger(office, people=0):
    """The events after so many more mails were delivered."""

    async def tell():
        its = SqliteLedger(office / "config" / "ledger.sqlite3")
        await its.open()
        for number in range(people):
            one = referral(number)
            await its.record(Event(Kind.ACCEPTED, "acme", one.id, one.person, 1.0))
        events = await its.events("acme")
        await its.close()
        return events

    return asyncio.run(tell())


def people(office):
    return state(ledger(office), TERMS).people


@pytest.fixture
def at_work(office):
    """An office whose gateway has delivered three letters."""
    ledger(office, people=3)
    return office


def test_registrations_of_a_file_count_once_however_often_it_is_imported(at_work):
    (at_work / "r.csv").write_text("\n".join([HEADING, row(0), row(1), row(1), row(9)]) + "\n")
    first = run("import", "acme", "r.csv", "--json")
    assert (first.exit_code, first.stderr) == (0, "")
    assert json.loads(first.stdout) == {"new": 2, "known": 1, "early": 1, "test": 0}
    assert people(at_work) == 2

    again = run("import", "acme", "r.csv", "--json")
    assert json.loads(again.stdout) == {"new": 0, "known": 4, "early": 0, "test": 0}
    assert people(at_work) == 2
    said = run("import", "acme", "r.csv").stdout
    assert said.startswith("4 registrations of acme: 0 new, 4 known before,")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_a_file_is_read_as_spreadsheets_write_it(at_work, line_end, between):
    lines = [HEADING, row(0), "", row(1)]
    text = line_end.join(line.replace(",", between) for line in lines)
    (at_work / "r.csv").write_bytes("\ufeff".encode() + text.encode())
    assert run("import", "acme", "r.csv").exit_code == 0
    assert people(at_work) == 2


def test_quoted_columns_in_another_order_are_read_too(at_work):
    text = (
        f'"token","test","registered_at","event_id"\n"{token(0)}","","2026-11-20T10:00:00Z","e"\n'
    )
    assert run("import", "acme", "-", stdin=text).exit_code == 0
    assert people(at_work) == 1


def test_tests_are_named_and_never_count(at_work):
    text = f"{HEADING},test\n{row(0)},true\n{row(1)},FALSE\n"
    result = run("import", "acme", "-", "--json", stdin=text)
    assert json.loads(result.stdout) == {"new": 1, "known": 0, "early": 0, "test": 1}
    assert people(at_work) == 1


@pytest.mark.parametrize("name", ["email", "name", "phone", "氏名"])
def test_a_column_that_names_people_is_refused(at_work, name):
    text = f"{HEADING},{name}\n{row(0)},taro@gmail.example\n"
    result = run("import", "acme", "-", stdin=text)
    assert result.exit_code == 65
    shown = name if name.isascii() else "a field with a name that is none"
    assert result.stderr.startswith(f"-:1: {shown} is not taken")
    assert "taro" not in result.stderr
    assert people(at_work) == 0


def test_one_wrong_line_and_nothing_is_taken_and_all_wrong_lines_are_named(at_work):
    stranger = link.token(referral(0), (b"the key of somebody else, quite long",))
    lines = [
        HEADING,
        row(0),
        row(1, at="yesterday"),
        row(2, token=stranger),
        row(2, event="p2@gmail.example"),
    ]
    (at_work / "r.csv").write_text("\n".join(lines))
    result = run("import", "acme", "r.csv")
    assert (result.exit_code, result.stdout) == (65, "")
    said = result.stderr.splitlines()
    assert [line.split(" ")[0] for line in said[:-1]] == ["r.csv:3:", "r.csv:4:", "r.csv:5:"]
    assert said[-1] == "Nothing was taken."
    assert "gmail" not in result.stderr
    assert stranger not in result.stderr
    assert people(at_work) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "-:1: the column event_id is missing"),
        ("event_id,token\n", "-:1: the column registered_at is missing"),
        (f"{HEADING},token\n", "-:1: the column token stands twice"),
        (f"{HEADING}\na,b\n", "-:2: has 2 columns, the heading has 3"),
        (f'{HEADING}\n"a', "-:2: is no CSV"),
    ],
)
def test_a_file_that_is_none_is_a_sentence(at_work, text, said):
    result = run("import", "acme", "-", stdin=text)
    assert (result.exit_code, result.stderr.startswith(said)) == (65, True)


def test_a_file_in_another_charset_and_one_that_is_missing_are_sentences(at_work):
    (at_work / "r.csv").write_bytes("氏名".encode("cp932"))
    assert "save it as CSV UTF-8" in run("import", "acme", "r.csv").stderr
    assert "cannot be read" in run("import", "acme", "none.csv").stderr
    assert "choose one of: acme" in run("import", "acmee", "r.csv").stderr


def test_without_a_ledger_there_is_nothing_to_import_to(office):
    result = run("import", "acme", "-", stdin=f"{HEADING}\n{row(0)}\n")
    assert result.exit_code == 66
    assert "There is no ledger" in result.stderr
    assert not (office / "config" / "ledger.sqlite3").exists()
