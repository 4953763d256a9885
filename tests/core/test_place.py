"""Where the block stands: read by a browser's parser, and by an HR person's eye."""

import re
from dataclasses import replace

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_gateway.core.charset import Text
from relay_gateway.core.decision import decide
from relay_gateway.core.edit import apply
from relay_gateway.core.judge import Finding, Hit, Verdict
from relay_gateway.core.letter import Voice, read_html, read_plain
from relay_gateway.core.message import Unfit
from relay_gateway.core.page import Page
from relay_gateway.core.place import own_links, place
from relay_gateway.core.reason import Reason
from relay_gateway.core.rewrite import insert
from relay_gateway.core.rules import Role
from relay_gateway.core.sight import is_seen
from tests.conftest import envelope
from tests.mails import EN, JA, mail, part, texts

LINK = "https://careerrelay.jp/c/acme"
CLOSED = set("a li ul ol h1 h2 h3 head title script style textarea select button".split())
CLOSED |= {"audio", "object", "strike"}
VOICED = re.compile(r"gmail_(?:quote|signature)|moz-cite-prefix")
# One page of soup in a thousand is nested otherwise than our reader thinks: the proof refuses it.
LEFT_ALONE = (Reason.UNFIT, Reason.NO_TEXT, Reason.VERIFY_FAILED)
TABLE = {"table", "tbody", "thead", "tr"}


@pytest.fixture(scope="module")
def forced(policy):
    return replace(policy, is_forced=True)


def seen(source):
    """The words and breaks of a page as a browser builds them, each with what is around it."""
    found = []

    def walk(node, around):
        if node.nodeType == node.TEXT_NODE:
            found.extend((word, around) for word in node.data.split())
        for child in node.childNodes:
            inner = (*around, child) if child.nodeType == child.ELEMENT_NODE else around
            if child.nodeType != child.COMMENT_NODE:
                walk(child, inner)

    walk(html5lib.parse(source, treebuilder="dom", namespaceHTMLElements=False), ())
    return found


def with_block(source, policy):
    """The page with its block, or nothing where it is left alone."""
    raw = mail(part(source, "text/html"))
    decision = decide(envelope(), raw, policy)
    assert decision.reason in (Reason.REJECTION, *LEFT_ALONE)
    return texts(apply(raw, decision.edits))[0] if decision.edits else None


def assert_well_placed(old, new):
    before, after = seen(old), seen(new)
    words = [word for word, _ in after]
    at = next(n for n, word in enumerate(words) if word.startswith(LINK))
    size = len(words) - len(before)
    start = next(
        n for n in range(at + 1) if words[:n] + words[n + size :] == [word for word, _ in before]
    )
    around = after[start][1]
    names = [element.tagName for element in around]
    assert "body" in names
    assert not CLOSED & set(names)
    cells = [n for n, name in enumerate(names) if name in ("td", "th")]
    assert not TABLE & set(names[(cells or [-1])[-1] + 1 :])
    assert not any("display:none" in element.getAttribute("style") for element in around)
    assert not any("max-height:0" in element.getAttribute("style") for element in around)
    assert not any(VOICED.search(element.getAttribute("class")) for element in around)
    assert [element.tagName for element in after[at][1]][-1] == "a"


PIECES = st.sampled_from(
    """<p>|</p>|<div>|</div>|<br>|<br><br>|<b>|</b>|<a href='x'>|</a>|<a name=y>|<ul><li>|<li>|</ul>
|<h1>|</h1>|<table><tr><td>|<td>|<tr>|</table>|<pre>|</pre>|<font color=red>|</font>|<span>
|</span>|<div style='display:none'>|<!-- c -->|<script>if (a<b) {}</script>|<center>| |<u>|</u>
|<title>t</title>|<p class=MsoNormal>|<o:p></o:p>|<blockquote>|</blockquote>|<select><option>
|</select>|</body>|</html>|<body>|<html>|<head>|</head>|<hr>|<img src=x>|<form>|<textarea>
|<span style='display:none'>|<style>p {}</style>|&nbsp;|</textarea>|<th>|</form>|<a name=z/>
|<div class=gmail_quote>|<div class=gmail_signature>|<div class=moz-cite-prefix>|<strike>|<audio>
|<div style='max-height:0;overflow:hidden'>|<!--[if !mso]><!-->|<!--<![endif]-->|</a>|</center>
|<p style='color:red'>|<details>|</details>|<object>|</object>|<address>|<i>|</i>""".split("|")
)
WORDS = st.sampled_from(["Dear Taro,", "we regret.", "We wish you luck.", "Regards", "", ""])


