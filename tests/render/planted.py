"""Faults put in on purpose: eyes that do not see them prove nothing."""

from __future__ import annotations

from tests.render.browser import Page
from tests.render.letters import Pair
from tests.render.sameness import faults

LINK = '<a href="https://careerrelay.jp/c/acme/0">https://careerrelay.jp/c/acme/0</a>'
BLOCK = f"<p>An offer:<br>{LINK}</p>"
ABOVE = "<p>We have decided otherwise.</p>"
BELOW = '<p style="border:1px solid">We wish you well.</p>'
PAGE = "<!doctype html><body>{}</body>"

PLANTED = {
    "a block in another font": ABOVE
    + BLOCK.replace("<p", '<p style="font-family:cursive"')
    + BELOW,
    "a block in another colour": ABOVE + BLOCK.replace("<p", '<p style="color:red"') + BELOW,
    "a block set in": ABOVE + BLOCK.replace("<p", '<p style="margin-left:40px"') + BELOW,
    "a block too close to the letter": ABOVE
    + BLOCK.replace("<p", '<p style="margin-top:-20px"')
    + BELOW,
    "a block that is not drawn": ABOVE + BLOCK.replace("<p", '<p style="opacity:0"') + BELOW,
    "a block that takes no room": ABOVE
    + BLOCK.replace("<p", '<p style="position:absolute"')
    + BELOW,
    "a block that is not there": ABOVE + BELOW,
    "a block wider than the window": ABOVE + BLOCK.replace("<p", '<p style="width:2000px"') + BELOW,
    "other words changed": ABOVE + BLOCK + BELOW.replace("well", "ill"),
    "other words in bold": ABOVE + BLOCK + BELOW.replace("We", "<b>We</b>"),
    "a border gone": ABOVE + BLOCK + BELOW.replace("solid", "hidden"),
    "a letter above that moved": "<br>" + ABOVE + BLOCK + BELOW,
}


def unseen(page: Page) -> list[str]:
    """The planted faults that are not seen; and the sound page, should it be taken for one."""
    blind = [name for name, source in PLANTED.items() if not _faults(page, source)]
    return blind + ["a sound page as sound"] * bool(_faults(page, ABOVE + BLOCK + BELOW))


def _faults(page: Page, source: str) -> list[str]:
    pair = Pair("", PAGE.format(ABOVE + BELOW), PAGE.format(source), is_html=True, adds_block=True)
    return list(faults(page, pair, 400))
