"""Which entries of the ledger a person wants to see: a few words, all of which must be true. Pure.

    wsgi asgi asgi2       of that side
    failed ok open        how it went; open: client or app are not through with it
    200 4xx               the status
    #17                   the request with that number
    /slow                 the path holds that
    anything else         stands in status, state, method, path or side

``-`` before a word says that it must not be true. Upper and lower case are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from wsgiviz.analysis.entries import Entry
from wsgiviz.events import SIDES

Test = Callable[[Entry], bool]

STATUS = re.compile(r"[1-5](\d\d|xx)")
NUMBER = re.compile(r"#(\d+)")

HOW_IT_WENT: dict[str, Test] = {
    "failed": lambda entry: entry.failed,
    "ok": lambda entry: not entry.failed and not entry.state,
    "open": lambda entry: bool(entry.state),
}


def entry_filter(text: str) -> Test:
    """The test that ``text`` asks for; of no words, one that all entries pass."""
    tests = [_negated(word) for word in text.lower().split()]
    return lambda entry: all(test(entry) for test in tests)


def _negated(word: str) -> Test:
    if word.startswith("-") and len(word) > 1:
        test = _test(word[1:])
        return lambda entry: not test(entry)
    return _test(word)


def _test(word: str) -> Test:
    if word in SIDES:
        return lambda entry: entry.side == word
    if word in HOW_IT_WENT:
        return HOW_IT_WENT[word]
    if STATUS.fullmatch(word):
        start = word.rstrip("x")
        return lambda entry: entry.status.startswith(start)
    if found := NUMBER.fullmatch(word):
        number = int(found[1])
        return lambda entry: entry.id == number
    if word.startswith("/"):
        return lambda entry: word in entry.target.partition(" ")[2].lower()
    return lambda entry: word in f"{entry.status}\n{entry.state}\n{entry.target}\n{entry.side}".lower()
