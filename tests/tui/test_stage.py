"""On stage: what is there, what is not, and the way back. And the verdict at the end of a run."""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace

from tests.tui.kept import Kept
from tests.tui.stand_in import Seat, StandIn, sleeping, watch, watch_replay
from wsgiviz.analysis.lints.lint import Finding
from wsgiviz.settings import make
from wsgiviz.tui.widgets.caption import CaptionLine
from wsgiviz.tui.widgets.code import CodePane


def test_on_stage_there_are_digits_lanes_a_line_of_code_the_sentence_and_the_clock() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("b")
        await seat.frames(3)
        assert (seat.app.theme, seat.app.live.stage) == ("wsgiviz-stage", True)
        assert "00:02.5" in seat.lines[0]
        assert "fps" not in seat.text
        left = seat.pane("left").splitlines()
        assert "WSGI" in left[0]
        assert "8/20" in left[2]
        assert "time.sleep(seconds)" in seat.text
        assert "All 4 workers are blocked" in seat.text
        for statistic in ("queue", "backlog", "predicted", "p50", "in app"):
            assert statistic not in seat.text

    watch(check, Kept("sleep", "middle"), (80, 24))


def test_a_lane_is_two_lines_thick_where_there_is_room() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("b")
        await seat.frames(3)
        lines = seat.pane("left").splitlines()
        for number in range(1, 5):
            at = next(y for y, line in enumerate(lines) if line.split()[:2] == [str(number), "■"])
            first, second = (line[8:].rstrip() for line in lines[at : at + 2])
            assert "#" in first
            assert "#" not in second
            assert abs(len(first) - len(second)) <= 1
            assert "█" in second

    watch(check, Kept("sleep", "middle"), (80, 24))


def test_of_more_requests_than_lines_every_second_is_shown_and_the_last_ones_too() -> None:
    async def check(seat: Seat) -> None:
        await seat.press("b", "v")
        await seat.frames(3)
        for side in ("left", "right"):
            shown = [word for word in seat.pane(side).split() if word.startswith("#")]
            assert shown == [f"#{number}" for number in range(1, 20, 2)]
        assert "more" not in seat.text

    watch(check, Kept("sleep", "done"), (80, 24))


def test_b_leads_back_to_the_theme_and_all_that_was_there() -> None:
    async def check(seat: Seat) -> None:
        before = [line for line in seat.lines[1:]]
        await seat.press("b")
        await seat.frames(3)
        await seat.press("b")
        await seat.frames(3)
        assert seat.app.theme == "nord"
        assert seat.lines[1:] == before

    watch(check, Kept("sleep", "middle"), (120, 45), theme="nord")


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36), (160, 45), (200, 50)], ids=str)
def test_the_ratio_stands_on_stage_when_both_are_done(size: tuple[int, int]) -> None:
    async def check(seat: Seat) -> None:
        before = seat.pane("left").splitlines()[:10]
        await seat.press("b")
        await seat.frames(3)
        right = seat.pane("right").splitlines()[:10]
        assert any(len(line.rstrip()) >= seat.panes[1].size.width - 4 for line in right)
        assert before

    watch(check, Kept("sleep", "done"), size)


# --- the verdict ----------------------------------------------------------------------------------------------------


def card(seat: Seat) -> list[str]:
    region = seat.app.live.query_one(CaptionLine).region
    return [line.strip() for line in seat.lines[region.y : region.bottom]]


def test_at_the_end_stands_what_happened_why_what_would_change_it_and_what_is_next() -> None:
    async def check(seat: Seat) -> None:
        await seat.frames(3)
        what, why, change, further = card(seat)
        assert what.startswith("▎ WSGI took 5.0")
        assert why.startswith("▎ Why     An event loop fits this load.")
        assert change.startswith("▎ Change  With 5 threads in each of 4 workers")
        assert further == "▎ Next    Press + for more workers, s for scenario blocking-in-async."
        assert "4.9 times faster than WSGI" in seat.pane("right")

    watch(check, Kept("sleep", "done"), (120, 36))


