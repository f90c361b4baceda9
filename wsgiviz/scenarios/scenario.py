"""What a scenario is: two apps, their parameters, and what one request costs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlencode

from wsgiviz.errors import UsageError

Value = float | int | str


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request takes, alone on an idle machine, in seconds. ``cpu_s`` is NaN when it has to be measured.

    ``async_limit``: at most this many wait at once on the async side (its thread pool); None for no limit.
    ``async_threads``: the async side computes in threads that release the GIL, so on as many cores as there are.
    ``waits_s``: of each request of a round in its order, where they differ; ``wait_s`` is their mean then.
    ``async_only``: WSGI can't do it, and refuses at once.
    """

    wait_s: float
    cpu_s: float
    async_limit: int | None = None
    async_threads: bool = False
    waits_s: tuple[float, ...] = ()
    async_only: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a scenario takes, from ``minimum`` to ``maximum``; a whole one when its default is."""

    name: str
    default: float | int
    minimum: float
    maximum: float
    unit: str
    help: str

    def parse(self, text: str) -> float | int:
        """The value that ``text`` stands for. Raises UsageError that names the range."""
        whole = isinstance(self.default, int)
        try:
            value: float | int = int(text) if whole else float(text)
        except ValueError:
            value = math.nan
        if not self.minimum <= value <= self.maximum:
            kind = "a whole number" if whole else "a number"
            raise UsageError(
                f"{self.name}={text}: must be {kind} from {self.minimum:g} to {self.maximum:g}",
                f"{self.name}: {self.help}; by default {self.default:g} {self.unit}".rstrip(),
            )
        return value

    def show(self, value: Value) -> str:
        """The value as a person writes it."""
        return f"{value:g}"

    @property
    def shown(self) -> str:
        """What a list of parameters has of it: the default."""
        return self.show(self.default)


@dataclass(frozen=True, slots=True)
class Choice:
    """A parameter that is one of a few words; the first of them by default."""

    name: str
    words: tuple[str, ...]
    help: str
    unit: str = ""

    @property
    def default(self) -> str:
        return self.words[0]

    def parse(self, text: str) -> str:
        """The word that ``text`` is. Raises UsageError that names all of them."""
        if text not in self.words:
            raise UsageError(
                f"{self.name}={text}: must be one of {', '.join(self.words)}",
                f"{self.name}: {self.help}; by default {self.default}",
            )
        return text

    def show(self, value: Value) -> str:
        """The value as a person writes it."""
        return str(value)

    @property
    def shown(self) -> str:
        """What a list of parameters has of it: all of the words."""
        return "|".join(self.words)


@dataclass(frozen=True, slots=True)
class Scenario:
    """``wsgi`` and ``asgi`` are import strings, "" where it has no app for that protocol; ``*_call`` say what each
    waits in. All four are templates over parameters.

    ``calls_by`` has other calls for words of a `Choice`. ``cost_of`` is None where theory has nothing to say.
    ``settings`` are its own defaults, by their names in `wsgiviz.settings.Settings`. ``paths`` are requested by their
    weights. ``lanes``: "workers" or "requests", what a lane is at first; "" for what suits the load.
    ``narration``: two sentences for the tour, what to watch and why it comes so. ``websocket``: clients open
    WebSockets. ``follow_steps``: the servers report each step between them and the app (`wsgiviz.probe.contract`).
    Five fields name a parameter in seconds, or none: over how long a client sends its request (``send_over``) and
    reads the response (``read_over``), for how long the app goes on after its answer (``close_over``), the servers'
    own --timeout (``server_timeout``), and a user's ``pause`` between an answer and the next request.
    """

    name: str
    question: str
    wsgi: str
    asgi: str
    wsgi_call: str
    asgi_call: str
    parameters: tuple[Parameter | Choice, ...]
    cost_of: Callable[[Mapping[str, Value], int], Cost] | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    paths: tuple[tuple[int, str], ...] = ((1, "/"),)
    narration: str = ""
    lanes: str = ""
    calls_by: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    backend: str | None = None
    send_over: str = ""
    read_over: str = ""
    server_timeout: str = ""
    pause: str = ""
    websocket: bool = False
    close_over: str = ""
    follow_steps: bool = False

    def values(self, given: Mapping[str, str]) -> dict[str, Value]:
        """All parameters: those ``given`` as texts, defaults for the rest. Raises UsageError."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise UsageError(
                    f"scenario {self.name} has no parameter {name!r}", did_you_mean(name, known, "it has")
                )
        return {
            name: parameter.parse(given[name]) if name in given else parameter.default
            for name, parameter in known.items()
        }

    def weighted_paths(self, values: Mapping[str, Value]) -> tuple[tuple[int, str], ...]:
        """The paths to request, each with its weight, and with the parameters in its query string."""
        query = f"?{urlencode(values)}" if values else ""
        return tuple((weight, path + query) for weight, path in self.paths)

    def cost(self, values: Mapping[str, Value], cores: int | None = None) -> Cost | None:
        """What one request costs on a machine with so many CPU ``cores``, this one by default; None where theory
        has nothing to say."""
        return self.cost_of(values, cores or os.cpu_count() or 1) if self.cost_of is not None else None

    def seconds(self, values: Mapping[str, Value], parameter: str) -> float:
        """The value of the parameter that a field names; 0 for none."""
        return float(values[parameter]) if parameter else 0.0

    def app(self, protocol: str, values: Mapping[str, Value]) -> str:
        """The import string of its app for "wsgi" or "asgi"; "" where it has none."""
        return (self.wsgi if protocol == "wsgi" else self.asgi).format(**values)

    def calls(self, values: Mapping[str, Value]) -> tuple[str, str]:
        """What a request waits in on either side, with the numbers filled in."""
        chosen = (self.calls_by[str(value)] for value in values.values() if value in self.calls_by)
        wsgi, asgi = next(chosen, (self.wsgi_call, self.asgi_call))
        return wsgi.format(**values), asgi.format(**values)


def seconds(default: float, what: str) -> Parameter:
    """The parameter that most scenarios have."""
    return Parameter("seconds", default, 0.0, 60.0, "s", what)


def did_you_mean(name: str, known: Iterable[str], lead: str, beside: Iterable[str] = ()) -> str:
    """A hint for a name that is not ``known``: the nearest of them and those ``beside``; and all that are known."""
    known = tuple(known)
    near = get_close_matches(name, (*known, *beside), 1)
    guess = f"did you mean {near[0]}? " if near else ""
    return f"{guess}{lead} {', '.join(known)}"
