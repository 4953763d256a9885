"""Lines and what is open around them, as a browser would have it."""

import html5lib
import pytest

from relay_gateway.core.flow import MAX_LINES, MAX_OPEN, html_lines, plain_lines
from relay_gateway.core.message import Unfit


def around(source, words):
    """The elements that are open before the line with these words."""
    line = next(line for line in html_lines(source) if words in line.text)
    return [element.tag for element in line.before]


@pytest.mark.parametrize(
    ("source", "tags"),
    [
        ("<p>a<p>X", ["p"]),
        ("<p><b>a</p><p>X", ["b", "p"]),
        ("<b><p>a</b><br>X", ["p"]),
        ("<a href=1>a<a href=2>b</a><br>X", []),
        ("<ul><li>a<ul><li>X", ["ul", "li", "ul", "li"]),
        ("<ul><li>a<li><p>b<li>X", ["ul", "li"]),
        ("<table><tr><td><b>a<td>X", ["table", "tr", "td"]),
        ("<table><tr><td><b>a</table>X", []),
        ("<td>a<td>b<br>X", []),
        ("<div><span>a</div>X", []),
        ("<span><div>a</span><br>X", ["span", "div"]),
        ("<o:p/>a<br>X", []),
        ("<font><a>a<p>b</font><br>X", ["a", "p"]),
        ("<form><span>a</form>X", ["span"]),
        ("<p><select><option>a<option>b</select><br>X", ["p"]),
        ("<textarea><p>a</textarea><br>X", []),
        ("<html><head><title>t</title><p>X", ["html", "p"]),
        ("<head><title>t</title>X", []),
        ("<html><body>a</body></html><html><head></head><body>b<br>X", ["html", "body"]),
    ],
)
def test_what_is_open_is_what_a_browser_has_open(source, tags):
    assert around(source, "X") == tags


DOCTYPES = {
    "": True,
    "<!DOCTYPE html>": False,
    "\r\n<!-- a --> <!doctype HTML >": False,
    "<p><!doctype html>": True,
    "<!doctype html SYSTEM 'about:legacy-compat'>": False,
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN">': False,
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">': True,
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://x/loose.dtd">': False,
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.0 Transitional//EN">': True,
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2//EN">': True,
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://x/strict.dtd">': False,
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://x/t.dtd">': False,
}


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_a_table_ends_a_paragraph_unless_the_page_is_quirky(doctype):
    source = f"{doctype}<p>a<table><tr><td>X</table>"
    tree = html5lib.parse(source, treebuilder="dom", namespaceHTMLElements=False)
    table = tree.getElementsByTagName("table")[0]
    assert (table.parentNode.tagName == "p") is DOCTYPES[doctype]
    assert ("p" in around(source, "X")) is DOCTYPES[doctype]


@pytest.mark.parametrize(
    "source",
    [
        "<div>" * (MAX_OPEN + 1),
        "a<!-- b",
        "<![FOO[ a ]]>",
        "<frameset><noframes>a",
        "<plaintext>a",
        "<pre>a&#10;b\n",
        "<a x=" * 20,
        "<select><option>a<p>b</select>",
        "a<p",
        "a<style>p{}",
        "<x><button>" + "<i>" * 150 + "</x>" * 20_000,
        "<o:p/>" * 1001,
        "a<br>" * (MAX_LINES + 1),
    ],
)
def test_html_whose_reading_is_a_guess_is_unfit(source):
    with pytest.raises(Unfit):
        html_lines(source)


def test_lines_know_their_place_in_the_source():
    source = "<p>one<b> two</b></p>\r\n<p>three<br>four"
    spans = [source[line.start : line.end] for line in html_lines(source)]
    assert spans == ["one<b> two</b>", "three", "four"]
    text = "one\r\n\r\ntwo"
    assert [text[line.start : line.end] for line in plain_lines(text)] == ["one", "", "two"]


def test_an_end_tag_of_br_breaks_the_line_too():
    assert [line.text for line in html_lines("a</br>b<br/>c")] == ["a", "b", "c"]


def test_a_margin_sets_a_line_apart():
    assert [line.is_apart for line in html_lines("<p>a</p><p>b</p><div>c</div><div>d</div>")] == [
        True,
        True,
        True,
        False,
    ]


def test_nothing_flows_into_the_mark_of_a_signature():
    text = "We regret to \r\ntell you. \r\n-- \r\nHanako"
    lines = plain_lines(text, is_flowed=True)
    assert [line.text for line in lines] == ["We regret to tell you. ", "-- ", "Hanako"]


@pytest.mark.parametrize(
    "style",
    [
        "max-height:0; overflow:hidden",
        "overflow:hidden;height:1px;width:1px",
        "opacity:0",
        "visibility:collapse",
        "position:absolute; left:-9999px",
        "font-size:0px",
    ],
)
def test_what_is_clipped_or_faded_is_not_read(style):
    assert [line.text for line in html_lines(f"<div style='{style}'>a</div>b")] == ["b"]


@pytest.mark.parametrize(
    "style", ["max-height:100px;overflow:hidden", "opacity:0.9", "left:-5px", "line-height:0.9"]
)
def test_what_is_only_framed_is_read(style):
    assert [line.text for line in html_lines(f"<div style='{style}'>a</div>b")] == ["a", "b"]
