"""The pages of the corpus that are rewritten, as HTML for a browser, read by Python's `email`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from html import escape

from relay_gateway.core.decision import Policy, decide
from relay_gateway.core.edit import apply
from tests.conftest import ACME, envelope
from tests.render import hands
from tests.rulebook import shipped
from tests.test_corpus import MAILS, become, wish

# Each label read as the codec that holds all that is sent under it.
CODECS = {"gb2312": "gb18030", "iso-2022-jp": "iso2022_jp_ext", "windows-31j": "cp932"}


@dataclass(frozen=True, slots=True)
class Pair:
    """One page before and after; `adds_block` is false where only a pasted link was changed."""

    name: str
    before: str
    after: str
    is_html: bool
    adds_block: bool


def pairs() -> Iterator[Pair]:
    """Every page of the corpus that the gateway changes, and of the letters in other hands."""
    policy = Policy((ACME,), shipped())
    for path in MAILS:
        got, raw, sent = become(path, wish(path) | {"policy": policy})
        if raw != sent:
            yield from _pairs(path.stem, raw, sent, adds_block=got["reason"] == "rejection")
    for name, raw in hands.letters():
        decision = decide(envelope(), raw, policy)
        if not decision.edits:
            raise ValueError(f"{name} is left alone: {decision.reason} {decision.detail}")
        yield from _pairs(name, raw, apply(raw, decision.edits), adds_block=True)


def _pairs(name: str, raw: bytes, sent: bytes, *, adds_block: bool) -> Iterator[Pair]:
    both = zip(message_from_bytes(raw).walk(), message_from_bytes(sent).walk(), strict=True)
    for old, new in both:
        if old.get_content_maintype() == "text" and old.get_payload() != new.get_payload():
            kind = old.get_content_subtype()
            yield Pair(f"{name}.{kind}", _shown(old), _shown(new), kind == "html", adds_block)


def _shown(part: Message) -> str:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    label = str(part.get_content_charset("utf-8"))
    text = data.decode(CODECS.get(label, label), "replace")
    return text if part.get_content_subtype() == "html" else _plain(text, part)


def _plain(text: str, part: Message) -> str:
    """Plain text in the way of web readers: one `<pre>` that folds, flowed lines joined."""
    text = text.replace("\r\n", "\n")
    if part.get_param("format") == "flowed":
        # RFC 3676, 4: a blank before the line's end is a soft break, the signature's is not.
        soft = re.compile(r"(?m)^(?!>)(?!-- $)(.*) \n(?=[^>\n])")
        text = soft.sub(r"\1" if part.get_param("delsp") == "yes" else r"\1 ", text)
        text = re.sub("(?m)^ ", "", text)
    style = "font:15px/22px monospace;white-space:pre-wrap;overflow-wrap:break-word;margin:16px"
    return f'<!doctype html><pre lang="ja" style="{style}">{escape(text)}</pre>'
