"""Own rules files: what they may change by name, that nothing of it is silent, and for whom."""

from __future__ import annotations

import json

import pytest

from relay_gateway.config import BadConfig, load
from relay_gateway.core.rules import State
from tests.cli.bench import BASE, letter, own, settings
from tests.cli.conftest import REJECTION, run
from tests.rulebook import shipped


def lines(*arguments):
    """What `check` says under its heading on own rules."""
    result = run("check", *arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout.partition("What own rules change\n")[2].splitlines()


def rule(office, name):
    """A rule as the gateway judges by it."""
    (pack,) = load(office / "config" / "gateway.yaml").policy.rules.packs
    (found,) = (one for one in pack.rules if one.name == name)
    return found


def test_a_shipped_rule_is_changed_by_name_without_its_words(office):
    japanese = next(pack for pack in shipped().packs if pack.language == "ja")
    first, second = [one for one in japanese.rules if one.role == "decision"][:2]
    text = own(f"name: {first.name}, weight: 0.5", f"name: {second.name}, state: shadow")
    (office / "config" / "own.yaml").write_text(text.replace("en", "ja", 1))
    gateway = office / "config" / "gateway.yaml"
    gateway.write_text(gateway.read_text() + "rules: [ja, en, ./own.yaml]\n")
    told = lines()
    change = f"weight {first.weight:g} → 0.5"
    assert told[0] == f"ja: {first.name}  {change}  by config/own.yaml:3 (shipped)"
    assert told[1] == f"ja: {second.name}  on → shadow  by config/own.yaml:4 (shipped)"


def test_every_way_to_change_a_rule_is_told(office):
    head = "language: en\nthreshold: 6\n"
    text = own(
        "name: sadly, weight: 2, state: shadow",
        "name: the-job, is: support, weight: 1, words: [the job, a job]",
        "name: brand-new, is: veto, words: [alas]",
        head=head,
    )
    settings(office, ("own.yaml", text))
    assert lines()[1:] == [
        "en: threshold  5 → 6  by config/own.yaml:2 (config/base.yaml:2)",
        "en: sadly  weight 1 → 2; on → shadow  by config/own.yaml:4 (config/base.yaml:23)",
        "en: the-job  replaced (words); is context → support  by config/own.yaml:5"
        " (config/base.yaml:15)",
        "en: brand-new  added, veto, on  by config/own.yaml:6",
    ]


def test_shipped_rules_as_they_are_are_told_so(office):
    assert "No rules of your own" in run("check").stdout


def test_a_changed_rule_keeps_its_words_and_examples(office):
    settings(office, ("own.yaml", own("name: not-hired, weight: 7")))
    found = rule(office, "not-hired")
    assert (found.weight, found.words, len(found.matches)) == (7.0, ("we will not hire you",), 1)


def test_a_guard_may_be_switched_off_though_its_neighbours_were_written_with_it(office):
    settings(office, ("own.yaml", own("name: if-you, state: off")))
    assert rule(office, "if-you").state is State.OFF
    raw = letter("Sadly, if you are late, we will not hire you.")
    assert json.loads(run("explain", "--json", "-", stdin=raw).stdout)["decision"] == "insert"


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("name: sadli, weight: 1", "3:12", "no rule sadli stands before this for en, did you mean"),
        ("name: zzz, weight: 1", "3:12", "`relay-gateway rules list` names them all"),
        ("name: sadly", "3:5", "rule sadly is changed in nothing; write weight: or state:"),
        ("name: sadly, weight: 1, unless: x", "3:30", "unless cannot be changed alone"),
        ("name: sadly, words: [x]", "3:5", 'is is missing in rules[1]; write for example is: "d'),
    ],
)
def test_a_change_that_cannot_be_is_told_with_its_place(office, text, place, what):
    settings(office, ("own.yaml", own(text)))
    result = run("check")
    assert result.exit_code == 78
    assert result.stderr.startswith(f"config/own.yaml:{place}: ")
    assert what in result.stderr


def test_an_own_guard_that_breaks_a_rule_before_it_is_told_by_name(office):
    settings(office)
    (office / "config" / "own.yaml").write_text(
        own("name: too-wide, is: guard, words: [残念, 見送, 結果, ご縁]", head="language: ja\n")
    )
    gateway = office / "config" / "gateway.yaml"
    gateway.write_text(gateway.read_text().replace("[./base", "[ja, ./own.yaml, ./base"))
    result = run("check")
    assert result.exit_code == 78
    assert "an own guard takes it back, narrow too-wide (config/own.yaml:3)" in result.stderr


def company(office, *rules):
    """A second company, beta, and rules for the mails of the first alone."""
    settings(office)
    folder = office / "config"
    (folder / "acme-rules.yaml").write_text(own(*rules))
    acme = (folder / "companies" / "acme.yaml").read_text()
    (folder / "companies" / "acme.yaml").write_text(acme + "rules: [../acme-rules.yaml]\n")
    beta = acme.replace("acme", "beta")
    (folder / "companies" / "beta.yaml").write_text(beta)
    (folder / "beta.secret").write_text("fedcba9876543210" * 4 + "\n")


def test_a_companys_own_rules_judge_its_mails_alone(office):
    company(office, "name: not-hired, state: off")
    verdicts = {}
    for name in ("acme", "beta"):
        raw = letter(sender=f"saiyo@{name}.example")
        verdicts[name] = json.loads(run("explain", "--json", "-", stdin=raw).stdout)["decision"]
    assert verdicts == {"acme": "leave", "beta": "insert"}


def test_a_companys_changes_are_told_with_its_name(office):
    company(office, "name: not-hired, weight: 4", "name: brand-new, is: veto, words: [alas]")
    told = [line for line in lines() if line.startswith("acme ")]
    assert told == [
        "acme en: not-hired  weight 3 → 4  by config/acme-rules.yaml:3 (config/base.yaml:4)",
        "acme en: brand-new  added, veto, on  by config/acme-rules.yaml:4",
    ]


def test_packs_that_a_company_does_not_change_are_shared(office):
    company(office, "name: not-hired, weight: 4")
    config = load(office / "config" / "gateway.yaml")
    acme, beta = config.policy.tenants
    assert beta.rules is None
    assert acme.rules is not None
    assert acme.rules.readers[0] is not config.policy.rules.readers[0]
    (office / "config" / "acme-rules.yaml").write_text(
        own("name: alas, is: support, words: [ach]", head="language: de\nthreshold: 5\n")
    )
    config = load(office / "config" / "gateway.yaml")
    acme = config.policy.tenants[0]
    assert [pack.language for pack in acme.rules.packs] == ["en", "de"]
    assert acme.rules.readers[0] is config.policy.rules.readers[0]


def test_a_companys_bad_rules_are_told_with_all_other_faults(office):
    company(office, "name: not-hird, weight: 4")
    with pytest.raises(BadConfig) as refusal:
        load(office / "config" / "gateway.yaml")
    (fault,) = refusal.value.faults
    assert str(fault).startswith(f"{office / 'config'}/companies/../acme-rules.yaml:3:12: ")
    (office / "config" / "base.yaml").write_text(BASE.replace("threshold: 5\n", ""))
    with pytest.raises(BadConfig) as refusal:
        load(office / "config" / "gateway.yaml")
    assert "threshold is missing" in str(refusal.value)


def test_rules_of_a_company_may_not_be_missing(office):
    company(office, "name: not-hired, weight: 4")
    (office / "config" / "acme-rules.yaml").unlink()
    result = run("explain", "-", stdin=REJECTION)
    assert result.exit_code == 78
    assert "acme-rules.yaml does not exist" in result.stderr
