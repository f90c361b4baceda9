"""The collector: finds the rings of a run directory, follows them, and gives their events in order of time."""

from __future__ import annotations

import os
import time
from pathlib import Path

from wsgiviz.events import Event, Kind
from wsgiviz.recorder.layout import SUFFIX
from wsgiviz.recorder.reader import RingReader


class Collector:
    """Follows every ring in ``directory``; rings may come at any time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._readers: dict[str, RingReader] = {}
        self._refused: set[str] = set()
        self._reported: dict[str, int] = {}

    def poll(self) -> list[Event]:
        """Events since the last poll, by time of writing.

        Drivers' rings are read first: what a worker did before the client knew of it is then surely in its ring
        when that is read, so that one poll never shows an answer without the work behind it.
        """
        self._discover()
        events: list[Event] = []
        for name, reader in self._in_order():
            events += reader.poll()
            if reader.lost > self._reported.get(name, 0):
                events.append(self._loss(name, reader))
        events.sort(key=lambda event: event.t_ns)
        return events

    def has_driver(self, side: str) -> bool:
        """Whether the load driver's ring for ``side`` is there: it makes it when it is ready to fire."""
        return any(reader.header.role == "driver" and reader.header.side == side for reader in self._readers.values())

    def _discover(self) -> None:
        with os.scandir(self._directory) as entries:
            for entry in entries:
                name = entry.name
                if name.endswith(SUFFIX) and name not in self._readers and name not in self._refused:
                    self._open(name)

    def _open(self, name: str) -> None:
        try:
            reader = RingReader.open(self._directory / name)
        except OSError:
            reader = None
        if reader is None:
            self._refused.add(name)
        else:
            self._readers[name] = reader

    def _in_order(self) -> list[tuple[str, RingReader]]:
        return sorted(self._readers.items(), key=lambda item: item[1].header.role != "driver")

    def _loss(self, name: str, reader: RingReader) -> Event:
        lost = reader.lost - self._reported.get(name, 0)
        self._reported[name] = reader.lost
        return Event(time.monotonic_ns(), Kind.LOST, reader.header.side, reader.header.pid, a=lost)

    def forget(self, side: str) -> None:
        """Drop the rings of ``side``'s server, which is gone, and delete their files. The driver's stay."""
        for name, reader in list(self._readers.items()):
            if reader.header.side == side and reader.header.role != "driver":
                reader.close()
                del self._readers[name]
                self._reported.pop(name, None)
                (self._directory / name).unlink(missing_ok=True)

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
