"""What is common to whatever is played: the player as a feed, and its marks, which are looked for meanwhile."""

from __future__ import annotations

import time
from typing import Generic, TypeVar

from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.events import RUN_STRIDE
from wsgiviz.log import Mark, MarkFinder, MarkType, PairPlayer, Player
from wsgiviz.state import Request, State
from wsgiviz.tui.feed import Playhead

PlayerT = TypeVar("PlayerT", bound=Player | PairPlayer)

SEARCH_NS = 3_000_000
"""So long a frame may look for marks."""


class Played(Generic[PlayerT]):
    """What a feed does with its player, of one recording or of two."""

    player: PlayerT

    def __init__(self, player: PlayerT) -> None:
        self.player = player

    @property
    def playing(self) -> bool:
        return self.player.playing

    @property
    def speed(self) -> float:
        return self.player.speed

    def toggle(self) -> None:
        self.player.toggle()

    def step(self, by: int) -> None:
        self.player.step(by)

    def faster(self, by: int) -> None:
        self.player.faster(by)

    def slow_motion(self) -> None:
        self.player.slow_motion()

    def toggle_loop(self) -> None:
        self.player.loop = not self.player.loop

    def seek(self, t_ns: int) -> None:
        self.player.pause()
        self.player.seek(t_ns)


class PlaybackFeed(Played[Player]):
    """The state of a feed, and playback, by a player. Once the playhead was asked for, marks are looked for."""

    recorded = True

    def __init__(self, player: Player) -> None:
        super().__init__(player)
        self._finder: MarkFinder | None = None
        self._stood: tuple[State, Occurrences] | None = None

    @property
    def state(self) -> State:
        return self.player.state

    @property
    def occurrences(self) -> Occurrences:
        """While the playhead stands, a sentence agrees with the lanes to the event."""
        player, state = self.player, self.player.state
        if player.playing:
            return player.occurrences
        if self._stood is None or self._stood[0] is not state:
            self._stood = state, player.occurrences.at(state)
        return self._stood[1]

    @property
    def playhead(self) -> Playhead:
        player = self.player
        finder = self._finder = self._finder or MarkFinder(player.timeline)
        return Playhead(
            start_ns=player.timeline.start_ns,
            end_ns=player.end_ns,
            zero_ns=zero_ns(player.state) or player.timeline.start_ns,
            event=player.event,
            events=player.events,
            marks=finder.marks,
            searched=finder.share,
            cuts=player.cuts,
            loop=player.loop,
        )

    def search(self) -> None:
        """Look for marks, for a little while."""
        if self._finder is not None and not self._finder.finished:
            until_ns = time.perf_counter_ns() + SEARCH_NS
            self._finder.search(lambda: time.perf_counter_ns() < until_ns)

    def advance(self) -> int:
        self.search()
        return self.player.advance(time.monotonic_ns())

    def restart(self) -> None:
        self.player.home()
        self.player.playing = True

    def to_end(self) -> None:
        self.player.to_end()

    def go_to(self, mark: Mark) -> None:
        self.player.go_to(mark.position, mark.within)

    def find(self, number: int) -> int:
        for state in self._states():
            request = _request(state, number)
            if request is not None:
                self.seek(_taken_ns(request))
                return request.id
        return 0

    def _states(self) -> list[State]:
        """Those that know most of the run that is shown: its end, where that is known, and now."""
        player, run = self.player, self.player.state.fired
        marks = self._finder.marks if self._finder is not None else ()
        later = [mark for mark in marks if mark.type is MarkType.FIRED and mark.run > max(run, 1)]
        end = player.timeline.at(later[0].position if later else player.end).state
        return [end, player.state] if run in (0, end.fired) else [player.state]


def zero_ns(state: State) -> int:
    """When the run began that is shown: what its axis calls 0 s; 0 before the first."""
    if state.attached:
        return state.attached_ns
    return min((side.run.started_ns for side in state.sides.values() if side.run.started_ns), default=0)


def _request(state: State, number: int) -> Request | None:
    """The one of that number in the newest run; of the leftmost side that has it."""
    found = (state.sides[name].ledger.get(state.fired * RUN_STRIDE + number) for name in state.side_names)
    return next((request for request in found if request is not None and _taken_ns(request)), None)


def _taken_ns(request: Request) -> int:
    """When it was taken up; of one that never was, when it was sent."""
    return request.began_ns or request.accepted_ns or request.connected_ns or request.sent_ns or request.failed_ns
