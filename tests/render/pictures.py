"""The pictures of docs/rewriting.md, made anew: `python -m tests.render.pictures`.

Four clients' letters of the corpus, before on the left and after on the right, in the plain font of
a reader. Written in sixteen grades of each colour, which a page of text does not lose by.
"""

from __future__ import annotations

import base64
import struct
import sys
import zlib
from html import escape
from pathlib import Path

from tests.render.browser import Browser, Page
from tests.render.letters import Pair, pairs
from tests.render.sameness import EYES

DOCS = Path(__file__).parents[2] / "docs" / "pictures"
# What stands in docs/pictures, from which page, how wide a window.
SHOWN = {
    "gmail": ("024-tsugi-no-senkou.html", 540),
    "outlook": ("019-outlook-kaigyou-op.html", 540),
    "iphone": ("052-kekka-to-namae-dake.html", 375),
    "becky": ("049-oubosha-kakui.plain", 560),
}
READER = (
    "<!doctype html><style>"
    "html{font:14px/1.5 sans-serif}body{margin:12px}pre{margin:0!important}"
    "</style>"
)
FRAME = "margin:4px;border:1px solid #bbb;flex:none"


def main() -> None:
    """Write all four; the browser may be named."""
    DOCS.mkdir(exist_ok=True)
    found = {one.name: one for one in pairs()}
    with Browser(sys.argv[1] if len(sys.argv) > 1 else "chromium") as browser:
        page = browser.page()
        for name, (which, width) in SHOWN.items():
            (DOCS / f"{name}.png").write_bytes(_picture(page, found[which], width))


def _picture(page: Page, pair: Pair, width: int) -> bytes:
    sources = [READER + one for one in (pair.before, pair.after)]
    frames = (
        f'<iframe width="{width}" style="{FRAME}" srcdoc="{escape(each)}"></iframe>'
        for each in sources
    )
    whole = 2 * (width + 10)
    page.show(f'<!doctype html><body style="margin:0;display:flex">{"".join(frames)}', whole)
    page.tell(f"{EYES}unrolled()")
    shot = base64.b64encode(page.picture(whole)).decode()
    page.show("", 100)
    grades = page.tell(f'{EYES}indexed("{shot}")')
    return _png(
        grades["width"], grades["height"], grades["colours"], base64.b64decode(grades["at"])
    )


def _png(width: int, height: int, colours: list[int], at: bytes) -> bytes:
    """An indexed picture (PNG, 11.2), one octet a pixel, packed tightly."""
    rows = b"".join(b"\0" + at[y * width : (y + 1) * width] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", bytes(colours)), (b"IDAT", zlib.compress(rows, 9)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in (*chunks, (b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    main()
