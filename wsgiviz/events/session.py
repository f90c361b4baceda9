"""What the controller says: settings, phases, servers, runs, and what a person asked for."""

from __future__ import annotations

from typing import Any

from msgspec import field

from wsgiviz.events.event import Event


class SessionOpened(Event, frozen=True, tag=80):
    """The program begins. ``host``: cores, platform, versions (`wsgiviz.report.result`); ``started``: ISO 8601."""

    started: str
    host: dict[str, Any]


class SettingsChanged(Event, frozen=True, tag=81):
    """These settings apply from now on: names and values as `wsgiviz.settings.make` takes them."""

    given: dict[str, Any]


class PhaseChanged(Event, frozen=True, tag=82):
    """The controller is in ``phase`` now (a value of `wsgiviz.state.Phase`)."""

    phase: str


class ServerStarted(Event, frozen=True, tag=83):
    """A server of ``kind`` was launched for the side; ``pid`` is its master. ``log``: the name of its log file."""

    kind: str
    address: str
    command: tuple[str, ...] = ()


class ServerAttached(Event, frozen=True, tag=104):
    """A server that somebody else has started is watched as this side: of ``kind``, ``pid`` is its master, or what
    ran the ``command`` in ``folder``; ``address`` is where it listens, "" where that is not known (yet). ``masters``:
    those that run, the newest last: none where a server has no master, two while USR2 replaces one."""

    kind: str
    address: str
    command: tuple[str, ...] = ()
    folder: str = ""
    masters: tuple[int, ...] = ()


class ServerRetired(Event, frozen=True, tag=84):
    """The side's server is gone, because other settings need another one, or the program ends."""


class RunRequested(Event, frozen=True, tag=85):
    """``run`` is fired at the sides ``at``: ``planned`` requests to each. ``calibration``: it measures what one
    request costs, and is none that a person asked for. ``paths``: what is requested, with weights.
    ``websocket``: each request is a WebSocket's handshake."""

    run: int
    planned: int
    at: tuple[str, ...]
    calibration: bool = False
    paths: tuple[tuple[int, str], ...] = ()
    websocket: bool = False


class Calibrated(Event, frozen=True, tag=86):
    """What one request was measured to cost: seconds that it waits, and seconds that it computes; negative when it
    could not be measured."""

    wait_s: float
    cpu_s: float


class Failed(Event, frozen=True, tag=87):
    """The session can't go on as it is: what happened, the fix, details, and the exit status that it means."""

    message: str
    hint: str
    detail: str
    status: int


class ActionTaken(Event, frozen=True, tag=88):
    """Something that a person asked for was done: ``action`` is one of fire, more, cancel, add_worker, remove_worker,
    reload, end_worker, signal_master; ``detail`` says how (a signal's name); ``pid`` is whom it concerns."""

    action: str
    detail: str = ""


class SourceRead(Event, frozen=True, tag=89):
    """The text of a file of an app, as it was when its server was started."""

    path: str
    text: str


class LogWritten(Event, frozen=True, tag=90):
    """Lines that the side's server or app wrote to its log."""

    lines: tuple[str, ...] = field(default_factory=tuple)
