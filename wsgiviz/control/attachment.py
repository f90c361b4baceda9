"""An attachment: watches servers that somebody else has started under ``wsgiviz exec``, and reports them as events.

It has the controller's role for a feed, and no power: it starts nothing and deletes nothing. What it leaves in a
served directory is the time at which somebody last looked (`wsgiviz.recorder.served.watch`). Signals are sent when a
person has confirmed them (`addressee`, `send`).
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from wsgiviz.control.addressee import Addressee
from wsgiviz.control.attached_server import AttachedServer, side_of
from wsgiviz.control.running import Running, running
from wsgiviz.errors import WsgivizError
from wsgiviz.events import ActionTaken, ClientSeen, Event, PhaseChanged, RequestBegan, RequestPeer, SessionOpened
from wsgiviz.log import EventLog
from wsgiviz.observe.sampler import KernelSampler
from wsgiviz.probe.redaction import without_path
from wsgiviz.recorder import served
from wsgiviz.recorder.keeping import prune
from wsgiviz.state import Phase, State

WATCH_EVERY_NS = 1_000_000_000
CALM_AFTER_NS = 500_000_000
CALM_EVERY_NS = 200_000_000


def redacted(event: Event) -> Event:
    """The same, without the path of a request ("GET [redacted]") or the address of a client."""
    if isinstance(event, ClientSeen | RequestPeer):
        return replace(event, address="")
    if not isinstance(event, RequestBegan):
        return event
    return replace(event, target=without_path(event.target.partition(" ")[0]).decode())


class Attachment:
    """Servers of ``directories`` (`wsgiviz.recorder.served`), one side each, into ``log``. At most two.

    ``redact``: paths of requests do not get into the log.
    """

    def __init__(
        self,
        directories: Sequence[Path],
        log: EventLog,
        clock: Callable[[], int] = time.monotonic_ns,
        redact: bool = False,
    ) -> None:
        self._redact = redact
        self._log = log
        self._clock = clock
        self._servers: list[AttachedServer] = []
        for directory in directories:
            name = side_of(directory)
            taken = any(server.name == name for server in self._servers)
            self._servers.append(AttachedServer(directory, f"{name}2" if taken else name))
        self._sampler = KernelSampler()
        self._watched_ns = 0
        self._moved_ns = self._polled_ns = clock()

    @property
    def _state(self) -> State:
        return self._log.state

    def start(self) -> None:
        """Read all that the rings still hold; what was served before is history."""
        from wsgiviz.control.host import describe_host

        prune()
        now_ns = self._clock()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._log.append([SessionOpened(now_ns, "", 0, started, describe_host(None))])
        self._watch(now_ns)
        self._take(now_ns, everything=True)
        self._log.append([PhaseChanged(self._clock(), "", 0, Phase.ATTACHED.value)])

    def close(self) -> None:
        """Look no longer. May be called again."""
        if self._state.phase is Phase.CLOSED:
            return
        for server in self._servers:
            server.close()
        self._sampler.close()
        self._log.append([PhaseChanged(self._clock(), "", 0, Phase.CLOSED.value)])

    # --- signals ------------------------------------------------------------------------------------------------

    def addressee(self, side: str, pid: int) -> Addressee:
        """The process of that side's server to whom a signal may be sent; to be closed.

        Raises WsgivizError where there is none: it has ended, or is no process of that server's and this user's.
        """
        server = next((server for server in self._servers if server.name == side), None)
        since_ns = server.since_ns(pid) if server is not None else None
        if since_ns is None:
            raise WsgivizError(f"{pid} is no process of this server any more: nothing was sent")
        return Addressee(pid, since_ns)

    def send(self, side: str, to: Addressee, number: signal.Signals) -> None:
        """What a person has confirmed. Raises WsgivizError where it can't be sent, or would do something else.

        A master has to have a handler for what asks it to do something: without one the signal would end it.
        """
        is_master = self._is_master(side, to.pid)
        if is_master and not to.handles(number):
            raise WsgivizError(
                f"process {to.pid} does not handle {number.name}, which would end it: nothing was sent"
            )
        to.send(number)
        action = "signal_master" if is_master else "end_worker"
        self._append([ActionTaken(self._clock(), side, to.pid, action, number.name)])

    def _is_master(self, side: str, pid: int) -> bool:
        return side in self._state.sides and pid in self._state.sides[side].server.masters

    # --- what happens ---------------------------------------------------------------------------------------------

    @property
    def calm(self) -> bool:
        """Nothing happens, and has not for a while."""
        return self._polled_ns - self._moved_ns >= CALM_AFTER_NS

    def pump(self) -> int:
        """Take in what happened since the last call, and give the time (CLOCK_MONOTONIC, ns). It never waits."""
        now_ns = self._clock()
        if self._state.phase is Phase.CLOSED or (self.calm and now_ns - self._polled_ns < CALM_EVERY_NS):
            return now_ns
        self._polled_ns = now_ns
        self._watch(now_ns)
        if self._take(now_ns) or any(side.run.in_app for side in self._state.sides.values()):
            self._moved_ns = now_ns
        return now_ns

    def _watch(self, now_ns: int) -> None:
        begins = not self._watched_ns
        if now_ns - self._watched_ns >= WATCH_EVERY_NS or begins:
            self._watched_ns = now_ns
            for server in self._servers:
                self._append(server.gone(self._state, now_ns))
                restarted = self._restarted(server) if server.ended else None
                if restarted is not None:
                    server.go_on_with(restarted)
                with contextlib.suppress(OSError):
                    served.watch(server.directory, begins or restarted is not None)

    def _restarted(self, server: AttachedServer) -> Running | None:
        """The newest of those that came in the place of one that has ended, and that have no pane yet."""
        shown = {other.directory for other in self._servers}
        later = (other for other in running() if server.is_followed_by(other) and other.directory not in shown)
        return max(later, key=lambda other: other.about.started_ns, default=None)

    def _take(self, now_ns: int, everything: bool = False) -> bool:
        """Whether there was anything new in the rings."""
        moved = False
        for server in self._servers:
            events = server.poll(everything)
            if self._redact:
                events = [redacted(event) for event in events]
            found = server.recognise(events, now_ns)
            moved = moved or bool(events)
            self._append([*found, *events, *server.source(self._state, events, now_ns)])
        samples = self._sampler.due(self._state, {}, [], now_ns)
        for server in self._servers:
            samples = [*samples, *server.queues(now_ns)]
        self._append(samples)
        return moved

    def _append(self, events: Sequence[Event]) -> None:
        if events:
            self._log.append(list(events))
