"""A frame as the live screen shows it: views of its parts, made from the State."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from wsgiviz.analysis import metrics
from wsgiviz.analysis.attached_captions import attached_captions
from wsgiviz.analysis.captions import Caption, caption
from wsgiviz.analysis.contract import is_followed
from wsgiviz.analysis.lints.loops import FASTER_FROM
from wsgiviz.analysis.prediction import prediction
from wsgiviz.analysis.session_runs import Ghost, ghost
from wsgiviz.analysis.side_captions import side_captions
from wsgiviz.analysis.theory import Prediction
from wsgiviz.settings import Settings
from wsgiviz.state import Phase, Run, Side, State
from wsgiviz.tui.feed import Frame
from wsgiviz.tui.render.contract_rows import ContractView
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.window import Viewport, Window, following, window
from wsgiviz.tui.widgets.header import HeaderView

DRIVER_BOTTLENECK = "driver-bottleneck"
"""The lint that says when the load driver's lateness matters."""
FOLLOWED_NS = 16_000_000_000
"""Of somebody else's servers this much is seen, until a person zooms."""
LAST = 20
"""Of a run that has ended, so many of its latest requests may have gone on after their answers."""
GOES_ON_NS = 100_000_000
"""What takes less after the last answer is the end of that."""
GHOST_IN_VIEW = 3
"""Up to so many times longer than what is expected, the axis has room for the end of the run before."""


