"""Tests with real servers run one after the other, in one of the processes that share the suite."""

from __future__ import annotations

from pathlib import Path

import pytest

SERVERS = {"integration", "e2e"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SERVERS & set(Path(str(item.path)).parts):
            item.add_marker(pytest.mark.xdist_group("servers"))
