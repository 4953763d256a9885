"""Tags and texts stand where browsers have them: two parsers of the standard agree."""

from html import unescape

import pytest
from html5lib._tokenizer import HTMLTokenizer
from html5lib.constants import tokenTypes
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from relay_gateway.core.flow import html_lines
from relay_gateway.core.markup import Kind, attributes, tokens
from relay_gateway.core.message import Unfit


def taken(source):
    """The tokens with the source they span."""
    return [(kind.name, name, source[start:end]) for kind, name, start, end in tokens(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b<br>c", ["a < b", "<br>", "c"]),
        ("a<!-- <p> -->b", ["a", "b"]),
        ("a<!-->b-->", ["a", "b-->"]),
        ("a<!--->b", ["a", "b"]),
        ("a<!-- -- > --!>b", ["a", "b"]),
        ('<!doctype html "x>y">a', ['y">a']),
        ("a<?php >b", ["a", "b"]),
        ("a</>b</ p>c", ["a", "b", "c"]),
        ("a<![if !mso]>b<![endif]-->c", ["a", "b", "c"]),
        ("a<![CDATA[<p ]]>b", ["a", "b"]),
        ('<a href="x>y">z</a b=">">', ['<a href="x>y">', "z", '</a b=">">']),
        ('<a b"c>d', ['<a b"c>', "d"]),
        ("<a b = 'c>' d=e/>f", ["<a b = 'c>' d=e/>", "f"]),
        ("<a b=>c", ["<a b=>", "c"]),
        ("<a / =b=c>d", ["<a / =b=c>", "d"]),
        ("<title><p></title >a", ["<title>", "<p>", "</title >", "a"]),
        ("<style>a</stylex></STYLE>", ["<style>", "a</stylex>", "</STYLE>"]),
        ("<script><!-- '<p>' //--></script>", ["<script>", "<!-- '<p>' //-->", "</script>"]),
    ],
)
def test_a_source_is_cut_where_browsers_cut_it(source, expected):
    assert [text for _, _, text in taken(source)] == expected


@pytest.mark.parametrize(
    "source",
    [
        "a<!-- b",
        "a<p",
        'a<p title="b>c',
        "a</p",
        "a<?b",
        "a<!b",
        "<style>a",
        "<title>a</titlex>",
        "<plaintext>",
        "<svg><style><b></style>",
        "<svg><![CDATA[a]]></svg>",
        "<select><title><b></title>",
        "<script><!-- <script> </script> -->",
        "<![FOO[ a ]]>",
        "<![CDATA[ a > b ]]>",
        "<p " + " ".join(f"a{n}" for n in range(201)) + ">",
        "a\0b",
    ],
)
def test_what_browsers_read_otherwise_than_others_is_unfit(source):
    with pytest.raises(Unfit):
        list(tokens(source))


def test_attributes_are_read_as_browsers_read_them():
    written = "<A Class=a&amp;b/ hidden STYLE='x y' style=z Id = \"q\"\u212a=k =e=f>"
    assert attributes(written) == {
        "class": "a&b/",
        "hidden": "",
        "style": "x y",
        "id": "q",
        "\u212a": "k",
        "=e": "f",
    }


def chunks(names, raw):
    """Pieces of HTML that are whole but for what stands inside of them, and some that are not."""
    crumbs = st.lists(
        st.sampled_from(
            [*"ab<>/!-='\" \n&;", "--", "--!>", "-->", "<!--", "</", "&lt;", "&am", "="]
        ),
        max_size=6,
    ).map("".join)
    tags = st.tuples(
        st.sampled_from(["<", "</"]), st.sampled_from(names), crumbs, st.sampled_from("\"'"), crumbs
    ).map(lambda it: f"{it[0]}{it[1]} {it[2]}={it[3]}{it[4]}{it[3]}>")
    bare = st.tuples(st.sampled_from(["<", "</"]), st.sampled_from(names)).map(
        lambda it: "".join(it) + ">"
    )
    comments = st.tuples(
        st.sampled_from(["<!--", "<!", "<?", "</ ", "<![CDATA[", "<![if "]),
        crumbs,
        st.sampled_from(["-->", ">", "--!>", "]]>"]),
    ).map("".join)
    raws = st.tuples(st.sampled_from(raw), crumbs, st.sampled_from(["", "x", " a", "/"])).map(
        lambda it: f"<{it[0]}>{it[1]}</{it[0]}{it[2]}>.</{it[0].upper()} >"
    )
    return st.lists(st.one_of(crumbs, tags, bare, comments, raws), max_size=8).map("".join)


