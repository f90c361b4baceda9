"""A child ends with its parent, however that ends, and however late the child comes to ask for it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from wsgiviz.lifeline import PARENT_VARIABLE, parent_environment

DEADLINE_S = 30.0

# A parent that starts a child, passes on what that says, and lives until its own stdin ends.
PARENT = """
import os, subprocess, sys
from wsgiviz.lifeline import parent_environment
environment = parent_environment() if sys.argv[2] == "named" else {}
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], env=os.environ | environment)
print("parent", os.getpid(), "child", child.pid, flush=True)
sys.stdin.read()
"""

BOUND = """
import signal, sys
from wsgiviz.lifeline import die_with_parent
die_with_parent()
print("bound", flush=True)
while True:
    signal.pause()
"""

# One that asks only when another process has inherited it.
LATE = """
import os, signal, sys, time
from wsgiviz.lifeline import die_with_parent
parent = int(os.environ["WSGIVIZ_PARENT"])
print("waits", flush=True)
while os.getppid() == parent:
    time.sleep(0.001)
die_with_parent()
print("an orphan", flush=True)
while True:
    signal.pause()
"""

WITHOUT_DEATH_SIGNAL = "import sys\nsys.platform = 'other'\n"


@contextmanager
def family(child: str, named: str = "named") -> Iterator[subprocess.Popen[bytes]]:
    """A parent of that child, both ready. The child holds the same stdout."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, child, named], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as parent:
        assert parent.stdout is not None
        said = b""
        while said.count(b"\n") < 2 and select.select([parent.stdout], [], [], DEADLINE_S)[0]:
            said += os.read(parent.stdout.fileno(), 100)
        assert {line.split()[0] for line in said.splitlines()} in ({b"parent", b"bound"}, {b"parent", b"waits"})
        yield parent
        parent.kill()


def rest_of_output(parent: subprocess.Popen[bytes]) -> bytes:
    """What comes until both are gone: only then nobody holds the pipe any more."""
    return parent.communicate(timeout=DEADLINE_S)[0]


@pytest.mark.parametrize("named", ["named", "not named"])
@pytest.mark.parametrize("before", ["", WITHOUT_DEATH_SIGNAL], ids=["by the kernel", "by a thread"])
def test_a_child_ends_with_its_killed_parent(before: str, named: str) -> None:
    with family(before + BOUND, named) as parent:
        parent.kill()
        assert rest_of_output(parent) == b""


@pytest.mark.parametrize("before", ["", WITHOUT_DEATH_SIGNAL], ids=["by the kernel", "by a thread"])
def test_a_child_that_asks_too_late_is_no_orphan_for_long(before: str) -> None:
    with family(before + LATE) as parent:
        parent.kill()
        said = rest_of_output(parent)
        # A thread ends it a moment after it went on: in mid-word, perhaps.
        assert b"an orphan\n".startswith(said) if before else said == b""


GRANDCHILD = """
import os
from wsgiviz.lifeline import die_with_parent
die_with_parent()
print(os.environ.get("WSGIVIZ_PARENT"))
"""


def test_the_name_of_a_parent_is_not_passed_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GRANDCHILD], env=os.environ | parent_environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "None\n")


def test_a_parent_given_as_an_argument_counts_more() -> None:
    script = f"from wsgiviz.lifeline import die_with_parent; die_with_parent({os.getpid()}); print('lives')"
    environment = os.environ | {PARENT_VARIABLE: "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "lives\n")


def test_a_process_says_why_it_ends() -> None:
    script = "from wsgiviz.lifeline import die_with_parent; die_with_parent(1 << 22)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    assert done.stderr == "wsgiviz: the process that started this one is gone\n"
