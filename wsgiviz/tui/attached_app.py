"""The terminal program on servers that somebody else runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from textual import on

from wsgiviz.control.addressee import Addressee
from wsgiviz.errors import WsgivizError
from wsgiviz.printable import printable
from wsgiviz.state import State
from wsgiviz.tui import intents
from wsgiviz.tui.app import WsgivizApp, show
from wsgiviz.tui.attached_feed import AttachedFeed
from wsgiviz.tui.expectation import Outcome, reloaded, worker_ended, workers_changed
from wsgiviz.tui.feed import Feed
from wsgiviz.tui.screens.confirm import ConfirmScreen

TTIN, TTOU, HUP = "SIGTTIN", "SIGTTOU", "SIGHUP"


class SendsSignals(Protocol):
    """What is asked of an attachment (`wsgiviz.control.attachment`). Both raise WsgivizError, which says why not."""

    def addressee(self, side: str, pid: int) -> Addressee: ...

    def send(self, side: str, to: Addressee, number: signal.Signals) -> None: ...


class AttachedApp(WsgivizApp):
    """The app on an attachment. What a person asks it to send is looked at first, confirmed, and looked at again."""

    QUITS = "Detach: the servers go on as they are"

    def __init__(self, feed: Feed, attachment: SendsSignals, ascii: bool = False) -> None:
        super().__init__(feed, ascii=ascii)
        self._attachment = attachment

    @on(intents.SayWhy)
    def _say_why(self, message: intents.SayWhy) -> None:
        self._say(message.words, timeout=5)

    @on(intents.AskToSignal)
    def _ask_to_signal(self, message: intents.AskToSignal) -> None:
        try:
            to = self._attachment.addressee(message.side, message.pid)
        except WsgivizError as error:
            self._say(error.message, warn=True, timeout=6)
            return
        what = f"{brief(message.number.name)} to {role(self._feed.state, message.side, message.pid)} {message.pid}"
        screen = ConfirmScreen(what, message.effect, to.command, self.ascii_only)
        self.push_screen(screen, partial(self._answered, message, to))

    def _answered(self, message: intents.AskToSignal, to: Addressee, yes: bool | None) -> None:
        with to:
            if yes:
                self._send(message, to)

    def _send(self, message: intents.AskToSignal, to: Addressee) -> None:
        before = self._feed.state
        try:
            self._attachment.send(message.side, to, message.number)
        except WsgivizError as error:
            self._say(error.message, warn=True, timeout=6)
            return
        outcome = expected(before, message.side, message.pid, message.number.name)
        if outcome is not None:
            otherwise = f"{brief(message.number.name)} was sent to {message.pid}, and nothing has changed."
            self._expected.add(outcome, otherwise, self._now_ns)


def brief(name: str) -> str:
    return name.removeprefix("SIG")


def role(state: State, side: str, pid: int) -> str:
    return "master" if side in state.sides and pid in state.sides[side].server.masters else "worker"


def expected(before: State, side: str, pid: int, name: str) -> Outcome | None:
    """What shows that the signal has done what it does; None where the State knows nothing of the server."""
    if side not in before.sides:
        return None
    server = before.sides[side].server
    if pid not in server.masters:
        return worker_ended(side, pid, said=True)
    if name == HUP:
        return reloaded(before, side)
    by = {TTIN: 1, TTOU: -1}.get(name, 0)
    return workers_changed(before, side, (server.wanted or len(server.processes())) + by)


def run_attached(
    directories: Sequence[Path], ascii: bool = False, record: str | None = None, redact: bool = False
) -> int:
    """Show the servers that record in ``directories`` until the person quits; they do not notice. Gives the status.

    ``record``: a file to which everything is written meanwhile. Raises WsgivizError when that can't be.
    """
    feed = AttachedFeed(directories, record, redact)
    status = show(AttachedApp(feed, feed.attachment, ascii), feed)
    if record is not None:
        print(f"wsgiviz: {printable(feed.problem or f'recorded to {record}')}", file=sys.stderr)
    return status
