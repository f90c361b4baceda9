"""Signals to somebody else's server: a confirmation names pid, signal and effect; without a yes nothing is sent."""

from __future__ import annotations

import os
import signal
import time

from msgspec.structs import replace

from tests.tui.stand_in import Check, Seat, StandIn, run_app
from tests.unit.states import T0, S
from wsgiviz.control.addressee import Addressee
from wsgiviz.errors import WsgivizError
from wsgiviz.state import Activity, Phase, Server, Side, State, Worker
from wsgiviz.state.worker import Death
from wsgiviz.tui.attached_app import AttachedApp

MASTER, WORKER = 4700, 4711
Sent = list[tuple[str, int, str]]


def state(masters: tuple[int, ...] = (MASTER,), workers: int = 2) -> State:
    living = {(pid, 0): Worker(pid, pid, Activity.IDLE, T0, ready_ns=T0) for pid in range(WORKER, WORKER + workers)}
    server = Server(pid=MASTER, masters=masters, command=("gunicorn", "shop"), workers=living, queue_depth=0)
    sides = {"wsgi": Side("wsgi", "sync", server=server)}
    return State(T0 + S, attached=True, attached_ns=T0, phase=Phase.ATTACHED, sides=sides)


class StandInAttachment:
    """Takes this process for each that is asked for, and notes what would be sent."""

    def __init__(self) -> None:
        self.sent: Sent = []
        self.problem = ""

    def addressee(self, side: str, pid: int) -> Addressee:
        if self.problem:
            raise WsgivizError(self.problem)
        self.asked = pid
        return Addressee(os.getpid(), time.monotonic_ns())

    def send(self, side: str, to: Addressee, number: signal.Signals) -> None:
        self.sent.append((side, self.asked, number.name))


def attach(check: Check, shown: State, problem: str = "") -> Sent:
    feed, attachment = StandIn(state=shown), StandInAttachment()
    feed.show(shown)
    attachment.problem = problem
    run_app(check, AttachedApp(feed, attachment), feed, (80, 24), Seat)
    return attachment.sent


ASKED = [
    ("kt", f"TERM to worker {WORKER}?", "gunicorn starts another.", (WORKER, "SIGTERM")),
    ("kk", f"KILL to worker {WORKER}?", "It ends at once", (WORKER, "SIGKILL")),
    ("+", f"TTIN to master {MASTER}?", "one worker more.", (MASTER, "SIGTTIN")),
    ("-", f"TTOU to master {MASTER}?", "one less.", (MASTER, "SIGTTOU")),
    ("r", f"HUP to master {MASTER}?", "Gunicorn loads its configuration", (MASTER, "SIGHUP")),
]


def test_nothing_is_sent_without_a_yes() -> None:
    async def check(seat: Seat) -> None:
        for answer in ("enter", "escape", "n", "y"):
            for keys, question, effect, _ in ASKED[:: 1 if answer == "y" else 3]:
                assert answer == "y" or sent_of(seat) == []
                for key in keys:
                    await seat.press({"+": "plus", "-": "minus"}.get(key, key))
                await seat.reads(question)
                assert effect in seat.text
                await seat.press(answer)
                await seat.screen_is("AttachedScreen")

    assert attach(check, state()) == [("wsgi", *sent) for *_, sent in ASKED]


def sent_of(seat: Seat) -> Sent:
    assert isinstance(seat.app, AttachedApp)
    attachment = seat.app._attachment
    assert isinstance(attachment, StandInAttachment)
    return attachment.sent


def test_keys_are_shown_only_where_they_do_something() -> None:
    async def offered(seat: Seat) -> None:
        assert "k signal" in seat.lines[-1]

    async def refused(seat: Seat) -> None:
        assert "k signal" not in seat.lines[-1]
        for key in ("k", "plus", "minus", "r"):
            await seat.press(key)
            await seat.reads("This server has no master")
            assert type(seat.app.screen).__name__ == "AttachedScreen"

    attach(offered, state())
    assert attach(refused, state(masters=())) == []


def test_with_two_masters_a_person_chooses_which() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("r")
        await seat.screen_is("SignalsScreen")
        await seat.press("down", "r")
        await seat.reads(f"HUP to master {MASTER + 1}?")
        await seat.press("y")
        await seat.screen_is("AttachedScreen")

    assert attach(check, state(masters=(MASTER, MASTER + 1))) == [("wsgi", MASTER + 1, "SIGHUP")]


def test_why_nothing_can_be_sent_is_said() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("minus")
        await seat.reads("One worker is the least")
        await seat.press("k", "t")
        await seat.reads("Process 4711 has ended")

    assert attach(check, state(workers=1), "process 4711 has ended: nothing was sent") == []


def test_a_message_is_in_place_of_the_sentence_and_never_over_a_part_of_it() -> None:
    """One of one line covered the second line of a sentence: the rest read as one with it."""

    async def check(seat: Seat) -> None:
        await seat.reads("nobody waits in the kernel")
        await seat.press("space")
        await seat.reads("These servers are somebody's own")
        assert "nobody waits in the kernel" not in seat.text
        assert not seat.app.screen.query("Toast")
        await seat.until(lambda: "nobody waits in the kernel" in seat.text, "the sentence again")

    attach(check, state())


def test_a_death_that_the_sentence_tells_is_not_told_again() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("k", "k", "y")
        await seat.screen_is("AttachedScreen")
        seat.feed.show(killed())
        await seat.reads("gunicorn starts another in its place")
        await seat.frames(3)
        assert "gunicorn starts another in its place" in seat.text
        assert seat.text.count("was killed by SIGKILL") == 1

    attach(check, state())


def killed() -> State:
    """The first worker was killed."""
    shown = state()
    side = shown.sides["wsgi"]
    key, worker = next(iter(side.server.workers.items()))
    death = Death(T0 + S, 9)
    dead = replace(worker, activity=Activity.DEAD, since_ns=T0 + S, death=death)
    server = replace(side.server, workers={**side.server.workers, key: dead}, deaths=1)
    return replace(shown, sides={"wsgi": replace(side, server=server)})
