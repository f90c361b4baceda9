"""One request in slow motion, as its workers report it: a step a second."""

from __future__ import annotations

from tests.unit.lint_contexts import DRIVER, PID, at, booted, ended, fired, opened
from tests.unit.states import MS, RUN, T0
from wsgiviz.events import (
    ContractStep,
    Event,
    LineSeen,
    RequestBegan,
    RequestEnded,
    RequestSent,
    ResponseReceived,
    StepBegan,
    StepEnded,
)
from wsgiviz.recorder.contract_steps import Passed

LOOP = 300
ENVIRON = "REQUEST_METHOD=GET PATH_INFO=/ SERVER_PROTOCOL=HTTP/1.1 + 25 more"
SCOPE = "type=http method=GET path=/ http_version=1.1 + 9 more"
STATUS = "'200 OK', [('Content-Type', 'text/plain; charset=utf-8')]"
START = "http.response.start status=200 content-type=text/plain; charset=utf-8"

WSGI: tuple[tuple[float, Passed, str], ...] = (
    (0.01, Passed.CALLED, ENVIRON),
    (1.01, Passed.RESPONSE, STATUS),
    (2.01, Passed.RETURNED, "<Body>"),
    (2.02, Passed.ASKED, ""),
    (3.01, Passed.YIELDED, r"b'one\n'"),
    (3.02, Passed.ASKED, ""),
    (4.01, Passed.YIELDED, r"b'two\n'"),
    (4.02, Passed.ASKED, ""),
    (5.01, Passed.YIELDED, r"b'three\n'"),
    (5.02, Passed.ASKED, ""),
    (5.03, Passed.EXHAUSTED, ""),
    (5.04, Passed.CLOSING, ""),
    (6.01, Passed.CLOSED, ""),
)

ASGI: tuple[tuple[float, Passed, str], ...] = (
    (0.01, Passed.CALLED, SCOPE),
    (1.01, Passed.RECEIVING, ""),
    (1.02, Passed.RECEIVED, "http.request body=b'' more_body=False"),
    (2.01, Passed.SENDING, START),
    (3.01, Passed.SENDING, r"http.response.body body=b'one\n' more_body=True"),
    (4.01, Passed.SENDING, r"http.response.body body=b'two\n' more_body=True"),
    (5.01, Passed.SENDING, r"http.response.body body=b'three\n' more_body=True"),
    (5.02, Passed.SENDING, "http.response.body body=b'' more_body=False"),
    (5.03, Passed.RETURNED, "None"),
)

STEPS = {"wsgi": WSGI, "asgi": ASGI}
PIDS = {"wsgi": PID, "asgi": LOOP}


def session(requests: int = 1) -> list[Event]:
    """Both servers are up, and a run of the scenario has begun."""
    begun = opened("sync", "asgi", scenario="contract", requests=requests)
    return [*begun, *booted(), *booted("asgi", LOOP, kind="asgi"), *fired("wsgi", "asgi", requests=requests)]


def steps(side: str, until_s: float = 99.0, n: int = 1) -> list[Event]:
    """The request's steps up to that time."""
    found = [step for step in STEPS[side] if step[0] <= until_s]
    return [ContractStep(at(at_s), side, PIDS[side], RUN + n, passed, value) for at_s, passed, value in found]


def request(side: str, until_s: float = 99.0, n: int = 1) -> list[Event]:
    """All that is known of the request up to that time: its steps, its line, and its end."""
    pid = PIDS[side]
    call = "time.sleep" if side == "wsgi" else "asyncio.sleep"
    found: list[Event] = [
        RequestSent(at(0.001), side, DRIVER, RUN + n, T0),
        RequestBegan(at(0.005), side, pid, 0, RUN + n, at(0.004), 0, "GET /"),
        *([StepBegan(at(0.005), side, pid, RUN + n)] if side == "asgi" else []),
        *([StepEnded(at(0.006), side, pid, RUN + n, MS)] if side == "asgi" else []),
        LineSeen(at(0.03), side, pid, 0, RUN + n, 13, f"demo_apps/contract.py|app|{call}"),
        *steps(side, n=n),
    ]
    last_s = STEPS[side][-1][0]
    over = RequestEnded(at(last_s + 0.01), side, pid, 0, RUN + n, 0, at(0.005), at(1), at(2), at(last_s), 200, 3, "")
    found += [ResponseReceived(at(5.035), side, DRIVER, RUN + n, 200, 14, ""), over]
    return sorted((event for event in found if event.t_ns <= at(until_s)), key=lambda event: event.t_ns)


def both(until_s: float = 99.0) -> list[Event]:
    """The whole session up to that time."""
    ends = [event for side in STEPS for event in ended(5.036, side) if event.t_ns <= at(until_s)]
    return [*session(), *request("wsgi", until_s), *request("asgi", until_s), *ends]
