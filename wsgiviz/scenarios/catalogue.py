"""The scenarios and the clinic's symptoms: all of them, and one by its name."""

from __future__ import annotations

from wsgiviz.errors import UsageError
from wsgiviz.scenarios.clients import CLIENTS
from wsgiviz.scenarios.clinic import CLINIC
from wsgiviz.scenarios.computing import COMPUTING
from wsgiviz.scenarios.contract import CONTRACT
from wsgiviz.scenarios.long_lived import LONG_LIVED
from wsgiviz.scenarios.scenario import Scenario, did_you_mean
from wsgiviz.scenarios.waiting import WAITING
from wsgiviz.scenarios.workers import WORKERS

ORDER = (
    "sleep",
    "contract",
    "http",
    "db",
    "file",
    "cpu",
    "fast",
    "crud",
    "mixed",
    "threads",
    "stream",
    "long-poll",
    "websocket",
    "keep-alive",
    "async-in-wsgi",
    "blocking-in-async",
    "slow-client",
    "timeout",
    "crash",
)
"""The order of a first visit."""

_ALL = (CONTRACT, *WAITING, *COMPUTING, *WORKERS, *LONG_LIVED, *CLIENTS, *CLINIC)
_BY_NAME = {scenario.name: scenario for scenario in _ALL}


def catalogue() -> tuple[Scenario, ...]:
    """All scenarios, in the order of a first visit."""
    return tuple(_BY_NAME[name] for name in ORDER)


def symptoms() -> tuple[Scenario, ...]:
    """What the clinic shows: each a scenario with something wrong, and its fix as a setting or a parameter."""
    return CLINIC


def find(name: str) -> Scenario:
    """The scenario or symptom of that name. Raises UsageError with the nearest one."""
    if name not in _BY_NAME:
        raise UsageError(f"there is no scenario {name!r}", did_you_mean(name, ORDER, "there are", _BY_NAME))
    return _BY_NAME[name]
