"""A headless Chromium on a pipe, spoken to in its DevTools protocol; no library in between."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
from types import TracebackType
from typing import Any, Self

# Nothing is fetched: a letter is shown as a reader shows it that blocks remote content.
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --hide-scrollbars --remote-debugging-pipe "
    "--no-first-run --force-color-profile=srgb --font-render-hinting=none "
    "--host-resolver-rules=MAP\xa0*\xa0~NOTFOUND"
).split(" ")
HEIGHT = 10


class Browser:
    """One Chromium; `page()` opens a tab in it."""

    def __init__(self, command: str) -> None:
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        child_in, self._out = os.pipe()
        inward, child_out = os.pipe()
        flags = [flag.replace("\xa0", " ") for flag in FLAGS]
        # It listens on 3 and answers on 4; the shell puts our ends there.
        words = f'exec "$0" "$@" 3<&{child_in} 4>&{child_out}'
        self._process = subprocess.Popen(
            ["sh", "-c", words, command, *flags, f"--user-data-dir={self._home.name}"],
            pass_fds=(child_in, child_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(child_in)
        os.close(child_out)
        self._in = os.fdopen(inward, "rb", buffering=0)
        self._rest = b""
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        os.close(self._out)
        self._in.close()
        self._process.wait(timeout=20)
        self._home.cleanup()

    def page(self) -> Page:
        """A new empty tab."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session)

    def ask(self, method: str, session: str = "", **params: Any) -> Any:
        """The answer to one command; what the browser tells unasked is passed over."""
        self._asked += 1
        words = {"id": self._asked, "method": method, "params": params}
        told = json.dumps(words | ({"sessionId": session} if session else {})).encode() + b"\0"
        while told:
            told = told[os.write(self._out, told) :]
        while (answer := json.loads(self._read())).get("id") != self._asked:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _read(self) -> bytes:
        pieces = [self._rest]
        while b"\0" not in pieces[-1]:
            piece = self._in.read(2**20)
            if not piece:
                raise RuntimeError("Chromium ended before it answered; start it by hand to see why")
            pieces.append(piece)
        answer, _, self._rest = b"".join(pieces).partition(b"\0")
        return answer


class Page:
    """One tab: shows HTML at a width, answers questions about it, is photographed whole."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self._frame = self._ask("Page.getFrameTree")["frameTree"]["frame"]["id"]

    def show(self, source: str, width: int) -> None:
        """The page laid out at this width, its fonts ready."""
        # Low, so that a short letter is not stretched to the window.
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        self._ask("Page.setDocumentContent", frameId=self._frame, html=source)
        self.tell("document.fonts.ready.then(() => 1)")

    def tell(self, script: str) -> Any:
        """What an expression comes to; promises are awaited."""
        answer = self._ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def picture(self, width: int) -> bytes:
        """The page from top to bottom as PNG."""
        height = self.tell("Math.max(document.documentElement.scrollHeight, 1)")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self._ask("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def _ask(self, method: str, **params: Any) -> Any:
        return self._browser.ask(method, self._session, **params)
