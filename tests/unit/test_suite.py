"""How the suite is shared among processes: the ids that are scheduled name the groups."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
