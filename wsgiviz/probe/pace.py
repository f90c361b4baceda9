"""How much is recorded: everything, or, under `wsgiviz exec` with no viewer attached, what the black box needs.

That is: requests, deaths, and twice a second the lines of requests that last. The sampler's thread asks whether a
viewer is attached, never a request. Servers that wsgiviz starts itself are always recorded in full.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from wsgiviz.recorder.codec import BEAT_NS
from wsgiviz.recorder.served import Watched

QUIET_EVERY_S = 0.5
"""With no viewer attached, it is asked so often whether one is; a loop's heart beats so often too."""


class RecordingPace:
    """``full``: a viewer is attached, or it is always so (``watched`` is None)."""

    def __init__(self, watched: Watched | None) -> None:
        self._watched = watched
        self.full = watched is None
        self._viewers = 0

    @property
    def is_guest(self) -> bool:
        """Viewers come and go, and the black box outlives the process."""
        return self._watched is not None

    @property
    def beat_ns(self) -> int:
        """How long until a loop's next heartbeat."""
        return BEAT_NS if self.full else int(QUIET_EVERY_S * 1e9)

    def begins(self) -> bool:
        """Ask again; whether somebody has begun to look since the last time."""
        if self._watched is None:
            return False
        before = self.full, self._viewers
        self.full, self._viewers = self._watched(), self._watched.viewers
        return self.full and before != (True, self._viewers)


class AlwaysWatched(Watched):
    """``wsgiviz exec --always``: viewers still begin to look."""

    def __call__(self) -> bool:
        super().__call__()
        return True


def pace_of(environ: Mapping[str, str]) -> RecordingPace:
    """That of a process with this environment."""
    if environ.get("WSGIVIZ_GUEST") != "1":
        return RecordingPace(None)
    kind = AlwaysWatched if environ.get("WSGIVIZ_ALWAYS") == "1" else Watched
    return RecordingPace(kind(Path(environ["WSGIVIZ_RUN_DIR"]), every_ns=0))


PACE = pace_of(os.environ)
"""This process's."""
