"""One request in slow motion: its steps between server and app, in words. Pure.

Values may come from an app: escape them before they are shown.
"""

from __future__ import annotations

from typing import Any

from wsgiviz.events import request_number
from wsgiviz.recorder.contract_steps import Passed
from wsgiviz.settings import Settings
from wsgiviz.state import ContractEntry, Side


def is_followed(settings: Settings) -> bool:
    """The scenario's servers report the steps of their requests."""
    scenario = settings.scenario_used
    return scenario is not None and scenario.follow_steps


def steps(side: Side, req: int = 0) -> list[ContractEntry]:
    """The steps of one request that are known: of ``req`` where it has any, else of the one that was called last."""
    found = [entry for entry in side.run.contract if entry.req == req]
    if found or not side.run.contract:
        return found
    called = [entry.req for entry in side.run.contract if entry.passed is Passed.CALLED]
    newest = called[-1] if called else side.run.contract[-1].req
    return [entry for entry in side.run.contract if entry.req == newest]


def rows(side: Side) -> list[dict[str, Any]]:
    """All that are known, for the result."""
    return [
        {
            "at_s": (entry.t_ns - side.run.started_ns) / 1e9 if side.run.started_ns else None,
            "request": request_number(entry.req),
            "step": entry.passed.word,
            "value": entry.value,
            "by": "server" if entry.passed.by_server else "app",
        }
        for entry in side.run.contract
    ]


def lines(side: Side) -> list[str]:
    """The steps of one request, a line each: "WSGI  1.01 s  app -> server  returns <Body>"."""
    return [
        f"{side.protocol.upper()} {(entry.t_ns - side.run.started_ns) / 1e9:5.2f} s  "
        f"{'server -> app' if entry.passed.by_server else 'app -> server'}  "
        f"{call_of(entry, side.protocol)}  {argument_of(entry, side.protocol)}".rstrip()
        for entry in steps(side)
    ]


def call_of(entry: ContractEntry, protocol: str) -> str:
    """The step as a line of code, with the value that is passed: "start_response('200 OK', [...])"."""
    if entry.passed is Passed.CALLED:
        return "app(environ, start_response)" if protocol == "wsgi" else "app(scope, receive, send)"
    return _CALLS[entry.passed].format(value=entry.value)


def brief_of(entry: ContractEntry, protocol: str) -> str:
    """The same for where there is little room: of a message the words are left out that all of them have."""
    call = call_of(entry, protocol)
    if protocol != "asgi":
        return call
    return call.removeprefix("await ").replace("http.", "", 1).replace(" body=", " ", 1).replace(" status=", " ", 1)


def argument_of(entry: ContractEntry, protocol: str) -> str:
    """What is in the argument that the call names only: "environ: REQUEST_METHOD=GET ..."; "" for other steps."""
    if entry.passed is not Passed.CALLED:
        return ""
    return f"{'environ' if protocol == 'wsgi' else 'scope'}: {entry.value}"


_CALLS = {
    Passed.RESPONSE: "start_response({value})",
    Passed.WRITTEN: "write({value})",
    Passed.RETURNED: "returns {value}",
    Passed.ASKED: "next()",
    Passed.YIELDED: "yields {value}",
    Passed.EXHAUSTED: "StopIteration",
    Passed.CLOSING: "close()",
    Passed.CLOSED: "close() returns",
    Passed.RAISED: "raises {value}",
    Passed.RECEIVING: "await receive()",
    Passed.RECEIVED: "{value}",
    Passed.SENDING: "await send({value})",
}


def is_over(found: list[ContractEntry], side: Side) -> bool:
    """Nothing comes after the newest of these steps: the app is through with the request."""
    request = side.ledger.get(found[-1].req) if found else None
    return request is not None and bool(request.ended_ns)
