"""What in a mail is markup and not a word: names that HTML, CSS and mail clients have given.

Only known names: a tag or an attribute that somebody made up may be a person's, and a browser shows
`<taro@gmail.example>` as a tag that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5

from relay_gateway.core.markup import END, RAW, START, TEXT, tokens
from relay_gateway.core.message import Unfit

_CHARSET = re.compile(
    r"utf-?8|us-ascii|iso-2022-(?:jp|kr)(?:-\w{1,3})?|iso-8859-\d{1,2}|(?:windows-|cp)\d{3,5}"
    r"|windows-31j|gb_?2312|gbk|gb18030|shift[_-]jis|x-sjis|euc-(?:jp|kr)|big5|koi8-[ru]",
    re.IGNORECASE,
)


def is_charset(label: str) -> bool:
    """Whether it is a charset's name and nothing else."""
    return _CHARSET.fullmatch(label) is not None


_TAGS = frozenset(
    "a abbr acronym address area article aside audio b base basefont bdi bdo big blockquote body br"
    " button canvas caption center cite code col colgroup data datalist dd del details dfn dialog"
    " dir div dl dt em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4"
    " h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li link main map"
    " mark marquee math menu meta meter nav nobr noembed noframes noscript object ol optgroup"
    " option output p param picture plaintext pre progress q rb rbc rp rt rtc ruby s samp script"
    " section select slot small source span strike strong style sub summary sup svg table tbody td"
    " template textarea tfoot th thead time title tr track tt u ul var video wbr xmp xml mi mo mn"
    " ms mtext path g text desc foreignobject image annotation-xml o:p v:shape v:imagedata"
    " v:shapetype v:rect w:wrap".split()
)
_ATTRIBUTES = frozenset(
    "abbr accept action align alink alt aria-label background bgcolor border bordercolor"
    " cellpadding cellspacing charset checked cite class clear color cols colspan content"
    " contenteditable coords datetime dir disabled encoding enctype face for form frame"
    " frameborder headers height hidden href hreflang hspace http-equiv id lang language link"
    " marginheight marginwidth maxlength media method multiple name nohref noshade nowrap onclick"
    " onload placeholder poster readonly rel rev role rows rowspan rules scope scrolling selected"
    " shape size span src srcset start style summary tabindex target text title type usemap valign"
    " value vlink vspace width xml:lang xmlns xmlns:m xmlns:o xmlns:v xmlns:w".split()
)

# What a reader of the letter goes by: kept in class, id and name, all else there is masked.
_NAMES = re.compile(
    r"(?i)\b(?:gmail_(?:quote|attr|extra|signature)(?:_container|_prefix)?"
    r"|Mso(?:Normal(?:Table)?|PlainText|ListParagraph|Hyperlink|AutoSig)|WordSection\d|yahoo_quoted"
    r"|protonmail_quote|moz-(?:cite-prefix|signature|forward-container|txt-sig|quote-pre)"
    r"|_MailAutoSig|_MailOriginal|divRplyFwdMsg|appendonsend"
    r"|AppleMailSignature|(?:x_)*(?:ms-outlook-mobile-)?signature|OLK_SRC_BODY_SECTION)\b"
)
_CSS = re.compile(
    r"(?i)\b(?:display|visibility|hidden|none|font-size|mso-hide|all|white-space"
    r"|pre(?:-(?:wrap|line))?|margin(?:-(?:top|bottom|left|right))?"
    r"|border(?:-(?:top|bottom|left|right))?|solid|windowtext|e1e1e1|b5c4df|padding|color)\b"
    # A size of 14px that became 00xx would hide what it is for.
    r"|(?<![\w#.])[\d.]{1,5}(?:p[tx]|r?em|in|cm|mm|%)?(?!\w)"
)
_DIRECTION = re.compile(r"(?i)\b(?:rtl|ltr|hidden|until-found)\b")
_KNOWN_VALUES = {
    "style": _CSS,
    "dir": _DIRECTION,
    **dict.fromkeys(("class", "id", "name"), _NAMES),
}
_TAG = re.compile(r"</?([A-Za-z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"[\s/\"']([A-Za-z:-]+)(?=[\s/>=])(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]*))?")
_REFERENCE = re.compile(r"&([A-Za-z]\w*;)|&#(?=\d)|&#[xX]")
_CONDITION = re.compile(
    r"<!(?:--)?\[(?:if(?:[\s!()&|\d.]|gte?|lte?|mso|vml|IE|support(?:Lists|EmptyParas|Fields))*"
    r"|endif)\](?:--)?>?"
    r"|<!doctype(?:\s+html(?:\s+public\s+\"-//W3C//DTD X?HTML [\d.]+(?: \w+)?//EN\""
    r"(?:\s+\"http://www\.w3\.org/TR/[\w./-]*\")?)?\s*>)?",
    re.IGNORECASE,
)


def markup(source: str) -> Iterator[tuple[int, int]]:
    """The stretches of an HTML source that are markup, not words."""
    try:
        found = list(tokens(source))
    except Unfit:
        yield from (match.span() for match in _TAG.finditer(source) if _is_known(match))
        return
    for kind, _, start, end in found:
        if kind in (START, END):
            yield from _inside(source, start, end)
        elif kind is TEXT:
            for match in _REFERENCE.finditer(source, start, end):
                if match[1] is None or match[1] in html5:
                    yield match.span()
        elif kind is RAW:
            yield from (match.span() for match in _CSS.finditer(source, start, end))
    yield from (match.span() for match in _CONDITION.finditer(source))


def _is_known(tag: re.Match[str]) -> bool:
    return tag[1].lower() in _TAGS


def _inside(source: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    tag = _TAG.match(source, start, end)
    if tag is None:
        return
    if _is_known(tag):
        yield tag.span()
    for match in _ATTRIBUTE.finditer(source, tag.end(), end):
        name = match[1].lower()
        if name not in _ATTRIBUTES:
            continue
        yield match.span(1)
        if match[2] and name in _KNOWN_VALUES:
            values = _KNOWN_VALUES[name].finditer(source, *match.span(2))
            yield from (word.span() for word in values)
