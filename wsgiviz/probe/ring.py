"""This process's ring. A server that can't have one runs as it would without us, and says so once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wsgiviz.recorder.emitter import Emitter, create_emitter, silent_emitter

RUN_DIR = Path(os.environ["WSGIVIZ_RUN_DIR"])
SIDE = os.environ["WSGIVIZ_SIDE"]


def make_emitter(role: str) -> Emitter:
    """The emitter of this process, a "master" or a "worker"; a silent one when its ring can't be made."""
    try:
        return create_emitter(RUN_DIR, SIDE, role)
    except OSError as error:
        print(f"wsgiviz: this {role} (pid {os.getpid()}) is not recorded: {error}", file=sys.stderr, flush=True)
        return silent_emitter()