@given(st.lists(st.tuples(PIECES, WORDS), max_size=14))
def test_a_browser_shows_the_block_wherever_it_went(forced, pieces):
    source = "".join(tag + word for tag, word in pieces)
    new = with_block(source, forced)
    if new is not None:
        assert_well_placed(source, new)


# In these a browser keeps a link or a paragraph open where the next tag seems to begin anew.
OPEN_ENDED = [
    "Dear Taro,<br><br><div class='gmail_quote'>Taro wrote:<blockquote>x</blockquote></div>",
    "<p>We regret.</p><div class='gmail_signature'>Hanako</div>",
    "<div><a name='a'/><p>We regret.</p><p><a name='b'/>Regards,</p></div>",
    "<a name=a><p>We regret.</p><p>So sorry.</p><div><a name=b>Regards,</div>",
    "<a name='a'/><div>We regret.</div><a name='b'/><div>Regards,</div>",
    "<a name=a><div>We regret.</div><p><a name=b><table><tr><td>Regards,</table>",
    "<p>We regret.<br><br><font size=1><p>Regards,</font>",
    "<p>We regret.<table><tr><td>So sorry.</table><font> <p>Regards,</font>",
    "<td><p>We regret.<br><b> <center>Regards,</center></b>",
    "We regret.<p><b><div>So sorry.</div></b><p>Regards,",
    "<marquee><p>We regret.</marquee><p>Regards,",
    "<audio><p>We regret.</p><p>Regards,</p></audio>",
    "<noscript><p>We regret.</p><p>Regards,</p></noscript>",
    "<strike><p>We regret.</p><p>Regards,</p></strike>",
]


def told(paragraph):
    """The verdict of a rule that has found the decision there."""
    hit = Hit("see-off", Role.DECISION, 3.0, paragraph, "見送", "見送ります。")
    return Verdict(Finding.INSERT, "rejection", 3.0, 3.0, "ja", (hit,), ())


def refuted(source):
    """The places that are found, wherever the decision stands, and that a browser refutes."""
    letter = read_html(source)
    for number, part_ in enumerate(letter.paragraphs):
        if part_.voice is not Voice.OWN:
            continue
        try:
            spot = place(letter, told(number))
        except Unfit:
            continue
        page = Page(None, Text(source.encode(), source, "utf_8"), letter)
        (cut,) = insert(page, spot, (f"{LINK}/x",), f"{LINK}/x").cuts
        new = source.encode()[: cut.start] + cut.new + source.encode()[cut.start :]
        if not is_seen(source, new.decode(), cut.new.decode()):
            yield number


@pytest.mark.parametrize("source", OPEN_ENDED)
def test_no_place_is_found_that_a_browser_would_refute(source):
    assert not list(refuted(source))


@pytest.mark.parametrize("voiced", ["gmail_quote", "gmail_signature", "moz-cite-prefix"])
def test_the_block_does_not_look_like_a_quote_or_a_signature(forced, voiced):
    source = f"<div>We regret.</div><div class='{voiced}'>2026/1/2 Taro wrote:</div>"
    assert with_block(source, forced).count(voiced) == 1


def test_where_neighbours_differ_the_block_is_of_the_kind_that_the_letter_has_more_of(forced):
    red = "<p>佐藤様</p><p style='color:red'>見送ります。</p><p>ご活躍をお祈りします。</p>"
    assert with_block(red, forced).count("color:red") == 1
    grey = "<p style='color:grey'>{}</p>"
    letter = grey.format("佐藤様") + grey.format("見送ります。") + "<p>ご活躍をお祈りします。</p>"
    assert with_block(letter, forced).count("color:grey") == 3


