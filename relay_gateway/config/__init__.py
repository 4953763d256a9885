"""Reads the settings once, and tells all that is wrong with them at once."""

from relay_gateway.config.document import Fault
from relay_gateway.config.doors import Listener, Onward
from relay_gateway.config.ledger import LedgerPlace
from relay_gateway.config.load import BadConfig, Config, ensure_secrets, load
from relay_gateway.config.models import (
    Limits,
    Log,
    LogFormat,
    LogLevel,
    Timeouts,
    Tls,
)
from relay_gateway.config.secret import MissingSecret

__all__ = [
    "BadConfig",
    "Config",
    "Fault",
    "LedgerPlace",
    "Limits",
    "Listener",
    "Log",
    "LogFormat",
    "LogLevel",
    "MissingSecret",
    "Onward",
    "Timeouts",
    "Tls",
    "ensure_secrets",
    "load",
]
