"""The block is written in the letter's hand, also where that is not its paragraphs' own."""

import pytest

from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.font import fonts
from relay_gateway.core.letter import read_html
from relay_gateway.core.reason import Reason
from tests.conftest import envelope
from tests.mails import EN, added, mail, part, texts

FONT = '<font face="Arial" size="2">'
SPAN = "<span style=\"font-family:'MS Gothic'\">"
FIRST, SECOND = "<p>{}Thank you for it all.{}</p>", "<p>{}We have to say no to you.{}</p>"


def looks(source):
    return [(each.tag, dict(each.attributes)) for each in fonts(read_html(source))]


def letter(start, end):
    """The English rejection, each paragraph of it between two tags."""
    rows = (f"<div>{start}{words}{end}</div>" for words in EN.strip().split("\n\n"))
    return "<html><body>\n" + "\n<div><br></div>\n".join(rows) + "\n</body></html>\n"


def test_the_fonts_of_the_words_are_found_from_the_outside_in():
    source = (FIRST + SECOND).format(SPAN + FONT, "</font></span>", SPAN + FONT, "</font></span>")
    assert looks(source) == [
        ("span", {"style": "font-family:'MS Gothic'"}),
        ("font", {"face": "Arial", "size": "2"}),
    ]


def test_what_most_words_stand_in_is_worn_not_what_one_sentence_does():
    red = FIRST.format("", "") + SECOND.format('<span style="color:red">', "</span>") + "<p>Bye</p>"
    assert looks(red + FIRST.format("", "")) == []


def test_spans_that_change_no_looks_are_not_copied():
    assert looks(FIRST.format("<span lang=EN-US id=a>", "</span>")) == []


@pytest.mark.parametrize("source", [FONT + FIRST.format("", ""), FIRST.format(FONT, "")])
def test_a_font_that_is_open_at_the_end_of_a_paragraph_is_not_put_on_twice(source):
    assert looks(source) == []


def test_fonts_too_long_for_a_line_of_mail_are_not_copied():
    assert looks(FIRST.format(f'<span style="font-family:{"a" * 300}">', "</span>")) == []


def test_hidden_words_have_no_hand():
    hidden = f'<span style="display:none">{"word " * 50}</span>'
    assert looks(f"<p>{hidden}{FONT}Thank you for it all.</font></p>") == [
        ("font", {"face": "Arial", "size": "2"})
    ]


@pytest.mark.parametrize(
    ("start", "end"), [(FONT, "</font>"), (SPAN, "</span>"), (SPAN + FONT, "</font></span>")]
)
def test_the_block_and_its_empty_line_wear_the_fonts_of_the_letter(policy, start, end):
    raw = mail(part(letter(start, end), "text/html"))
    decision = decide(envelope(), raw, policy)
    assert decision.reason is Reason.REJECTION
    (sent,) = texts(apply(raw, decision.edits))
    opened = "<div>" + start.replace("'", "&#x27;")
    assert f"{opened}If it would help" in sent
    assert f"anything about your application.){end}</div>\r\n{opened}<br>{end}</div>" in sent


def test_a_font_named_in_signs_the_charset_lacks_is_written_as_references(policy):
    font = "<font face='&#65325;&#65331; Gothic'>"
    raw = mail(part(letter(font, "</font>"), "text/html", charset="us-ascii"))
    decision = decide(envelope(), raw, policy)
    (block,) = added(raw, apply(raw, decision.edits))
    assert '<font face="&#65325;&#65331; Gothic">' in block
    assert block.isascii()


KEPT = 'style="white-space:pre-wrap"'


@pytest.mark.parametrize(
    ("old", "kept"),
    [
        ("<div>", f"<div {KEPT}>"),
        ("<div>", f"<div><span {KEPT}>"),
        ("<body>\n", f"<body><div {KEPT}>"),
    ],
    ids=["paragraphs", "spans", "all around"],
)
def test_no_newline_of_the_block_is_seen_where_newlines_are_kept(policy, old, kept):
    ends = "</span></div>" if "span" in kept else "</div>"
    source = letter("", "").replace(old, kept).replace("</div>", ends).replace("</div>\n", "</div>")
    raw = mail(part(source, "text/html"))
    (block,) = added(raw, apply(raw, decide(envelope(), raw, policy).edits))
    assert block.count("<br\r\n>") >= 5
    assert ">\r\n" not in block.replace("\r\n>", "")


def test_a_telephone_can_fold_the_link(policy):
    raw = mail(part(letter("", ""), "text/html"))
    (block,) = added(raw, apply(raw, decide(envelope(), raw, policy).edits))
    assert '" style="word-break:break-all">https://' in block
