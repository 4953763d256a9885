"""How well the shipped rules tell rejections apart, on a corpus given as argument.

    python benchmarks/detection.py FILE.jsonl.gz

One JSON object a line: id, lang, label, kind, subject, body, and html where there is one.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from relay_gateway.core import letter as letters
from relay_gateway.core.judge import Finding, Verdict, judge
from relay_gateway.core.letter import Letter
from relay_gateway.core.message import Unfit
from tests.rulebook import shipped

SHOWN = 60


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
            print(f"recall {lang}: {found}/{len(wanted)} = {found / len(wanted):.1%}")


def _explain(title: str, rows: list[tuple[dict[str, Any], Verdict]]) -> None:
    print(f"\n{title}: {len(rows)}")
    for row, verdict in rows[:SHOWN]:
        rules = ",".join(dict.fromkeys(hit.rule for hit in verdict.hits))
        why = verdict.reason + (f" {verdict.vetoes}" if verdict.vetoes else "")
        print(f"  {row['lang']} {row['id']}  {why}  {verdict.score:g}  {rules}")


def main(path: str) -> None:
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
    main(sys.argv[1])
