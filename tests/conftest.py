"""What holds for all tests; and where those with real servers run.

They run one after the other, in one of the processes that share the suite. Those that judge no times may run in the
others (a module's own `xdist_group`): all are busy to the end then.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

# Where Python is told to keep no bytecode, each of the suite's hundreds of processes would compile all of it again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import hypothesis  # noqa: E402
import pytest  # noqa: E402

from wsgiviz.control.host import usable_cores  # noqa: E402

pytest.register_assert_rewrite(
    "tests.integration", "tests.tui", "tests.unit"
)  # helpers say what they have found, too

AnyItem = TypeVar("AnyItem")
SERVERS = ("tests/integration/", "tests/e2e/")

MOST_PROCESSES = 12
SPREAD = 5
"""Groups are spread over one part in so many of the tests that are in none: over those of screens, the long ones."""

gc.set_threshold(10_000, 10, 10)  # by default, it takes a fifth of the time of tests of screens

# A busy machine makes an example slow, and no code wrong.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Work is shared out in the order of `in_turn`, where xdist would take groups of many tests first.

    Interrupts and hang-ups end what they are sent to, also where the suite was started in the background.

    ``nohup`` and a script's ``&`` have them ignored, which the servers of tests would inherit. This is before the
    processes that share the suite are started: they inherit what is set here.
    """
    config.option.loadscopereorder = False
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Of ``-n auto``: one more than there are cores for us, since tests with servers mostly wait; no more than are
    of use, since each loads all tests. ``PYTEST_XDIST_AUTO_NUM_WORKERS`` says another number (xdist's own)."""
    said = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    return None if said else min(usable_cores() + 1, MOST_PROCESSES)


@pytest.hookimpl(tryfirst=True)  # before xdist, which writes groups into the ids; otherwise it sees none of these
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(SERVERS) and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("servers"))
    if hasattr(config, "workerinput"):
        items[:] = in_turn(items, _group_of)


def _group_of(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    return str(mark.args[0]) if mark else ""


def in_turn(items: list[AnyItem], group_of: Callable[[AnyItem], str]) -> list[AnyItem]:
    """The items of each group together, and between groups some of those that are in none: what waits and what
    computes share the machine then. The servers, which take longest, are first; at the end are short tests, so that
    all processes end together."""
    groups: dict[str, list[AnyItem]] = {"servers": []}
    for item in items:
        groups.setdefault(group_of(item), []).append(item)
    alone = groups.pop("", [])
    step = len(alone) // (SPREAD * len(groups))
    order = []
    for at, group in enumerate(groups.values()):
        order += group + alone[at * step : (at + 1) * step]
    return order + alone[len(groups) * step :]


def pytest_collection_finish() -> None:
    """All modules and tests are there to stay, and are looked through no more."""
    gc.freeze()
