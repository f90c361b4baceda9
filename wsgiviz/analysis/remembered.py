"""Results that are asked for again and again about States that share what has not changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")

KEPT = 8


class Remembered(Generic[Result]):
    """The newest results of a pure function, by the frozen objects that they follow from: the very same ones, since
    to compare two ledgers by what is in them takes longer than most functions of them."""

    def __init__(self) -> None:
        self._newest: deque[tuple[tuple[object, ...], Result]] = deque(maxlen=KEPT)

    def of(self, given: tuple[object, ...], make: Callable[[], Result]) -> Result:
        """What was made for these objects, or is made now."""
        for known, result in self._newest:
            if all(one is other for one, other in zip(known, given, strict=True)):
                return result
        result = make()
        self._newest.append((given, result))
        return result
