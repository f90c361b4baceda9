"""The page: what was found, in 100 columns, and nothing of a server's own that a terminal would obey."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dump_keys import documented
from wsgiviz.report import last_deaths
from wsgiviz.report.dump_page import WIDTH, length, page

texts = st.text(max_size=300) | st.just("\x1b[31m\x1b]0;x\x07" * 9) | st.just("a\nb\r\u202e\u2028" * 20)
numbers = st.floats(0, 1e12) | st.none()


def request(target: str | None, line: str | None, age_s: float) -> dict[str, Any]:
    return {
        "id": -1, "target": target, "age_s": age_s, "activity": "blocked", "queue_wait_s": 0.2, "line": line,
        "thread": 1, "line_since_s": 0.1,
    }  # fmt: skip


def dumped(text: str, figure: float | None = None, requests: int = 2) -> dict[str, Any]:
    worker = {
        "pid": 12, "number": 1, "age_s": 3.0, "later": True, "activity": "blocked", "for_s": figure,
        "requests": [request(text, text, 3.0)] * requests, "lines": [text], "rss_bytes": 5, "cpu": figure,
        "children": 2, "threads": 3, "waits_in": text, "threads_in": [text, text], "clients": None, "peers": None,
        "unread_bytes": 7,
    }  # fmt: skip
    server = {
        "pid": 11, "program": "gunicorn", "command": ["gunicorn", text], "folder": text, "age_s": 4.0, "probe": True,
        "kind": text, "watched_s": 0.3, "timeout_s": figure, "timeout_source": text,
        "waiting": [{"what": "line", "waiting": 2, "words": text, "pids": [1], "holders": 1, "line": text,
                     "held_at": text}],
        "accept_queues": [{"address": text, "depth": 3, "depth_before": 2, "limit": None}],
        "workers": [worker], "findings": [{"name": "x", "words": text}], "unknown": [text],
    }  # fmt: skip
    return {"schema": 1, "taken": "2026-11-30T09:00:00Z", "status": 1, "servers": [server], "not_read": [text]}


def death(text: str) -> dict[str, Any]:
    return {
        "pid": 1, "worker": 2, "server": 3, "command": [text], "folder": text, "at": None, "ago_s": 4.0,
        "cause": text, "by": None, "signal": None, "exit_status": None, "booting": False, "silent_s": 1.0,
        "note": text, "seen": False, "requests": [request(text, text, 2.0)], "line": None,
    }  # fmt: skip


def harmless(text: str, ascii_only: bool) -> bool:
    lines = text.split("\n")
    return all(line.isprintable() and len(line) <= WIDTH and (line.isascii() or not ascii_only) for line in lines)


@given(texts, numbers, st.integers(0, 20), st.booleans())
def test_nothing_but_printable_text_in_100_columns(
    text: str, figure: float | None, requests: int, ascii_only: bool
) -> None:
    assert harmless(page(dumped(text, figure, requests), ascii_only), ascii_only)
    deaths = {"deaths": [death(text)] * 2, "not_read": [text]}
    assert harmless(last_deaths.page(deaths, ascii_only), ascii_only)


def test_a_page_says_what_is_found_and_what_is_not_known() -> None:
    shown = page(dumped("shop.wsgi"), False)
    assert "! x: shop.wsgi" in shown
    assert "? not known: shop.wsgi" in shown
    assert "Accept queue of shop.wsgi: 3 wait (2 before)" in shown
    assert "came later than its master, 7 bytes not read, 2 children" in shown
    assert shown.startswith("2026-11-30 09:00:00 UTC: 1 server, 1 thing found (lines with !).\n")
    assert "    - shop.wsgi\n" in shown


def test_these_have_the_keys_that_are_documented() -> None:
    server = dumped("x")["servers"][0]
    assert server.keys() == documented("of a server")
    assert server["workers"][0].keys() == documented("of a worker")
    assert server["waiting"][0].keys() == documented("of what waits")
    assert death("x").keys() == documented("of a death")


def test_more_requests_than_have_room_are_counted() -> None:
    assert "and 14 more requests" in page(dumped("GET /", None, 20), False)


def test_no_server_is_said() -> None:
    shown = page({"taken": "2026-11-30T09:00:00Z", "servers": [], "not_read": []}, False)
    assert shown == "2026-11-30 09:00:00 UTC: no gunicorn or uvicorn of this user runs here.\n"


def idle(pid: int) -> dict[str, Any]:
    worker: dict[str, Any] = dumped("x")["servers"][0]["workers"][0]
    return worker | {"pid": pid, "activity": "idle", "requests": None, "unread_bytes": 0, "rss_bytes": pid << 20}


def test_what_lasts_longest_stands_first_and_many_idle_workers_in_one_line() -> None:
    found = dumped("GET /")
    [busy] = found["servers"][0]["workers"]
    older = busy | {"pid": 77, "requests": [request("GET /old", None, 99.0)]}
    found["servers"][0]["workers"] = [*map(idle, range(20, 30)), busy, older]
    shown = page(found, False)
    assert shown.index("  77 ") < shown.index("  12 ") < shown.index("and 10 idle workers, 20 to 29 MiB each")
    assert "20 21 22 23 24 25 26 27 28 29" in shown


def test_several_servers_with_something_found_are_named_first() -> None:
    found = dumped("x")
    found["servers"] = [found["servers"][0], found["servers"][0] | {"pid": 99, "findings": []}]
    first, second, *_ = page(found, False).splitlines()
    assert "2 servers, 1 thing found" in first
    assert second == "  ! gunicorn 11: x"


@pytest.mark.parametrize(
    ("timeout_s", "words"), [(None, "timeout not known"), (0.0, "no timeout"), (30.0, "timeout 30 s")]
)
def test_gunicorns_timeout_is_said_as_far_as_it_is_known(timeout_s: float | None, words: str) -> None:
    assert f", {words}\n" in page(dumped("x", timeout_s), False)


def test_lengths_of_time_fit_a_column() -> None:
    assert [length(s) for s in (0, 9.94, 12, 119, 120, 7199, 7200, 90_000, 200_000)] == [
        "0.0 s", "9.9 s", "12 s", "119 s", "2 m", "120 m", "2 h", "25 h", "2 d",
    ]  # fmt: skip


def test_the_json_of_hostile_text_is_ascii() -> None:
    from wsgiviz.report.output import as_json

    text = as_json(dumped("\x1b[31m\ud800é"))
    assert text.isascii()
    assert json.loads(text)["servers"][0]["folder"] == "\x1b[31m\ud800é"
