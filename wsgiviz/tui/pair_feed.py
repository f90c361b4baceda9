"""What the app shows of two recordings: one playhead that moves over both, on one axis."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.errors import UsageError, WsgivizError
from wsgiviz.events import RunStarted
from wsgiviz.log import Mark, PairPlayer, Player
from wsgiviz.printable import printable
from wsgiviz.state import State
from wsgiviz.tui.feed import Frame, Playhead, Saving
from wsgiviz.tui.playback_feed import Played
from wsgiviz.tui.replay_feed import ReplayFeed

LONGEST_NAME = 20


class PairFeed(Played[PairPlayer]):
    """The recordings ``left`` and ``right``: of each the side ``side``, by default "wsgi", or the first in both.

    A feed of the left one, and the playback of both. Times of the playhead are nanoseconds since
    the run began. Raises WsgivizError when one can't be read, and UsageError when they have no such side in common.
    """

    recorded = True
    recording = False

    def __init__(self, left: str, right: str, side: str | None = None, loop: bool = False) -> None:
        self._feeds: list[ReplayFeed] = []
        try:
            for path in (left, right):
                self._feeds.append(ReplayFeed(path))
            self.side = _common_side(self._feeds, side)
        except BaseException:
            self.close()
            raise
        self.names = _names(left, right)
        one, other = (feed.player for feed in self._feeds)
        self._zeros = _began_ns(one, self.side), _began_ns(other, self.side)
        super().__init__(PairPlayer((one, other), self._zeros))
        self.player.loop = loop

    @property
    def state(self) -> State:
        return self._feeds[0].state

    @property
    def occurrences(self) -> Occurrences:
        return self._feeds[0].occurrences

    @property
    def calm(self) -> bool:
        return not self.player.playing

    @property
    def problem(self) -> str:
        problems = [
            f"{name}: {feed.problem}" for name, feed in zip(self.names, self._feeds, strict=True) if feed.problem
        ]
        return " ".join(problems)

    @property
    def playhead(self) -> Playhead:
        player, heads = self.player, [feed.playhead for feed in self._feeds]
        marks = [mark for place in (0, 1) for mark in self._marks(place, heads[place].marks)]
        return Playhead(
            start_ns=player.start_ns,
            end_ns=player.end_ns,
            zero_ns=0,
            event=player.event,
            events=sum(head.events for head in heads),
            marks=tuple(sorted(marks, key=lambda mark: mark.t_ns)),
            searched=min(head.searched for head in heads),
            cuts=player.cuts,
            loop=player.loop,
            at_ns=player.now_ns,
            other=Frame.of(self._feeds[1], self._zeros[1] + player.now_ns),
        )

    def _marks(self, place: int, marks: tuple[Mark, ...]) -> list[Mark]:
        """Those of the side that is shown, with their times on the axis, and named for their recording."""
        name, zero = self.names[place], self._zeros[place]
        return [replace(mark, t_ns=mark.t_ns - zero, side=name) for mark in marks if mark.side == self.side]

    def advance(self) -> int:
        for feed in self._feeds:
            feed.search()
        return self._zeros[0] + self.player.advance(time.monotonic_ns())

    def save(self, path: Path) -> tuple[Saving, str]:
        raise WsgivizError("these are recordings already", "copy their files")

    def close(self) -> None:
        for feed in self._feeds:
            feed.close()

    def restart(self) -> None:
        self.player.restart()
        self.player.playing = True

    def to_end(self) -> None:
        self.seek(self.player.end_ns)

    def go_to(self, mark: Mark) -> None:
        self.seek(mark.t_ns)

    def find(self, number: int) -> int:
        """In the left one."""
        found = self._feeds[0].find(number)
        if found:
            self.seek(self._feeds[0].player.now_ns - self._zeros[0])
        return found


def _names(left: str, right: str) -> tuple[str, str]:
    """The files' names; A and B where these are the same."""
    one, other = (printable(Path(path).name.removesuffix(".wviz"))[:LONGEST_NAME] for path in (left, right))
    names = one, other
    return names if names[0] != names[1] else ("A", "B")


def _common_side(feeds: list[ReplayFeed], wanted: str | None) -> str:
    """``wanted`` if both have it; without it wsgi, or the first that both have. Raises UsageError."""
    has = [set(feed.settings.sides) for feed in feeds]
    both = sorted(has[0] & has[1], key=lambda side: (side != "wsgi", side))
    if wanted is None and both:
        return both[0]
    if wanted in both:
        return str(wanted)
    listed = " and ".join(", ".join(sorted(sides)) for sides in has)
    what = f"the side {wanted}" if wanted else "a side"
    raise UsageError(f"the two recordings don't have {what} in common", f"they have {listed}")


def _began_ns(player: Player, side: str) -> int:
    """When the first run that a person asked for began at that side; else when the recording did."""
    timeline = player.timeline
    fired_ns = timeline.fired_ns
    if fired_ns is None:
        return timeline.start_ns
    for position in range(timeline.position_at(fired_ns - 1), timeline.end):
        for event in timeline.batch(position):
            if isinstance(event, RunStarted) and event.side == side and event.t_ns >= fired_ns:
                return event.start_ns
    return fired_ns
