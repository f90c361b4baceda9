"""Apps of one's own, as people run them: what is asked is what the app gets, and each path has its figures."""

from __future__ import annotations

from pathlib import Path

from tests.integration.test_runs import run_json


def test_a_method_a_header_and_a_long_body_reach_the_app(tmp_path: Path) -> None:
    """Longer than any socket buffer takes at once; the values are not in the report."""
    (tmp_path / "body").write_text("x" * 299_997 + "end")
    options = "--method", "POST", "--header", "X-Token: s3cret", "--body", f"@{tmp_path / 'body'}"
    found = run_json("--wsgi", "asked:checks", "--requests", "2", "--workers", "1", *options)
    assert (found["sides"]["wsgi"]["statuses"], found["settings"]["header"]) == ({"200": 2}, "X-Token: given")


def test_behind_a_slow_path_the_quick_ones_wait() -> None:
    options = "--requests", "10", "--workers", "1", "--path", "9:/quick", "--path", "/slow"
    quick, slow = run_json("--wsgi", "asked:by_path", *options)["sides"]["wsgi"]["paths"]
    assert (quick["path"], quick["completed"], slow["path"], slow["completed"]) == ("/quick", 9, "/slow", 1)
    assert slow["service_s"]["max"] >= 0.3
    assert quick["service_s"]["max"] < slow["service_s"]["max"] / 2 < quick["queue_wait_s"]["max"]