@dataclass(frozen=True)
class LiveView:
    """A frame, seen through a person's ``viewport`` in time; ``followed`` is a request or 0."""

    frame: Frame
    glyphs: Glyphs
    viewport: Viewport = Viewport()
    followed: int = 0
    by_request: bool = False
    stage: bool = False
    foretell: bool = True
    """Predictions are shown before a run has ended, too: where a person is asked to predict, they are not."""
    only: str = ""
    """The name of the only side to be shown; "" for all."""

    @property
    def state(self) -> State:
        return self.frame.state

    @cached_property
    def sides(self) -> list[Side]:
        """Those that have a pane, left to right."""
        state = self.state
        return [state.sides[name] for name in state.side_names if self.only in ("", name)]

    def panes(self) -> Iterator[PaneView]:
        """What each pane shows, left to right, on one axis of time."""
        nothing = self.state.attached
        predictions = {side.name: None if nothing else prediction(self.state, side.name) for side in self.sides}
        ghosts = [self._ghost(side) for side in self.sides]
        shown = self._window(self.stopped_ns, predictions.values(), ghosts)
        for side in self.sides:
            yield self.pane(side, predictions[side.name], shown)

    def pane(self, side: Side, predicted: Prediction | None, shown: Window) -> PaneView:
        """What the pane of one side shows."""
        over, names = bool((side.run.ended_ns or side.run.added) and side.run.done), self._names
        return PaneView(
            side=side,
            title=self._title(side),
            now_ns=self.stopped_ns,
            start_ns=shown.start_ns,
            end_ns=shown.end_ns,
            zero_ns=shown.zero_ns,
            prediction=predicted if over or self.foretell else None,
            foretell=self.foretell,
            makespan_s=metrics.makespan_ns(side) / 1e9 if over else None,
            glyphs=self.glyphs,
            followed=self.followed,
            timed_s=self.state.settings.timed_s,
            by_request=self.by_request,
            beside=next((other for other in self.sides if other.name != side.name), None),
            wanted=at_once(self.state.settings) if self.by_request else 0,
            at_once=at_once(self.state.settings),
            stage=self.stage,
            faster=self._faster.get(side.name, 0.0),
            rival=next((name for other, name in names.items() if other != side.name), ""),
            twin=self._twins,
            ghost=self._ghost(side),
            attached=self.state.attached,
        )

    def _ghost(self, side: Side) -> Ghost | None:
        """The run before; not where a person is asked to predict this one."""
        return ghost(self.state, side) if self.foretell and not self.state.attached else None

    @cached_property
    def _faster(self) -> dict[str, float]:
        """By how much one side was faster, where both answered all of the same: who refuses is done soon."""
        timed, running = self.state.settings.timed_s is not None, self.state.phase is Phase.RUNNING
        if len(self.sides) != 2 or timed or running:
            return {}
        return dict(zip((side.name for side in self.sides), ratios(*self.sides), strict=True))

    @cached_property
    def _twins(self) -> bool:
        """Two sides of one protocol."""
        return len({side.protocol for side in self.sides}) < len(self.sides)

    @cached_property
    def _names(self) -> dict[str, str]:
        """What the sides are called, by their own names."""
        return {side.name: side.kind if self._twins else side.protocol.upper() for side in self.sides}

    def contract(self) -> Iterator[ContractView]:
        """The steps of a request at each side, where the scenario follows them."""
        if is_followed(self.state.settings):
            for side in self.sides:
                yield ContractView(side, self.stopped_ns, self.glyphs, self.followed)

    @cached_property
    def stopped_ns(self) -> int:
        """The time that the panes show: once all sides are done they stand still, when the last thing happened."""
        sides, now_ns = self.sides, self.frame.now_ns
        if self.state.phase is not Phase.FINISHED or not all(side.run.ended_ns for side in sides):
            return now_ns
        busy = any(worker.busy for side in sides for worker in side.server.living())
        ends = [_through_ns(side) for side in sides]
        if is_followed(self.state.settings):  # the steps go on until the app is through with the request
            ends += [request.ended_ns for side in sides for request in side.ledger.ours()]
        return now_ns if busy else max(ends, default=now_ns)

    def _title(self, side: Side) -> str:
        settings = self.state.settings
        if self.state.attached:
            return attached_title(side)
        workers = side.server.wanted or settings.processes(side.name)
        threads = settings.threads_of(side.name)
        server = "uvicorn" if side.kind == "uvicorn" else f"gunicorn {side.kind}"
        each = f" of {threads} threads" if threads > 1 else ""
        return f"{server}, {workers} worker{'s' if workers != 1 else ''}{each}"

    def _window(
        self, now_ns: int, predictions: Iterable[Prediction | None], ghosts: Iterable[Ghost | None]
    ) -> Window:
        if self.state.attached:
            return following(self.zero_ns, now_ns, FOLLOWED_NS, self.viewport)
        expected_ns, past_ns = self.expected_ns(predictions), max((g.total_ns for g in ghosts if g), default=0)
        if past_ns <= GHOST_IN_VIEW * expected_ns:
            expected_ns = max(expected_ns, past_ns)
        return window(self.zero_ns, now_ns, expected_ns, self.viewport)

    @property
    def zero_ns(self) -> int:
        """What the axis calls 0 s: when the run began; now, where it did not yet. Of somebody else's servers: when
        they were first seen."""
        if self.state.attached:
            return self.state.attached_ns
        starts = [side.run.started_ns for side in self.sides if side.run.started_ns]
        return min(starts, default=self.stopped_ns)

    def expected_ns(self, predictions: Iterable[Prediction | None]) -> int:
        """How long the run should take, or took: what was over soon fills the axis, too."""
        over = self.state.phase is Phase.FINISHED and all(side.run.ended_ns for side in self.sides)
        unknown_ns = 0 if over else 1_000_000_000
        expected_ns = max((int(found.seconds * 1e9) for found in predictions if found), default=unknown_ns)
        done_ns = max((metrics.makespan_ns(side) for side in self.sides if side.run.ended_ns), default=0)
        return max(expected_ns, done_ns)

    def caption(self) -> Caption:
        frame = self.frame
        return self._keyless(caption(frame.state, frame.now_ns, frame.occurrences))

    def _keyless(self, said: Caption) -> Caption:
        """Of a recording: there is nothing to press keys for."""
        if not self.frame.recorded:
            return said
        found = said.verdict
        return replace(said, keys="", verdict=replace(found, next=()) if found is not None else None)

    def captions(self) -> list[tuple[str, str, Caption]]:
        """A sentence for each side while a run is on: its name, its protocol, the sentence; else one about all."""
        frame = self.frame
        if frame.state.attached:
            return self._attached_captions()
        said = side_captions(frame.state, frame.now_ns, frame.occurrences)
        if not said:
            return [("", "", self.caption())]
        names = self._names
        return [(names[side.name], side.protocol, self._keyless(said[side.name])) for side in self.sides]

    def _attached_captions(self) -> list[tuple[str, str, Caption]]:
        found, names = attached_captions(self.state, self.frame.now_ns, self.frame.occurrences.found), self._names
        if len(self.sides) == 1:
            return [("", "", found[self.sides[0].name])]
        said = [(names[side.name], side.protocol, found[side.name]) for side in self.sides]
        return said or [("", "", Caption("No process of the server records yet."))]

    def header(self, fps: int) -> HeaderView:
        """``fps`` is the viewer's, which nobody needs to know of a replay."""
        state, settings = self.state, self.state.settings
        elapsed_ns = max((self._reached_ns(side) for side in self.sides), default=0)
        if state.attached:
            elapsed_ns = max(0, self.frame.now_ns - state.attached_ns)
        named = not (settings.own_app or state.attached)
        left, right = [*(settings.call(side.name) for side in self.sides if named), "", ""][:2]
        return HeaderView(
            name=settings.name if not state.attached else _commands(self.sides),
            wsgi_call=left,
            asgi_call=right,
            load=_load(settings) if not state.attached else "",
            state=self._status(),
            clock_s=round(elapsed_ns / 100_000_000) / 10,  # rounded as the panes' figures are
            fps=None if self.frame.recorded else fps,
            lost=state.lost,
            driver_late_ms=self._driver_late_ns() // 1_000_000,
            glyphs=self.glyphs,
            right_protocol=self.sides[-1].protocol if self.sides else "asgi",
            stage=self.stage,
        )

    def _reached_ns(self, side: Side) -> int:
        """How far a side has come on the axis of all: one may run after the other."""
        begun = max(0, side.run.started_ns - self.zero_ns) if side.run.started_ns else 0
        return begun + metrics.elapsed_ns(side, self.frame.now_ns)

    def _driver_late_ns(self) -> int:
        """How late the driver was on the sides where that is found to matter; 0 where it does not."""
        found = {finding.side for finding in self.frame.occurrences.found if finding.lint == DRIVER_BOTTLENECK}
        return max((side.run.max_driver_late_ns for side in self.sides if side.name in found), default=0)

    def _status(self) -> str:
        """Whether it is live or a replay, and how a recording is doing."""
        frame, phase = self.frame, self.state.phase
        if frame.recorded:
            return self._playback_status()
        words = {Phase.RUNNING: f"{self.glyphs.live} live", Phase.FINISHED: "done", Phase.FAILED: "stopped"}
        if phase is Phase.ATTACHED:
            ended = self.sides and not any(side.server.living() for side in self.sides)
            words[phase] = "ended" if ended else f"attached  {self.glyphs.live} live"
        kept = "recording failed  " if frame.problem else "rec  " if frame.recording else ""
        return kept + words.get(phase, phase.value)

    def _playback_status(self) -> str:
        """How fast it is, or that it is paused; slow motion says how far it is behind the servers."""
        frame, playhead = self.frame, self.frame.playhead
        speed = f"{frame.speed:g}{'x' if self.glyphs.name == 'ascii' else '×'}"
        behind_s = playhead.behind_s if playhead is not None else None
        if behind_s is not None:
            return f"slow motion {speed if frame.playing else 'paused'}, {behind_s:.1f} s behind"
        words = f"replay {speed}" if frame.playing else f"replay {speed}, paused"
        looped = ", repeated" if playhead is not None and playhead.loop else ""
        return f"{words}{looped}{', incomplete' if frame.problem else ''}"


