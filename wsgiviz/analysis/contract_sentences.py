"""One request in slow motion: what its newest step means, and in the end whom it held. Pure.

Words may come from an app: escape them before they are shown.
"""

from __future__ import annotations

from wsgiviz.analysis.contract import is_followed, is_over, steps
from wsgiviz.analysis.lints import LintContext, wording
from wsgiviz.recorder.contract_steps import Passed
from wsgiviz.state import ContractEntry, Request, Side

NOTABLE_NS = 10_000_000
"""close() that goes on for longer after the client has its answer deserves a word."""

ON_ITS_WAY = "The request is on its way to the app."


def said(context: LintContext) -> str:
    """A sentence for each side; "" where steps are not followed, or no request of this run was seen."""
    sides = context.sides
    if not is_followed(context.state.settings) or not any(side.run.contract for side in sides):
        return ""
    over = all(is_over(steps(side), side) or side.run.ended_ns and not side.run.contract for side in sides)
    if over and any(side.run.failed or side.run.bad_status for side in sides):
        return ""  # how that ended is more important
    words = [held(side) if over else sentence(side) for side in sides]
    if len(sides) == 1:
        return words[0]
    return " ".join(f"{context.label(side)}: {of_side}" for side, of_side in zip(sides, words, strict=True))


def held(side: Side) -> str:
    """In the end: for how long the request held its worker, or its loop."""
    found = steps(side)
    request = side.ledger.get(found[-1].req) if found else None
    if request is None:
        return "No step was seen."
    if side.is_loop:
        return f"It was in the app for {_in_app(request)} and held the loop for {_short(request.run_ns)} of that."
    after_ns, last = _closed_after_ns(found, request), "from the call to the end of close()"
    if after_ns >= NOTABLE_NS:
        last = f"{wording.length(after_ns)} of that after the answer, in close()"
    return f"Its {wording.slot(side)} was held for {_in_app(request)}, {last}."


def _closed_after_ns(found: list[ContractEntry], request: Request) -> int:
    """For how long close() went on when the client had its answer; 0 where either was not seen."""
    at_ns = {entry.passed: entry.t_ns for entry in found}
    closing_ns, closed_ns = at_ns.get(Passed.CLOSING, 0), at_ns.get(Passed.CLOSED, 0)
    if not (closing_ns and closed_ns and request.received_ns):
        return 0
    return max(0, closed_ns - max(closing_ns, request.received_ns))


def _in_app(request: Request) -> str:
    return wording.length(request.ended_ns - request.began_ns)


def _short(ns: int) -> str:
    return wording.length(ns) if ns >= 1_000_000 else "less than 1 ms"


def sentence(side: Side) -> str:
    """What the newest step means, in a sentence."""
    found = steps(side)
    if not found:
        return ON_ITS_WAY
    newest = found[-1]
    if side.protocol == "asgi":
        return _asgi_sentence(newest)
    return _WSGI.get(newest.passed, "").format(value=newest.value, nth=_nth(found))


def _nth(found: list[ContractEntry]) -> str:
    """ "its first chunk", "its next chunk": what the newest next() asks for."""
    return "next" if any(entry.passed is Passed.YIELDED for entry in found) else "first"


_WSGI = {
    Passed.CALLED: "The server has called the app and waits for the iterable.",
    Passed.RESPONSE: "Status and headers are set; the server waits for the iterable.",
    Passed.WRITTEN: "The app wrote a chunk itself; the server waits for the iterable.",
    Passed.RETURNED: "The server has the iterable, and will ask it for each chunk.",
    Passed.ASKED: "The server has asked for the {nth} chunk and waits for it.",
    Passed.YIELDED: "The app has given a chunk, and the server sends it.",
    Passed.EXHAUSTED: "There is no chunk left: the response is complete.",
    Passed.CLOSING: "The server has called close(); its worker waits for that too.",
    Passed.CLOSED: "The iterable is closed: the worker is free again.",
    Passed.RAISED: "{value} has left the app: the server has to answer.",
}


def _asgi_sentence(newest: ContractEntry) -> str:
    if newest.passed is Passed.SENDING and newest.value.startswith("http.response.start"):
        return "Status and headers are sent; at each await the loop is free."
    return _ASGI.get(newest.passed, "").format(value=newest.value)


_ASGI = {
    Passed.CALLED: "The server has called the app; at each await the loop is free.",
    Passed.RECEIVING: "The app waits for a message; the loop is free meanwhile.",
    Passed.RECEIVED: "The app has the request's message, and the loop is free.",
    Passed.SENDING: "The app has sent a message; at each await the loop is free.",
    Passed.RETURNED: "The coroutine has returned: the request is over.",
    Passed.RAISED: "{value} has left the app: the server has to answer.",
}
