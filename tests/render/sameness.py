"""What is seen of a letter beside its block, before and after: nothing may differ.

Two readings, because neither alone is enough. The pictures, row of pixels by row, say that the new
page is the old one with one band let in; but a band may hold anything. The geometry, word by word
from the DOM, says how the band looks and where it stands; but it does not see borders and pictures.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.render.browser import Page
from tests.render.letters import Pair

EYES = (Path(__file__).parent / "eyes.js").read_text("utf-8")
# Rounding; and what a line with Latin words only is lower than one with Japanese ones.
NEAR = 2
LOWER = 8

Words = list[dict[str, Any]]


def faults(page: Page, pair: Pair, width: int, keep: Path | None = None) -> Iterator[str]:
    """All that is seen to be wrong with the page after, as sentences; pictures go to `keep`."""
    sights = []
    for when, source in (("before", pair.before), ("after", pair.after)):
        page.show(source, width)
        sights.append((page.tell(f"{EYES}words()"), _reach(page), page.picture(width)))
        if keep:
            (keep / f"{pair.name}-{width}-{when}.png").write_bytes(sights[-1][2])
    (old, reach, before), (new, new_reach, after) = sights
    if new_reach > max(reach, width):
        yield f"the page grew {new_reach - max(reach, width)} px wider than the window"
    yield from _pixels(page, before, after, pair)
    if pair.adds_block and pair.is_html:
        yield from _geometry(old, new)


def _reach(page: Page) -> int:
    return int(page.tell("document.documentElement.scrollWidth"))


def _pixels(page: Page, before: bytes, after: bytes, pair: Pair) -> Iterator[str]:
    page.show("", 100)
    pictures = ", ".join(json.dumps(base64.b64encode(one).decode()) for one in (before, after))
    its = page.tell(f"{EYES}rows({pictures})")
    lost = its["old"] - its["top"] - its["bottom"]
    # A pasted link is changed in its own line, which may fold into two.
    if lost > (0 if pair.adds_block else 60):
        yield f"{lost} rows of pixels of the old page are not in the new one (row {its['top']} on)"
    if pair.adds_block and its["now"] <= its["old"]:
        yield "the page did not grow"
    if its["colours"] < 2:
        yield "nothing is drawn where the block is"


def _geometry(old: Words, new: Words) -> Iterator[str]:
    head = _shared(old, new)
    tail = _shared(old[::-1], new[::-1])
    if head + tail < len(old):
        yield f"other words are new, or look new: {new[head]['text'][:20]}"
        return
    above, block, below = new[:head], new[head : len(new) - tail], new[len(new) - tail :]
    if not any(one["isLink"] for one in block):
        yield "no block with a link is seen"
        return
    near = [*above[-1:], *below[:1]]
    looks = {one["looks"] for one in near}
    for one in block:
        if not one["isLink"] and one["looks"] not in looks:
            yield f"the block is written in {one['looks']} beside {' and '.join(sorted(looks))}"
            break
    if not any(abs(one["left"] - block[0]["left"]) <= NEAR for one in near):
        yield f"the block begins at {block[0]['left']} px, not at {near[0]['left']} px"
    if above and below:
        yield from _gaps(
            block[0]["top"] - above[-1]["bottom"], below[0]["top"] - block[-1]["bottom"]
        )


def _gaps(over: int, under: int) -> Iterator[str]:
    if abs(over - under) > LOWER or min(over, under) < LOWER:
        yield f"{over} px stand free above the block, {under} px below it"


def _shared(old: Words, new: Words) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    alike = ("text", "looks", "left")
    return next(
        (n for n, (a, b) in pairs if any(a[key] != b[key] for key in alike)),
        min(len(old), len(new)),
    )
