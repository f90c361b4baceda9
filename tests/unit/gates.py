"""What a process of a pool does until a file is there: light to import, since each such process does so."""

from __future__ import annotations

import os
import time

WITHIN_S = 30.0


def wait_for(path: str) -> int:
    """Gives 5 when the file is there. Raises TimeoutError when it does not come."""
    deadline = time.monotonic() + WITHIN_S
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.005)
    return 5