def test_the_key_that_the_verdict_names_does_that() -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("Press + for more workers")
        await seat.press("plus")
        await seat.until(lambda: "add_worker" in seat.calls)
        await seat.press("s")
        await seat.screen_is("PickerScreen")

    watch(check, Kept("sleep", "done"), (120, 36))


def test_in_a_low_terminal_the_sentence_stays_in_two_lines() -> None:
    async def check(seat: Seat) -> None:
        await seat.frames(3)
        assert len(card(seat)) == 2
        assert "Next" not in seat.text
        assert "4.9 times faster" in seat.pane("right")

    watch(check, Kept("sleep", "done"), (80, 24))


def test_a_recording_names_no_keys_for_servers() -> None:
    async def check(seat: Seat) -> None:
        await seat.reads("Why     An event loop fits this load.")
        assert "Press +" not in seat.text

    watch_replay(check, Kept("sleep", "done"))


# --- code -----------------------------------------------------------------------------------------------------------


def test_the_code_is_whole_where_there_is_room_and_without_its_lifespan() -> None:
    async def check(seat: Seat) -> None:
        await seat.frames(3)
        assert seat.app.live.query_one(CodePane).size.height == 11
        assert "async def asgi_app(scope, receive, send):" in seat.text
        assert 'await send_text(send, "slept' in seat.text
        assert "lifespan" not in seat.text

    watch(check, Kept("blocking-in-async", "middle"), (160, 45))


# --- how many -------------------------------------------------------------------------------------------------------


WORKERS, REQUESTS, SIZES = [1, 4, 16, 32, 64], [1, 20, 200, 2000], [(80, 24), (120, 36), (200, 50)]


def amounts() -> list[tuple[int, int, tuple[int, int]]]:
    """Any two of workers, requests and size come together; ``WSGIVIZ_SCREENS=all``: any three."""
    return [
        (workers, requests, size)
        for i, workers in enumerate(WORKERS)
        for j, requests in enumerate(REQUESTS)
        for k, size in enumerate(SIZES)
        if (i + j) % len(SIZES) == k or os.environ.get("WSGIVIZ_SCREENS") == "all"
    ]


@pytest.mark.parametrize(("workers", "requests", "size"), amounts(), ids=str)
def test_lists_and_axis_stay_readable(workers: int, requests: int, size: tuple[int, int]) -> None:
    settings = make(scenario="sleep", workers=workers, requests=requests)
    state = replace(sleeping(workers=workers, requests=requests), settings=settings)

    async def check(seat: Seat) -> None:
        for keys in ((), ("v",), ("b",), ("v",)):
            await seat.press(*keys)
            await seat.frames(2)
            for side in ("left", "right"):
                lines = seat.pane(side).splitlines()
                axis = next(line for line in lines if " now" in f" {line}" and seat.app.glyphs.now in line)
                ticks = axis.replace(seat.app.glyphs.now, " ").split()
                assert len(ticks) >= 2, axis
                assert all(tick == "now" or tick[0].isdigit() for tick in ticks), axis
                lanes = [line for line in lines if line[:8].strip(" ⋮") and line.lstrip()[:1] in "#123456789"]
                assert lanes, "\n".join(lines)
                assert not any(line.rstrip().endswith(("a", ",", "1100")) for line in lines if "more" in line)
            hidden = [line for line in seat.lines if "more" in line and "⋮" in line]
            assert all("more" in line.split("⋮")[1] for line in hidden)

    watch(check, StandIn(settings=settings, state=state), size)


# --- how true it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("matters", [False, True])
def test_that_the_driver_was_late_is_said_only_where_it_matters(matters: bool) -> None:
    feed = StandIn()
    wsgi = feed.state.sides["wsgi"]
    late = replace(wsgi, run=replace(wsgi.run, max_driver_late_ns=50_000_000))
    feed.state = replace(feed.state, sides={**feed.state.sides, "wsgi": late})
    found = (Finding("driver-bottleneck", "wsgi", "The load driver is up to 50 ms late."),) if matters else ()
    feed.occurrences = replace(feed.occurrences, found=found)

    async def check(seat: Seat) -> None:
        await seat.frames(3)
        assert ("driver late 50 ms" in seat.lines[0]) is matters

    watch(check, feed)
