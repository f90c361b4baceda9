"""`.ci/with-postgres` ends as its command does, and its server ends with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from tests.packaging.conftest import ROOT

WITHIN_S = 120.0
INSTALLED = shutil.which("initdb") or [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]

pytestmark = pytest.mark.skipif(not INSTALLED, reason="PostgreSQL is not installed")


@pytest.fixture
def folder() -> Iterator[Path]:
    """For temporary files, and open to the user that the server runs as; pytest's own folders are not."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def servers_of(folder: Path) -> list[str]:
    """Command lines of servers whose data is in this folder."""
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if f"-D {folder}/" in line]


@pytest.mark.parametrize(
    ("command", "status"),
    [(["true"], 0), (["sh", "-c", "exit 3"], 3), (["sh", "-c", 'test -n "$WSGIVIZ_TEST_DSN"'], 0)],
)
def test_it_ends_as_its_command_does_and_leaves_no_server(command: list[str], status: int, folder: Path) -> None:
    done = subprocess.run(
        [ROOT / ".ci" / "with-postgres", *command],
        capture_output=True, text=True, timeout=WITHIN_S, stdin=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    assert servers_of(folder) == []
    assert list(folder.iterdir()) == []
