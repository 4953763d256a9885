"""Any mail there may be, with its link, judged by readers that know nothing of ours.

Python's `email` and html5lib alone say what is new, and that one more look changes nothing.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from functools import cache

import html5lib
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from relay_gateway.core.decision import Policy, decide
from relay_gateway.core.edit import apply
from relay_gateway.core.reason import Reason
from tests.conftest import ACME, envelope
from tests.mails import mail, multipart, part, with_bare_newlines
from tests.rulebook import shipped

# How a label reads, to one who believes it.
CODECS = {
    "utf-8": "utf-8",
    "iso-2022-jp": "iso2022_jp",
    "shift_jis": "cp932",
    "windows-31j": "cp932",
    "euc-jp": "euc_jp",
    "gb2312": "gb18030",
    "us-ascii": "ascii",
    "iso-8859-1": "cp1252",
}
ENCODINGS = ("", "base64", "quoted-printable")
KINDS = ("text/plain", "text/plain; format=flowed", "text/plain; format=flowed; delsp=yes")
GREETINGS = ("佐藤 太郎 様", "Dear Taro,", "Dear Taró,", "尊敬的佐藤", "A", "1 < 2 & 3 = 3")
PARAGRAPHS = (
    "このたびはご応募いただき、\nありがとうございました。",
    "採用を見送らせていただきます。",
    "末筆ながら、今後のご活躍をお祈りいたします。",
    "敬具",
    "We regret that we cannot offer you the post.",
    "We wish you all the best.",
    "café = crème; x=3D =\nFrom here on, .",
    "From HR",
    ".\n--\n=?utf-8?q?=41?=",
    "long " * 170,
    "soft \nand hard",
    "\u3000段落の頭は字下げです。",
    "~\\ and 50 %",
)
ENDS = (
    "",
    "-- \nAcme Inc.\nTEL 03-0000-0000",
    "-----------------\n株式会社アクメ\n採用担当",
    "On Mon, Taro wrote:\n> my letter\n> and more",
    "-----Original Message-----\nFrom: taro@gmail.example\n\nmy letter",
)


def holds(words, label):
    try:
        words.encode(CODECS[label])
    except UnicodeEncodeError:
        return False
    return True


def paragraphs(label):
    fit = [words for words in PARAGRAPHS if holds(words, label)]
    heads = [words for words in GREETINGS if holds(words, label)]
    ends = [words for words in ENDS if holds(words, label)]
    return st.tuples(
        st.sampled_from(heads),
        st.lists(st.sampled_from(fit), min_size=1, max_size=5),
        st.sampled_from(ends),
    ).map(lambda drawn: [drawn[0], *drawn[1], *([drawn[2]] if drawn[2] else [])])


def escaped(words):
    return words.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br>\n")


PAGES = {
    "p": ("<html><body>\n", "<p>{}</p>\n", "</body></html>\n"),
    "open p": ("<!doctype html><body>", "<p>{}\n", ""),
    "div": ('<div dir="ltr">', "<div>{}</div><div><br></div>", "</div>"),
    "br": ("<body>", "{}<br>\n<br>\n", "</body>"),
    "word": (
        "<html><head><style>p {margin:0}</style></head><body><div class=WordSection1>",
        '<p class=MsoNormal style="color:#111"><span lang=JA>{}<o:p></o:p></span></p>\r\n',
        "</div></body></html>",
    ),
    "cell": ("<table><tr><td>", "<p>{}</p>", "</td></tr></table>"),
    "font": ("<body><font face=Meiryo>", "<div>{}</div>", "</font></body>"),
    "wide": ("<center>", "<table><tr><td>{}</td></tr></table>", "</center>"),
    "list": ("<ul>", "<li>{}</li>", "</ul>"),
    "quoted": ("", "<p>{}</p>", "<blockquote><p>older</p></blockquote>"),
}


@st.composite
def texts(draw, label, is_html):
    """A text part in this charset, as one client or another writes it."""
    words = draw(paragraphs(label))
    if is_html:
        kind = "text/html"
        head, row, tail = PAGES[draw(st.sampled_from(sorted(PAGES)))]
        text = head + "".join(row.format(escaped(one)) for one in words) + tail
    else:
        kind = draw(st.sampled_from(KINDS))
        text = "\n\n".join(words) + draw(st.sampled_from(("", "\n", "\n\n\n")))
    encoding = draw(st.sampled_from(ENCODINGS))
    line_end = draw(st.sampled_from(("\r\n", "\n"))) if encoding else "\r\n"
    data = text.replace("\r\n", "\n").replace("\n", line_end).encode(CODECS[label])
    return part(data, kind, charset=label, encoding=encoding)


IMAGE = part(b"GIF89a", "image/gif", charset="", encoding="base64")
ATTACHMENTS = st.sampled_from(
    [
        part(b"%PDF \xff", "application/pdf", charset="", encoding="base64"),
        part("採用を見送ります。", "text/plain", head="Content-Disposition: attachment\r\n"),
        part("見送ります。", "text/plain; name=a.txt", charset="iso-2022-jp"),
        part("<p>Unfortunately", "text/html", head="Content-Disposition: attachment\r\n"),
        part("A second text.\n", encoding="quoted-printable"),
        part(mail(), "message/rfc822", charset=""),
        IMAGE,
        part("", "text/plain"),
    ]
)


@st.composite
def trees(draw):
    """One letter, in one part or two alternatives, wherever in a tree it may stand."""
    label = draw(st.sampled_from(sorted(CODECS)))
    numbers = iter(range(99))

    def box(kind, *parts):
        return multipart(kind, *parts, boundary=f"=_b.{next(numbers)}_")

    def page():
        html = draw(texts(label, is_html=True))
        return box("related", html, IMAGE) if draw(st.booleans()) else html

    form = draw(st.sampled_from(("plain", "html", "both")))
    if form == "both":
        entity = box("alternative", draw(texts(label, is_html=False)), page())
    else:
        entity = page() if form == "html" else draw(texts(label, is_html=False))
    for kind in draw(st.lists(st.sampled_from(("mixed", "related")), max_size=3)):
        entity = box(kind, entity, *draw(st.lists(ATTACHMENTS, max_size=2)))
    raw = mail(entity)
    return with_bare_newlines(raw) if draw(st.booleans()) else raw


def strict(leaf):
    """The text of a part as its own label has it, without mercy."""
    data = leaf.get_payload(decode=True)
    return data.decode(CODECS[leaf.get_content_charset()])


def insertions(old, new):
    """Every place at which one insertion makes the new text of the old one, and what went in."""
    size = len(new) - len(old)
    head = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    for at in range(head, -1, -1):
        if new[at + size :] == old[at:]:
            yield at, new[at : at + size]
        elif at < head - size:
            return


def stands_between_lines(text, at, new):
    return at == 0 or text[at - 1] == "\n" or (at == len(text) and new.startswith(("\n", "\r\n")))


def stands_between_elements(text, at, _):
    above, below = text[:at].rstrip(), text[at:].lstrip()
    return not above or not below or above.endswith(">") or below.startswith("<")


def shown(page):
    """Each word that a browser shows, with the names of the elements around it."""
    found = []

    def walk(node, around):
        for child in node.childNodes:
            if child.nodeType == child.TEXT_NODE:
                found.extend((word, around) for word in child.data.split())
            elif child.nodeType == child.ELEMENT_NODE:
                walk(child, (*around, child.tagName))

    walk(html5lib.parse(page, treebuilder="dom", namespaceHTMLElements=False), ())
    return [(word, around) for word, around in found if not {"style", "head"} & set(around)]


def links(page):
    tree = html5lib.parse(page, treebuilder="dom", namespaceHTMLElements=False)
    for link in tree.getElementsByTagName("a"):
        yield link.getAttribute("href"), link.firstChild.data


def assert_page(old, new):
    """One block in the letter's flow, its link open to see; all else is shown as it was."""
    before, after = shown(old), shown(new)
    size = len(after) - len(before)
    spots = [n for n in range(len(before) + 1) if after[:n] + after[n + size :] == before]
    assert spots
    inside = set(after[spots[0]][1])
    assert "body" in inside
    assert not inside & {"a", "ul", "li", "blockquote", "style", "head", "title"}
    ((address, words),) = links(new)
    assert address == words


