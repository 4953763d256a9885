"""The paper on the web service shows a request that works."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from relay_gateway.core import report
from relay_gateway.core.credit import Kind
from tests.edge.webs import KEY, TOKEN, web

PAPER = (Path(__file__).parent.parent / "docs" / "web.md").read_text("utf-8")
TOOLS = ("bash", "curl", "openssl", "od")


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="needs curl and openssl")
async def test_the_request_by_hand_is_taken(tmp_path):
    script = re.search(r"```bash\n(.*?)```", PAPER, re.DOTALL)[1]
    answer = re.search(r"```json\n(.*?)\n```", PAPER, re.DOTALL)[1]
    async with web(tmp_path, now=time.time()) as visitor:
        host, port = visitor.service.address
        environ = {
            "TOKEN": TOKEN,
            "ACME_WEBHOOK": report.PREFIX + base64.b64encode(KEY).decode(),
            "URL": f"http://{host}:{port}",
            "no_proxy": "*",
        }
        its = await asyncio.create_subprocess_exec(
            "bash", "-ec", script, stdout=asyncio.subprocess.PIPE, env=os.environ | environ
        )
        said, _ = await its.communicate()

        assert (its.returncode, said.decode()) == (0, answer)
        assert len(await visitor.told(Kind.REGISTERED)) == 1
