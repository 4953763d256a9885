"""`reconcile`: the ledger beside CareerRelay's list, with status 1 for any difference."""

from __future__ import annotations

import json

import pytest

from relay_gateway.cli.registrations import tokens
from relay_gateway.core.credit import Kind
from tests.cli.conftest import run
from tests.cli.ledgers import crowd, happened, keep, token


def listed(office, *tokens, head="token,registered_at,event_id"):
    lines = [f"{each},2026-11-05T10:00:00+09:00,e{at}" for at, each in enumerate(tokens)]
    path = office / "there.csv"
    path.write_bytes("\r\n".join([head, *lines, ""]).encode())
    return path


def compared(office, *tokens, options=()):
    result = run("reconcile", "acme", listed(office, *tokens), "--json", *options)
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def registered(office):
    """Four of five persons have registered, the fourth was voided afterwards."""
    keep(office, *crowd(5), *(happened(Kind.REGISTERED, number, 10) for number in range(1, 5)))
    keep(office, happened(Kind.VOIDED, 4, 11, reason="fraud", by="佐藤"))
    return office


def test_equal_lists_are_no_difference(office):
    keep(office, *crowd(2), *(happened(Kind.REGISTERED, number, 10) for number in (1, 2)))
    status, its = compared(office, token(2), token(1).lower())
    assert (status, its["is_equal"], len(its["matched"])) == (0, True, 2)
    text = run("reconcile", "acme", office / "there.csv", "--lang", "en").stdout
    assert "There is no difference." in text


def test_every_difference_is_told_with_its_tokens(registered):
    status, its = compared(registered, token(1), token(3), token(3), token(4), token(5), "X1")
    assert status == 1
    assert its == {
        "company": "acme",
        "is_equal": False,
        "matched": [token(1)],
        "only_here": [token(2)],
        "only_there": [token(5), "X1"],
        "duplicate": [token(3)],
        "voided_later": [token(4)],
    }
    text = run("reconcile", "acme", registered / "there.csv", "--lang", "ja").stdout
    assert "当方のみ" in text
    assert token(2) in text


def test_a_month_leaves_out_what_the_ledger_holds_of_others(registered):
    _, its = compared(registered, token(1), options=("--month", "2026-12"))
    assert its["only_here"] == []


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbftoken,registered_at,event_id\r\nT1,2026,e1\r\n",
        b"event_id,Registered-At,TOKEN,state\ne1,2026,T1,ok\n",
        b"token\tregistered_at\tevent_id\nT1\t2026\te1\n",
        b"token;registered_at\n\nT1;2026\n",
        b'"token","registered_at","event_id"\n"T1","2026","e1"\n\n',
        "備考,token,registered_at,event_id\n確認済,T1,2026,e1\n".encode("cp932"),
    ],
)
def test_a_list_is_read_as_spreadsheets_write_it(raw, tmp_path):
    (tmp_path / "there.csv").write_bytes(raw)
    assert tokens(str(tmp_path / "there.csv")) == ("T1",)


def test_a_list_may_come_by_standard_input(registered):
    listed(registered, token(1))
    given = (registered / "there.csv").read_text()
    assert token(2) in run("reconcile", "acme", "-", stdin=given).stdout


@pytest.mark.parametrize(
    "column",
    ["name", "E-Mail", "氏名", "Last Name", "住所", "ﾒｰﾙｱﾄﾞﾚｽ", "phone", "フリガナ", "生年月日"],
)
def test_a_list_with_columns_that_name_somebody_is_refused_unread(office, column):
    path = listed(office, token(1), head=f"token,registered_at,{column}")
    result = run("reconcile", "acme", path)
    assert (result.exit_code, result.stdout) == (65, "")
    assert "could name somebody" in result.stderr


@pytest.mark.parametrize(
    "raw", [b"", b"token\nT1\n", b"registered_at\n1\n", b'token,registered_at\n"T1\n']
)
def test_what_is_no_such_list_is_a_sentence(office, raw):
    path = office / "there.csv"
    path.write_bytes(raw)
    assert run("reconcile", "acme", path).exit_code == 65


def test_a_list_that_is_not_there_is_a_sentence(office):
    assert run("reconcile", "acme", "nowhere.csv").exit_code == 66