def assert_lines(old, new):
    """The limits of RFC 5322 and of the part's own encoding, and the newline that it has."""
    encoding = (new["content-transfer-encoding"] or "7bit").lower()
    body = new.get_payload()
    if encoding in ("7bit", "base64", "quoted-printable"):
        assert body.isascii()
    most = 998 if encoding in ("7bit", "8bit") else 76
    # What was too long before may have been parted.
    assert all(len(row) <= most or row in old.get_payload() for row in body.splitlines())
    if encoding == "quoted-printable":
        assert not re.search(r"[ \t](?:\r?\n|\Z)|=(?![0-9A-F]{2}|\r?\n)", body.rstrip(" ="))
    if new.get_content_charset() == "iso-2022-jp":
        for row in new.get_payload(decode=True).split(b"\n"):
            assert row.decode("iso2022_jp").encode("iso2022_jp") == row


def assert_edited(old, new):
    """Of one edited part: strict in its charset, one insertion where words may go."""
    before, after = strict(old), strict(new)
    is_html = new.get_content_subtype() == "html"
    fits = stands_between_elements if is_html else stands_between_lines
    found = [words for at, words in insertions(before, after) if fits(before, at, words)]
    assert found, (before, after)
    assert ("\r\n" in found[0]) is ("\r\n" in before or "\n" not in before)
    assert "\n" not in found[0].replace("\r\n", "") or "\r\n" not in before
    if new.get_param("format") == "flowed":
        assert not any(row.endswith(" ") for row in found[0].splitlines())
    if is_html:
        assert_page(before, after)
    assert_lines(old, new)
    return re.findall(re.escape(ACME.link) + r"/\w+", found[0])


