"""The deaths of workers in words: in a row of the pane, in the inspector, and each in some lines."""

from __future__ import annotations

from collections.abc import Iterator

from wsgiviz.analysis.black_box import DeathReport, LostRequest
from wsgiviz.printable import printable

MOST_LINES = 6
"""Of one death so many requests are named."""


def ago(ns: int) -> str:
    """ "12 s", "5 min", "3 h": in steps that can be read."""
    seconds = max(0, ns) // 1_000_000_000
    for unit, size, until in (("s", 1, 120), ("min", 60, 7200)):
        if seconds < until:
            return f"{seconds // size} {unit}"
    return f"{seconds // 3600} h"


def lasted(ns: int) -> str:
    return f"{ns / 1e9:.1f} s"


def brief(report: DeathReport, now_ns: int) -> str:
    """In a row: "worker 3, 12 s ago: killed by gunicorn (worker timeout), GET /hang at shop.py:17 time.sleep"."""
    words = brief_cause(report, now_ns)
    if report.booting:
        return f"{words} while it loaded the app{' at ' + report.line if report.line else ''}"
    for one in report.requests[:1]:
        words += f", {one.target or 'a request'}{' at ' + one.line if one.line else ''}"
    more = len(report.requests) - 1
    return f"{words}, and {more} more" if more > 0 else words


def brief_cause(report: DeathReport, now_ns: int) -> str:
    """The same without what it held: "worker 3, 12 s ago: killed by gunicorn (worker timeout)"."""
    return f"worker {report.number}, {ago(now_ns - report.at_ns)} ago: {report.cause.words.removeprefix('was ')}"


def of_request(report: DeathReport, request: LostRequest) -> str:
    """Of a request that was lost, in the inspector."""
    line = f"; last seen at {request.line}" if request.line else ""
    return f"worker {report.number} (pid {report.pid}) {report.cause.words}{line}{_silence(report)}"


def _silence(report: DeathReport) -> str:
    said = []
    if report.heartbeat_ns is not None:
        said.append(f"no heartbeat for {lasted(report.heartbeat_ns)}")
    if report.silent_ns is not None:
        said.append(f"its last record was {lasted(report.silent_ns)} older")
    return f"; {'; '.join(said)}" if said else ""


def lines(report: DeathReport, now_ns: int, ascii_only: bool) -> Iterator[str]:
    """All that is known of one death."""
    yield f"{ago(now_ns - report.at_ns)} ago: worker {report.number}, pid {report.pid}, {report.cause.words}"
    silence = _silence(report).removeprefix("; ")
    if silence:
        yield f"  {silence}"
    if report.booting:
        yield f"  while it loaded the app{' at ' + printable(report.line, ascii_only) if report.line else ''}"
    elif not report.requests:
        yield "  it held no request"
    for one in report.requests[:MOST_LINES]:
        yield f"  {printable(_request(one), ascii_only)}"
    if len(report.requests) > MOST_LINES:
        yield f"  and {len(report.requests) - MOST_LINES} more requests"


def _request(one: LostRequest) -> str:
    """ "GET /hang  in the app for 8.0 s, last seen at shop.py:17 time.sleep, there for 7.9 s"."""
    line = f", last seen at {one.line}" if one.line else ", at no line that was seen"
    there = f", there for {lasted(one.line_ns)}" if one.line and one.line_ns is not None else ""
    return f"{one.target or 'a request'}  in the app for {lasted(one.age_ns)}{line}{there}"
