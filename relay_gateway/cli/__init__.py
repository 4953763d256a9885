"""The command line: each command is a file beside this one, opened when the command is named."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


class Unopened(click.Command):
    """A command as the table of contents has it; its file is read when somebody runs it.

    What the files need all together takes longer to import than most commands take to run.
    """

    def __init__(self, name: str, summary: str, file: str) -> None:
        super().__init__(name, short_help=summary)
        self._file = file

    def opened(self) -> click.Command:
        """The command itself."""
        module = import_module(f"{__name__}.{self._file}")
        # `import` is no name that Python would let a function have.
        found: click.Command
        found = getattr(module, str(self.name), None) or getattr(module, f"{self.name}_")
        return found

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Click runs the command that the context names, which is the opened one."""
        return self.opened().make_context(info_name, args, parent, **extra)


class Contents(click.Group):
    """Commands under headings, in the order of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, for help and for the shell."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Every command with its summary, which no terminal is too narrow for."""
        widest = max(map(len, self.commands))
        for heading, rows in _TABLE.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{name:{widest}}", summary) for name, summary, _ in rows])


@click.group(
    cls=Contents, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="relay-gateway", prog_name="relay-gateway")
def main() -> None:
    """Find a company's job rejections on their way out and add its CareerRelay link to them."""


# Name, what it does, file: the summary is how the command's own help begins.
_TABLE = {
    "The gateway": (
        ("serve", "Take mail, and pass it on; rejections with the company's link.", "serve"),
        ("check", "Check the settings, companies and rules.", "check"),
        ("reload", "Have the running gateway read its settings anew.", "reload"),
        ("log", "Show the log as a table, one row a mail.", "log"),
        ("password", "Make a line for the users file of a listener.", "password"),
    ),
    "Letters and rules": (
        ("demo", "Send the sample mails through a gateway of their own.", "demo"),
        ("explain", "Say what the gateway would do with a mail, and why.", "explain"),
        ("rewrite", "Write a mail as it would leave, but for our Received: field.", "rewrite"),
        ("block", "Show the words of a company's offer as they stand in a mail.", "block"),
        ("scan", "Judge any number of mails, and sum up.", "scan"),
        ("rules", "List, test and time the rules.", "rules"),
        ("redact", "Write a mail with its words masked letter by letter.", "redact"),
        ("send", "Send mails to a server, and show its replies.", "send"),
    ),
    "People and credits": (
        ("credits", "Show whom a company has referred, and its credits.", "credits"),
        ("statement", "Print the monthly statement of COMPANY.", "statement"),
        ("redeem", "Enter that COMPANY has used N credits.", "entries"),
        ("adjust", "Give COMPANY N credits by hand.", "entries"),
        ("void", "Take a referral of COMPANY back.", "entries"),
        ("resume", "Let COMPANY go on after the burst guard has stopped it.", "entries"),
        ("person", "Show, forget or spare one person, found by address.", "person"),
        ("import", "Take a company's registrations from a CSV file.", "imports"),
        ("bounces", "Take back the referrals of letters that did not arrive.", "bounces"),
        ("reconcile", "Compare the ledger of COMPANY with a list of registrations.", "reconcile"),
        ("ledger", "Check, copy and move the events that credits are counted from.", "ledger"),
    ),
}
for _rows in _TABLE.values():
    for _row in _rows:
        main.add_command(Unopened(*_row))
