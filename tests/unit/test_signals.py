"""Which signals are offered: those that do what is said, and only where something goes on after them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from wsgiviz.analysis.signals import has_master, of_master, of_worker, why_none
from wsgiviz.events import MasterExited, ServerAttached, WorkerBooting, WorkerDied
from wsgiviz.state import Activity, Server, Side, State, Worker, reduce

MASTER, NEW = 10, 20


def side(
    kind: str, masters: tuple[int, ...] = (MASTER,), workers: int = 2, command: str = "gunicorn shop:app"
) -> Side:
    living = {(n, 0): Worker(n, n, Activity.IDLE, 0) for n in range(100, 100 + workers)}
    return Side(
        "wsgi", kind, server=Server(pid=MASTER, masters=masters, command=tuple(command.split()), workers=living)
    )


@pytest.mark.parametrize("kind", ["sync", "gthread", "gevent", "asgi", "uvicorn"])
def test_a_worker_is_sent_what_its_master_makes_good_again(kind: str) -> None:
    server = "uvicorn" if kind == "uvicorn" else "gunicorn"
    term, kill = of_worker(side(kind))
    assert (term.signal, kill.signal) == ("SIGTERM", "SIGKILL")
    assert term.effect.endswith(f"; {server} starts another")
    assert ("its request and" in term.effect) == (kind == "sync")


def test_a_master_takes_one_worker_less_only_while_there_is_another() -> None:
    assert [offer.signal for offer in of_master(side("sync"))] == ["SIGTTIN", "SIGTTOU", "SIGHUP"]
    assert [offer.signal for offer in of_master(side("sync", workers=1))] == ["SIGTTIN", "SIGHUP"]
    assert "the oldest worker" in of_master(side("sync"))[1].effect
    assert "the newest worker" in of_master(side("uvicorn"))[1].effect


@pytest.mark.parametrize(
    ("alone", "why"),
    [
        (side("uvicorn", masters=()), "no master"),
        (side("uvicorn", command="uvicorn shop:app --reload"), "reloader"),
        (side("sync", workers=0), "has ended"),
    ],
)
def test_where_nothing_would_start_another_worker_nothing_is_offered(alone: Side, why: str) -> None:
    assert not has_master(alone)
    assert of_worker(alone) == of_master(alone) == ()
    assert why in why_none(alone)


def attached(masters: tuple[int, ...]) -> ServerAttached:
    return ServerAttached(1, "wsgi", masters[-1], "sync", "", ("gunicorn",), "/srv", masters)


def booted(pid: int, number: int) -> WorkerBooting:
    return WorkerBooting(2, "wsgi", pid, number, pid, 1, "sync")


@pytest.mark.parametrize(("ends", "stays"), [(MASTER, NEW), (NEW, MASTER)])
def test_of_two_masters_one_may_end_and_the_workers_of_the_other_go_on(ends: int, stays: int) -> None:
    """USR2: the old one ends when the new one serves; or the new one fails."""
    both = reduce(State(), [attached((MASTER,)), booted(100, 1), attached((MASTER, NEW)), booted(200, 1)])
    theirs = 100 if ends == MASTER else 200
    gone = [WorkerDied(3, "wsgi", ends, theirs, 0), MasterExited(4, "wsgi", ends)]
    server = reduce(both, gone).sides["wsgi"].server
    assert server.processes() == {300 - theirs}
    assert (server.pid, server.masters, server.gone_ns) == (stays, (stays,), 0)
    ended = reduce(State(), [attached((MASTER,)), booted(100, 1), MasterExited(4, "wsgi", MASTER)])
    assert not ended.sides["wsgi"].server.living()


def test_what_is_said_of_a_side_does_not_depend_on_its_command_where_it_is_gunicorn() -> None:
    reloads = replace(side("sync"), server=replace(side("sync").server, command=("gunicorn", "--reload", "shop:app")))
    assert of_worker(reloads)
