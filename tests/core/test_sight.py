"""A browser's parser sees the block where it belongs, once, whole, and nothing else new."""

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from relay_gateway.core.sight import is_relinked, is_seen, is_struck

BLOCK = '<p>An offer:<br>\r\n<a href="https://x.example/1?a&amp;b">https://x.example/1?a&amp;b</a></p>\r\n'


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ("<html><body><p>a</p>\r\n", "<p>b</p></body></html>"),
        ("<p>a\r\n", "<p>b"),
        ("<table><tr><td>a", "</table>"),
        ("<div><font color=red>a", "<p>b</font></div>"),
        ("a</body></html>\r\n", ""),
    ],
)
def test_a_block_between_paragraphs_is_seen(head, tail):
    assert is_seen(head + tail, head + BLOCK + tail, BLOCK)


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ("a<!-- ", " -->b"),
        ("<title>", "</title>a"),
        ("<style>", "</style>a"),
        ("<script>", "</script>a"),
        ("<textarea>", "</textarea>a"),
        ("<p title='", "'>a"),
        ("<p title='>a", ""),
        ("<a href=x>a", "b</a>"),
        ("<ul><li>a", "</ul>"),
        ("<h1>a", "b</h1>"),
        ("<div style='display: none'>a", "</div>b"),
        ("<div hidden>a", "</div>b"),
        ("<blockquote>a", "</blockquote>b"),
        ("<div class=gmail_quote>a", "</div>b"),
        ("<div class=gmail_signature>a", "</div>b"),
        ("<template>a", "</template>b"),
        ("<frameset>", "</frameset>"),
        ("<noframes>a", "</noframes>b"),
    ],
)
def test_a_block_where_it_does_not_belong_is_refuted(head, tail):
    assert not is_seen(head + tail, head + BLOCK + tail, BLOCK)


@pytest.mark.parametrize(
    "new",
    [
        "<p>a</p><p>b</p>",
        f"<p>a</p>{BLOCK}<p>c</p>",
        f"<p>a</p>{BLOCK}{BLOCK}<p>b</p>",
        f"<p>a</p>{BLOCK}<i><p>bb</p></i>",
        f"<p>b</p>{BLOCK}<p>a</p>",
        f"<p>a</p>{BLOCK.replace('/1', '/2')}<p>b</p>",
        f"<p>a</p>{BLOCK.replace('offer', 'order')}<p>b</p>",
    ],
)
def test_anything_else_that_is_new_is_refuted(new):
    assert not is_seen("<p>a</p><p>b</p>", new, BLOCK)


OLD, NEW = "https://x.example/c", "https://x.example/c/TOKEN"


@pytest.mark.parametrize(
    ("old", "new", "is_so"),
    [
        (f"<p><a href={OLD}>{OLD}</a>", f"<p><a href={NEW}>{NEW}</a>", True),
        (f"<p><a href={OLD}>{OLD}</a>", f"<p><a href={NEW}>{OLD}</a>", False),
        (f"<p><a href={OLD}>{OLD}</a>", f"<p><a href={NEW}>{NEW}</a>.", False),
        (f"<p><a href={OLD}>{OLD}</a>", f"<p><b href={NEW}>{NEW}</b>", False),
        (f"<p><a href={OLD}/>{OLD}</a>", f"<p><a href={NEW}>{NEW}</a>", False),
    ],
)
def test_only_the_address_of_a_link_may_have_changed(old, new, is_so):
    assert is_relinked(old, new, (OLD, OLD), NEW) is is_so


def shape(node):
    """The elements and words of a tree of html5lib, in order."""
    for child in node.childNodes:
        if child.nodeType == child.ELEMENT_NODE:
            yield child.tagName
            yield from shape(child)
        elif child.nodeType == child.TEXT_NODE:
            yield from child.data.split()


PIECES = (
    "<p>|</p>|<div>|</div>|<br>|<b>|</b>|<ul><li>|<li>|</ul>|<table><tr><td>|<td>|</table>| a |<hr>"
)


@given(st.lists(st.sampled_from(PIECES.split("|")), max_size=10).map("".join))
def test_both_parsers_of_the_standard_build_the_same_tree(source):
    source = f"<!doctype html><body>{source}"
    found = []
    for node in LexborHTMLParser(source).root.traverse(include_text=True):
        found += (node.text_content or "").split() if node.is_text_node else [node.tag]
    tree = html5lib.parse(source, treebuilder="dom", namespaceHTMLElements=False)
    assert found == list(shape(tree))


PAGE = "<p>one</p><p>[[no-relay]]</p><p>two <b>three</b></p>"


@pytest.mark.parametrize(
    ("new", "gone", "is_right"),
    [
        ("<p>one</p><p></p><p>two <b>three</b></p>", ("[[no-relay]]",), True),
        ("<p>one</p><p>two <b>three</b></p>", ("[[no-relay]]",), False),
        ("<p>one</p><p></p><p>two <b>3</b></p>", ("[[no-relay]]",), False),
        ("<p>one</p><p></p><p>two <i>three</i></p>", ("[[no-relay]]",), False),
        (PAGE, ("[[no-relay]]",), False),
        (PAGE, (), True),
    ],
)
def test_words_are_struck_if_nothing_but_they_is_gone(new, gone, is_right):
    assert is_struck(PAGE, new, gone) is is_right
