"""What a recording holds, by position: a number of batches, 0 before the first."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from wsgiviz.log.format import FIRED, BlockType
from wsgiviz.log.packing import MOST_BATCHES
from wsgiviz.log.scan import FileBlock, Gap


class EventsBlock(NamedTuple):
    """``first``: position before its first batch; ``last_ns``: time of the newest event up to its end."""

    block: FileBlock
    first: int
    last_ns: int

    @property
    def end(self) -> int:
        """Position after its last batch."""
        return self.first + self.block.header.batches


class Index:
    """Made of the blocks and gaps of a file, in their order."""

    def __init__(self, parts: Iterable[FileBlock | Gap]) -> None:
        self.events: list[EventsBlock] = []
        self.keyframes: dict[int, FileBlock] = {}  # by position
        self.restores: set[int] = set()  # positions of keyframes before which events are missing
        self.chunks: dict[int, FileBlock] = {}  # by number
        self.gaps: list[int] = []  # bytes of each
        self.missing = 0  # events that are known to have been there
        self.not_kept = 0  # events before the recording began
        self.ended = False
        self._number = 0  # of events so far, as the blocks say
        self._torn = False  # some are missing since the last keyframe
        for part in parts:
            self._add(part)

    @property
    def end(self) -> int:
        """The position after the last batch."""
        return self.events[-1].end if self.events else 0

    @property
    def fired(self) -> EventsBlock | None:
        """The first block that has a run which a person asked for."""
        return next((one for one in self.events if one.block.header.flags & FIRED), None)

    def block_at(self, position: int) -> int:
        """Which of `events` holds the batch after ``position``."""
        return bisect_right(self.events, position, key=lambda one: one.first) - 1

    def _add(self, part: FileBlock | Gap) -> None:
        if isinstance(part, Gap):
            self.gaps.append(part.size)
            return
        header = part.header
        match header.type:
            case BlockType.EVENTS if self._number <= header.number and 0 < header.batches <= MOST_BATCHES:
                self._follow(header.number)
                last_ns = max(header.t_ns, self.events[-1].last_ns if self.events else header.t_ns)
                self.events.append(EventsBlock(part, self.end, last_ns))
                self._number = header.number + header.events
            case BlockType.KEYFRAME:
                self._add_keyframe(part)
            case BlockType.CHUNK:
                self.chunks[header.number] = part
            case BlockType.END:
                self._follow(header.number)
                self.ended = True
            case BlockType.OPENING:
                pass
            case _:
                self.gaps.append(header.length)

    def _add_keyframe(self, block: FileBlock) -> None:
        if not self.events and not self.gaps:
            self.not_kept = self._number = block.header.number
        self._follow(block.header.number)
        if self._torn:
            self.restores.add(self.end)
        self._torn = False
        self.keyframes[self.end] = block
        self._number = block.header.number

    def _follow(self, number: int) -> None:
        """The next block comes after ``number`` events."""
        if number > self._number:
            self.missing += number - self._number
            self._torn = True
