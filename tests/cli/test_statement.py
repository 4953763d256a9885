"""`statement`: the same month on text, CSV and HTML, safe to open and the same whenever printed."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest

from relay_gateway.cli import sheet_forms
from relay_gateway.core.credit import Kind
from tests.cli.conftest import COMPANY, run
from tests.cli.ledgers import address, crowd, happened, keep, of_company, referred


def month(*options, lang="en"):
    return run("statement", "acme", "--month", "2026-11", "--lang", lang, *options)


def cells(*options, **more):
    """The rows of the CSV by their item: value and note."""
    text = month("--csv", *options, **more).stdout_bytes.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    return {item: (value, note) for _, item, value, note in rows[1:]}


def november(office):
    """Twelve letters: a second one, one come back, one registration; and a credit used."""
    visit = happened(Kind.CLICKED, 2, 3, id="v", method="GET", agent="safari", after="90")
    keep(
        office,
        *referred(40, -4, ruleset="old"),
        *crowd(10),
        *referred(50, 12, address(3), ruleset="abc123"),
        happened(Kind.BOUNCED, 4, 13),
        visit,
        happened(Kind.REGISTERED, 2, 4),
        of_company(Kind.REDEEMED, 20, n="1", by="佐藤", note="=SUM(A1)", id="1"),
        *referred(60, 33),
    )


def company(office, more):
    (office / "config" / "companies" / "acme.yaml").write_text(COMPANY + more)


def test_a_month_is_told_in_text(office):
    november(office)
    text = month().stdout
    for words in (
        "Statement 2026-11: 株式会社アクメ",
        "2026-11-01 – 2026-11-30",
        "ご案内ベース (delivered)",
        "duplicate",
        "abc123",
        "by 佐藤",
        "ledger digest",
        "□□□□□□□□□□ 0/10",
    ):
        assert words in text


def test_the_numbers_of_a_month_are_those_of_its_events(office):
    november(office)
    its = cells()
    assert its["people shown the way this month"][0] == "10"
    assert its["offered"] == ("11", "measured")
    assert its["registered"] == ("1", "reported by CareerRelay")
    assert its["opened by people"] == ("1", "estimated")
    assert its["bounced"] == ("1", "bounced")
    assert (its["people, cumulative"][0], its["credits earned"][0]) == ("10", "1")
    assert (its["credits used"][0], its["credits left"][0]) == ("1", "0")
    assert its["rules in force"][0] == "abc123"
    assert "estimated value of the credits earned" not in its


def test_a_month_is_told_in_japanese(office):
    november(office)
    its = cells(lang="ja")
    assert its["今月ご案内した方"][0] == "10名"
    assert its["ご登録"] == ("1", "キャリアリレーからの報告")
    assert its["台帳ダイジェスト"][1].startswith("出力時点の")


def test_a_value_is_shown_only_by_the_companys_own_price(office):
    company(office, "credits: {value_yen: 300000}\n")
    november(office)
    value, note = cells()["estimated value of the credits earned"]
    assert value == "JPY 300,000"
    assert note.startswith("estimated")


def test_a_spreadsheet_reads_it_as_utf_8_with_crlf_and_computes_nothing(office):
    november(office)
    raw = month("--csv").stdout_bytes
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert all(row[:1] not in "=+@" for row in raw.decode("utf-8-sig").splitlines())


@pytest.mark.parametrize(
    "value", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1", "－1", '=HYPERLINK("x")']
)
def test_words_that_a_spreadsheet_would_compute_are_kept_as_words(value):
    assert sheet_forms.cell(value) == f"'{value}"
    assert sheet_forms.cell("a=1") == "a=1"
    assert sheet_forms.cell(-1) == -1


class Outline(HTMLParser):
    """The tags of a page and what they would load; every tag that opens is closed."""

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.loads = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href", "action")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_page_needs_nothing_else_and_can_be_read_aloud(office, lang):
    november(office)
    page = month("--html", lang=lang).stdout
    outline = Outline()
    outline.feed(page)
    assert (outline.open, outline.loads) == ([], [])
    assert "url(" not in page
    assert ("html", {"lang": lang}) in outline.tags
    names = [tag for tag, _ in outline.tags]
    assert {"main", "h1", "title", "caption", "label", "progress"} <= set(names)
    scopes = [attrs.get("scope") for tag, attrs in outline.tags if tag == "th"]
    assert None not in scopes


def test_a_page_takes_no_words_for_markup(office):
    name = "name: 株式会社アクメ"
    path = office / "config" / "companies" / "acme.yaml"
    path.write_text(COMPANY.replace(name, 'name: "<b>A & \\"B\\"</b>"'))
    keep(office, of_company(Kind.ADJUSTED, 2, n="1", by="<script>", why="&amp;", id="1"))
    page = month("--html").stdout
    assert "<script>" not in page
    assert "&lt;b&gt;A &amp; " in page


def test_what_happens_after_the_closing_day_stands_on_the_next_statement(office):
    november(office)
    before = cells()
    keep(office, happened(Kind.VOIDED, 5, 34, reason="recalled", by="佐藤"))
    after = cells()
    assert before.pop("ledger digest") != after.pop("ledger digest")
    assert after == before
    december = run("statement", "acme", "--month", "2026-12", "--lang", "en").stdout
    assert re.search(r"people voided +1", december)


def test_the_closing_day_and_the_time_zone_are_the_companys(office):
    company(office, "statement: {closing_day: 10, timezone: America/New_York}\n")
    november(office)
    its = cells()
    assert its["period"][0] == "2026-10-11 – 2026-11-10"
    assert its["period"][1].startswith("America/New_York")
    assert its["offered"][0] == "11"


def test_two_parties_with_the_same_ledger_read_the_same_digest(office):
    november(office)
    first, second = cells()["ledger digest"][0], cells(lang="en")["ledger digest"][0]
    assert first == second
    assert re.fullmatch("[0-9a-f]{64}", first)


def test_the_last_closed_month_is_printed_if_none_is_named(office):
    assert re.match(r"Statement 20\d\d-\d\d: ", run("statement", "acme", "--lang", "en").stdout)


@pytest.mark.parametrize("month", ["2026-13", "2026", "november", "2026-11-01"])
def test_what_is_no_month_is_a_sentence(office, month):
    result = run("statement", "acme", "--month", month)
    assert result.exit_code == 2
    assert "2026-11" in result.stderr
