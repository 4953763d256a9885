"""The command line: each command is a file beside this one."""

from __future__ import annotations

import click

from relay_gateway.cli.block import block
from relay_gateway.cli.bounces import bounces
from relay_gateway.cli.check import check
from relay_gateway.cli.credits import credits
from relay_gateway.cli.demo import demo
from relay_gateway.cli.explain import explain
from relay_gateway.cli.log import log
from relay_gateway.cli.password import password
from relay_gateway.cli.redact import redact
from relay_gateway.cli.registrations import import_
from relay_gateway.cli.reload import reload
from relay_gateway.cli.rewrite import rewrite
from relay_gateway.cli.scan import scan
from relay_gateway.cli.send import send
from relay_gateway.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="relay-gateway", prog_name="relay-gateway")
def main() -> None:
    """Find a company's job rejections on their way out and add its CareerRelay link to them."""


_OFFICE = (block, demo, explain, rewrite, redact, scan, credits, log, send, password)
_INTAKE = (import_, bounces)
for command in (serve, reload, check, *_OFFICE, *_INTAKE):
    main.add_command(command)