SOUP = chunks(
    ["p", "b", "br", "div", "table", "td", "a", "o:p", "select", "svg", "math", "i", "li", "TITLE"],
    ["style", "title", "script", "textarea", "xmp", "iframe"],
)
# Of these a tree keeps all as they are written.
STEADY = chunks(["x", "br", "span", "div", "o:p", "wbr"], ["style", "title", "script", "xmp"]).map(
    "<body>.{}".format
)


@given(SOUP)
def test_any_source_is_read_or_unfit(source):
    try:
        lines = html_lines(source)
    except Unfit:
        return
    assert all(0 <= line.start <= line.end <= len(source) for line in lines)


@given(SOUP)
def test_tokens_stand_in_order_and_do_not_overlap(source):
    at = 0
    for _, _, start, end in readable(source):
        assert at <= start <= end <= len(source)
        at = end


def readable(source):
    """The tokens of a source; none if it is left alone."""
    try:
        return list(tokens(source))
    except Unfit:
        return []


def text(kind, name, source):
    """What a reader of one token sees: in a style or script, references are none."""
    if kind is Kind.RAW and name not in ("title", "textarea"):
        return source
    return unescape(source)


STATES = {"title": "rcdataState", "textarea": "rcdataState", "script": "scriptDataState"}
RAW = ("style", "xmp", "iframe")


def spoken(source):
    """Tags with their attributes, and the text, as html5lib's tokenizer takes them apart."""
    tokenizer = HTMLTokenizer(source)
    for token in tokenizer:
        kind, name = token["type"], token.get("name")
        if kind == tokenTypes["StartTag"]:
            yield "START", name, {**token["data"]}
            if name in STATES or name in RAW:
                tokenizer.state = getattr(tokenizer, STATES.get(name, "rawtextState"))
        elif kind == tokenTypes["EndTag"]:
            yield "END", name, {}
        elif kind in (tokenTypes["Characters"], tokenTypes["SpaceCharacters"]):
            yield "TEXT", token["data"], {}


def joined(pieces):
    """The pieces with neighbouring texts made one."""
    found = []
    for kind, value, pairs in pieces:
        if kind == "TEXT" and found and found[-1][0] == "TEXT":
            found[-1] = ("TEXT", found[-1][1] + value, {})
        elif value or kind != "TEXT":
            found.append((kind, value, pairs))
    return found


@given(SOUP)
@settings(max_examples=200)
def test_html5lib_finds_the_same_tags_and_texts(source):
    source = source.replace("\r\n", "\n")
    found = readable(source)
    ours = joined(
        (kind.name, name, attributes(source[start:end]) if kind is Kind.START else {})
        if kind in (Kind.START, Kind.END)
        else ("TEXT", text(kind, name, source[start:end]), {})
        for kind, name, start, end in found
    )
    if found:
        assert ours == joined(spoken(source))


@given(STEADY)
@settings(max_examples=200)
def test_lexbor_finds_the_same_elements_and_texts(source):
    found = readable(source)
    # `</br>` is a `<br>`.
    names = [name for kind, name, _, _ in found if kind is Kind.START or name == "br"]
    if found:
        nodes = list(LexborHTMLParser(source).body.traverse(include_text=True))
        assert [node.tag for node in nodes if node.is_element_node] == names
        seen = "".join(node.text_content for node in nodes if node.is_text_node)
        assert seen == "".join(
            text(kind, name, source[start:end])
            for kind, name, start, end in found
            if kind in (Kind.TEXT, Kind.RAW)
        )
