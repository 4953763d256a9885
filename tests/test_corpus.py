"""The corpus is the specification: each mail beside what should become of it.

What came out otherwise is written beside the mail as `NAME.got.yaml`, so that accepting a change is
a reviewed copy. `private/` is never published; put mails of your own there.
"""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

from relay_gateway.config import document
from relay_gateway.core import block
from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.reason import Reason
from tests.conftest import ACME, envelope

CORPUS = Path(__file__).parent / "corpus"
EVERY = sorted(CORPUS.rglob("*.eml"))
MAILS = [path for path in EVERY if path.with_suffix(".yaml").exists()]
# Mails of one's own need no expectation to be worth a try.
UNTOLD = [path for path in EVERY if path not in MAILS]

# Which of them is said depends on what else the letter lacks; all leave it alone.
LEFT_FOR_ITS_WORDS = {Reason.VETO, Reason.UNFILLED, Reason.NO_REJECTION}
FINDINGS = {Reason.REJECTION: "insert", Reason.UPGRADED_LINK: "insert", Reason.PROBABLE: "probable"}


def squeezed(text):
    return "".join(text.split())


def texts(raw):
    """The visible text of each letter part, by readers that are not ours."""
    for part in message_from_bytes(raw, policy=policy.default).walk():
        if part.get_content_maintype() == "text" and not part.is_attachment():
            data = part.get_payload(decode=True)
            charset = part.get_content_charset("utf-8")
            text = data.decode({"gb2312": "gb18030"}.get(charset, charset), "replace")
            is_html = part.get_content_subtype() == "html"
            yield squeezed(BeautifulSoup(text, "html.parser").get_text() if is_html else text)


def blocks(text):
    """Where the block of any language and kind stands in a squeezed text: above it, below it."""
    told = [each for its in ACME.wordings.values() for each in (its.lines, *its.segments.values())]
    for lines in told:
        head, tail = squeezed(lines[0]), squeezed(lines[-1])
        if head in text:
            end = text.index(tail.replace("{company}", ACME.name), text.index(head))
            yield text[: text.index(head)], text[end:].removeprefix(squeezed(tail))


def become(path, its):
    """What the gateway makes of the mail, in the words of the expectation."""
    raw = path.read_bytes()
    sender, to = its["from"].encode(), tuple(one.encode() for one in its["to"])
    decision = decide(envelope(sender, to), raw, its["policy"])
    got = {
        "decision": FINDINGS.get(decision.reason, "leave"),
        "reason": str(decision.reason),
        "detail": decision.detail,
    }
    if decision.verdict is not None:
        got["judged"] = str(decision.verdict.finding)
        got["language"] = decision.verdict.language
        got["rules"] = [f"{hit.role}: {hit.rule}: {hit.words}" for hit in decision.verdict.hits]
        got["vetoes"] = list(decision.verdict.vetoes)
    return got, raw, apply(raw, decision.edits)


def faults(path, its):
    """All that is not as expected, as sentences; and what came out."""
    got, raw, sent = become(path, its)
    wanted = its["reason"]
    is_same = got["reason"] == wanted or {got["reason"], wanted} <= LEFT_FOR_ITS_WORDS
    if got["decision"] != its["decision"] or not is_same:
        yield f"{got['reason']} instead of {wanted}", got
    if any(key in its and got.get(key) != its[key] for key in ("judged", "language")):
        yield f"judged {got.get('judged')} in {got.get('language')}", got
    if its["decision"] != "insert" and sent != raw:
        yield "a mail to be left alone was changed", got
    if its["reason"] == "rejection" and its["decision"] == got["decision"]:
        found = [spot for text in texts(sent) for spot in blocks(text)]
        after, before = squeezed(its["after"]), squeezed(its["before"])
        right = [above.endswith(after) and below.startswith(before) for above, below in found]
        got["stands"] = [f"…{above[-30:]} | {below[:30]}…" for above, below in found]
        if not right or not all(right):
            yield "the block stands elsewhere", got


def wish(path):
    return document.read(path.with_suffix(".yaml")).value


@pytest.mark.parametrize("path", MAILS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_mail_of_the_corpus_becomes_what_stands_beside_it(path, policy):
    its = wish(path) | {"policy": policy}
    report = path.with_suffix(".got.yaml")
    report.unlink(missing_ok=True)
    found = list(faults(path, its))
    if found:
        with report.open("w", encoding="utf-8") as file:
            yaml.safe_dump(found[-1][1], file, allow_unicode=True)
    assert [fault for fault, _ in found] == []


def test_only_private_mails_lack_their_expectation():
    assert [path for path in UNTOLD if "private" not in path.parts] == []


def test_a_private_mail_is_rewritten_with_proof_or_left_alone(policy):
    forced = replace(policy, is_forced=True)
    reasons = {path.name: decide(envelope(), path.read_bytes(), forced).reason for path in UNTOLD}
    assert [name for name, reason in reasons.items() if reason is Reason.VERIFY_FAILED] == []


def test_twins_name_each_other():
    stems = {path.stem: wish(path) for path in MAILS if "private" not in path.parts}
    paired = {stem: its["twin"] for stem, its in stems.items() if "twin" in its}

    assert len(paired) >= 80
    assert all(twin in stems for twin in paired.values())


def test_the_block_is_known_to_this_test():
    for language in ("ja", "en"):
        lines = block.fill(block.default(language), ACME.name, ACME.link)
        text = "前" + squeezed("".join(lines)) + "後"
        assert list(blocks(text)) == [("前", "後")]
