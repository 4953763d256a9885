"""A process that does nothing but see to others: it starts workers, replaces those that die or get
stuck, and puts a new generation in the place of the old one when the settings change.

It has one thread and no event loop, and it touches no mail: there is little in it that can fail.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from relay_gateway.edge import sockets
from relay_gateway.edge.notify import Notifier
from relay_gateway.edge.pid_file import Note, PidFile
from relay_gateway.edge.signals import Signals
from relay_gateway.edge.sockets import Address, Sockets
from relay_gateway.edge.worker import Lifeline, Word, Worker, fork

log = structlog.get_logger()


class Refused(Exception):
    """A plan that cannot be made, with all that is wrong."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Plan:
    """What a generation of workers is to do.

    `work` is a worker's whole life; `adopt` is called here when its generation begins. After
    `patience` seconds a worker that was told to stop is killed. `facts` are told in the log.
    """

    addresses: tuple[Address, ...]
    workers: int
    work: Callable[[Sockets, Lifeline], None]
    adopt: Callable[[], None]
    patience: float
    pid_file: Path
    facts: Mapping[str, str]


@dataclass(eq=False, slots=True)
class _Place:
    """One of the places of a generation: who stands there, or when somebody will."""

    worker: Worker | None = None
    failures: int = 0
    due: float = 0.0

    def vacate(self, now: float) -> float:
        """Nobody stands here; the seconds until somebody will, more each time if it is often."""
        born, self.worker = self.worker.born if self.worker else now, None
        self.failures = 1 if now - born >= _LONG_LIFE else self.failures + 1
        pause = min(_LONGEST_PAUSE, 2.0 ** (self.failures - 2)) if self.failures > 1 else 0.0
        self.due = now + pause
        return pause


@dataclass(eq=False, slots=True)
class _Generation:
    number: int
    plan: Plan
    sockets: Sockets
    places: list[_Place] = field(default_factory=list)

    @property
    def workers(self) -> Iterator[Worker]:
        return (place.worker for place in self.places if place.worker)

    @property
    def is_ready(self) -> bool:
        return all(place.worker and place.worker.is_ready for place in self.places)


