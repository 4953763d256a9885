"""A rule that does not do what its author says it does is not used."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core import normal
from relay_gateway.core.rules import (
    BadRules,
    Pack,
    Reader,
    Role,
    Rule,
    Spoken,
    State,
    Where,
    build,
    sentences,
    standing,
)
from tests.rulebook import shipped

SHIPPED = [(pack, rule) for pack in shipped().packs for rule in pack.rules]


def rule(name: str = "a", role: Role = Role.DECISION, **given: Any) -> Rule:
    for key in {"says", "needs", "unless"} & set(given):
        given[key] = (given[key],)
    return Rule(name=name, language="ja", role=role, **given)


def faults(*rules: Rule) -> list[tuple[int, str, int | None]]:
    with pytest.raises(BadRules) as bad:
        build([Pack("ja", 5, rules)])
    return [(fault.rule_index, fault.field, fault.item) for fault in bad.value.faults]


def spoken(one: Rule, text: str, where: Where = Where.BODY) -> list[str]:
    (reader,) = build([Pack("ja", 5, (one,))]).readers
    return [
        said.words
        for sentence in normal.sentences(normal.normalise(text))
        for said in reader.speaking(sentence, where)
    ]


def test_a_rule_speaks_by_its_words() -> None:
    assert spoken(rule(words=("不採用", "お見送り")), "今回は御見送りです。") == ["お見送り"]


def test_a_word_is_no_pattern() -> None:
    assert not spoken(rule(words=("a.c",)), "abc")


def test_a_rule_speaks_by_its_pattern() -> None:
    assert spoken(rule(says="添え(?:ない|ず)"), "ご希望に副えず") == ["沿えず"]


def test_needs_and_unless_look_at_the_same_sentence() -> None:
    one = rule(says="見送", needs="採用", unless="提案")
    assert spoken(one, "採用を見送ります。")
    assert not spoken(one, "見送ります。採用の件でした。")
    assert not spoken(one, "提案の採用を見送ります。")
    assert spoken(one, "採用を見送ります。提案は別です。")


def test_a_rule_yields_to_another_anywhere_in_the_letter() -> None:
    job = rule("job", Role.CONTEXT, says="求人")
    other = rule("other", Role.VETO, says="応募", yields_to=("job",))
    reader = Reader(Pack("ja", 5, (job, other)))

    def names(*lines: str) -> list[str]:
        heard = [reader.speaking(line, Where.BODY) for line in lines]
        return [one.rule.name for spoken in standing(heard) for one in spoken]

    assert names("舞台にご応募いただきました。", "残念です。") == ["other"]
    assert names("舞台にご応募いただきました。", "求人の件です。") == ["job"]


def test_a_rule_cannot_yield_to_one_that_is_not_there() -> None:
    assert faults(rule(says="応募", yields_to=("job",))) == [(0, "yields_to", 0)]


def test_the_ends_of_a_pattern_are_the_ends_of_a_sentence() -> None:
    one = rule(says="^山田様$")
    assert spoken(one, "山田様\n先日はどうも。")
    assert not spoken(one, "拝啓山田様")


def test_a_rule_reads_only_its_place() -> None:
    one = rule(says="訂正", where=Where.SUBJECT)
    assert not spoken(one, "訂正")
    assert spoken(one, "訂正", Where.SUBJECT)


def test_a_rule_that_is_off_is_silent() -> None:
    assert not spoken(rule(says="不採用", state=State.OFF), "不採用")


def test_all_faults_are_told_at_once() -> None:
    assert faults(
        rule("one", says="(?=x)", needs="(", unless="*"),
        rule("one", words=("", "不採用")),
        rule("three"),
        rule("", says="x?"),
    ) == [
        (1, "name", None),
        (3, "name", None),
        (0, "says", 0),
        (0, "needs", 0),
        (0, "unless", 0),
        (1, "words", 0),
        (2, "says", None),
        (3, "says", 0),
    ]


def test_of_several_patterns_one_has_to_match_and_each_is_looked_at() -> None:
    says, needs, unless = ("不採用", "見送(?:る|り)"), ("今回", "残念"), ("提案", "弁当")
    one = Rule("a", "ja", Role.DECISION, says=says, needs=needs, unless=unless)
    for text in ("残念ながら不採用です", "今回は見送ります", "今回は不採用です"):
        assert spoken(one, text)
    for text in ("不採用です", "今回の提案は見送ります", "残念ながらお弁当は見送ります"):
        assert not spoken(one, text)
    assert faults(Rule("a", "ja", Role.DECISION, says=("不採用", "("))) == [(0, "says", 1)]


def test_examples_that_fail_are_faults() -> None:
    bad = rule(
        says="不採用", matches=("不採用です。", "残念です。"), spares=("採用です。", "不採用理由")
    )
    assert faults(bad) == [(0, "matches", 1), (0, "spares", 1)]


def test_a_rule_that_is_off_keeps_its_examples_true() -> None:
    assert faults(rule(says="不採用", state=State.OFF, matches=("採用",))) == [(0, "matches", 0)]


def test_a_decision_that_a_guard_takes_back_is_spared() -> None:
    condition = "不採用の場合は書類を返却します。"
    guard = rule("guard", Role.GUARD, says="場合")
    assert build([Pack("ja", 5, (rule(says="不採用", spares=(condition,)), guard))])
    assert faults(rule(says="不採用", spares=(condition,))) == [(0, "spares", 0)]


def test_the_version_changes_with_the_rules() -> None:
    one, other = (build([Pack("ja", 5, (rule(says=says),))]) for says in ("a", "b"))
    again = build([Pack("ja", 5, (rule(says="a"),))])
    assert one.version == again.version != other.version


def test_a_pack_without_rules_is_a_pack() -> None:
    rules = build([Pack("ja", 5, ())])
    (reader,) = rules.readers
    assert reader.sift("不採用".encode()) == frozenset()
    assert reader.speaking("不採用", Where.BODY) == ()


@pytest.mark.parametrize(("pack", "one"), SHIPPED, ids=[r.name for _, r in SHIPPED])
def test_each_shipped_rule_shows_what_it_finds_and_what_it_spares(pack: Pack, one: Rule) -> None:
    assert one.matches
    assert one.spares
    assert one.weight or one.role in (Role.GUARD, Role.VETO)


PHRASES = [example for _, one in SHIPPED for example in (*one.matches, *one.spares)]


@cache
def alone(reader: Reader, line: str, where: Where) -> tuple[Spoken, ...]:
    """What is said in a line when nobody has looked first: the phrases come again and again."""
    return reader.speaking(line, where)


@given(st.lists(st.sampled_from(PHRASES), max_size=8))
def test_no_rule_speaks_that_the_sieve_would_have_left_out(texts: list[str]) -> None:
    lines = [s for text in texts for s in normal.sentences(normal.normalise(text))]
    for where in (Where.BODY, Where.SUBJECT):
        text = sentences([(line, where) for line in lines])
        for reader in shipped().readers:
            told = tuple(alone(reader, line, where) for line in lines)
            assert reader.hear(text, reader.sift(text.whole)) == told


@pytest.mark.parametrize("reader", shipped().readers, ids=lambda reader: reader.pack.language)
def test_examples_are_proved_by_the_rules_that_letters_hear(reader: Reader) -> None:
    own = [text for rule in reader.pack.rules for text in (*rule.matches, *rule.spares)]
    for line in (s for text in own for s in normal.sentences(normal.normalise(text))):
        for where in (Where.BODY, Where.SUBJECT):
            heard = [one.rule.name for one in reader.speaking(line, where)]
            assert [one.rule.name for one in reader.overheard(line, where)] == heard
