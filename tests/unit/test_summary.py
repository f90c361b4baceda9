"""The summary of a headless run: its table, and what it says below that."""

from __future__ import annotations

from rich.console import Console

from tests.unit.lint_contexts import DRIVER, PID, at, booted, ended, fired, opened, reduced, state_of
from tests.unit.states import RUN, T0
from tests.unit.test_captions import finished
from tests.unit.test_metrics import one_request
from tests.unit.test_result import FOUND, begun, ran, redirected, served_late
from tests.unit.thread_events import answered, entered, full_limiter, left
from wsgiviz.analysis.captions import caption
from wsgiviz.analysis.occurrences import Occurrence, Occurrences
from wsgiviz.events import (
    Event,
    Forked,
    LoopBeat,
    PhaseChanged,
    QueueSampled,
    RequestBegan,
    RequestEnded,
    ResponseReceived,
    WorkerDied,
)
from wsgiviz.report.summary import conclusions, summary
from wsgiviz.state import Phase, State


def as_text(state: State, ascii_only: bool = False, occurrences: Occurrences | None = None) -> str:
    console = Console(width=160, color_system=None)
    with console.capture() as capture:
        console.print(summary(state, occurrences or Occurrences(), ascii_only))
    return capture.get()


def test_the_summary_shows_both_sides_figure_under_figure() -> None:
    text = as_text(ran(requests=1))
    assert "sleep: 1 requests to each side" not in text
    parts = ("sleep: 1 request to each side", "WSGI  time.sleep(1)", "1.00 s = ⌈1/1⌉ × 1 s", "1 of 1", "n/a")
    for part in (*parts, "peak in the accept queue", "peak in the app"):
        assert part in text
    assert "nobody" not in text
    assert "after the answer" not in text
    assert as_text(ran(requests=1), ascii_only=True).isascii()


def test_silent_clients_are_in_the_title() -> None:
    title = "sleep: 1 request to each side, beside"
    assert f"{title} 1 silent client " in as_text(ran(requests=1, silent_clients=1))
    assert f"{title} 3 silent clients " in as_text(ran(requests=1, silent_clients=3))


def test_the_summary_shows_what_was_served_for_nobody_and_what_went_on_where_there_is_any() -> None:
    text = as_text(reduced(begun(), served_late(1, 1.5, 1.6)))
    [row] = [line for line in text.splitlines() if "served for nobody" in line]
    assert [cell.strip() for cell in row.split("│")[2:4]] == ["1", "0"]
    answered = ResponseReceived(at(0.11), "wsgi", DRIVER, RUN + 1, 200, 2)
    later = QueueSampled(at(2.11), "wsgi", DRIVER, 0, 100)
    assert "1, 2.00 s in all" in as_text(reduced(begun(), one_request()[:2], [answered, later]))


def row_of(text: str, label: str) -> list[str]:
    """The cells of the table's row with that label."""
    [row] = [line for line in text.splitlines() if line.startswith(f"│ {label} ")]
    return [cell.strip() for cell in row.split("│")[2:4]]


def test_the_summary_shows_status_codes_and_where_redirects_lead() -> None:
    text = as_text(reduced(begun(), redirected("/admin/login/", "/admin/login/", "/\x1b[2J")))
    assert row_of(text, "status codes") == [r"1 × 302 to /\x1b[2J, 2 × 302 to /admin/login/", "none"]
    assert as_text(reduced(begun(), redirected("/ünï")), ascii_only=True).isascii()


def test_the_time_of_workers_is_shown_as_shares_of_the_whole() -> None:
    """ "busy 2 %, of that computing 100 %" was read as a worker at its limit."""
    text = as_text(ran(requests=1))
    shown = {label: row_of(text, label)[0] for label in ("time blocked", "time computing", "time reading, writing")}
    assert shown == {"time blocked": "89 %", "time computing": "0 %", "time reading, writing": "1 %"}
    assert row_of(text, "time idle") == ["10 %", "n/a"]
    assert "of that" not in text
    assert "GIL" not in text


def test_requests_are_summed_by_process_whatever_its_threads() -> None:
    boots = [
        *booted(pid=100, number=1, threads=2, kind="gthread"),
        *booted(pid=101, number=2, threads=2, kind="gthread"),
    ]
    served = [
        RequestEnded(at(0.1 + n / 100), "wsgi", pid, slot, RUN + n, 0, at(0.05), 0, 0, at(0.1), 200, 1, "")
        for n, (pid, slot) in enumerate([(100, 1), (100, 2), (100, 1), (101, 2)], 1)
    ]
    text = as_text(reduced(opened("gthread", threads=2), boots, fired(), served))
    assert row_of(text, "requests by process")[0] == "3 1"
    many = [each for n in range(1, 21) for each in booted(pid=200 + n, number=n)]
    assert row_of(as_text(reduced(opened(), many, fired())), "requests by process")[0].endswith("0 … 8 more")


