"""The suite itself: tests with servers run one after the other, whatever shares the work."""

from __future__ import annotations

import os

import pytest

from tests.conftest import SERVERS


def test_tests_with_servers_are_in_one_group(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ or request.config.getoption("loadgroup", None) is not True:
        pytest.skip("the suite is not shared between processes by groups")
    with_servers = [item for item in request.session.items if SERVERS & set(item.path.parts)]
    if not with_servers:
        pytest.skip("no test with servers was collected")
    assert all("@" in item.nodeid for item in with_servers)  # by this the scheduler knows a group
