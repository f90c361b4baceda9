"""What assertions and formulas are evaluated over: results of runs. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wsgiviz.lessons.syntax import VERDICT, Applied, Chain, Expression, Figure, Literal, Named, Negated, Quoted

COUNTS = ("statuses", "errors", "raised", "redirects")
"""Keys of the result that hold counts by name: one that is missing is 0."""

IDENTIFYING = ("path", "name", "kind")
"""Keys by which an entry of a list is found."""

Fact = float | str


class NotKnown(Exception):
    """A figure that the result does not have; says which."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known after a run. ``result`` is its JSON object (`wsgiviz.report.result`), None when the servers did
    not start, which ``failure`` explains; ``earlier`` are the results of the lesson's earlier runs, by name."""

    result: Mapping[str, Any] | None
    earlier: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    failure: str = ""

    def of_run(self, name: str) -> Mapping[str, Any]:
        """The result of the run with that name; "" is the one at hand. Raises NotKnown."""
        found = self.earlier.get(name) if name else self.result
        if found is None:
            raise NotKnown(f"the run {name} has no result" if name else "the run has no result")
        return found

    def value(self, expression: Expression) -> Fact:
        """A finite number, or a text. Raises NotKnown."""
        match expression:
            case Literal(value):
                return value
            case Quoted(text):
                return text
            case Named(name):
                return _fact(self._named(name), name)
            case Figure():
                return _fact(self._figure(expression), expression.words)
            case Negated(of):
                return -self.number(of)
            case Chain(first, rest):
                return self._chained(first, rest)
            case Applied(function, arguments):
                return self._applied(function, arguments)

    def number(self, expression: Expression) -> float:
        """The same, of what must be a number. Raises NotKnown."""
        found = self.value(expression)
        if isinstance(found, str):
            raise NotKnown(f"{found!r} is not a number")
        return found

    def _named(self, name: str) -> Any:
        result = self.of_run("")
        if name == "cores":
            return result.get("host", {}).get("usable_cores")
        settings = result.get("settings", {})
        parameters = settings.get("parameters", {})
        return parameters[name] if name in parameters else settings.get(name)

    def _figure(self, figure: Figure) -> Any:
        result = self.of_run(figure.run)
        found: Any = result.get(VERDICT) if figure.side == VERDICT else result.get("sides", {}).get(figure.side)
        before = ""
        for key in figure.keys:
            found = _entry(found, key, before)
            before = key
        return found

    def _chained(self, first: Expression, rest: Sequence[tuple[str, Expression]]) -> float:
        found = self.number(first)
        for sign, operand in rest:
            found = _finite(_combined(found, sign, self.number(operand)))
        return found

    def _applied(self, function: str, arguments: Sequence[Expression]) -> float:
        if function == "count":
            return self._count(arguments[0])
        return float(FUNCTIONS[function]([self.number(argument) for argument in arguments]))

    def _count(self, expression: Expression) -> float:
        found = self._figure(expression) if isinstance(expression, Figure) else None
        if not isinstance(found, Mapping | list | tuple):
            words = expression.words if isinstance(expression, Figure) else "it"
            raise NotKnown(f"{words} has no entries")
        return float(len(found))


FUNCTIONS: Mapping[str, Callable[[list[float]], float]] = {
    "min": min,
    "max": max,
    "ceil": lambda given: math.ceil(given[0]),
    "floor": lambda given: math.floor(given[0]),
    "abs": lambda given: abs(given[0]),
}


def _combined(left: float, sign: str, right: float) -> float:
    if sign == "/" and right == 0:
        raise NotKnown("a division by zero")
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / right if right else 0.0}[sign]


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise NotKnown("a number that is too large")
    return value


def _entry(found: Any, key: str, before: str) -> Any:
    """What ``key`` leads to; None where there is nothing. ``before`` is the key that led here."""
    if isinstance(found, Mapping):
        missing = 0 if before in COUNTS else None
        return found.get(key, found.get(int(key), missing) if key.isdecimal() else missing)
    if isinstance(found, list | tuple):
        if key.isdecimal():
            return found[int(key)] if int(key) < len(found) else None
        return next((entry for entry in found if _is_called(entry, key)), None)
    return None


def _is_called(entry: Any, key: str) -> bool:
    """A path is found without its query too, which holds a scenario's parameters."""
    if not isinstance(entry, Mapping):
        return False
    names = [str(entry[name]) for name in IDENTIFYING if entry.get(name) is not None]
    return key in names or key in [name.partition("?")[0] for name in names]


def _fact(found: Any, words: str) -> Fact:
    if isinstance(found, bool | int | float) and math.isfinite(found):
        return float(found)
    if isinstance(found, str):
        return found
    raise NotKnown(f"{words} is not {'a number' if isinstance(found, Mapping | list | tuple) else 'known'}")
