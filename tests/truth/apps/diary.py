"""What an app does, by its own account: lines "time number word" in the file that TRUTH_DIARY names."""

import os
import time

FILE = os.open(os.environ["TRUTH_DIARY"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def note(number, word, t_ns=0):
    """Request ``number`` is that from now on, or from ``t_ns`` on (CLOCK_MONOTONIC)."""
    os.write(FILE, f"{t_ns or time.monotonic_ns()} {number} {word}\n".encode())


def note_all(lines):
    """Several of (time, number, word) at once."""
    os.write(FILE, "".join(f"{t_ns} {number} {word}\n" for t_ns, number, word in lines).encode())


def number_of(environ):
    """The request's, as the load driver gives it; 0 for one of somebody else."""
    return int(environ.get("HTTP_X_WSGIVIZ_REQUEST", 0))


def number_in(scope):
    """The same of an ASGI request."""
    return int(dict(scope["headers"]).get(b"x-wsgiviz-request", b"0"))