def assert_one_insertion(raw, rewritten):
    line_end = b"\r\n" if raw.partition(b"\n")[0].endswith(b"\r") else b"\n"
    mark, _, rest = rewritten.partition(line_end)
    assert re.fullmatch(rb"X-Relay-Trace: v1 [0-9a-f]{32}", mark)
    gap = b"\r\n\r\n" if b"\r\n\r\n" in raw else b"\n\n"
    assert rest.partition(gap)[0] == raw.partition(gap)[0]
    pairs = list(zip(*(list(message_from_bytes(one).walk()) for one in (raw, rest)), strict=True))
    addresses = []
    for old, new in pairs:
        assert old.items() == new.items()
        assert (old.preamble, old.epilogue) == (new.preamble, new.epilogue)
        if not old.is_multipart() and old.get_payload() != new.get_payload():
            assert old.get_content_disposition() != "attachment"
            addresses.append(assert_edited(old, new))
    assert 1 <= len(addresses) <= 2
    assert len({address for found in addresses for address in found}) == 1
    if b"\n" not in raw.replace(b"\r\n", b""):
        assert b"\n" not in rewritten.replace(b"\r\n", b"")


@cache
def forced():
    # No fixture: what failed would be told with all rules in front.
    return Policy((ACME,), shipped(), is_forced=True)


LEFT = (Reason.UNFIT, Reason.NO_TEXT)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(trees())
def test_one_insertion_and_nothing_else_is_new_in_any_tree(raw):
    decision = decide(envelope(), raw, forced())
    event(f"{decision.reason} {decision.detail}")
    if not decision.edits:
        assert decision.reason in LEFT, decision.detail
        return
    rewritten = apply(raw, decision.edits)
    assert_one_insertion(raw, rewritten)
    assert decide(envelope(), rewritten, forced()).reason is Reason.OWN_TRACE
    # A client that sends its copy anew drops the field and keeps the words.
    resent = rewritten.partition(b"\n")[2].replace(b"<1@", b"<2@", 1)
    again = decide(envelope(), resent, forced())
    assert (again.reason, again.edits) == (Reason.LINKED_ALREADY, ())
