"""The sdist and the wheel, each built once, and virtual environments that have nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
EXTRAS = ("gevent", "uvicorn", "postgres", "dump")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
DEADLINE_S = 300.0


@pytest.hookimpl(tryfirst=True)  # before xdist, as in tests/conftest.py
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All in one process of those that share the suite: what is built is then built once."""
    for item in items:
        if item.nodeid.startswith("tests/packaging/"):
            item.add_marker(pytest.mark.xdist_group("packaging"))


def call(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S, cwd=cwd, env=env
    )  # fmt: skip


def checked(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """The command's stdout; fails with its stderr when it does not exit with 0."""
    done = call(*command, cwd=cwd, env=env)
    assert done.returncode == 0, f"{done.args}\n{done.stdout}{done.stderr}"
    return done.stdout


@dataclass(frozen=True, slots=True)
class Installed:
    """wsgiviz as installed in a virtual environment of its own."""

    bin: Path
    folder: Path

    def call(self, program: str, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, outside of the source tree and without this process's environment."""
        env = {
            "PATH": f"{self.bin}{os.pathsep}{os.defpath}",
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "LANG": "C.UTF-8",
        }
        return call(self.bin / program, *args, cwd=self.folder, env=env)

    def run(self, *options: str) -> dict[str, Any]:
        """The JSON of ``wsgiviz run`` with these options and three short requests to each side."""
        done = self.call(
            "wsgiviz", "run", "--headless", "--requests", "3", "--set", "seconds=0.1", "--json", "-", *options
        )
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    checked(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=ROOT)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="session")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the sdist unpacks to."""
    folder = tmp_path_factory.mktemp("unpacked")
    checked("tar", "-xzf", sdist, "-C", folder, cwd=folder)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="session")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, as a packager does: what the sdist lacks, the wheel lacks too."""
    folder = tmp_path_factory.mktemp("wheel")
    checked(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=unpacked)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where no package index is to be reached."""
    spare = tmp_path_factory.mktemp("spare")
    options = ("--no-cache-dir", "--retries", "0", "--timeout", "20", "--no-deps")
    reached = call(*PIP, "download", *options, "packaging", cwd=spare)
    if reached.returncode != 0:
        pytest.skip("no package index can be reached, and these tests install from one")


@pytest.fixture(scope="session")
def wheelhouse(index: None, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and all that its extras require."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    checked(*PIP, "wheel", "-w", folder, "-c", LOCK, f"{wheel}[{','.join(EXTRAS)}]", cwd=folder)
    return folder


@pytest.fixture(scope="session")
def installed(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Installed]:
    """Install ``wsgiviz`` or ``wsgiviz[extra]`` in a virtual environment that has nothing else, not even pip.

    An extra is installed into a copy of that without one.
    """
    made: dict[str, Installed] = {}

    def install(requirement: str) -> Installed:
        if requirement not in made:
            folder = tmp_path_factory.mktemp("venv")
            if requirement == "wsgiviz":
                venv.create(folder / "venv", symlinks=True)
            else:
                copy(install("wsgiviz").bin.parent, folder / "venv")
            python = folder / "venv" / "bin" / "python"
            source = ("--no-index", "--find-links", wheelhouse)
            checked(*PIP, "--python", python, "install", "--no-compile", *source, requirement, cwd=folder)
            made[requirement] = Installed(python.parent, folder)
        return made[requirement]

    return install


def copy(environment: Path, to: Path) -> None:
    """A virtual environment elsewhere; its programs run its own Python."""
    shutil.copytree(environment, to, symlinks=True)
    for program in (to / "bin").iterdir():
        if program.read_bytes().startswith(b"#!"):
            program.write_text(program.read_text().replace(str(environment), str(to)))
