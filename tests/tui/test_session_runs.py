"""The list of a session's runs in the app, the ghost of the run before, and what an earlier run has left."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.tui.stand_in import Seat, StandIn, sleeping, watch, watch_replay
from tests.unit.states import RUN, T0, S, ledger_of
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.verdict import Demand, Fits, Verdict
from wsgiviz.state import Phase, Request, RunSummary, SideSummary, Span, State

LOOP = Verdict(Demand.WAITING, Fits.LOOP, "An event loop fits this load.", "Requests waited.", "With 5 threads.")


def summary(number: int, workers: int = 4, seconds: float = 5.02) -> RunSummary:
    total_ns = int(seconds * S)
    sides = (
        SideSummary("wsgi", "sync", workers, 20, 20, 0, total_ns, total_ns),
        SideSummary("asgi", "asgi", 1, 20, 20, 0, int(1.02 * S), int(1.01 * S)),
    )
    return RunSummary(number, number, "sleep", settings={"requests": "20", "set seconds": "1.0"}, sides=sides)


RUNS = (summary(1), summary(2, workers=8, seconds=3.02), summary(3, workers=1, seconds=20.1))


class ThreeRuns(StandIn):
    """Three runs have finished, and a fourth is on."""

    def __init__(self, runs: tuple[RunSummary, ...] = RUNS) -> None:
        super().__init__(state=replace(sleeping(), runs=runs))

    def show(self, state: State) -> None:
        super().show(state)
        self.occurrences = Occurrences(verdicts=tuple((run.run, LOOP) for run in state.runs))


def words(seat: Seat) -> str:
    """What the screen says about the chosen run, its line breaks taken out."""
    return " ".join(seat.words("#difference").split())


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
def test_the_list_has_a_line_for_each_run(size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        await seat.press("h")
        await seat.screen_is("RunsScreen")
        await seat.reads("what differs")
        for number, workers, total in (
            (1, "4 workers", "5.02 s"),
            (2, "8 workers", "3.02 s"),
            (3, "1 worker", "20.1 s"),
        ):
            [line] = [line for line in seat.lines if workers in line and f" {number} " in line and total in line]
            assert "1.02 s" in line
        assert [strip.cell_length for strip in seat.strips] == [size[0]] * size[1]
        await seat.press("h")
        await seat.screen_is("LiveScreen")

    watch(check, ThreeRuns(), size)


def test_the_newest_is_compared_with_the_one_before_it_and_others_with_theirs() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("h")
        await seat.screen_is("RunsScreen")
        await seat.reads("Run 3 against run 2: 1 worker instead of 8.")
        assert "WSGI 20.10 s instead of 3.02 s (6.7 times slower); ASGI 1.02 s as before." in words(seat)
        assert "Requests waited. With 5 threads." in seat.words("#verdict")
        await seat.press("up")
        assert words(seat).startswith("Run 2 against run 1: 8 workers instead of 4.")
        await seat.press("up")
        assert words(seat).startswith("The first run")

    watch(check, ThreeRuns())


def test_two_that_a_person_chooses_are_compared() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("h")
        await seat.screen_is("RunsScreen")
        await seat.press("home", "space")
        assert any("▽" in line and "4 workers" in line for line in seat.lines)
        await seat.press("end")
        assert words(seat).startswith("Run 3 against run 1: 1 worker instead of 4.")
        await seat.press("home", "space", "end")
        assert words(seat).startswith("Run 3 against run 2")

    watch(check, ThreeRuns())


def test_a_run_that_finishes_meanwhile_comes_in_and_is_chosen() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("h")
        await seat.screen_is("RunsScreen")
        seat.feed.show(replace(seat.feed.state, runs=(*RUNS, summary(4, workers=2, seconds=10.0))))
        await seat.until(lambda: words(seat).startswith("Run 4 against run 3"), "the fourth")

    watch(check, ThreeRuns())


def test_before_the_first_run_has_finished_it_says_so_and_many_runs_can_be_scrolled() -> None:
    async def none(seat: Seat) -> None:
        await seat.press("h")
        await seat.reads("No run has finished yet.")

    async def many(seat: Seat) -> None:
        await seat.press("h")
        await seat.screen_is("RunsScreen")
        await seat.reads(" 32  32 workers")
        await seat.press("home")
        await seat.until(lambda: words(seat).startswith("The first run"))
        assert any(" 1  " in line and "5.02 s" in line for line in seat.lines)

    watch(none, ThreeRuns(()))
    watch(many, ThreeRuns((summary(1), *(summary(n, workers=n, seconds=1.0) for n in range(2, 33)))), (80, 24))


def test_a_recording_has_the_same_list() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("h")
        await seat.reads("Run 3 against run 2")

    watch_replay(check, ThreeRuns())


def test_hostile_words_are_shown_and_ascii_is_all_there_is_in_ascii_mode() -> None:
    odd = replace(summary(2), settings={"path": "/\x1b[2J[red]\u202e", "requests": "20"})

    async def check(seat: Seat) -> None:
        await seat.press("h")
        await seat.reads("Run 2 against run 1")
        assert seat.text.isascii(), seat.text
        assert r"\x1b[2J[red]" in words(seat)

    watch(check, ThreeRuns((summary(1), odd)), ascii=True)


def test_the_run_before_is_on_the_axis_and_beside_the_digits() -> None:
    async def check(seat: Seat) -> None:
        assert "▽ last run 3.02 s with 8 workers" in seat.pane("left")
        axis = next(line for line in seat.pane("left").splitlines() if "now" in line)
        assert axis.index("now") < axis.index("▽") < axis.index("4s")

    state = replace(sleeping(), runs=(replace(RUNS[1], run=0),))
    watch(check, StandIn(state=state))


def left_behind() -> State:
    """Two of four workers hold requests of the run before."""
    state = sleeping(0.5)
    side = state.sides["wsgi"]
    run, workers = replace(side.run, number=2, earlier=2), {}
    held = {request.pid: request for request in side.ledger.in_flight() if request.pid}
    ledger: list[Request] = []
    for at, worker in enumerate(side.server.workers.values()):
        req = worker.req if at < 2 else worker.req + RUN
        spans = (Span(T0 - S // 2, 0, worker.activity, req),)
        workers[worker.key] = replace(worker, req=req, last_req=req, spans=spans)
        if at >= 2:
            ledger.append(replace(held[worker.pid], id=req))
    side = replace(side, run=run, ledger=ledger_of(ledger), server=replace(side.server, workers=workers))
    return replace(state, run=2, fired=2, sides={**state.sides, "wsgi": side}, phase=Phase.RUNNING)


def on_loop(state: State) -> State:
    """Three requests of the run before are still on the loop."""
    side = state.sides["asgi"]
    run = replace(side.run, number=2, earlier=3, left={RUN + n: 9 for n in (1, 2, 3)})
    ledger = ledger_of([replace(request, id=request.id + RUN) for request in side.ledger.ours()])
    side = replace(side, run=run, ledger=ledger)
    return replace(state, sides={**state.sides, "asgi": side})


def test_what_an_earlier_run_left_is_grey_and_apart_among_requests_and_on_loops() -> None:
    async def check(seat: Seat) -> None:
        words = {"left": "2 requests of the run before still in the workers"}
        words["right"] = "3 requests of the run before still on the loop"
        for pane, (side, said) in zip(seat.panes, words.items(), strict=True):
            await seat.until(lambda side=side, said=said: said in seat.pane(side))  # type: ignore[misc]
            row = next(row for row in pane._rows if any("of the run before still" in part.text for part in row))
            assert {part.style.front for part in row if part.text.strip()} == {"dim"}
        assert "3 requests of the run before served too" in seat.pane("right")

    watch(check, StandIn(state=on_loop(left_behind())), size=(160, 45))


def test_what_an_earlier_run_left_is_grey_without_a_number_and_said() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("v")
        await seat.until(lambda: "of the run before" in seat.pane("left"))
        await seat.reads("2 workers still serve requests of the run before")
        await seat.frames()
        pane = seat.panes[0]
        await seat.until(lambda: any(row and row[0].text.strip() == "1" for row in pane._rows), "lanes of workers")
        rows = {
            row[0].text.strip(): row for row in pane._rows if row and row[0].text.strip() in "1234" and len(row) > 2
        }
        colours = {number: {part.style.front for part in row if "█" in part.text} for number, row in rows.items()}
        assert colours["1"] == {"dim"}
        assert not any("#1" in part.text for part in rows["1"])
        assert colours["3"] <= {"blocked", "blocked+"}
        assert "2 requests of the run before served too" in seat.pane("left")

    watch(check, StandIn(state=left_behind()))
