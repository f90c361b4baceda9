"""One request is one row of the ledger, however late its facts come, and whoever goes on with it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.integration.in_process import run_json

pytestmark = pytest.mark.xdist_group("driver")  # it judges no times


def rows_of(found: dict[str, Any], side: str) -> list[dict[str, Any]]:
    rows = [row for row in found["requests"] if row["side"] == side]
    assert sorted(row["id"] for row in rows) == list(range(1, found["sides"][side]["requests"] + 1))
    return rows


def test_a_request_that_was_given_up_and_served_later_stays_one_failure() -> None:
    found = run_json(
        "--only", "wsgi", "--timeout", "1.5", "--workers", "2",
        "--arrivals", "closed", "--concurrency", "6", "--requests", "18", "--ledger",
    )  # fmt: skip
    side, rows = found["sides"]["wsgi"], rows_of(found, "wsgi")
    assert len(rows) == 18
    assert side["completed"] + side["failed"] == 18
    assert Counter(row["error"] for row in rows if row["error"]) == {"timeout": side["failed"]} == side["errors"]
    assert side["failed"] > 0
    for row in rows:
        assert (row["status"] is None) == (row["error"] is not None)
    assert side["served_for_nobody"] == sum(row["for_nobody"] for row in rows) > 0


@pytest.mark.parametrize(
    ("side", "options", "requests"),
    [
        ("asgi", ("--asgi", "after_answer:background", "--requests", "5"), 5),
        ("wsgi", ("--wsgi", "after_answer:closes_slowly", "--workers", "2", "--requests", "4"), 4),
    ],
    ids=["background tasks of 2 s", "a close() of 0.5 s"],
)
def test_an_answer_counts_whatever_its_app_does_afterwards(
    side: str, options: tuple[str, ...], requests: int
) -> None:
    found = run_json(*options, "--ledger")
    figures, rows = found["sides"][side], rows_of(found, side)
    assert (figures["completed"], figures["failed"], figures["statuses"]) == (requests, 0, {"200": requests})
    assert figures["latency_s"] is not None
    assert figures["after_answer"]["count"] == requests
    assert figures["after_answer"]["seconds"] > 0
    for row in rows:
        assert row["status"] == 200
        assert row["worker"]
        assert row["received_s"] is not None
        assert row["ended_s"] is None or row["ended_s"] > row["received_s"]
