"""One event loop."""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.events import BEAT_NS
from wsgiviz.state.request import Location


class Hold(Struct, frozen=True, gc=False):
    """A step that kept a loop from everybody else, for ``held_ns`` at least. ``req`` is 0 when it was no request's.

    It is looked at again and again: ``where`` is the newest line, ``mostly`` the one at which it was found most often
    (exactly so, where it was at that line in more than half of the looks), ``ahead`` of the others by so many looks.
    """

    req: int
    held_ns: int
    where: Location
    mostly: Location | None = None
    ahead: int = 0

    def again(self, held_ns: int, where: Location) -> Hold:
        """The same step at the next look."""
        if where == self.mostly:
            return Hold(self.req, held_ns, where, where, self.ahead + 1)
        if self.ahead:
            return Hold(self.req, held_ns, where, self.mostly, self.ahead - 1)
        return Hold(self.req, held_ns, where, where, 1)


class LoopTally(Struct, frozen=True, gc=False):
    """What a loop has done in the present run. A step counts when it has ended."""

    max_lag_ns: int = 0
    longest_step_ns: int = 0
    longest_step_req: int = 0
    longest_hold: Hold | None = None
    first_selector_ns: int = -1  # time in the selector at the start of the run
    first_steps_ns: int = 0  # time in steps then
    first_beat_ns: int = 0  # of the heartbeat that counts as its start


class Loop(Struct, frozen=True, gc=False):
    """An event loop of process ``pid``.

    ``selector_ns`` (in its selector so far) is -1 where the loop does not let us measure it.
    """

    pid: int
    running: int = 0  # the request whose step is on now, 0 for none
    since_ns: int = 0  # when that step began
    lag_ns: int = 0
    selector_ns: int = -1
    steps_ns: int = 0  # in requests' steps that have ended
    beat_ns: int = 0  # time of the newest heartbeat
    beat_steps_ns: int = 0  # time in steps then
    every_ns: int = BEAT_NS  # from one heartbeat to the next
    held: Hold | None = None  # the newest step that held it, while it does
    tally: LoopTally = LoopTally()
