"""The app's own Python: found, looked at, and given the probe and nothing else of ours."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from wsgiviz.control.host import describe_host
from wsgiviz.errors import UsageError
from wsgiviz.interpreter import (
    Interpreter,
    another_environment,
    check_servers,
    executable,
    known_fault,
    lend_probe,
    look_at,
)
from wsgiviz.settings import check_installed, make

OF_23 = Interpreter("/venv/bin/python", (3, 12, 1), {"gunicorn": "23.0.0"}, asgi=False, control_socket=False)


def test_an_interpreter_or_the_folder_of_its_environment() -> None:
    assert executable(sys.executable) == sys.executable
    assert executable(sys.prefix).startswith(sys.prefix)
    with pytest.raises(UsageError, match="there is no program like that"):
        executable("/nowhere/python")


def test_what_is_installed_there() -> None:
    there = look_at(sys.executable)
    assert there.python == sys.version_info[:3]
    assert (there.asgi, there.control_socket, there.borrows_gunicorn) == (True, True, False)


def test_what_is_no_python_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(UsageError, match="it is no Python that can be used"):
        look_at(executable(str(tmp_path / "python")))


@pytest.mark.parametrize(
    ("there", "kind", "message"),
    [
        (
            Interpreter("p", (3, 12), {"gunicorn": "21.2.0"}),
            "sync",
            "p has gunicorn 21.2.0, which the probe does not know: it knows 22 up to 28",
        ),
        (Interpreter("p", (3, 12), {"gunicorn": "28.0.0"}), "sync", "p has gunicorn 28.0.0, which"),
        (
            Interpreter("p", (3, 12), {"uvicorn": "0.29.0"}),
            "uvicorn",
            "p has uvicorn 0.29.0, which the probe does not know",
        ),
        (
            Interpreter("p", (3, 12), {"uvicorn": "1.0.0"}),
            "uvicorn",
            "p has uvicorn 1.0.0, which the probe does not know",
        ),
        (OF_23, "asgi", "gunicorn 23.0.0 has no asgi worker"),
        (OF_23, "uvicorn", "uvicorn is not installed"),
        (OF_23, "gevent", "gevent is not installed"),
    ],
)
def test_what_can_not_be_observed_is_refused_in_words(there: Interpreter, kind: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_servers(there, (kind,))
    assert message in refused.value.message
    assert refused.value.hint


def test_the_fix_is_a_command() -> None:
    with pytest.raises(UsageError) as refused:
        check_servers(Interpreter("/venv/bin/python", (3, 12), {"gunicorn": "21.2.0"}), ("sync",))
    assert refused.value.hint == '/venv/bin/python -m pip install "gunicorn>=22,<28"'
    with pytest.raises(UsageError) as refused:
        check_servers(Interpreter("/venv/bin/python", (3, 12), {"uvicorn": "0.29.0"}), ("uvicorn",))
    assert refused.value.hint == '/venv/bin/python -m pip install "uvicorn>=0.30,<1"'


def test_a_release_with_a_fault_of_its_own_is_named() -> None:
    assert "never notices that a worker has died" in known_fault(Interpreter("p", (3, 12), {"gunicorn": "24.0.0"}))
    assert (
        known_fault(Interpreter("p", (3, 12), {"gunicorn": "24.1.1"})) == known_fault(Interpreter("p", (3, 12))) == ""
    )


def test_a_free_threaded_build_is_refused_in_words(tmp_path: Path) -> None:
    """None can be had here: of this Python, `sysconfig` says that it is one."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sysconfig; sysconfig.get_config_var = {'Py_GIL_DISABLED': 1}.get"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with pytest.raises(UsageError, match="a free-threaded build of Python 3") as refused:
        look_at(executable(str(python)))
    assert refused.value.hint.startswith("use the ordinary build, python3.")


def test_so_is_one_that_wsgiviz_runs_under(monkeypatch: pytest.MonkeyPatch) -> None:
    check_installed(make(only="wsgi"))
    monkeypatch.setattr("sysconfig.get_config_var", {"Py_GIL_DISABLED": 1}.get)
    with pytest.raises(UsageError, match="wsgiviz runs under: a free-threaded build"):
        check_installed(make(only="wsgi"))


def test_gunicorns_from_22_on_and_none_at_all_will_do() -> None:
    for packages in ({"gunicorn": "22.0.0"}, {"gunicorn": "27.1"}, {}):
        check_servers(Interpreter("p", (3, 12), packages), ("sync", "gthread"))
    for uvicorn in ("0.30.0", "0.54.0", "0.99"):
        check_servers(Interpreter("p", (3, 12), {"uvicorn": uvicorn}), ("uvicorn",))


def test_the_host_has_the_versions_that_the_servers_run_under() -> None:
    """With --python these are not ours: which those are is said too."""
    ours = describe_host()
    assert (ours["python"], ours["wsgiviz_python"]) == (platform.python_version(), platform.python_version())
    there = describe_host(sys.executable)
    assert (there["gunicorn"], there["python"]) == (version("gunicorn"), ours["python"])
    none = describe_host("/nowhere/python")
    assert (none["gunicorn"], none["python"], none["wsgiviz_python"]) == (None, None, ours["python"])


def test_the_probe_is_lent_without_what_stands_beside_it(tmp_path: Path) -> None:
    """Run by a Python without site-packages: what the probe needs beyond the standard library would be missing."""
    lent = lend_probe(Interpreter(sys.executable, (3, 12), {}), tmp_path / "lent")
    assert sorted(path.name for path in lent.iterdir()) == ["gunicorn", "wsgiviz"]
    code = "import wsgiviz.probe.gunicorn_conf, gunicorn; print(gunicorn.__file__)"
    env = {"PYTHONPATH": str(lent), "WSGIVIZ_RUN_DIR": str(tmp_path), "WSGIVIZ_SIDE": "wsgi"}
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.stdout.startswith(str(lent)), done.stderr
    assert lend_probe(Interpreter(sys.executable, (3, 12), {"gunicorn": "23"}), lent) == lent
    assert [path.name for path in lent.iterdir()] == ["wsgiviz"]


def test_an_active_environment_that_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert another_environment() is None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    assert another_environment() == str(tmp_path)