@pytest.mark.parametrize("condition", ["<!--[if !mso]><!-->", "<![if !mso]>"])
def test_the_block_stands_above_a_condition_of_the_paragraph_below(forced, condition):
    rows = [f"{condition}<p>{words}</p><!--<![endif]-->\n" for words in LETTER]
    new = with_block("".join(rows), forced)
    above = new[: new.index("今後のキャリア")]
    assert above.count(condition) == above.count("<![endif]") == 2


LETTER = [
    "佐藤様",
    "今回は採用を見送らせていただきます。",
    "ご活躍をお祈りいたします。",
    "株式会社アクメ",
]


def html(template, around="{}"):
    return around.format("".join(template.format(words) for words in LETTER))


@pytest.mark.parametrize(
    ("source", "above"),
    [
        (html("<p>{}</p>"), "<p>"),
        (html("<p>{}"), "<p>"),
        (html("<p>{}</p>\n", "<html><body>\n{}</body></html>"), "<p>"),
        (html("<p>{}</p>", "{}</body></html></body>"), "<p>"),
        (html('<p class=MsoNormal>{}<o:p></o:p></p><p class=MsoNormal>&nbsp;</p>'), "<p class"),
        (html("<div>{}</div><div><br></div>", '<div dir="ltr">{}</div>'), "<div>"),
        (html("{}<br><br>", "<div>{}</div>"), "<br>"),
        (html("{}<br><br>", "<p>{}</p>"), "<br>"),
        (html("{}<br>\n<br>\n"), "\n"),
        (html("<p>{}</p>", "<table><tr><td>{}</td></tr></table>"), "<p>"),
        (html('<p style="margin:0;color:#111">{}</p><p style="margin:0">&nbsp;</p>'), "<p style"),
        (html("{}\n\n", "<pre>{}</pre>"), "\n"),
    ],
)  # fmt: skip
def test_the_block_stands_between_decision_and_wish_as_its_neighbours_do(forced, source, above):
    new = with_block(source, forced)
    assert_well_placed(source, new)
    first, last = new.index("今後のキャリア"), new.index("ございません。）")
    assert new.index("見送らせて") < first < last < new.index("お祈り")
    assert new[:first].rstrip("\r\n").endswith(">") or "<pre>" in new
    assert above in new[new.index("見送らせて") : first]


@pytest.mark.parametrize("doctype", ["", "<!doctype html>"])
def test_the_block_stands_above_a_table_behind_an_open_paragraph(forced, doctype):
    source = f"{doctype}<p>We regret.<table><tr><td>We wish you luck.</table>"
    assert_well_placed(source, with_block(source, forced))


def test_the_block_takes_on_class_and_style(forced):
    style = "margin:0cm;font-family:&quot;游ゴシック&quot;"
    new = with_block(html(f'<p class="MsoNormal" style="{style}">{{}}</p><p>&nbsp;</p>'), forced)
    assert new.count(f'<p class="MsoNormal" style="{style}">') > len(LETTER)


def test_the_block_stands_inside_the_body(forced):
    new = with_block("<html><body><p>佐藤様、見送らせていただきます。</body></html>\r\n", forced)
    assert new.index(LINK) < new.index("</body>")


@pytest.mark.parametrize(
    "source",
    [
        html("<li>{}</li>", "<ul>{}</ul>"),
        html("<tr><td>{}</td></tr>", "<table>{}</table>"),
        html("<p>{}</p>", "<a href='https://acme.example/'>{}"),
        html("{}<br><br>", "<h1>{}</h1>"),
        html("<p>{}</p>", "<!-- {}"),
        html("<p>{}</p>", "<frameset><noframes>{}</noframes></frameset>"),
        html("<p>{}</p>", "<p>{}</p><![FOO[ ]]>"),
        html("<p>{}&#10;a</p>", "<pre>{}\n</pre>"),
        "見送らせていただきます。<span style='display: none'><br>a",
        "<li>佐藤様<li><p>見送らせていただきます。",
    ],
)
def test_a_page_that_cannot_hold_the_block_is_left_alone(forced, source):
    assert with_block(source, forced) is None


@pytest.mark.parametrize(
    "source",
    [
        "見送ります。<span style='display: none'><br>",
        "<ul><li>見送ります。<br></li></ul>",
        "<h1>見送ります。<br></h1>",
        "<a href=x>見送ります。<br></a>",
    ],
)
def test_no_gap_is_found_where_the_block_does_not_belong(source):
    with pytest.raises(Unfit, match="no gap"):
        place(read_html(source), None)