class Supervisor:
    """Runs a plan until SIGTERM or SIGINT, and another one after each SIGHUP if it is in order.

    `load` makes the next plan or raises `Refused`. `started` hears the addresses when the first
    generation is at work, `stopping` is called when it is told to stop.
    """

    def __init__(
        self,
        load: Callable[[], Plan],
        notifier: Notifier,
        started: Callable[[tuple[Address, ...]], None],
        stopping: Callable[[], None],
    ) -> None:
        self._load, self._notifier = load, notifier
        self._started, self._stopping = started, stopping
        self._signals = Signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        self._workers: dict[int, Worker] = {}
        self._current: _Generation | None = None
        self._coming: _Generation | None = None
        self._leaving: tuple[Worker, ...] = ()
        self._pid_file: PidFile | None = None
        self._note = Note(os.getpid(), 0)
        self._is_reload_due = self._is_stopping = False
        self._end = self._watched = 0.0
        self._status = 0
        # Half of what the service manager grants: time is left to replace who is stuck.
        self._silence = min(_SILENCE, notifier.watchdog / 2 or _SILENCE)

    def run(self, plan: Plan) -> int:
        """Work until told to stop; the exit status. `OSError` says why it cannot begin."""
        with self._signals:
            try:
                self._raise(plan, sockets.bind(plan.addresses, {}))
                while self._workers or not self._is_stopping:
                    self._turn()
            finally:
                self._close()
        return self._status

    def _turn(self) -> None:
        """Wait for news, take them in, and do what is to be done."""
        tick = min(_TICK, self._silence / 8)
        before = time.monotonic()
        said = self._signals.wait([each.channel for each in self._workers.values()], tick)
        now = time.monotonic()
        for worker in self._workers.values():
            if now - before > tick + _SLACK:
                # Not they were silent: we ourselves were held up, and perhaps they with us.
                worker.heard = now
            worker.listen(now)
        for its in said:
            self._obey(its, now)
        self._bury(now)
        if not self._is_stopping:
            self._see_to_places(now)
            self._see_to_generations()
        self._see_to_silence(now)

    def _obey(self, its: int, now: float) -> None:
        if its == signal.SIGHUP:
            self._is_reload_due = True
        elif its in (signal.SIGTERM, signal.SIGINT):
            if self._is_stopping:
                self._status = 1
                self._kill(self._workers.values())
            else:
                self._stop(now)

    def _stop(self, now: float) -> None:
        self._is_stopping = True
        self._notifier.stopping()
        self._stopping()
        patience = self._current.plan.patience if self._current else 0.0
        self._end = now + patience
        for generation in filter(None, (self._current, self._coming)):
            # At once, so that nobody is taken in who would have to wait.
            sockets.close(generation.sockets, but={})
        self._coming = None
        for worker in self._workers.values():
            if worker.is_at_work:
                worker.tell(Word.STOP)
            else:
                worker.kill()

    def _bury(self, now: float) -> None:
        """See who has died, orphans of workers too where we are the first process."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if worker := self._workers.pop(pid, None):
                worker.listen(now)
                worker.channel.close()
                self._mourn(worker, os.waitstatus_to_exitcode(status), now)

    def _mourn(self, worker: Worker, status: int, now: float) -> None:
        end = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit {status}"
        if self._coming and worker in self._coming.workers:
            self._fail((worker.last_words or f"A new worker ended ({end})",))
            return
        pause = {}
        if self._current and worker in self._current.workers and not self._is_stopping:
            place = next(its for its in self._current.places if its.worker is worker)
            pause = {"pause": place.vacate(now)}
        if pause or (status and not worker.is_killed):
            log.error("worker_died", pid=worker.pid, end=end, words=worker.last_words, **pause)

    def _see_to_places(self, now: float) -> None:
        if not self._current:
            return
        for place in self._current.places:
            if place.worker is None and now >= place.due:
                try:
                    place.worker = self._fork(self._current, now)
                except OSError as fault:
                    log.error("fork_failed", words=str(fault), pause=place.vacate(now))
        for worker in self._current.workers:
            if worker.is_ready and not worker.is_at_work:
                worker.is_at_work = True
                worker.tell(Word.BEGIN)

    def _see_to_generations(self) -> None:
        if self._coming and self._coming.is_ready:
            self._swap(self._coming)
        if self._coming:
            return
        if self._current and self._current.number > self._note.generation:
            # Whoever hears that it is here must not meet the one before it any more.
            if all(each.is_retired or each.pid not in self._workers for each in self._leaving):
                self._announce(self._current)
        elif self._is_reload_due:
            self._reload()

    def _see_to_silence(self, now: float) -> None:
        """Kill whom nobody has heard for too long; tell who watches us that we are well."""
        is_well = True
        for worker in self._workers.values():
            limit = self._silence if worker.is_ready else max(self._silence, _START)
            if now - worker.heard > limit:
                is_well = False
                if not worker.is_killed:
                    log.error("worker_stuck", pid=worker.pid, seconds=round(now - worker.heard))
                    worker.kill()
        if self._is_stopping and now > self._end:
            self._kill(self._workers.values())
        if self._notifier.watchdog and is_well and now >= self._watched:
            self._watched = now + self._notifier.watchdog / 4
            self._notifier.alive()

    def _reload(self) -> None:
        self._is_reload_due = False
        self._tell(begun=self._note.begun + 1)
        self._notifier.reloading()
        held = self._current.sockets if self._current else {}
        try:
            plan = self._load()
            self._raise(plan, sockets.bind(plan.addresses, held))
        except Refused as refusal:
            self._fail(refusal.faults)
        except OSError as fault:
            self._fail((str(fault),))
        except Exception as fault:
            # Those who take mail go on, whatever is wrong with the new settings.
            log.exception("load_failed")
            self._fail((f"a fault of ours: {type(fault).__name__}",))

    def _raise(self, plan: Plan, held: Sockets) -> None:
        """Start a generation; it begins when all of it are ready."""
        number = self._note.generation + 1
        self._coming = _Generation(number, plan, held, [_Place() for _ in range(plan.workers)])
        now = time.monotonic()
        for place in self._coming.places:
            place.worker = self._fork(self._coming, now)

    def _swap(self, new: _Generation) -> None:
        old, self._current, self._coming = self._current, new, None
        self._see_to_places(time.monotonic())
        self._leaving = tuple(old.workers) if old else ()
        for worker in self._leaving:
            if worker.is_at_work:
                worker.tell(Word.RETIRE)
            else:
                worker.kill()
        if old:
            sockets.close(old.sockets, but=new.sockets)

    def _announce(self, new: _Generation) -> None:
        """Say that it is here: from now on it takes every new client."""
        is_first = not self._note.generation
        self._adopt(new.plan)
        self._tell(generation=new.number, ended=self._note.begun, faults=())
        self._notifier.ready(f"Generation {new.number}, {new.plan.workers} workers")
        if not is_first:
            log.info("reloaded", generation=new.number, **new.plan.facts)
            return
        log.info("started", generation=new.number, workers=new.plan.workers, **new.plan.facts)
        self._started(tuple(group[0].getsockname()[:2] for group in new.sockets.values()))

    def _adopt(self, plan: Plan) -> None:
        try:
            plan.adopt()
            if self._pid_file is None or self._pid_file.path != plan.pid_file:
                found = PidFile(plan.pid_file)
                if self._pid_file is not None:
                    self._pid_file.leave()
                self._pid_file = found
        except OSError as fault:
            # Mail flows without it; `relay-gateway reload` will not find us.
            log.warning("pid_file_failed", file=str(plan.pid_file), words=str(fault))

    def _fail(self, faults: tuple[str, ...]) -> None:
        """The coming generation is given up; without another one, so are we."""
        if self._current is None:
            raise OSError(" ".join(faults))
        if self._coming:
            self._kill(self._coming.workers)
            sockets.close(self._coming.sockets, but=self._current.sockets)
            self._coming = None
        log.error("reload_failed", faults=list(faults), generation=self._current.number)
        self._tell(ended=self._note.begun, faults=faults)
        self._notifier.ready(f"The settings before stay: {faults[0]}")

    def _tell(self, **news: Any) -> None:
        self._note = replace(self._note, **news)
        if self._pid_file:
            try:
                self._pid_file.write(self._note)
            except OSError as fault:
                log.warning("pid_file_failed", words=str(fault))

    def _fork(self, generation: _Generation, now: float) -> Worker:
        work = partial(generation.plan.work, generation.sockets)
        forget = partial(self._forget, generation.sockets)
        worker = fork(work, min(_BEAT, self._silence / 4), forget, now)
        self._workers[worker.pid] = worker
        return worker

    def _forget(self, kept: Sockets) -> None:
        """In a worker: what is the supervisor's alone."""
        self._signals.leave()
        for worker in self._workers.values():
            worker.channel.close()
        if self._pid_file:
            self._pid_file.leave()
        for generation in filter(None, (self._current, self._coming)):
            sockets.close(generation.sockets, but=kept)

    def _kill(self, workers: Iterable[Worker]) -> None:
        for worker in workers:
            worker.kill()

    def _close(self) -> None:
        """Leave nobody behind."""
        self._kill(self._workers.values())
        for worker in self._workers.values():
            os.waitpid(worker.pid, 0)
            worker.channel.close()
        for generation in filter(None, (self._current, self._coming)):
            sockets.close(generation.sockets, but={})
        if self._pid_file:
            self._pid_file.leave()


_TICK = 1.0
_SLACK = 5.0
_SILENCE = 30.0
_BEAT = 5.0
_START = 60.0
_LONG_LIFE = 60.0
_LONGEST_PAUSE = 30.0
