"""The app's own Python: found, looked at, and given the probe and nothing else of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wsgiviz.errors import UsageError
from wsgiviz.interpreter import Interpreter, another_environment, check_servers, executable, lend_probe, look_at

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
        (Interpreter("p", (3, 12), {"gunicorn": "21.2.0"}), "sync", "p has gunicorn 21.2.0"),
        (Interpreter("p", (3, 12), {"gunicorn": "28.0.0"}), "sync", "p has gunicorn 28.0.0"),
        (Interpreter("p", (3, 12), {"uvicorn": "0.20.0"}), "uvicorn", "uvicorn 0.20.0 is too old"),
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


def test_gunicorns_from_22_on_and_none_at_all_will_do() -> None:
    for packages in ({"gunicorn": "22.0.0"}, {"gunicorn": "27.1"}, {}):
        check_servers(Interpreter("p", (3, 12), packages), ("sync", "gthread"))


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
