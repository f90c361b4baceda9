"""What a person can ask for, as messages from a screen to the app; and who carries it out."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from textual.message import Message

from wsgiviz.settings import Settings
from wsgiviz.tui.feed import Playback


class Fire(Message):
    """A new run; after a failure, new servers too."""


class FireOne(Message):
    """One request more to each side, in the newest run."""


class Cancel(Message):
    """Give up the run that is on."""


class Reload(Message):
    """Load the apps anew."""


class ScaleWorkers(Message):
    """One worker more (1) or less (-1)."""

    def __init__(self, by: int) -> None:
        super().__init__()
        self.by = by


class EndWorker(Message):
    """Send a signal to the worker ``pid`` of a side."""

    def __init__(self, side: str, pid: int, number: signal.Signals) -> None:
        super().__init__()
        self.side, self.pid, self.number = side, pid, number


class AskToSignal(Message):
    """Send a signal to the process ``pid`` of somebody else's server, once a person has confirmed that; ``effect`` is
    what it does, as a clause."""

    def __init__(self, side: str, pid: int, number: signal.Signals, effect: str) -> None:
        super().__init__()
        self.side, self.pid, self.number, self.effect = side, pid, number, effect


class SayWhy(Message):
    """Why what a person asked for is not done, in words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words


class ChangeSettings(Message):
    """Run with these settings from now on."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings


class SaveRun(Message):
    """Write what has been seen to a file, as a recording."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


class AskServers(Message):
    """Something of the servers, where there are none: in a recording."""


class AskPlayback(Message):
    """Something of what is played; ``ask`` carries it out, and says in words when that can't be."""

    def __init__(self, ask: Callable[[Playback], str | None]) -> None:
        super().__init__()
        self.ask = ask


class EnterPlayback(Message):
    """Play back what has been seen so far, from a step of so many events on; or ``slow``: in slow motion."""

    def __init__(self, by: int = 0, slow: bool = False) -> None:
        super().__init__()
        self.by, self.slow = by, slow


class Controls(Protocol):
    """What the app asks of the controller (`wsgiviz.control.controller`). Nothing of it waits, but for `close`."""

    @property
    def scaled(self) -> str | None:
        """The side whose workers can be added and removed."""

    def start(self) -> None:
        """What can't be started is a failure in the State."""

    def fire(self) -> None: ...

    def fire_one(self) -> None: ...

    def cancel(self) -> None: ...

    def add_worker(self) -> None: ...

    def remove_worker(self) -> None: ...

    def end_worker(self, side: str, pid: int, number: signal.Signals, /) -> bool:
        """False when there is no such worker (any more)."""

    def reload(self) -> None: ...

    def change(self, settings: Settings) -> None: ...

    def prepare(self, settings: Settings) -> None:
        """Servers for these settings, and no run yet; they are started if they are not."""