def test_a_paragraph_stays_one_around_the_block(forced):
    source = "<p>見送ります。<br><font color=red><br>ご活躍をお祈りします。</font></p>"
    new = with_block(source, forced)
    assert_well_placed(source, new)
    assert "<div" not in new


def gap(text):
    """What stands around the spot in a plain letter."""
    spot = place(read_plain(text), None)
    return text[: spot.at].split("\n\n")[-1 if text[: spot.at][-2:] != "\n\n" else -2], text[
        spot.at :
    ]


@pytest.mark.parametrize(
    "below",
    [
        "末筆ながら、今後のご活躍をお祈り申し上げます。",
        "佐藤様の益々のご健勝をお祈りいたします。",
        "取り急ぎご連絡まで。",
        "まずは書面にてご通知申し上げます。",
        "敬具",
        "以上",
        "記\n\n1 応募書類\n\n以上",
        "何卒よろしくお願い申し上げます。",
        "株式会社アクメ\n採用担当",
        "----------\n株式会社アクメ\nTEL 03-0000-0000",
        "2026年11月22日(日) 10:00 佐藤 <taro@gmail.example>:\n> 面接の件です。",
        "We wish you all the best.",
        "Best regards,\nHanako",
        "Sincerely,\nHanako Yamada",
        "Thank you again for your interest.",
    ],
)
def test_the_block_stands_above_the_closing(below):
    above = "佐藤様\n\n残念ながら見送らせていただきます。\n\nご了承ください。\n\n"
    spot = place(read_plain(f"{above}{below}\n"), None)
    assert spot.at == len(above)


def test_a_letter_of_one_paragraph_has_its_block_below():
    text = "残念ながら見送らせていただきます。ご活躍をお祈りします。\n"
    assert place(read_plain(text), None).at == len(text)


@pytest.mark.parametrize(
    "text", ["> a\nb\n\n> c\nd\n", "a\n\n> b\n\nc\n", "On x wrote:\n> a\n\nb\n\n> c\n\nd\n"]
)
def test_an_answer_between_the_lines_is_left_alone(text):
    with pytest.raises(Unfit, match="between quoted"):
        place(read_plain(text), None)


@pytest.mark.parametrize("text", ["", "> only a quote\n", "-- \nAcme Inc.\n"])
def test_a_letter_without_words_of_its_own_is_left_alone(text):
    with pytest.raises(Unfit, match="no words"):
        place(read_plain(text), None)


def test_in_plain_text_an_empty_line_stands_above_and_below(forced):
    for letter in (JA, EN, JA.rstrip("\n"), JA.replace("\n\n", "\n\u3000"), "採用を見送ります。"):
        raw = mail(part(letter))
        new = texts(apply(raw, decide(envelope(), raw, forced).edits))[0]
        rows = new.replace("\r\n", "\n").split("\n\n")
        assert any(len(row.split("\n")) == 6 and LINK in row for row in map(str.strip, rows))


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (f"{LINK}\n", ["/c/acme"]),
        (f"詳細は{LINK}をご覧ください", ["/c/acme"]),
        (f"see <{LINK}/>.", ["/c/acme"]),
        (f"see {LINK}.", ["/c/acme"]),
        (f"see {LINK}/0123456789ABCDEFGHJKMNPQ", ["/c/acme/0123456789ABCDEFGHJKMNPQ"]),
        ("https://careerrelay.jpにて", [""]),
        ("https://careerrelay.jp.evil.example/c/acme", []),
        ("https://careerrelay.jp:8443/c/acme", []),
        (f"> {LINK}", []),
    ],
)
def test_links_of_the_company_are_found_outside_quotes(text, paths):
    assert [path for _, path in own_links(read_plain(f"a\n\n{text}"), LINK)] == paths


def test_links_in_html_are_found_where_they_lead_and_where_they_are_shown():
    letter = read_html(f'<p>a <a href="{LINK}/">{LINK}</a></p><blockquote>{LINK}</blockquote>')
    assert [path for _, path in own_links(letter, LINK)] == ["/c/acme", "/c/acme"]
