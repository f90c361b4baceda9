"""The rows above the lanes: title, queue, who runs, and how many are in the app."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from wsgiviz.events import BEAT_NS
from wsgiviz.model.state import BUSY, Doing, Loop, Side, Task, Worker
from wsgiviz.tui.render.glyphs import LOOP_HELD_NS
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, Ink, Line, Part, Row, shortened
from wsgiviz.tui.render.printable import printable
from wsgiviz.tui.render.view import PaneView
from wsgiviz.tui.render.words import counted, measured, name_of, running

ORDER = (Doing.BLOCKED, Doing.COMPUTING, Doing.READING, Doing.WRITING, Doing.CLOSING, Doing.BOOTING, Doing.STOPPING)

BUSY_INK: dict[str, Ink] = {
    Doing.BLOCKED: Ink("blocked", "blocked"),
    Doing.COMPUTING: Ink("computing", "computing~"),
    Doing.READING: Ink("transfer", "transfer~"),
    Doing.WRITING: Ink("transfer", "transfer~"),
    Doing.CLOSING: Ink("transfer", "transfer~"),
    Doing.BOOTING: DIM,
    Doing.STOPPING: DIM,
    Task.RUNNING: Ink("computing", "computing~"),
    Task.READY: Ink("queue", "queue~"),
    Task.AWAITING: Ink("awaiting"),
}


def bar_cells(width: int) -> int:
    return max(6, min(40, (width - 10) // 3))


def title(view: PaneView, width: int) -> Row:
    side = view.side.protocol
    text = printable(view.title, not view.glyphs.eighths)
    line = Line(width).add(f" {side.upper()} ", Ink(side + "=", side + "@", "br")).add("  ")
    return line.add(shortened(text, line.left, view.glyphs.ellipsis), BOLD).row()


def labelled(label: str, width: int, column: int) -> Line:
    return Line(width).add(f" {label}", DIM).to(column)


def queue(view: PaneView, width: int, column: int) -> Row:
    """One dot for each request in the accept queue (the listening socket's receive queue), and the words."""
    side, cells, glyphs = view.side, bar_cells(width), view.glyphs
    line = labelled("queue", width, column)
    if side.queue_depth < 0:
        return line.to(column + cells + 2).add("n/a", DIM).row()
    dots = min(side.queue_depth, cells)
    places = min(cells, max(dots, side.planned))
    line.add(glyphs.waiting * dots, Ink("queue!")).add(glyphs.free * (places - dots), Ink("faint"))
    line.to(column + cells + (2 if line.left > 30 else 1))
    pooled = _pooled(side)
    if pooled is None:
        return line.first_fitting(*_queue_words(side)).row()
    depth = Part(f"{side.queue_depth} in the kernel", Ink("queue!", "", "b") if side.queue_depth else DIM)
    short = Part(f"{sum(side.pools.values())} in pools", pooled.ink)
    return line.first_fitting((depth, Part("   ", PLAIN), pooled), (pooled,), (short,)).row()


def _pooled(side: Side) -> Part | None:
    """What waits inside a process, for one of its own threads: accepted, so in no queue of the kernel's."""
    waiting = sum(side.pools.values())
    if not waiting:
        return None
    pid = max(side.pools, key=lambda each: side.pools[each])
    numbers = [worker.number for worker in side.living() if worker.pid == pid]
    whose = f"worker {numbers[0]}'s" if numbers and waiting == side.pools[pid] else "the workers'"
    return Part(f"{waiting} in {whose} own queue", Ink("queue!", "", "b"))


def _queue_words(side: Side) -> list[tuple[Part, ...]]:
    depth, limit = side.queue_depth, side.queue_limit
    ink = Ink("queue!", "", "b") if depth else DIM
    most = Part(f"   most {side.max_queue}" if side.max_queue else "", DIM)
    if depth and 0 < limit <= depth:
        return [(Part(f"full: {depth} wait, room for {limit}", Ink("blocked!", "", "b")), most)] + [
            (Part(f"full: {depth} of {limit}", Ink("blocked!", "", "b")),)
        ]
    words = Part(f"{depth} wait in the kernel" if depth != 1 else "1 waits in the kernel", ink)
    words = words if depth else Part("none waiting", ink)
    room = Part(f"   room for {limit}", DIM)
    with_limit = [(words, most, room)] if limit > 0 else []
    return [*with_limit, (words, most), (words,), (Part(f"{depth} in the kernel", ink),)]


def busy(view: PaneView, width: int, column: int) -> Row:
    """How many workers are at what."""
    line = labelled("busy", width, column)
    workers = view.side.living()
    counts = {doing.value: sum(worker.doing is doing for worker in workers) for doing in ORDER}
    line.extend(_shares(counts, len(workers), bar_cells(width), view))
    line.to(column + bar_cells(width) + (2 if width >= 50 else 1))
    if not workers:
        return line.add("no worker yet" if not view.side.master_up else "no worker", DIM).row()
    return line.first_fitting(*_busy_words(workers, counts)).row()


def _busy_words(workers: Sequence[Worker], counts: dict[str, int]) -> list[tuple[Part, ...]]:
    total = len(workers)
    found = [(doing, number) for doing, number in counts.items() if number]
    if not found:
        return [(Part(f"{total} of {total} idle", DIM),)]
    (first, number), *rest = sorted(found, key=lambda pair: -pair[1])
    colour = BUSY_INK[first].front
    ink = Ink(colour if colour == "dim" else colour + "!", "", "b")
    main = Part(f"{number} of {total} {first}", ink)
    others = tuple(Part(f"   {n} {doing}", PLAIN) for doing, n in rest)
    return [(main, *others), (main,)]


def _shares(counts: dict[str, int], total: int, cells: int, view: PaneView) -> list[Part]:
    """A bar of ``cells`` cells divided among ``total``; those not counted leave it empty at the end."""
    parts, reached, seen = [], 0, 0
    for state, number in counts.items():
        seen += number
        end = round(cells * seen / total) if total else 0
        if end > reached:
            parts.append(Part(view.glyphs.texture[state] * (end - reached), BUSY_INK[state]))
        reached = max(end, reached)
    return [*parts, Part(view.glyphs.rest * (cells - reached), Ink("faint"))]


def tasks(side: Side) -> dict[str, int]:
    """Requests that a loop has taken up, by what they do: running, ready, awaiting."""
    counts = Counter([r.task for r in side.in_flight.values() if not r.ended_ns])
    return {task: counts[task] for task in (Task.RUNNING, Task.READY, Task.AWAITING)}


def loop(view: PaneView, width: int, column: int) -> Row:
    """What the loop does: held by one step, busy, or waiting in its selector."""
    line = labelled("loop", width, column)
    counts = tasks(view.side)
    line.extend(_shares(counts, sum(counts.values()), bar_cells(width), view))
    line.to(column + bar_cells(width) + (2 if width >= 50 else 1))
    loops = list(view.side.loops.values())
    if not loops:
        return line.add("no loop yet", DIM).row()
    words = _loop_words(loops, view)
    lag_ns = max(max(each.max_lag_ns, late_ns(each, view.now_ns)) for each in loops)
    lag = Part(f"   max lag {measured(lag_ns / 1e9)}", DIM)
    awaiting = Part(f"   await {counts[Task.AWAITING]}", DIM)
    return line.first_fitting((words, lag), (words, awaiting), (words,)).row()


def late_ns(loop: Loop, now_ns: int) -> int:
    """How late the next heartbeat is: what a loop that is held can't tell itself."""
    return max(0, now_ns - loop.beat_ns - BEAT_NS) if loop.beat_ns else 0


def _loop_words(loops: Sequence[Loop], view: PaneView) -> Part:
    holder = max(loops, key=lambda each: view.now_ns - each.since_ns if each.running else -1)
    lasts = view.now_ns - holder.since_ns if holder.running else 0
    if lasts >= LOOP_HELD_NS:
        sign = view.glyphs.doing[Doing.BLOCKED]
        held = f"{sign} held {running(lasts / 1e9)} by {name_of(holder.running)}"
        return Part(held, Ink("blocked!", "", "b"))
    share = busy_share(loops) if view.side.running else None
    if share is not None and share >= 0.02:
        return Part(f"{view.glyphs.task[Task.RUNNING]} busy {share * 100:3.0f} %", Ink("computing!", "", "b"))
    return Part(f"{view.glyphs.task[Task.AWAITING]} idle in select", DIM)


def busy_share(loops: Sequence[Loop]) -> float | None:
    """Share of the run that the loops were not in their selectors; None where they do not say."""
    known = [each for each in loops if each.selector_ns >= 0 and each.beat_ns > each.run_beat_ns]
    if not known:
        return None
    elapsed = sum(each.beat_ns - each.run_beat_ns for each in known)
    waited = sum(each.selector_ns - each.run_selector_ns for each in known)
    return min(1.0, max(0.0, 1 - waited / elapsed))


def in_app(view: PaneView, width: int, column: int) -> Row:
    """Requests inside the app at once: a worker has one, a loop has many."""
    side = view.side
    digits = len(str(max(side.planned, 1)))
    line = labelled("in app", width, max(column, len(" in app ")))
    line.add(f"{side.now_in_app:>{digits}} now", BOLD if side.now_in_app else DIM)
    line.add(f"   {side.max_in_app:>{digits}} at most", DIM).add("   ")
    if not side.is_loop:
        held = sum(worker.doing in BUSY for worker in side.living())
        words = f"held by {counted(held, 'worker')}" if held else "every worker is free"
        return line.first_fitting((Part(words, DIM),), (Part("", DIM),)).row()
    counts = tasks(side)
    parts = [
        Part(f"{word} {counts[task]:>{digits}}  ", Ink(colour, "", "b") if counts[task] else DIM)
        for word, task, colour in (
            ("run", Task.RUNNING, "computing!"),
            ("ready", Task.READY, "queue!"),
            ("await", Task.AWAITING, "awaiting!"),
        )
    ]
    return line.first_fitting(tuple(parts), tuple(parts[1:]), tuple(parts[2:]), ()).row()
