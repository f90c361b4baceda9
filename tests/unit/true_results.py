"""What holds for the figures of every result, of a plausible run and of a real one."""

from __future__ import annotations

from collections import Counter
from typing import Any

WAYS = (
    ("planned_s", "sent_s", "connected_s", "accepted_s", "began_s", "ended_s", "released_s"),
    ("sent_s", "connected_s", "first_byte_s", "received_s"),
    ("began_s", "first_byte_s"),
    ("began_s", "received_s"),
)
"""Keys of a row whose times, as far as they are known, never fall."""

PARTS = ("blocked_s", "computing_s", "gil_wait_s", "reading_s", "writing_s")
DISTRIBUTIONS = ("latency_s", "latency_from_sent_s", "queue_wait_s", "service_s", "schedule_lag_s")


def assert_figures_agree(result: dict[str, Any]) -> None:
    """All that two figures say of one thing is the same; ``result`` has a ledger that holds every request."""
    assert_fractions(result)
    for name, side in result["sides"].items():
        rows = [row for row in result["requests"] if row["side"] == name]
        _assert_counts(side, rows)
        _assert_times(side, rows)
    for row in result["requests"]:
        _assert_order(row)


def assert_fractions(result: dict[str, Any]) -> None:
    """Every one is between 0 and 1, or null; and the shares of the whole are no more than that."""
    for side in result["sides"].values():
        found = {key: value for key, value in side.items() if key.endswith("_fraction")}
        loops = [side["loop"], *side["loops"]] if "loop" in side else []
        found |= {f"loop {at}": loop["busy_fraction"] for at, loop in enumerate(loops)}
        shares = {f"share {key}": value for key, value in side["shares"].items()}
        for key, value in (found | shares).items():
            assert value is None or 0 <= value <= 1, (key, value)
        assert sum(value or 0 for value in shares.values()) <= 1 + 1e-6


def _assert_counts(side: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    answered = [row for row in rows if row["received_s"] is not None]
    assert side["completed"] == sum(side["statuses"].values()) == len(answered)
    assert Counter(str(row["status"]) for row in answered) == Counter(side["statuses"])
    led = Counter(f"{row['status']} {row['location']}" for row in answered if row["location"])
    assert led == Counter(side["redirects"])
    assert sum(side["redirects"].values()) <= sum(n for status, n in side["statuses"].items() if status[0] == "3")
    assert side["bad_status"] == sum(count for status, count in side["statuses"].items() if int(status) >= 400)
    assert side["failed"] == sum(side["errors"].values()) == sum(row["error"] is not None for row in rows)
    assert Counter(side["raised"]) == Counter(row["raised"] for row in rows if row["raised"])
    assert side["served_for_nobody"] == sum(row["for_nobody"] for row in rows)
    assert side["unobserved"] <= side["completed"]
    assert sum(worker["requests"] for worker in side["per_worker"]) <= sum(bool(row["worker"]) for row in rows)
    assert side["external_requests"] >= 0


def _assert_times(side: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    first_s = min((row["planned_s"] for row in rows if row["planned_s"] is not None), default=0.0)
    for name in DISTRIBUTIONS:
        found = side[name]
        if found is not None:
            ordered = [found[key] for key in ("p50", "p90", "p95", "p99", "max")]
            assert ordered[0] >= 0
            assert ordered == sorted(ordered)
    for worker in side["per_worker"]:
        parts = [worker[name] for name in PARTS if worker[name] is not None]
        assert all(part >= 0 for part in parts)
        if worker["busy_s"] is not None:
            assert sum(parts) <= worker["busy_s"] + 1e-6
        if side["throughput_rps"] and worker["busy_s"] is not None:
            assert worker["busy_s"] <= first_s + side["completed"] / side["throughput_rps"] + 1e-6
    if side["latency_s"] is not None:
        assert side["latency_s"]["max"] <= side["makespan_s"] + 1e-6


def _assert_order(row: dict[str, Any]) -> None:
    for way in WAYS:
        known = [row[key] for key in way if row[key] is not None]
        assert known == sorted(known), row
    assert row["after_answer_s"] is None or row["after_answer_s"] >= 0
    assert not (row["error"] and row["received_s"] is not None)
