"""`rules`: what they are, whether they keep their word, what they cost, what a change does."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from relay_gateway.config import load
from tests.cli.bench import BASE, letter, logged, own, settings
from tests.cli.conftest import run


def told(*arguments, stdin=None):
    """The objects that a command prints with --json."""
    result = run(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


# list


def test_each_rule_is_listed_with_its_place(office):
    settings(office, ("own.yaml", own("name: sadly, weight: 2", "name: the-job, state: shadow")))
    rules = {one["rule"]: one for one in told("rules", "list")}
    assert list(rules)[:2] == ["not-hired", "if-you"]
    first = rules["not-hired"]
    assert (first["role"], first["weight"], first["matches"], first["spares"]) == (
        "decision",
        3.0,
        1,
        1,
    )
    assert (first["file"], first["line"], first["shipped"]) == ("config/base.yaml", 4, False)
    assert rules["sadly"]["weight"] == 2.0
    assert rules["the-job"]["state"] == "shadow"


def test_a_list_may_be_of_one_language_and_role(office):
    settings(office)
    assert [one["rule"] for one in told("rules", "list", "--role", "veto")] == ["by-mistake"]
    result = run("rules", "list", "--language", "ko")
    assert (result.stdout, result.exit_code) == ("", 0)
    assert "No rule" in result.stderr


def test_a_shipped_rule_is_told_by_the_name_of_its_file(here):
    text = run("rules", "list", "--language", "ja", "--role", "decision").stdout
    assert "ja.yaml:" in text
    assert "(shipped)" in text


def test_a_company_with_own_rules_has_a_list_of_its_own(office):
    settings(office)
    (office / "config" / "acme-rules.yaml").write_text(own("name: sadly, weight: 4"))
    company = office / "config" / "companies" / "acme.yaml"
    company.write_text(company.read_text() + "rules: [../acme-rules.yaml]\n")
    weights = {
        asked: {one["rule"]: one["weight"] for one in told("rules", "list", *asked)}["sadly"]
        for asked in ((), ("--company", "acme"))
    }
    assert weights == {(): 1.0, ("--company", "acme"): 4.0}


# test


def test_rules_that_keep_their_word_pass(office):
    settings(office)
    result = run("rules", "test")
    assert result.exit_code == 0
    assert "not-hired" in result.stdout
    assert "All 3 examples" in result.stdout


def test_a_file_is_tested_before_it_is_in_the_settings(here):
    (here / "own.yaml").write_text(
        "language: ja\nrules:\n  - name: foundation-grant\n    is: veto\n    words: [助成金]\n"
        "    matches: [このたびの助成金の選考につきまして, 奨学金の選考につきまして]\n"
    )
    result = run("rules", "test", "own.yaml")
    assert result.exit_code == 1
    assert (
        "own.yaml:6:34: foundation-grant: does not find: 奨学金の選考につきまして" in result.stdout
    )
    # Of the shipped rules, which it comes after, nothing is said.
    assert "wish-unmet" not in result.stdout


def test_an_example_that_a_guard_takes_back_names_the_guard(here):
    (here / "own.yaml").write_text(
        BASE.replace("[Sadly we will", "[If you ask - we will").replace("spares", "# spares")
    )
    result = run("rules", "test", "own.yaml")
    assert result.exit_code == 1
    assert "the guard if-you takes it back" in result.stdout


def test_a_pattern_that_is_none_fails_its_rule_at_its_place(here):
    (here / "own.yaml").write_text(BASE.replace("'on Monday'", "'('"))
    result = run("rules", "test", "own.yaml")
    assert result.exit_code == 1
    assert "own.yaml:8:13: not-hired: is no RE2 pattern" in result.stdout


@pytest.mark.parametrize("command", [("test",), ("diff", "ja"), ("replay", "x", "--rules")])
def test_rules_that_are_not_there_are_a_sentence(here, command):
    (here / "x").write_text("")
    (here / "mail.eml").write_bytes(letter())
    more = ("mail.eml",) if command[0] == "diff" else ()
    result = run("rules", *command, "nowhere.yaml", *more)
    assert (result.exit_code, result.stdout) == (66, "")
    assert "nowhere.yaml" in result.stderr


def test_a_file_of_rules_that_cannot_be_read_is_told_at_its_place(here):
    (here / "own.yaml").write_text("language: ja\nrules:\n  - name: x-y\n    wrods: [a]\n")
    result = run("rules", "test", "own.yaml")
    assert result.exit_code == 78
    assert result.stderr.startswith("own.yaml:4:5: unknown key wrods, did you mean words?")


# cost


def test_the_cost_is_told_rule_by_rule_with_hits(office):
    settings(office)
    (office / "1.eml").write_bytes(letter())
    (office / "2.eml").write_bytes(letter("We would like to meet you."))
    prices = told("rules", "cost", "1.eml", "2.eml")
    assert {one["rule"]: one["hits"] for one in prices} == {
        "not-hired": 1,
        "if-you": 0,
        "the-job": 2,
        "dear-you": 2,
        "sadly": 1,
        "by-mistake": 0,
    }
    costs = [one["microseconds"] for one in prices]
    assert costs == sorted(costs, reverse=True)
    assert sum(one["share"] for one in prices) == pytest.approx(1, abs=0.01)
    assert "2 mails" in run("rules", "cost", "1.eml", "2.eml").stdout


# diff


@pytest.fixture
def letters(office):
    """Three mails: one that says it, one that does not, and one that says it on a condition."""
    settings(office)
    folder = office / "mails"
    folder.mkdir()
    (folder / "no.eml").write_bytes(letter())
    (folder / "yes.eml").write_bytes(letter("We look forward to meeting you."))
    (folder / "perhaps.eml").write_bytes(letter("Sadly, if you are late, we will not hire you."))
    (office / "base.yaml").write_text(BASE)
    return folder


def test_the_mails_that_change_are_named_with_the_rules_that_do_it(office, letters):
    (office / "new.yaml").write_text(BASE.replace("weight: 3", "weight: 1"))
    (turn,) = told("rules", "diff", "base.yaml", "new.yaml", "mails")
    assert turn["path"] == "mails/no.eml"
    assert (turn["old"]["decision"], turn["new"]["decision"]) == ("insert", "leave")
    assert turn["rules"] == ["not-hired"]
    text = run("rules", "diff", "base.yaml", "new.yaml", "mails").stdout
    assert "1 of 3 mails change." in text
    assert "insert → leave  1" in text


def test_a_threshold_that_moves_a_mail_is_named(office, letters):
    (office / "new.yaml").write_text(BASE.replace("threshold: 5", "threshold: 9"))
    (turn,) = told("rules", "diff", "base.yaml", "new.yaml", "mails")
    assert turn["rules"] == ["threshold"]


def test_a_guard_that_goes_is_named_with_the_decision_that_it_lets_stand(office, letters):
    (office / "new.yaml").write_text(BASE.replace("is: guard", "is: guard\n    state: shadow"))
    (office / "new.yaml").write_text(
        (office / "new.yaml").read_text().replace("spares: [If", "# [If")
    )
    (turn,) = told("rules", "diff", "base.yaml", "new.yaml", "mails")
    assert (turn["path"], turn["new"]["decision"]) == ("mails/perhaps.eml", "insert")
    assert turn["rules"] == ["if-you", "not-hired"]


def test_rules_that_say_the_same_change_no_mail(office, letters):
    settings_file = "config/gateway.yaml"
    result = run("rules", "diff", "base.yaml", settings_file, "mails")
    assert "No mail changes its decision (3 mails)." in result.stdout


# replay


@pytest.fixture
def log(office):
    """The log of a rejection, a condition, a mistake and an invitation; and the settings."""
    settings(office)
    policy = load(office / "config" / "gateway.yaml").policy
    lines = [
        logged(letter(), policy, id="no"),
        logged(letter("Sadly, if you are late, we will not hire you."), policy, id="perhaps"),
        logged(letter("By mistake we said: we will not hire you."), policy, id="mistake"),
        logged(letter("We look forward to meeting you."), policy, id="yes"),
    ]
    (office / "log").write_text("".join(lines))
    return office


def replayed(folder, text):
    (folder / "new.yaml").write_text(text)
    turns = told("rules", "replay", "log", "--rules", "new.yaml")
    return {one["id"]: (one["old"], one["new"], one["rules"]) for one in turns}


def test_the_log_of_a_mail_holds_numbers_and_no_words(log):
    text = (log / "log").read_text()
    assert "perhaps" in text
    assert not any(word in text for word in ("will not", "are late", "Dear"))


def test_a_replay_under_the_same_rules_changes_nothing(log):
    assert replayed(log, BASE) == {}
    result = run("rules", "replay", "log", "--rules", "new.yaml")
    assert "0 of 4 judged mails would change." in result.stdout


def test_a_lower_weight_takes_links_back_and_says_by_which_rule(log):
    got = replayed(log, BASE.replace("weight: 3", "weight: 1"))
    assert got == {"no": ("insert", "leave", ["not-hired"])}
    text = run("rules", "replay", "log", "--rules", "new.yaml").stdout
    assert "1 of 4 judged mails would change." in text


def test_a_higher_threshold_takes_links_back(log):
    got = replayed(log, BASE.replace("threshold: 5", "threshold: 7"))
    assert got == {"no": ("insert", "leave", ["threshold"])}


def test_a_guard_in_shadow_lets_the_decision_stand(log):
    new = BASE.replace("is: guard", "is: guard\n    state: shadow").replace("spares:", "#")
    assert replayed(log, new) == {"perhaps": ("leave", "insert", ["if-you"])}


def test_a_veto_that_is_switched_off_lets_the_mail_be_judged(log):
    new = BASE.replace("is: veto", "is: veto\n    state: off")
    # The mail that says "by mistake" lacks "sadly", so that it weighs 5.
    assert replayed(log, new) == {"mistake": ("leave", "insert", ["by-mistake"])}


def test_a_rule_in_shadow_takes_effect_when_it_is_switched_on(office):
    settings(office, base=BASE.replace("is: veto", "is: veto\n    state: shadow"))
    policy = load(office / "config" / "gateway.yaml").policy
    raw = letter("By mistake we said: sadly we will not hire you.")
    (office / "log").write_text(logged(raw, policy, id="mistake"))
    assert replayed(office, BASE) == {"mistake": ("insert", "leave", ["by-mistake"])}


def test_what_no_log_can_tell_is_named(log):
    new = BASE.replace("words: [sadly]", "words: [sadly, sorry]")
    new += "  - {name: brand-new, is: support, weight: 1, words: [alas]}\n"
    (log / "new.yaml").write_text(new)
    text = run("rules", "replay", "log", "--rules", "new.yaml").stdout
    assert "sadly: words changed" in text
    assert "brand-new: new;" in text
    assert "not-hired" not in text


def test_a_rule_that_gave_way_to_another_is_named_when_that_one_changes(office):
    base = BASE.replace("words: [by mistake]", "words: [by mistake]\n    yields_to: [the-job]")
    settings(office, base=base)
    policy = load(office / "config" / "gateway.yaml").policy
    (office / "log").write_text(logged(letter("By mistake we did."), policy, id="mistake"))
    for text, is_named in (
        (base, False),
        (base.replace("is: context", "is: context\n    state: off"), True),
    ):
        (office / "new.yaml").write_text(text)
        said = run("rules", "replay", "log", "--rules", "new.yaml").stdout
        assert ("by-mistake: gives way to the-job" in said) is is_named


def test_a_line_that_older_versions_wrote_is_counted_and_not_guessed(log):
    lines = [json.loads(line) for line in (log / "log").read_text().splitlines()]
    del lines[0]["silenced"]
    lines[1]["rules"] = [{"rule": "x"}]
    (log / "log").write_text("".join(json.dumps(line) + "\n" for line in lines) + "no JSON\n")
    (log / "new.yaml").write_text(BASE)
    result = run("rules", "replay", "log", "--rules", "new.yaml")
    assert "0 of 2 judged mails" in result.stdout
    assert "2 lines were not replayed" in result.stdout
    assert "1 line" in result.stderr


def test_only_the_last_days_are_replayed_if_asked(log):
    lines = [json.loads(line) for line in (log / "log").read_text().splitlines()]
    lines[0]["timestamp"] = datetime.now(UTC).isoformat()
    (log / "log").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (log / "new.yaml").write_text(BASE)
    result = run("rules", "replay", "log", "--rules", "new.yaml", "--days", "3")
    assert "0 of 1 judged mails" in result.stdout
