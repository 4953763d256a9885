"""A handful of fixtures: the company of all tests, the shipped rules, a clock that obeys."""

from __future__ import annotations

import gc
import os
import sys
import threading
import warnings

import pytest
import structlog
from hypothesis import HealthCheck, settings

from relay_gateway.core import block
from relay_gateway.core.decision import Policy
from relay_gateway.core.envelope import Client, Envelope
from relay_gateway.core.tenant import Mode, Scope, Tenant
from tests.rulebook import shipped
from tests.stillness import still

# How fast examples come says more of the machine than of the test.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("home", PATIENT, max_examples=25)
settings.register_profile("ci", PATIENT, max_examples=200)
settings.load_profile("ci" if os.environ.get("CI") else "home")

ACME = Tenant(
    id="acme",
    name="株式会社アクメ",
    mode=Mode.LIVE,
    domains=frozenset(("acme.example",)),
    addresses=frozenset(),
    internal_domains=frozenset(("acme.example",)),
    link="https://careerrelay.jp/c/acme",
    languages=("ja", "en"),
    keys=(b"the key of all tests, 32 bytes or more",),
    wordings={language: block.default(language) for language in ("ja", "en")},
    scope=Scope(agencies=frozenset(("agent.example",))),
)


def envelope(sender=b"saiyo@acme.example", recipients=(b"taro@gmail.example",)):
    """A transaction from HR to one applicant, unless said otherwise."""
    client = Client("192.0.2.1", b"mail.acme.example")
    return Envelope("0123456789abcdef", sender, recipients, client)


@pytest.fixture(autouse=True)
def plain_log():
    """No test hears with the ears that another has set up."""
    structlog.reset_defaults()


def pytest_collection_finish():
    """What stands now stays to the end: the collector need not look at it after each test."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """What a failed test has left open is its own fault: it must not fail the next one, too."""
    before = item.session.testsfailed
    result = yield
    if item.session.testsfailed > before:
        # Python keeps the last fault for a debugger, and with it all that its frames held.
        sys.last_exc = sys.last_value = sys.last_traceback = None
        sweep()
    return result


def sweep():
    """Have the collector find what is open and in nobody's hands, without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def pytest_collection_modifyitems(items):
    """What takes half a minute and more is for `make chaos`."""
    if not os.environ.get("RELAY_GATEWAY_CHAOS"):
        skip = pytest.mark.skip(reason="takes long; make chaos runs it")
        for item in items:
            if item.get_closest_marker("chaos"):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def swept(request):
    """redis-py leaves a connection open whose command was cancelled, and so may a client of what is
    killed: no fault of a later test.

    It is found by the collector, which would tell whichever test runs then.
    """
    yield
    if any(word in request.node.nodeid for word in ("redis", "journalled", "cluster", "/e2e/")):
        sweep()


@pytest.fixture
def alone():
    """Threads that an earlier test has told to end have ended: who forks wants to have none."""
    for each in threading.enumerate():
        if each is not threading.current_thread():
            each.join(60)


@pytest.fixture
async def stillness():
    """Waiting takes no time: see `still`."""
    with still():
        yield


@pytest.fixture(scope="session")
def policy():
    """What the gateway of all tests goes by."""
    return Policy((ACME,), shipped())


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self, now=1_790_000_000.0):
        self.time = now

    def now(self):
        return self.time

    def elapsed(self):
        return self.time