def test_what_is_rare_has_a_row_where_it_is_met() -> None:
    assert "external requests" not in as_text(ran())
    assert "no known worker" not in as_text(ran())
    external = RequestBegan(at(0.02), "wsgi", PID, 0, -9, at(0.02), 0, "GET /")
    text = as_text(ran(external, Forked(at(0.03), "wsgi", PID, 9), *redirected("", "")))
    assert row_of(text, "external requests") == ["1", "0"]
    assert row_of(text, "answered by no known worker") == ["1 (the app has forked 1 process)", "0"]


# --- what is said below the table --------------------------------------------------------------------------------


def through(*more: Event) -> State:
    """A run that is over."""
    return reduced(
        begun(requests=1, only="wsgi"), one_request(), ended(0.13), [*more, PhaseChanged(at(0.2), "", 0, "finished")]
    )


def test_below_the_table_it_says_what_the_screen_says() -> None:
    state = through()
    occurrences = Occurrences().after(state)
    sentence = caption(state, state.t_ns, occurrences).text
    assert conclusions(state, occurrences) == [sentence] == ["WSGI answered 1 request in 0.11 s."]
    assert sentence in as_text(state, occurrences=occurrences)
    assert conclusions(ran(), Occurrences()) == [], "the run goes on, as in a recording that was cut"


def test_beside_a_pitfall_it_says_what_came_out_too_and_the_pitfall_once() -> None:
    death = WorkerDied(at(0.15), "wsgi", DRIVER, PID, 6, 1)
    state = through(death)
    occurrences = Occurrences().after(state)
    said = conclusions(state, occurrences)
    assert said[0].startswith("WSGI answered 1 request in 0.11 s. Worker 1 was killed by gunicorn (worker timeout)")
    assert len(said) == 1
    text = as_text(state, occurrences=occurrences)
    assert "worker-timeout (wsgi): as said above." in text
    assert text.count("was killed by gunicorn") == 1


def test_two_sides_are_judged_below_the_table_as_on_the_screen() -> None:
    sides = finished("wsgi", 5.02, 1), finished("asgi", 1.03, 1)
    state = state_of(*sides, phase=Phase.FINISHED, t_ns=at(9))
    assert conclusions(state, Occurrences()) == [
        "WSGI took 5.02 s, ASGI 1.03 s: waiting at once was 4.9 times faster than waiting in turn. "
        "An event loop fits this load."
    ]
    text = " ".join(as_text(state).split())
    assert "Verdict: An event loop fits this load. Requests waited for 100 % of their time in the app" in text
    assert "Not measured: a steady load, hundreds of open connections" in text


def test_why_it_is_not_known_how_busy_a_loop_was() -> None:
    """uvloop has no selector that anybody could watch; asyncio's own has."""
    beats = [LoopBeat(at(t), "asgi", 300, 0, -1) for t in (0.01, 0.1)]
    text = " ".join(as_text(ran(*beats)).split())
    assert "ASGI: the selector of its event loop (uvloop or the like) is not in Python" in text
    assert "is not in Python" not in as_text(ran(LoopBeat(at(0.01), "asgi", 300, 0, 5)))


def test_what_comes_from_an_app_is_shown_as_escapes() -> None:
    raises = RequestEnded(at(0.1), "wsgi", PID, 0, RUN + 1, 0, at(0.01), 0, 0, at(0.1), 500, 0, "\x1b]0;x\x07")
    received = ResponseReceived(at(0.11), "wsgi", DRIVER, RUN + 1, 500, 2)
    met = Occurrences(met=(Occurrence(FOUND, T0, 4_100_000_000),))
    text = as_text(reduced(begun(), one_request()[:2], [raises, received]), occurrences=met)
    assert r"\x1b]0;x\x07 × 1" in text
    assert r"loop-held (asgi, 4.1 s): Held by \x1b[2J." in text
    assert text.replace("\n", "").isprintable()


def test_threads_behind_a_loop_where_there_were_any() -> None:
    state = reduced(full_limiter(4, 6), left(1, 0.7), answered(1, 0.01, 0.8), entered(5, 0.81), left(5, 1.0))
    text = as_text(reduced(answered(5, 0.01, 1.1), before=state))
    cells = [
        row.split("│")[2].strip() for row in text.splitlines() if row.startswith(("│ longest wait", "│ peak in thr"))
    ]
    assert cells == ["0.80 s", "4 of 4, 6 waited"]
    assert "thread" not in as_text(ran())
