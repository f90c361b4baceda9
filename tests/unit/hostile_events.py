"""Events that are well formed and make no sense: any number, any text, any process, in any order."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from wsgiviz.events import EVENT_TYPES, RUN_STRIDE, Event, SettingsChanged

NUMBERS = (0, 1, 2, 3, -1, -2, 16, 64, 100, 101, 200, RUN_STRIDE, RUN_STRIDE + 1, RUN_STRIDE + 2, 2 * RUN_STRIDE + 1)
EXTREMES = (10**6 - 1, 10**12, 2**31, -(2**31), 2**53, 2**63 - 1, -(2**63), 2**64 - 1)
TEXTS = ("", "wsgi", "sync", "gthread", "asgi", "a|b|c|d", "|", "GET /", "\x1b[31m\x07\u202e", "finished", "failed")
SIDES = ("wsgi", "asgi", "wsgi", "asgi", "", "wsgi2", "\x1b[2J")
SETTINGS = {
    "scenario": ("sleep", "cpu", "mixed", "nothing", 5, ["sleep"], None),
    "workers": (1, 2, 64, 10**9, "x", [1], 2.5),
    "threads": (1, 2, 0),
    "worker_class": ("sync", "gthread", "gevent", {}),
    "right": ("sync", "uvicorn", None),
    "parameters": ({}, {"seconds": 2}, {"seconds": "nan"}, {"x": []}, 5, [[1]]),
    "wsgi": ("a:b", "a", "a:b(\x1b)"),
    "requests": (1, 5, -1),
    "duration": (1.0, float("nan")),
    "dsn": ("postgresql://x", 3),
    "host": ("::1", "x"),
    "\x1b[31m": (1,),
}


def event(random: Random) -> Event:
    """One of any type."""
    found = random.choice(list(EVENT_TYPES.values()))
    if found is SettingsChanged and random.random() < 0.8:
        return SettingsChanged(_number(random), "", 0, _settings(random))
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(found):
        values[field.name] = _side(random) if field.name == "side" else _value(random, field.type)
    return found(**values)


def events(random: Random, most: int = 30) -> list[Event]:
    return [event(random) for _ in range(random.randint(1, most))]


def _side(random: Random) -> str:
    return random.choice(SIDES)


def _settings(random: Random) -> dict[str, Any]:
    names = random.sample(sorted(SETTINGS), random.randint(0, 4))
    return {name: random.choice(SETTINGS[name]) for name in names}


def _number(random: Random) -> int:
    return random.choice(EXTREMES if random.random() < 0.1 else NUMBERS)


def _value(random: Random, type: Any) -> Any:
    if type is bool:
        return random.random() < 0.5
    if type is int:
        return _number(random)
    if type is float:
        return random.choice((0.0, 1.0, -1.0, 1e308, float("nan"), float("inf")))
    if type is str:
        return random.choice(TEXTS)
    if msgspec.inspect.type_info(type).__class__.__name__ == "DictType":
        return {
            "cores": random.choice((2, -1, "x", None, float("nan"))),
            "usable_cores": random.choice((0, 2, "x", [])),
        }
    return tuple(random.choice((*SIDES, *TEXTS)) for _ in range(random.randint(0, 3)))