def _through_ns(side: Side) -> int:
    """When clients and workers were through with a run that has ended: some of these go on after the answer."""
    ended_ns = side.run.ended_ns
    longer_ns = max((r.released_ns or r.ended_ns for r in side.ledger.latest(LAST)), default=0)
    return longer_ns if longer_ns - ended_ns > GOES_ON_NS else ended_ns


def attached_title(side: Side) -> str:
    """ "gunicorn gthread, 2 workers of 4 threads, pid 1234 at 127.0.0.1:8000"; it may hold anything."""
    living = side.server.living()
    workers = len({worker.pid for worker in living})
    threads = len(living) // max(1, workers)
    server = "uvicorn" if side.kind == "uvicorn" else f"gunicorn {side.kind}"
    each = f" of {threads} threads" if threads > 1 else ""
    at = f" at {side.server.address.removeprefix('http://')}" if side.server.address else ""
    return f"{server}, {workers} worker{'s' if workers != 1 else ''}{each}, {_masters(side)}{at}"


def _masters(side: Side) -> str:
    """ "pid 100"; "masters 100 and 205 (new)" while USR2 replaces one."""
    *old, new = side.server.masters or (side.server.pid,)
    return f"masters {', '.join(map(str, old))} and {new} (new)" if old else f"pid {new}"


def _commands(sides: Iterable[Side]) -> str:
    return "  and  ".join(shlex.join(side.server.command) for side in sides)


def answered_all(run: Run) -> bool:
    """It is over, and every request has got what it asked for: without that, times can't be compared."""
    lost = run.failed or run.bad_status or run.refused
    return bool(run.ended_ns and run.done) and not (run.cancelled or lost)


def ratios(one: Side, other: Side) -> tuple[float, float]:
    """By how much each was faster than the other, where both have answered all; 0 where it was not."""
    first, second = metrics.makespan_ns(one), metrics.makespan_ns(other)
    if not (answered_all(one.run) and answered_all(other.run) and first > 0 < second):
        return 0.0, 0.0
    left, right = (ratio if ratio >= FASTER_FROM else 0.0 for ratio in (second / first, first / second))
    return left, right


def at_once(settings: Settings) -> int:
    """How many requests there are at once, at most."""
    return settings.requests if settings.arrivals == "burst" else min(settings.concurrency, settings.requests)


def _load(settings: Settings) -> str:
    if settings.timed_s is not None:
        return f"{settings.concurrency} users for {settings.timed_s:g} s"
    if settings.arrivals == "closed":
        return f"{settings.concurrency} users, {settings.requests} requests"
    return f"{settings.requests} at once"
