"""Viewers that come, go and are killed while wrk drives a server: nothing fails, and the figures agree."""

from __future__ import annotations

import shutil

import pytest

from tests.bench.attach import compare

pytestmark = pytest.mark.xdist_group("attach")


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed (Debian has it)")
def test_viewers_that_come_and_go_disturb_nothing_and_count_what_wrk_counts() -> None:
    found = compare("gthread", times=1)
    assert found.sent > 0
    assert not found.lost
    assert not list(found.problems())
