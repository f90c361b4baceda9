"""How the suite is shared among processes: the ids that are scheduled name the groups."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SPREAD, in_turn

ROOT = Path(__file__).parents[2]
TESTS = {
    "tests/integration/test_figures.py::test_when_the_driver_is_the_limit_it_says_so": "@servers",
    "tests/e2e/test_terminal.py::test_without_a_terminal_it_says_what_to_do_instead": "@terminal",
    "tests/packaging/test_lock.py::test_it_names_no_index_and_no_folder": "@packaging",
    "tests/unit/test_suite.py::test_each_test_is_scheduled_in_its_group": "",
}

NOTED = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_xdist_node_collection_finished(node, ids):
    print("scheduled", *ids, sep="\\n")
    pytest.exit("they are known", 0)
"""


def test_each_test_is_scheduled_in_its_group(tmp_path: Path) -> None:
    """None of them is run: it ends where a process has said what it collected."""
    pytest.importorskip("xdist")
    (tmp_path / "noted.py").write_text(NOTED)
    options = ["-p", "no:cacheprovider", "-p", "noted", "-s", "-n", "1", "--dist", "loadgroup"]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import pytest; pytest.main()"]
        + [*options, *TESTS],
        capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, cwd=ROOT,
    )  # fmt: skip
    scheduled = done.stdout.partition("scheduled\n")[2].splitlines()[: len(TESTS)]
    assert scheduled == [f"{test}{group}" for test, group in TESTS.items()], done.stdout + done.stderr


def test_groups_stay_together_and_are_spread_over_the_first_of_the_others() -> None:
    alone = [f"{number:02d}" for number in range(4 * SPREAD * 3)]
    items = [*alone, "a:1", "servers:1", "b:1", "a:2", "servers:2"]
    order = in_turn(items, lambda item: item.partition(":")[0] if ":" in item else "")
    assert sorted(order) == sorted(items)
    assert order[:2] == ["servers:1", "servers:2"]
    assert [item for item in order if ":" not in item] == alone
    assert order[6:8] == ["a:1", "a:2"]
    assert order[12:14] == ["b:1", *alone[8:9]]


def test_without_groups_the_order_is_as_it_was() -> None:
    assert in_turn(["b", "a"], lambda item: "") == ["b", "a"]
