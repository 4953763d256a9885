"""The command line: each command is a file beside this one."""

from __future__ import annotations

import click

from relay_gateway.cli.block import block
from relay_gateway.cli.bounces import bounces
from relay_gateway.cli.check import check
from relay_gateway.cli.credits import credits
from relay_gateway.cli.demo import demo
from relay_gateway.cli.entries import adjust, redeem, resume, void
from relay_gateway.cli.explain import explain
from relay_gateway.cli.imports import import_
from relay_gateway.cli.ledger import ledger
from relay_gateway.cli.log import log
from relay_gateway.cli.password import password
from relay_gateway.cli.person import person
from relay_gateway.cli.reconcile import reconcile
from relay_gateway.cli.redact import redact
from relay_gateway.cli.reload import reload
from relay_gateway.cli.rewrite import rewrite
from relay_gateway.cli.rules import rules
from relay_gateway.cli.scan import scan
from relay_gateway.cli.send import send
from relay_gateway.cli.serve import serve
from relay_gateway.cli.statement import statement


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="relay-gateway", prog_name="relay-gateway")
def main() -> None:
    """Find a company's job rejections on their way out and add its CareerRelay link to them."""


_OFFICE = (block, demo, explain, rewrite, redact, scan, rules, credits, log, send, password)
_BOOKS = (statement, redeem, adjust, void, resume, reconcile, person)
_INTAKE = (import_, bounces)
for command in (serve, reload, check, ledger, *_OFFICE, *_BOOKS, *_INTAKE):
    main.add_command(command)
