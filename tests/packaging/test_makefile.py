"""make chooses a Python that works, and says in words when there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

TOOLS = ("sh", "make", "cat", "chmod", "cp", "ls", "mkdir", "tail", "touch")
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
SHIM = "echo 'pyenv: python: command not found' >&2; exit 127"
OLD = 'echo "Python 3.10 is too old" >&2; exit 1'
NO_ENSUREPIP = "echo \"ModuleNotFoundError: No module named 'ensurepip'\" >&2; exit 1"


class Machine:
    """A PATH that has these commands and no others, and a copy of the Makefile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands = folder / "commands"
        self.commands.mkdir()
        shutil.copy(ROOT / "Makefile", folder)
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, tool
            (self.commands / tool).symlink_to(found)

    def add(self, name: str, script: str) -> None:
        path = self.commands / name
        path.write_text(f"#!{shutil.which('sh')}\n{script}\n")
        path.chmod(0o755)

    def add_python(self, name: str) -> None:
        """This very Python under another name; making a virtual environment takes no time."""
        base = Path(sys.base_prefix) / "bin" / f"python{VERSION}"
        self.add(name, f'[ "$2" = venv ] && set -- "$@" --without-pip\necho {name} >> used\nexec {base} "$@"')

    def add_stub_python(self, pip: str) -> None:
        """A python3 whose virtual environments have ``pip``, a script, for a pip; ``installed`` lists its calls."""
        (self.folder / "stub").write_text(
            f'#!{shutil.which("sh")}\n[ "$1" = -m ] || exit 0\necho "$@" >> installed\n{pip}\n'
        )
        venv = "mkdir -p .venv/bin; cp stub .venv/bin/python; chmod +x .venv/bin/python"
        self.add("python3", f'if [ "$2" = venv ]; then {venv}; fi')
        for name in ("pyproject.toml", "requirements.lock"):
            (self.folder / name).touch()

    def make(self, *args: str, target: str = ".venv/.python") -> subprocess.CompletedProcess[str]:
        (self.folder / "used").unlink(missing_ok=True)
        return subprocess.run(
            ["make", *args, target], cwd=self.folder, env={"PATH": str(self.commands)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    @property
    def used(self) -> set[str]:
        """Names under which Python was started by the last make."""
        path = self.folder / "used"
        return set(path.read_text().split()) if path.exists() else set()

    @property
    def stamp(self) -> Path:
        return self.folder / ".venv" / ".python"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_newest_that_works(machine: Machine) -> None:
    machine.add("python3.14", SHIM)
    machine.add("python3.13", NO_ENSUREPIP)
    machine.add_python("python3.12")
    machine.add_python("python3.11")
    machine.add_python("python3")
    done = machine.make()
    assert (done.returncode, done.stderr) == (0, "")
    assert machine.used == {"python3.12"}
    assert machine.stamp.read_text() == f"{VERSION} {Path(sys.base_prefix)} {machine.folder}/.venv\n"


def test_a_plain_python3_will_do(machine: Machine) -> None:
    machine.add_python("python3")
    assert machine.make().returncode == 0
    assert machine.used == {"python3"}


def test_one_that_is_named_is_the_one_taken(machine: Machine) -> None:
    machine.add_python("python3.14")
    machine.add_python("mine")
    assert machine.make("PYTHON=mine").returncode == 0
    assert machine.used == {"mine"}


def test_without_any_it_says_what_is_needed(machine: Machine) -> None:
    done = machine.make()
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "python3: not found" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_it_says_what_is_wrong_with_each_that_is_there(machine: Machine) -> None:
    machine.add("python3.14", SHIM)
    machine.add("python3.12", NO_ENSUREPIP)
    machine.add("python3", OLD)
    done = machine.make()
    assert done.returncode != 0
    assert "python3.14: does not run" in done.stderr
    assert "python3.12: ModuleNotFoundError: No module named 'ensurepip'" in done.stderr
    assert "python3: Python 3.10 is too old" in done.stderr
    assert not machine.stamp.exists()


def test_one_that_is_named_and_does_not_work_is_not_replaced_by_another(machine: Machine) -> None:
    machine.add("python3.13", SHIM)
    machine.add_python("python3.12")
    done = machine.make("PYTHON=python3.13")
    assert done.returncode != 0
    assert "python3.13: does not run" in done.stderr
    assert machine.used == set()


def test_a_virtual_environment_is_made_once(machine: Machine) -> None:
    machine.add_python("python3.12")
    machine.make()
    before = machine.stamp.stat().st_mtime_ns
    done = machine.make()
    assert (done.returncode, done.stdout, machine.used) == (0, "", set())
    assert machine.stamp.stat().st_mtime_ns == before


@pytest.mark.parametrize("change", ["its Python was removed", "the project was moved", "another Python is named"])
def test_it_is_made_again_when(machine: Machine, change: str) -> None:
    machine.add_python("python3.12")
    machine.make()
    args: tuple[str, ...] = ()
    if change == "its Python was removed":
        for link in (machine.folder / ".venv" / "bin").glob("python*"):
            link.unlink()
            link.symlink_to(machine.folder / "removed")
    elif change == "the project was moved":
        moved = machine.folder.with_name(f"{machine.folder.name}-moved")
        os.rename(machine.folder, moved)
        machine.folder, machine.commands = moved, moved / "commands"
    else:
        machine.add("other", f'[ "$1" = -ISc ] && exec echo 3.99 /other\nexec {machine.commands}/python3.12 "$@"')
        args = ("PYTHON=other",)
    done = machine.make(*args)
    assert (done.returncode, done.stderr) == (0, "")
    assert "making it again" in done.stdout
    assert str(machine.folder) in machine.stamp.read_text()
    assert machine.used == {"python3.12"}


def test_a_folder_that_is_no_virtual_environment_is_left_alone(machine: Machine) -> None:
    machine.add_python("python3.12")
    kept = machine.folder / ".venv" / "kept"
    kept.parent.mkdir()
    kept.touch()
    done = machine.make()
    assert done.returncode != 0
    assert "is not a virtual environment" in done.stderr
    assert kept.exists()


def test_the_locked_versions_are_installed(machine: Machine) -> None:
    machine.add_stub_python("exit 0")
    done = machine.make(target=".venv/.run")
    assert (done.returncode, done.stderr) == (0, "")
    [call] = (machine.folder / "installed").read_text().splitlines()
    assert call.endswith(" install -c requirements.lock -e .")


def test_where_the_lock_is_of_no_use_others_are_installed_and_it_says_so(machine: Machine) -> None:
    machine.add_stub_python('case "$*" in *requirements.lock*) exit 1;; esac')
    done = machine.make(target=".venv/.run")
    assert done.returncode == 0
    assert "cannot be installed here" in done.stderr
    assert (machine.folder / "installed").read_text().splitlines()[-1].endswith(" install -e .")


def test_an_installation_that_fails_is_tried_again_by_the_next_make(machine: Machine) -> None:
    machine.add_stub_python("exit 1")
    assert machine.make(target=".venv/.run").returncode != 0
    assert machine.make(target=".venv/.run").returncode != 0
