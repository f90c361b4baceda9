"""Playback: a playhead that moves over a recording, or over the log of this session, as time passes."""

from __future__ import annotations

from abc import ABC, abstractmethod

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.log.snapshot import Snapshot
from wsgiviz.log.timeline import Timeline
from wsgiviz.state import State

LEAD_NS = 300_000_000
"""Playback begins so long before the first run that a person asked for."""

LONGEST_FRAME_NS = 1_000_000_000
"""Of the time since the frame before no more counts: a viewer that was stopped goes on where it was."""

SPEEDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Seconds that are shown for each second that passes."""

SLOW = 0.1
"""The speed of slow motion."""

LOOP_REST_NS = 4_000_000_000
"""So long the end stays before a loop begins again: there is a sentence to read."""


class PlayClock(ABC):
    """How a playhead moves as time passes. It reads no clock: `advance` gets the time.

    ``playing``, ``speed`` and ``loop`` may be set. ``now_ns`` is the playhead's time. ``cuts`` counts how often time
    did not simply go on: at each pause, step and jump.
    """

    now_ns: int

    def __init__(self) -> None:
        self.playing = True
        self.loop = False
        self.speed = 1.0
        self.cuts = 0
        self._wall_ns: int | None = None
        self._rest_ns = 0

    @property
    @abstractmethod
    def ended(self) -> bool:
        """The playhead is at the end."""

    @abstractmethod
    def restart(self) -> None:
        """Go to a little before the run."""

    @abstractmethod
    def _play(self, by_ns: int) -> None:
        """Move the playhead on, as far as the end."""

    def advance(self, wall_ns: int) -> int:
        """Move the playhead by the time since the last call, as given by any steady clock; gives ``now_ns``."""
        passed_ns = 0 if self._wall_ns is None else wall_ns - self._wall_ns
        self._wall_ns = wall_ns
        if self.playing and passed_ns > 0:
            passed_ns = min(passed_ns, LONGEST_FRAME_NS)
            if self.ended and self.loop:
                self._rest(passed_ns)
            else:
                self._play(round(passed_ns * self.speed))
        return self.now_ns

    def _rest(self, passed_ns: int) -> None:
        """At the end of a loop, for a while."""
        self._rest_ns += passed_ns
        if self._rest_ns >= LOOP_REST_NS:
            self.restart()

    def pause(self) -> None:
        self.playing = False
        self.cuts += 1

    def toggle(self) -> None:
        """Play, or pause; from where the run begins when it is at the end."""
        if self.playing:
            self.pause()
            return
        if self.ended:
            self.restart()
        self.playing = True

    def faster(self, by: int) -> None:
        """The next of `SPEEDS`, or the one before it (-1)."""
        nearest = min(range(len(SPEEDS)), key=lambda at: abs(SPEEDS[at] - self.speed))
        self.speed = SPEEDS[max(0, min(nearest + by, len(SPEEDS) - 1))]

    def slow_motion(self) -> None:
        """At a tenth of the speed, or no longer so."""
        self.speed = 1.0 if self.speed == SLOW else SLOW

    def _cut(self) -> None:
        """The playhead jumps."""
        self.cuts += 1
        self._rest_ns = 0


class Player(PlayClock):
    """Holds what is known at the playhead.

    The playhead stands after ``position`` batches, and after ``within`` events of the next one; ``now_ns`` is its
    time. What is known depends on these alone, by whatever way it came there.

    ``until`` is the position to stop at, by default the end. With ``grows`` there is more to come after the end.
    It begins where the run does, playing; or with ``at_end`` at the end, paused.
    """

    _snapshot: Snapshot

    def __init__(
        self, timeline: Timeline, until: int | None = None, grows: bool = False, at_end: bool = False
    ) -> None:
        super().__init__()
        self.timeline = timeline
        self.grows = grows
        self.position = timeline.first
        self.within = 0
        self._base = timeline.at(timeline.first)
        self._until = None if until is None else (until, self._time(until, 0), timeline.events_before(until))
        if at_end:
            self.to_end()
        else:
            self.restart()

    @property
    def state(self) -> State:
        return self._snapshot.state

    @property
    def occurrences(self) -> Occurrences:
        return self._snapshot.occurrences

    @property
    def end(self) -> int:
        """The position that it goes no further than."""
        return self.timeline.end if self._until is None else self._until[0]

    @property
    def end_ns(self) -> int:
        """The time there."""
        return self.timeline.end_ns if self._until is None else self._until[1]

    @property
    def events(self) -> int:
        """How many events there are up to the end."""
        return self.timeline.events if self._until is None else self._until[2]

    @property
    def ended(self) -> bool:
        """The playhead is at the end."""
        return self.position >= self.end

    @property
    def event(self) -> int:
        """How many events there are before the playhead."""
        return self.timeline.events_before(self.position) + self.within

    @property
    def event_ns(self) -> int:
        """When the newest event before the playhead was."""
        return self._time(self.position, self.within)

    @property
    def next_ns(self) -> int | None:
        """When the event after the playhead was, or the newest before it if that was later; None at the end."""
        position, within = self.position, self.within + 1
        while position < self.end and within > self._events(position):
            position, within = position + 1, 1
        return self._time(position, within) if position < self.end else None

    # --- as time passes ---------------------------------------------------------------------------------------------

    def _play(self, by_ns: int) -> None:
        if not self.play_to(self.now_ns + by_ns) and not self.grows and not self.loop:
            self.pause()

    def play_to(self, t_ns: int) -> bool:
        """Go on to a time, or to the end if that is before it; False when it is at the end now."""
        end_ns, t_ns = self.end_ns, max(t_ns, self.timeline.start_ns)
        self.now_ns = min(t_ns, end_ns)
        self._go(*(self.place_at(t_ns) if t_ns < end_ns else (self.end, 0)))
        return t_ns < end_ns

    # --- as a person asks -------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Go to a little before the first run that a person asked for."""
        fired_ns = self.timeline.fired_ns
        self.seek(self.timeline.start_ns if fired_ns is None else fired_ns - LEAD_NS)

    def home(self) -> None:
        """Go to the beginning."""
        self.seek(self.timeline.start_ns)

    def to_end(self) -> None:
        """Pause, and go to the end."""
        self.go_to(self.end)

    def seek(self, t_ns: int) -> None:
        """Move the playhead to a time; the nearest that there is."""
        self.now_ns = max(self.timeline.start_ns, min(t_ns, self.end_ns))
        self._cut()
        self._go(*(self.place_at(self.now_ns) if self.now_ns < self.end_ns else (self.end, 0)))

    def go_to(self, position: int, within: int = 0) -> None:
        """Pause, and move the playhead to just after that event."""
        self.playing = False
        position = max(self.timeline.first, min(position, self.end))
        within = min(within, self._events(position))
        self.now_ns = self._time(position, within)
        self._cut()
        self._go(position, within)

    def step(self, by: int = 1) -> None:
        """Pause, and move the playhead by so many events, back when that is negative."""
        position, within = self.position, self.within + by
        while within < 0 and position > self.timeline.first:
            position -= 1
            within += self._events(position)
        while position < self.end and within >= self._events(position):
            within -= self._events(position)
            position += 1
        self.go_to(position, max(0, within))

    # --- places -----------------------------------------------------------------------------------------------------

    def place_at(self, t_ns: int) -> tuple[int, int]:
        """The place at a time: position, and events of the next batch that had happened by then."""
        position = max(self.timeline.first, min(self.timeline.position_at(t_ns), self.end))
        if position == self.end:
            return position, 0
        within = 0
        for event in self.timeline.batch(position):
            if event.t_ns > t_ns:
                break
            within += 1
        return position, within

    def _events(self, position: int) -> int:
        return len(self.timeline.batch(position)) if position < self.end else 0

    def _time(self, position: int, within: int) -> int:
        """The time of the newest event before a place."""
        before = position > self.timeline.first
        times = [self.timeline.t_ns(position) if before else self.timeline.start_ns]
        times += [event.t_ns for event in self.timeline.batch(position)[:within]] if within else []
        return max(times)

    def _go(self, position: int, within: int) -> None:
        self._base = self._at(position)
        self.position, self.within = position, within
        self._snapshot = self._part(within) if within else self._base

    def _at(self, position: int) -> Snapshot:
        if position < self.position:
            return self.timeline.at(position)
        if position == self.position:
            return self._base
        return self.timeline.forward(self.position, self._base, position)

    def _part(self, within: int) -> Snapshot:
        """After the first events of the next batch."""
        try:
            return self._base.after(self.timeline.batch(self.position)[:within])
        except Exception:  # of a damaged recording: what its events say together may be impossible
            return self._base
