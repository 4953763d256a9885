"""`scan` rule by rule, and against what people say its mails are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.cli.labels import Rate
from tests.cli.bench import BASE, letter, settings
from tests.cli.conftest import run


@pytest.fixture
def heap(office):
    """Four mails: two rejections that say so, one that does not, and a wrong insert."""
    more = "  - {name: no-place, is: decision, weight: 3, words: [no place for you]}\n"
    settings(office, base=BASE + more + "  - {name: never, is: support, weight: 1, words: [zz]}\n")
    folder = office / "mails"
    folder.mkdir()
    said = {
        "plain": "Sadly we will not hire you.",
        "both": "Sadly we will not hire you. There is no place for you.",
        "missed": "It is not to be.",
        "wrong": "Sadly there is no place for you in the car.",
    }
    for name, words in said.items():
        raw = letter(words, Message_ID=f"<{name}@acme.example>")
        (folder / f"{name}.eml").write_bytes(raw)
    return office


def rows(text):
    return [line.split() for line in text.splitlines()]


def test_a_scan_closes_with_a_row_for_each_rule(heap):
    text = run("scan", "mails").stdout
    # mails, inserts, sole evidence, overlaps, and with whom
    hired, place = "not-hired decision en 2 2 1 1", "no-place decision en 2 2 1 1"
    assert f"{hired} no-place 1".split() in rows(text)
    assert f"{place} not-hired 1".split() in rows(text)
    assert "sadly support en 3 3 0".split() in rows(text)


def test_rules_that_never_fired_are_named(heap):
    text = run("scan", "mails").stdout
    assert "Never fired (3)" in text
    assert "en: if-you, by-mistake, never" in text


LABELS = {"plain": "rejection", "both": "rejection", "missed": "rejection", "wrong": "other"}


@pytest.mark.parametrize("form", ["path", "id", "csv", "both"])
def test_labels_make_precision_and_recall_with_every_mail_that_was_wrong(heap, form):
    if form == "csv":
        lines = ["path,label", *(f"mails/{name}.eml,{label}" for name, label in LABELS.items())]
    else:
        wanted = ("path", "id") if form == "both" else (form,)
        lines = [
            json.dumps({key: its for key, its in keys.items() if key in wanted} | {"label": label})
            for name, label in LABELS.items()
            for keys in ({"path": f"mails/{name}.eml", "id": f"<{name}@acme.example>"},)
        ]
    (heap / "labels").write_text("\n".join(lines) + "\n")
    text = run("scan", "mails", "--labels", "labels").stdout
    assert "66.7% (2/3)" in text
    assert "20.8% – 93.9%" in text
    wrong, missed = text.index("Wrong: "), text.index("Missed: ")
    assert wrong < text.index("wrong.eml", wrong) < missed < text.index("missed.eml", missed)
    assert "have no label" not in text


def test_mails_without_a_label_are_counted_apart(heap):
    (heap / "labels").write_text("id,label\nplain@acme.example,rejection\n")
    text = run("scan", "mails", "--labels", "labels").stdout
    assert "3 of 4 mails have no label" in text
    assert "100.0% (1/1)" in text


def test_a_label_stands_beside_the_decision_in_json(heap):
    (heap / "labels").write_text("id,label\nplain@acme.example,rejection\n")
    lines = run("scan", "mails", "--labels", "labels", "--json").stdout.splitlines()
    told = {json.loads(line)["path"]: json.loads(line)["label"] for line in lines}
    assert told["mails/plain.eml"] == "rejection"
    assert told["mails/wrong.eml"] is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("path,label\na.eml,perhaps\n", 2),
        ("label\nother\n", 2),
        ('{"path": "a.eml", "label": "other"}\n{"path": \n', 2),
        ('{"path": "a.eml"}\n', 1),
    ],
)
def test_a_label_that_is_none_is_told_with_its_line(heap, text, line):
    (heap / "labels").write_text(text)
    result = run("scan", "mails", "--labels", "labels")
    assert result.exit_code == 66
    assert result.stderr.startswith(f"labels:{line}: ")


def test_labels_that_are_not_there_are_a_sentence(heap):
    result = run("scan", "mails", "--labels", "nowhere")
    assert result.exit_code == 66
    assert "nowhere" in result.stderr


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_bounds_hold_the_rate_between_nothing_and_all(good, more):
    rate = Rate(min(good, more), more)
    low, high = rate.bounds
    assert 0 <= low <= rate.value <= high <= 1
    assert low < high


@pytest.mark.parametrize(
    ("good", "of", "low", "high"),
    # R. G. Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_bounds_are_those_of_the_literature(good, of, low, high):
    assert Rate(good, of).bounds == pytest.approx((low, high), abs=0.00005)
