"""The pages of the corpus that are rewritten, as HTML for a browser, read by Python's `email`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from html import escape

from relay_gateway.core.decision import Policy
from tests.conftest import ACME
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
    """Every page of the corpus that the gateway changes."""
    policy = Policy((ACME,), shipped())
    for path in MAILS:
        got, raw, sent = become(path, wish(path) | {"policy": policy})
        if raw == sent:
            continue
        both = zip(message_from_bytes(raw).walk(), message_from_bytes(sent).walk(), strict=True)
        for old, new in both:
            if old.get_content_maintype() == "text" and old.get_payload() != new.get_payload():
                is_html = old.get_content_subtype() == "html"
                name = f"{path.stem}.{old.get_content_subtype()}"
                is_new = got["reason"] == "rejection"
                yield Pair(name, _shown(old), _shown(new), is_html, is_new)


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
