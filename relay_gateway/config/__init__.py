"""Reads the settings once, and tells all that is wrong with them at once."""

from relay_gateway.config.document import Fault
from relay_gateway.config.load import BadConfig, Config, ensure_secrets, load
from relay_gateway.config.models import (
    Limits,
    Listen,
    Log,
    LogFormat,
    LogLevel,
    NextHop,
    Timeouts,
    Tls,
)
from relay_gateway.config.secret import MissingSecret

__all__ = [
    "BadConfig",
    "Config",
    "Fault",
    "Limits",
    "Listen",
    "Log",
    "LogFormat",
    "LogLevel",
    "MissingSecret",
    "NextHop",
    "Timeouts",
    "Tls",
    "ensure_secrets",
    "load",
]
