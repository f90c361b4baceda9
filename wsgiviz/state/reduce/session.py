"""What the controller says: settings, phases, servers, runs, and what a person asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from wsgiviz.errors import UsageError
from wsgiviz.events import (
    ActionTaken,
    Calibrated,
    Event,
    Failed,
    LogWritten,
    PhaseChanged,
    RunRequested,
    ServerAttached,
    ServerRetired,
    ServerStarted,
    SessionOpened,
    SettingsChanged,
    SourceRead,
)
from wsgiviz.settings import make
from wsgiviz.state.activity import Phase
from wsgiviz.state.reduce.draft import SideDraft
from wsgiviz.state.reduce.load import begin_run, go_on
from wsgiviz.state.reduce.runs import summarized
from wsgiviz.state.reduce.workers import end_all, note_asked
from wsgiviz.state.server import Server
from wsgiviz.state.state import ACTIONS_KEPT, LOG_LINES_KEPT, Action, Failure, Measured, Side, State

SOURCES_KEPT = 64


class StateDraft:
    """A State while a batch is reduced into it: ``now`` without its sides, and drafts of those that change."""

    __slots__ = ("_sides", "drafts", "now")

    def __init__(self, before: State) -> None:
        self.now = before
        self._sides: dict[str, Side] = dict(before.sides)
        self.drafts: dict[str, SideDraft] = {}

    def side(self, name: str) -> SideDraft | None:
        """The draft of a side; None when there is no such side."""
        draft = self.drafts.get(name)
        if draft is None and name in self._sides:
            draft = self.drafts[name] = SideDraft(self._sides[name])
        return draft

    def all_sides(self) -> dict[str, SideDraft]:
        """Drafts of all sides."""
        found = {name: self.side(name) for name in self._sides}
        return {name: side for name, side in found.items() if side is not None}

    def arrange(self, kinds: dict[str, str]) -> None:
        """These sides and no others; one whose kind of server stays is kept."""
        sides = self._published()
        kept = {name: side for name, side in sides.items() if kinds.get(name) == side.kind}
        self._sides = {name: kept.get(name) or Side(name, kind) for name, kind in kinds.items()}
        self.drafts.clear()

    def attach(self, name: str, kind: str) -> SideDraft:
        """One side more, or the one there is where its kind stays."""
        side = self.side(name)
        if side is None or self._sides[name].kind != kind:
            self._sides[name] = Side(name, kind)
            side = self.drafts[name] = SideDraft(self._sides[name])
        return side

    def _published(self) -> dict[str, Side]:
        return {**self._sides, **{name: draft.publish() for name, draft in self.drafts.items()}}

    def publish(self, newest_ns: int) -> State:
        """The State after the batch; ``newest_ns`` is when its newest event was."""
        return replace(self.now, t_ns=max(self.now.t_ns, newest_ns), sides=self._published())


def _opened(draft: StateDraft, event: SessionOpened) -> None:
    draft.now = replace(draft.now, started=event.started, host=event.host)


def _settings_changed(draft: StateDraft, event: SettingsChanged) -> None:
    with contextlib.suppress(UsageError, TypeError, ValueError, AttributeError):  # a recording may hold anything
        settings = make(**event.given)
        kinds = settings.kinds
        draft.now = replace(draft.now, settings=settings)
        draft.arrange(kinds)


def _phase_changed(draft: StateDraft, event: PhaseChanged) -> None:
    with contextlib.suppress(ValueError):
        phase = Phase(event.phase)
        failure = draft.now.failure if phase in (Phase.FAILED, Phase.CLOSED) else None
        draft.now = replace(draft.now, phase=phase, failure=failure)
        if phase is Phase.FINISHED:
            draft.now = replace(draft.now, runs=summarized(draft.now, draft.all_sides()))


def _server_started(draft: StateDraft, event: ServerStarted) -> None:
    side = draft.side(event.side)
    if side is not None:
        side.restart(Server(pid=event.pid, address=event.address, command=event.command))
    draft.now = replace(draft.now, measured=None)


def _server_attached(draft: StateDraft, event: ServerAttached) -> None:
    side = draft.attach(event.side, event.kind)
    server = replace(side.server, pid=event.pid, address=event.address, command=event.command, masters=event.masters)
    side.server = server if event.pid == side.server.pid else replace(server, gone_ns=0)
    draft.now = replace(draft.now, attached=True, attached_ns=draft.now.attached_ns or event.t_ns)


def _server_retired(draft: StateDraft, event: ServerRetired) -> None:
    side = draft.side(event.side)
    if side is not None and side.server.pid in (0, event.pid):
        end_all(side, event.t_ns)


def _run_requested(draft: StateDraft, event: RunRequested) -> None:
    now = draft.now
    if event.run > now.run and now.phase is Phase.RUNNING:  # the run that was on has not finished, and will not
        draft.now = replace(now, runs=summarized(now, draft.all_sides(), replaced=True))
    for name in event.at:
        side = draft.side(name)
        if side is not None and event.run > side.run.number:
            begin_run(side, event.run, event.planned, event.t_ns, event.calibration, event.paths, event.websocket)
        elif side is not None and event.run == side.run.number:
            go_on(side, event.planned)
    fired = draft.now.fired if event.calibration else event.run
    draft.now = replace(draft.now, run=event.run, fired=fired)


def _calibrated(draft: StateDraft, event: Calibrated) -> None:
    draft.now = replace(draft.now, measured=Measured(event.wait_s, event.cpu_s))


def _failed(draft: StateDraft, event: Failed) -> None:
    failure = Failure(event.message, event.hint, event.detail, event.status)
    draft.now = replace(draft.now, failure=failure)


def _action_taken(draft: StateDraft, event: ActionTaken) -> None:
    action = Action(event.t_ns, event.action, event.side, event.pid, event.detail)
    side = draft.side(event.side) if event.action == "end_worker" else None
    if side is not None:
        signals = {**side.server.signals, event.pid: event.detail}
        while len(signals) > ACTIONS_KEPT:
            del signals[next(iter(signals))]
        side.server = replace(side.server, signals=signals)
        note_asked(side, event.pid, event.detail)
    draft.now = replace(draft.now, actions=(*draft.now.actions, action)[-ACTIONS_KEPT:])


def _source_read(draft: StateDraft, event: SourceRead) -> None:
    sources = {**draft.now.sources, event.path: event.text}
    while len(sources) > SOURCES_KEPT:
        del sources[next(iter(sources))]
    draft.now = replace(draft.now, sources=sources)


def _log_written(draft: StateDraft, event: LogWritten) -> None:
    lines = (*draft.now.logs.get(event.side, ()), *event.lines)[-LOG_LINES_KEPT:]
    draft.now = replace(draft.now, logs={**draft.now.logs, event.side: lines})


HANDLERS: dict[type[Event], Callable[[StateDraft, Any], None]] = {
    SessionOpened: _opened,
    SettingsChanged: _settings_changed,
    PhaseChanged: _phase_changed,
    ServerStarted: _server_started,
    ServerAttached: _server_attached,
    ServerRetired: _server_retired,
    RunRequested: _run_requested,
    Calibrated: _calibrated,
    Failed: _failed,
    ActionTaken: _action_taken,
    SourceRead: _source_read,
    LogWritten: _log_written,
}
"""Which function reduces which type of event into the whole State; those of one side are elsewhere."""
