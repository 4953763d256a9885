"""Is a Redis set so that it keeps what it says it has kept? docs/operating.md tells why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from relay_gateway.edge.ledger import Ailment, Complaint


def complaints(
    info: Mapping[str, Any], config: Mapping[str, str], wanted_replicas: int
) -> Iterator[Complaint]:
    """What INFO and CONFIG GET give reason to complain of; `config` may be empty."""
    if info.get("role") != "master":
        yield Complaint(Ailment.NOT_PRIMARY, str(info.get("master_host", "")))
    if not int(info.get("aof_enabled", 0)):
        yield Complaint(Ailment.NO_LOG)
    elif info.get("aof_last_write_status", "ok") != "ok":
        yield Complaint(Ailment.LOG_FAILED)
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        yield Complaint(Ailment.EVICTS, policy)
    yield from _of_config(info, config)
    replicas = int(info.get("connected_slaves", 0))
    if replicas < wanted_replicas:
        yield Complaint(Ailment.FEW_REPLICAS, f"{replicas} of {wanted_replicas}")
    elif not replicas and int(info.get("cluster_enabled", 0)):
        yield Complaint(Ailment.LONELY)


def _of_config(info: Mapping[str, Any], config: Mapping[str, str]) -> Iterator[Complaint]:
    if not config:
        yield Complaint(Ailment.HIDDEN)
    if int(info.get("aof_enabled", 0)) and config.get("appendfsync", "always") != "always":
        yield Complaint(Ailment.LATE_SYNC, config["appendfsync"])
    has_replicas = int(info.get("connected_slaves", 0)) > 0
    if has_replicas and config.get("min-replicas-to-write", "1") == "0":
        yield Complaint(Ailment.CUT_OFF)
