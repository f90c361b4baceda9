"""Servers are recognised by the commands of processes, whatever else those say."""

from __future__ import annotations

import pytest

from wsgiviz.observe.server_trees import ProcessRow, program_of, server_with, trees

SPAWN = ("python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(fd=7)", "--multiprocessing-fork")
TRACKER = ("python", "-c", "from multiprocessing.resource_tracker import main;main(4)")


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("/usr/bin/python3 /srv/bin/gunicorn -w 4 shop.wsgi", "gunicorn"),
        ("python3.12 -m gunicorn shop.wsgi", "gunicorn"),
        ("python -X dev -W error -u -m uvicorn shop:app", "uvicorn"),
        ("python -mgunicorn.app.wsgiapp shop", "gunicorn"),
        ("pypy3 /srv/bin/uvicorn shop:app", "uvicorn"),
        ("gunicorn: master [shop.wsgi]", "gunicorn"),
        ("/opt/app/uvicorn shop:app", "uvicorn"),
        ("vim gunicorn", None),
        ("python -c import_gunicorn gunicorn", None),
        ("python manage.py gunicorn", None),
        ("tail -f gunicorn.log", None),
        ("bash -c gunicorn", None),
        ("python -m", None),
        ("python", None),
        ("", None),
    ],
)
def test_a_program_is_known_by_its_command(command: str, program: str | None) -> None:
    assert program_of(tuple(command.split())) == program


def row(pid: int, parent: int, command: str | tuple[str, ...], started_s: float = 0.0) -> ProcessRow:
    return ProcessRow(pid, parent, tuple(command.split()) if isinstance(command, str) else command, started_s)


def test_a_master_has_its_workers_and_not_what_they_start() -> None:
    rows = [
        row(5, 1, "python gunicorn shop"), row(7, 5, "python gunicorn shop", 2), row(6, 5, "python gunicorn shop", 1),
        row(8, 7, "python gunicorn shop"), row(9, 7, "ffmpeg"),
    ]  # fmt: skip
    [tree] = trees(rows, lambda pid: None)
    assert (tree.program, tree.master.pid) == ("gunicorn", 5)
    assert [worker.pid for worker in tree.workers] == [6, 7]


def test_titles_tell_masters_from_workers() -> None:
    rows = [
        row(5, 1, "gunicorn: master [a b]"),
        row(6, 5, "gunicorn: worker [a b]"),
        row(7, 5, "gunicorn: dirty [a]"),
    ]
    [tree] = trees(rows, lambda pid: None)
    assert [worker.pid for worker in tree.workers] == [6]


def test_an_upgraded_master_is_a_server_of_its_own() -> None:
    rows = [
        row(5, 1, "gunicorn a", 0), row(6, 5, "gunicorn a", 1),
        row(7, 5, "gunicorn a", 9), row(8, 7, "gunicorn a", 10),
    ]  # fmt: skip
    old, new = trees(rows, {7: 5, 8: 5, 6: None}.get)
    assert [worker.pid for worker in old.workers] == [6]
    assert (new.master.pid, [worker.pid for worker in new.workers]) == (7, [8])


def test_uvicorn_has_spawned_workers_or_is_its_own() -> None:
    rows = [row(5, 1, "uvicorn a:b"), row(6, 5, SPAWN), row(7, 5, TRACKER), row(9, 1, "python -m uvicorn c:d")]
    first, second = trees(rows, lambda pid: None)
    assert [worker.pid for worker in first.workers] == [6]
    assert second.alone


def test_a_server_is_found_by_any_of_its_processes_and_by_the_shell_above() -> None:
    rows = [row(4, 1, "sh run.sh"), row(5, 4, "gunicorn a"), row(6, 5, "gunicorn a"), row(9, 1, "python serve.py")]
    found = trees(rows, lambda pid: None)
    for pid in (4, 5, 6):
        tree = server_with(pid, rows, found)
        assert tree is not None
        assert tree.master.pid == 5
    other = server_with(9, rows, found)
    assert other is not None
    assert (other.program, other.alone) == ("python", True)
    assert server_with(10, rows, found) is None


def test_parents_that_go_in_a_circle_end() -> None:
    rows = [row(5, 6, "sh"), row(6, 5, "sh"), row(7, 6, "gunicorn a")]
    tree = server_with(5, rows, trees(rows, lambda pid: None))
    assert tree is not None
    assert tree.master.pid == 7
