"""Apps that compute: for as much CPU time on any machine, in Python or in C without the interpreter lock."""

import hashlib
import threading
import time

CPU_S = 0.15
DATA = b"x" * 20_000_000


def compute(until, step):
    """Until this thread has used that much CPU time."""
    while time.thread_time() < until:
        step()


def in_python():
    return sum(n * n for n in range(1000))


def in_c():
    return hashlib.sha256(DATA).digest()


def answer(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]


def computes(environ, start_response):
    compute(time.thread_time() + CPU_S, in_python)
    return answer(start_response)


def hashes(environ, start_response):
    compute(time.thread_time() + CPU_S, in_c)
    return answer(start_response)


def sleeps(environ, start_response):
    time.sleep(0.2)
    return answer(start_response)


class Beside:
    """Computes beside a thread of its own that does as well, from the first request on."""

    def __init__(self):
        self.thread = None

    def __call__(self, environ, start_response):
        if self.thread is None:
            self.thread = threading.Thread(target=compute, args=(float("inf"), in_python), daemon=True)
            self.thread.start()
        return computes(environ, start_response)


beside = Beside()
