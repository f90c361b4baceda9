"""An app whose import waits, computes, and waits again, before it can serve."""

import time


def computes():
    until = time.thread_time() + 0.2
    while time.thread_time() < until:
        sum(range(1000))


time.sleep(0.8)
computes()
time.sleep(0.9)


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
