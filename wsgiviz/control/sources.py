"""The source text of the apps, as events: what a worker's line is shown in, and what a recording keeps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wsgiviz.events import Event, LineSeen, LoopHeld, SourceRead
from wsgiviz.observe.source import find_by_end, find_file, module_path, read_source
from wsgiviz.state import State

MOST_CHARACTERS = 256 * 1024
"""A longer text is not kept."""

MOST_FILES = 48
"""Files that lines are seen in, beside those of the apps themselves."""


class Sources:
    """Reads each file once, and the apps' own again when their servers start or reload."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._looked_up: set[str] = set()

    def of_apps(self, state: State, now_ns: int) -> list[SourceRead]:
        """The modules that the import strings name."""
        self._looked_up.clear()
        targets = dict.fromkeys(state.settings.target(side) for side in state.sides)
        paths = dict.fromkeys(path for target in targets if (path := module_path(target)) is not None)
        return [read for path in paths if (read := _read(path, now_ns)) is not None]

    def of_lines(self, state: State, events: Sequence[Event], now_ns: int) -> list[SourceRead]:
        """Other files of the apps, once a line of them has been seen."""
        found: list[SourceRead] = []
        for event in events:
            if not isinstance(event, LineSeen | LoopHeld):
                continue
            file = event.where.partition("|")[0]
            if file in self._looked_up or len(self._looked_up) >= MOST_FILES:
                continue
            self._looked_up.add(file)
            if not any(path.endswith(file) for path in state.sources):
                path = self._find(file)
                read = _read(path, now_ns) if path is not None else None
                found += [read] if read is not None else []
        return found

    def _find(self, file: str) -> Path | None:
        if self._folder is None:
            return find_file(file, "") or find_by_end(file, Path())
        return find_file(str(self._folder / file), "") or find_by_end(file, self._folder)


def _read(path: Path, now_ns: int) -> SourceRead | None:
    text = read_source(path)
    return SourceRead(now_ns, "", 0, str(path), text) if text and len(text) <= MOST_CHARACTERS else None
