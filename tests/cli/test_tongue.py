"""The commands speak the language of their user, and say the same in both."""

from __future__ import annotations

import json
import re
from string import Formatter

import pytest

from relay_gateway.cli import ailments, phrases, reasons
from relay_gateway.cli.tongue import Said
from tests.cli.bench import letter, settings
from tests.cli.conftest import BUSINESS, REJECTION, run


def sayings():
    """Everything that is said in both languages."""
    for module in (phrases, ailments, reasons):
        for value in vars(module).values():
            for each in value.values() if isinstance(value, dict) else (value,):
                if isinstance(each, Said):
                    yield each


@pytest.mark.parametrize("said", tuple(sayings()), ids=lambda said: said.en[:30])
def test_both_wordings_tell_the_same_facts(said):
    assert said.en
    assert said.ja
    facts = [
        sorted(name for _, name, _, _ in Formatter().parse(words) if name is not None)
        for words in (said.en, said.ja)
    ]
    assert facts[0] == facts[1]


@pytest.mark.parametrize(
    ("locale", "option", "word"),
    [
        ("ja_JP.UTF-8", (), "お祈りメールです"),
        ("C", (), "It is a rejection"),
        ("de_DE.UTF-8", (), "It is a rejection"),
        ("ja_JP.UTF-8", ("--lang", "en"), "It is a rejection"),
        ("C", ("--lang", "ja"), "お祈りメールです"),
    ],
)
def test_the_locale_chooses_the_language_and_the_option_overrides_it(here, locale, option, word):
    assert word in run("explain", "-", *option, stdin=REJECTION, locale=locale).stdout


def test_the_first_variable_that_is_set_decides(here, monkeypatch):
    monkeypatch.setenv("LC_MESSAGES", "ja_JP.UTF-8")
    monkeypatch.setenv("LANG", "C")
    assert "お祈り" in run("explain", "-", stdin=REJECTION, locale="").stdout
    monkeypatch.setenv("LC_MESSAGES", "")
    assert "お祈りメールです" not in run("explain", "-", stdin=REJECTION, locale="").stdout


@pytest.mark.parametrize("raw", [REJECTION, BUSINESS])
def test_json_is_the_same_in_both_languages(here, raw):
    told = [
        json.loads(run("explain", "--why-not", "--json", "-", "--lang", lang, stdin=raw).stdout)
        for lang in ("ja", "en")
    ]
    # Only the links' codes and the marks of two runs could differ, and those are computed.
    assert told[0].pop("blocks", None) is not None
    assert told[1].pop("blocks", None) is not None
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "command",
    [
        ("check",),
        ("credits",),
        ("scan", "mail.eml"),
        ("rules", "list"),
        ("rules", "test"),
        ("rules", "cost", "mail.eml"),
        ("rules", "diff", "config/base.yaml", "config/base.yaml", "mail.eml"),
        ("explain", "--why-not", "mail.eml"),
    ],
)
def test_each_command_speaks_japanese(office, command):
    settings(office)
    (office / "mail.eml").write_bytes(letter())
    result = run(*command, locale="ja_JP.UTF-8")
    assert result.exit_code == 0
    assert re.search(r"[ぁ-んァ-ヶ]", result.stdout)
