"""Greenlets that sleep, which lets others go on, and that hold the hub. Each notes its state."""

import time

from gevent.monkey import get_original

from tests.truth.apps.diary import note, number_of

ROUNDS = 6
hold = get_original("time", "sleep")


def app(environ, start_response):
    number = number_of(environ)
    note(number, "running")
    for turn in range(ROUNDS):
        naps(number, 0.05 + (number + turn) % 7 / 30)
        holds(number, 0.012 + (number + turn) % 3 / 50)
    note(number, "over")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"done"]


def naps(number, seconds):
    now_ns = time.monotonic_ns()
    note(number, "awaiting", now_ns)
    note(number, "due", now_ns + int(seconds * 1e9))
    time.sleep(seconds)  # gevent's own, in place of the standard library's
    note(number, "running")


def holds(number, seconds):
    hold(seconds)
