"""Where events are kept: a SQLite file or a Redis, and the journal for when it is away."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from relay_gateway.config import certificates
from relay_gateway.config.certificates import BadFile
from relay_gateway.config.document import Document, Fault
from relay_gateway.config.models import GatewayFile, Ledger, SecretValue
from relay_gateway.config.redis_url import RedisPlace, redis_place

# How long a mail waits for the ledger before the journal takes its event. A file on a busy disk is
# slow, but the journal would be no quicker.
_PATIENCE = {"sqlite": 2.0, "redis": 0.25}
_TLS = ("ca", "certificate", "key")


@dataclass(frozen=True, slots=True)
class LedgerPlace:
    """Where events are kept, one of `path` and `redis`, and where they wait while it is away."""

    name: str
    journal: Path
    path: Path | None = None
    redis: RedisPlace | None = None
    patience: float = _PATIENCE["sqlite"]
    wait_replicas: int = 0
    wait_seconds: float = 0.2

    @property
    def near(self) -> Path:
        """A file of it on this machine."""
        return self.path or self.journal


def place(text: str, folder: Path) -> LedgerPlace:
    """The ledger that `sqlite:PATH` or a Redis URL names; raises `BadPlace`."""
    if text.startswith("sqlite:"):
        path = folder / text.removeprefix("sqlite:")
        return LedgerPlace(str(path), path.with_name(f"{path.stem}.journal.sqlite3"), path)
    journal = folder / "../var/journal.sqlite3"
    patience = _PATIENCE["redis"]
    return LedgerPlace(text, journal, redis=redis_place(text), patience=patience)


def ledger(
    found: Document, file: GatewayFile, environ: Mapping[str, str]
) -> tuple[LedgerPlace, tuple[Fault, ...]]:
    """The ledger of the file, and what is wrong with its secrets and files."""
    its, folder = file.ledger, Path(found.file).parent
    here = place(its.url, folder)
    faults = [*_crossed(found, its, here)]
    redis = here.redis
    if redis is not None:
        words = dict.fromkeys(("secret", "sentinel_secret"), "")
        for name in words:
            try:
                words[name] = _word(getattr(its, name), folder, environ)
            except BadFile as bad:
                faults.append(found.at(("ledger", name), str(bad)))
        redis = replace(
            redis,
            tls=_tls(found, its, faults) if redis.is_tls else None,
            user=its.user or "",
            password=words["secret"],
            sentinel_password=words["sentinel_secret"],
        )
    kept = replace(
        here,
        journal=folder / its.journal if its.journal else here.journal,
        redis=redis,
        patience=its.patience or here.patience,
        wait_replicas=its.wait_replicas,
        wait_seconds=its.wait_seconds,
    )
    return kept, tuple(faults)


def _tls(found: Document, its: Ledger, faults: list[Fault]) -> ssl.SSLContext | None:
    try:
        return certificates.ledger_context(its, Path(found.file).parent)
    except BadFile as bad:
        faults.append(found.at(("ledger", bad.key), str(bad)))
        return None


def _word(secret: SecretValue | None, folder: Path, environ: Mapping[str, str]) -> str:
    if secret is None:
        return ""
    return certificates.values(secret, folder, environ)[0].decode("utf-8", "surrogateescape")


def _crossed(found: Document, its: Ledger, here: LedgerPlace) -> Iterator[Fault]:
    redis = here.redis
    if redis is None:
        for name in ("user", "secret", "sentinel_secret", *_TLS, "wait_replicas"):
            if getattr(its, name):
                yield found.at(("ledger", name), f"{name} is for a Redis only; delete it")
        return
    for name in _TLS:
        if getattr(its, name) and not redis.is_tls:
            what = f"{name} is for TLS only; write rediss: in url, or delete it"
            yield found.at(("ledger", name), what)
    if redis.is_tls and its.key and not its.certificate:
        what = "a key belongs to a certificate; write certificate: FILE, or delete key"
        yield found.at(("ledger", "key"), what)
    if its.sentinel_secret and redis.shape != "sentinel":
        what = "sentinel_secret is for redis+sentinel: only; write secret: for the server's own"
        yield found.at(("ledger", "sentinel_secret"), what)
