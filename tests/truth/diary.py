"""What an app has written of itself (`tests.truth.apps.diary`), by request."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections import defaultdict
from pathlib import Path


class Diary:
    """The states of each request, each from a time on; read while the app goes on writing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._times: dict[int, list[int]] = defaultdict(list)
        self._words: dict[int, list[str]] = defaultdict(list)
        path.touch()
        os.environ["TRUTH_DIARY"] = str(path)

    def read(self) -> None:
        """Take in what is new."""
        with self._path.open() as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith("\n"):
                    break
                self._offset += len(line)
                t_ns, number, word = line.rstrip().split(" ", 2)
                self._add(int(number), int(t_ns), word)

    def _add(self, number: int, t_ns: int, word: str) -> None:
        """A state that was announced for a later time ("due") has not come when another one comes before it."""
        times, words = self._times[number], self._words[number]
        while times and times[-1] > t_ns:
            times.pop()
            words.pop()
        times.append(t_ns)
        words.append(word)

    def between(self, number: int, from_ns: int, to_ns: int) -> set[str]:
        """The states that the request had at some moment from one time to the other; nothing when it had begun later,
        or is not known."""
        times, words = self._times.get(number, []), self._words.get(number, [])
        at = bisect_right(times, from_ns) - 1
        if at < 0:
            return set()
        return set(words[at : bisect_left(times, to_ns)]) | {words[at]}

    def is_over(self, number: int) -> bool:
        """Whether the request has written the last of itself."""
        return self._words[number][-1:] == ["ends"]

    def lines(self, number: int) -> list[tuple[int, str]]:
        """All of one request: (time, words)."""
        return list(zip(self._times[number], self._words[number], strict=True))
