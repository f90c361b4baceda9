"""The steps of a request as PEP 3333 and the ASGI specification have them: who calls whom, and what comes back.

Sources: https://peps.python.org/pep-3333/ and https://asgi.readthedocs.io/en/latest/specs/www.html. Standard library
only: this runs inside other people's servers.
"""

from __future__ import annotations

from enum import IntEnum

FOLLOW_STEPS = "WSGIVIZ_CONTRACT"
"""The environment variable which makes a server report the steps of its requests."""


class Passed(IntEnum):
    """What goes from one to the other at a step. The numbers stand in records, and are never used again."""

    CALLED = 1  # the server calls the app: with environ, or with scope
    RESPONSE = 2  # the app calls start_response()
    WRITTEN = 3  # the app calls the write() that start_response() has returned
    RETURNED = 4  # the app returns: its iterable, or None
    ASKED = 5  # the server calls next() on the iterator
    YIELDED = 6  # the iterator gives a chunk
    EXHAUSTED = 7  # it has none left: StopIteration
    CLOSING = 8  # the server calls close()
    CLOSED = 9  # that returns
    RAISED = 10  # an exception leaves the app
    RECEIVING = 11  # the app awaits receive()
    RECEIVED = 12  # that gives a message
    SENDING = 13  # the app awaits send()

    @property
    def word(self) -> str:
        """Its name in reports."""
        return WORDS[self]

    @property
    def by_server(self) -> bool:
        """The server calls, or hands something to the app; else it is the app that does."""
        return self in BY_SERVER

    @property
    def leaves_turn_to_app(self) -> bool:
        """After it code of the app runs, or awaits something of its own. start_response(), write() and send() return
        to the app."""
        return self in BY_SERVER or self in RETURNS_TO_APP


WORDS = {
    Passed.CALLED: "call",
    Passed.RESPONSE: "start_response",
    Passed.WRITTEN: "write",
    Passed.RETURNED: "return",
    Passed.ASKED: "next",
    Passed.YIELDED: "yield",
    Passed.EXHAUSTED: "stop",
    Passed.CLOSING: "close",
    Passed.CLOSED: "closed",
    Passed.RAISED: "raise",
    Passed.RECEIVING: "receive",
    Passed.RECEIVED: "received",
    Passed.SENDING: "send",
}

BY_SERVER = frozenset({Passed.CALLED, Passed.ASKED, Passed.CLOSING, Passed.RECEIVED})
RETURNS_TO_APP = frozenset({Passed.RESPONSE, Passed.WRITTEN, Passed.SENDING})
