"""How well the shipped rules tell rejections apart.

    python benchmarks/detection.py [FILE.jsonl.gz]

On the mails of tests/corpus, by language and kind: how many rejections are found, and how many
others would get a link, each with the bounds within which the true rate lies with 95 % (Wilson).
FILE, where one is given, is judged as well: one JSON object a line with id, lang, label, kind,
subject, body, and html where there is one.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import time
from collections import Counter
from contextlib import suppress
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from relay_gateway.cli.labels import Rate
from relay_gateway.config import document
from relay_gateway.core import letter as letters
from relay_gateway.core.decision import Policy, decide
from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.judge import Finding, Verdict, judge
from relay_gateway.core.letter import Letter
from relay_gateway.core.message import Unfit
from relay_gateway.core.reason import Reason
from tests.conftest import ACME
from tests.rulebook import shipped

SHOWN = 60
CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
LINKED = {Reason.REJECTION, Reason.UPGRADED_LINK, Reason.LANGUAGE_OFF}


def _own(path: Path) -> tuple[str, str, bool]:
    """Language and kind of a mail of tests/corpus, and whether it would get a link."""
    its = document.read(path.with_suffix(".yaml")).value
    raw, client = path.read_bytes(), Client("192.0.2.1", b"mail.acme.example")
    to = tuple(one.encode() for one in its["to"])
    told = Envelope("0" * 16, its["from"].encode(), to, client)
    decision = decide(told, raw, Policy((ACME,), shipped()))
    is_found = decision.reason in LINKED
    if "judged" in its and decision.verdict is not None:
        # What is left for its recipients or its scope is a rejection all the same.
        is_found = decision.verdict.is_rejection
    wanted = its.get("judged", its["decision"])
    kind = "rejection" if wanted == "insert" else "implicit" if wanted == "probable" else "other"
    return _language(path, raw), kind, is_found


def _language(path: Path, raw: bytes) -> str:
    """The language in the name, or else Japanese where Japanese is written."""
    tongue = re.match(r"\d+-(de|es|fr|ko|pt|zh)-", path.name)
    if tongue:
        return tongue[1]
    message = message_from_bytes(raw, policy=policy.default)
    texts = [str(message["subject"] or "")]
    for part in message.walk():
        if part.get_content_maintype() == "text":
            with suppress(LookupError):
                texts.append(str(part.get_content()))
    return "ja" if re.search("[ぁ-ヿ]", " ".join(texts)) else "en"


def _told(rate: Rate) -> str:
    low, high = rate.bounds
    return f"{rate.good:5} of {rate.all:5} = {rate.value:6.1%}  ({low:.1%} to {high:.1%})"


def _mails_of_our_own() -> None:
    counts: dict[tuple[str, str], list[bool]] = {}
    for path in sorted(CORPUS.rglob("*.eml")):
        if "private" not in path.parts:
            language, kind, is_found = _own(path)
            counts.setdefault((language, kind), []).append(is_found)
    print("tests/corpus: mails that get a link, or would where their language is on; 95 % bounds")
    for (language, kind), found in sorted(counts.items()):
        print(f"  {language}  {kind:10} {_told(Rate(sum(found), len(found)))}")


def letter(row: dict[str, Any]) -> Letter:
    """The letter of one row, as its HTML reads where it has any that can be read."""
    if row.get("html"):
        with suppress(Unfit):
            return letters.read_html(row["html"])
    return letters.read_plain(row["body"])


def _table(rows: list[tuple[dict[str, Any], Verdict]]) -> None:
    counts: dict[tuple[str, str, str], Counter[Finding]] = {}
    for row, verdict in rows:
        kinds = counts.setdefault((row["lang"], row["label"], row["kind"]), Counter())
        kinds[verdict.finding] += 1
    print(f"{'lang':5}{'label':11}{'kind':28}{'insert':>8}{'probable':>10}{'leave':>8}")
    for (lang, label, kind), found in sorted(counts.items()):
        numbers = found[Finding.INSERT], found[Finding.PROBABLE], found[Finding.LEAVE]
        print(f"{lang:5}{label:11}{kind:28}{numbers[0]:8}{numbers[1]:10}{numbers[2]:8}")


def _recall(rows: list[tuple[dict[str, Any], Verdict]]) -> None:
    for lang in sorted({row["lang"] for row, _ in rows}):
        wanted = [v for row, v in rows if row["lang"] == lang and row["kind"] == "rejection"]
        if wanted:
            found = sum(verdict.is_rejection for verdict in wanted)
            print(f"found {lang}: {_told(Rate(found, len(wanted)))}")
        others = [v for row, v in rows if row["lang"] == lang and row["label"] != "rejection"]
        wrong = sum(verdict.is_rejection for verdict in others)
        print(f"wrong {lang}: {_told(Rate(wrong, len(others)))}")


def _explain(title: str, rows: list[tuple[dict[str, Any], Verdict]]) -> None:
    print(f"\n{title}: {len(rows)}")
    for row, verdict in rows[:SHOWN]:
        rules = ",".join(dict.fromkeys(hit.rule for hit in verdict.hits))
        why = verdict.reason + (f" {verdict.vetoes}" if verdict.vetoes else "")
        print(f"  {row['lang']} {row['id']}  {why}  {verdict.score:g}  {rules}")


def main(*paths: str) -> None:
    _mails_of_our_own()
    for path in paths:
        _labelled(path)


def _labelled(path: str) -> None:
    print(f"\n{Path(path).name}")
    rules = shipped()
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        corpus = [json.loads(line) for line in lines]
    prepared = [(row, letter(row)) for row in corpus]
    judge("", prepared[0][1], rules)
    begin = time.process_time()
    rows = [(row, judge(row["subject"] or "", text, rules)) for row, text in prepared]
    spent = time.process_time() - begin
    size = sum(len(row["body"].encode("utf-8", "replace")) for row in corpus)
    _table(rows)
    _recall(rows)
    wrong = [one for one in rows if one[1].is_rejection and one[0]["label"] != "rejection"]
    missed = [one for one in rows if not one[1].is_rejection and one[0]["label"] == "rejection"]
    _explain("wrong inserts", wrong)
    _explain("missed rejections", missed)
    print(
        f"\nCPU {spent / size * 1024 * 1e6:.0f} µs a KB, {spent / len(corpus) * 1e6:.0f} µs a mail"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
