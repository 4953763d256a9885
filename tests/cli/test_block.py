"""`block`: HR sees the words as they stand in a mail; `check` says how each company says it."""

from __future__ import annotations

import pytest

from relay_gateway.core.block import default
from tests.cli.conftest import COMPANY, mail, run


def company(office, *lines):
    text = COMPANY + "\n".join(lines) + "\n"
    (office / "config" / "companies" / "acme.yaml").write_text(text, "utf-8")


def test_a_block_is_shown_as_it_stands_in_a_mail(office):
    shown = run("block", "acme", "--language", "ja", "--segment", "any").stdout.splitlines()
    assert shown[:2] == ["acme 株式会社アクメ, ja, all letters:", ""]
    link = "https://careerrelay.jp/c/acme/0123456789ABCDEFGHJKMNPQ"
    assert shown[2:] == [line.replace("{link}", link) for line in default("ja").lines]
    sent = run("rewrite", "-", stdin=mail()).stdout
    english = run("block", "acme", "--language", "en", "--segment", "any").stdout.splitlines()
    assert all(line in sent for line in english[2:] if "careerrelay.jp" not in line)


def test_all_words_are_shown_unless_fewer_are_asked_for(office):
    headings = [line for line in run("block").stdout.splitlines() if line.endswith(":")]
    assert len([line for line in headings if line.startswith("acme ")]) == 12
    assert len([line for line in headings if "ja, new graduates (新卒)" in line]) == 1


def test_what_a_charset_lacks_is_shown_with_what_is_said_instead(office):
    company(office, 'block: {ja: "▶{company}のご案内です。\\n{link}"}')
    shown = run("block", "--language", "ja").stdout
    assert "▶株式会社アクメのご案内です。" in shown
    assert shown.count("in mails that cannot hold a sign of it:") == 2
    assert "今後のキャリアのご参考までに、弊社の提携先をご案内いたします。" in shown


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "full"),
        (("block: {style: short, opt_out: a@acme.example}",), "short, opt_out"),
        (('block: {disclosure: true, ja: "ご案内です。\\n{link}"}',), "own words, disclosure"),
    ],
)
def test_check_says_how_a_company_says_it(office, lines, said):
    company(office, *lines)
    (row,) = (line for line in run("check").stdout.splitlines() if line.startswith("acme "))
    assert f" {said}  " in row


def test_check_tells_what_some_mails_cannot_hold(office):
    company(office, 'block: {ja: "▶\\n{link}"}')
    result = run("check")
    assert result.exit_code == 0
    assert result.stderr.startswith("config/companies/acme.yaml:8:13: ▶ (U+25B6) is not in JIS")


@pytest.mark.parametrize("arguments", [("--language", "ko"), ("nobody",)])
def test_what_there_is_not_is_a_sentence(office, arguments):
    result = run("block", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(("No company has words in ko", "There is no company nobody"))


def test_without_settings_the_shipped_words_are_shown(here):
    result = run("block", "--segment", "part_time")
    assert result.exit_code == 0
    assert "今後のお仕事探しのお役に立てればと存じ" in result.stdout
