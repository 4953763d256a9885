"""Shows the letters of the corpus in a browser, before and after: `python -m tests.render`.

Only the block may be new to the eye. The pictures of both, side by side, are kept for people.
"""

from __future__ import annotations

import shutil
import sys
from html import escape
from pathlib import Path

import click

from tests.render import planted
from tests.render.browser import Browser, Page
from tests.render.letters import Pair, pairs
from tests.render.sameness import faults

# A window on a desk, and a telephone held upright.
WIDTHS = (720, 360)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = """\
make render needs Chromium, and none was found.
  Debian, Ubuntu: apt-get install chromium fonts-noto-cjk
  macOS:          brew install --cask chromium
or name yours:    make render CHROMIUM=/path/to/chrome"""


@click.command()
@click.option("--chromium", help="The browser's command, if it is not on the path.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("var") / "render")
@click.argument("names", nargs=-1)
def main(chromium: str | None, out: Path, names: tuple[str, ...]) -> None:
    """Compare the letters whose file names hold one of NAMES, or all, before and after."""
    command = next(filter(None, map(shutil.which, [chromium] if chromium else NAMES)), None)
    if command is None:
        raise click.ClickException(MISSING)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    chosen = [one for one in pairs() if not names or any(name in one.name for name in names)]
    with Browser(command) as browser:
        page = browser.page()
        blind = planted.unseen(page)
        found = {
            (one.name, width): _told(page, one, width, out) for one in chosen for width in WIDTHS
        }
    _write(out / "index.html", chosen, found)
    wrong = sum(bool(each) for each in found.values())
    for fault in blind:
        click.echo(f"these eyes do not see {fault}")
    click.echo(f"{len(chosen)} pages, {len(found)} views, {wrong} differ in more than the block")
    click.echo(f"Look for yourself: {out / 'index.html'}")
    sys.exit(bool(wrong or blind))


def _told(page: Page, pair: Pair, width: int, out: Path) -> list[str]:
    found = list(faults(page, pair, width, out))
    for fault in found:
        click.echo(f"{pair.name} at {width} px: {fault}")
    return found


def _write(file: Path, chosen: list[Pair], found: dict[tuple[str, int], list[str]]) -> None:
    rows = ['<!doctype html><meta charset="utf-8"><title>Before and after</title>']
    for one in chosen:
        for width in WIDTHS:
            told = "; ".join(found[one.name, width]) or "only the block is new"
            rows.append(f"<h2>{escape(one.name)}, {width} px</h2><p>{escape(told)}</p>")
            name = f"{escape(one.name)}-{width}"
            rows += [f'<img src="{name}-{when}.png" border="1">' for when in ("before", "after")]
    file.write_text("\n".join(rows), "utf-8")


if __name__ == "__main__":
    main()
