"""The rows above the lanes: title, queue, who runs, and how many are in the app."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from wsgiviz.analysis import booting
from wsgiviz.analysis.lints import wording
from wsgiviz.printable import printable
from wsgiviz.state import Activity, Server, Side, Task, Worker
from wsgiviz.tui.render.glyphs import Glyphs
from wsgiviz.tui.render.line import BOLD, DIM, PLAIN, CellStyle, Line, Part, Row, shortened
from wsgiviz.tui.render.view import ON_LOOP, PaneView
from wsgiviz.tui.render.words import counted, running

THREADS = re.compile(r"(\d+) workers? of (\d+) threads")
ADDRESS, PIDS = re.compile(r" at \S+$"), re.compile(r", (?:pid|masters) .*")
"""The end of an attached server's title, and more of it."""

NAME_GAP = "   "

ORDER = (
    Activity.BLOCKED,
    Activity.COMPUTING,
    Activity.WAITING_FOR_GIL,
    Activity.READING,
    Activity.WRITING,
    Activity.CLOSING,
    Activity.BOOTING,
    Activity.STOPPING,
)

BUSY_STYLE: dict[str, CellStyle] = {
    Activity.BLOCKED: CellStyle("blocked", "blocked"),
    Activity.COMPUTING: CellStyle("computing", "computing~"),
    Activity.WAITING_FOR_GIL: CellStyle("gil", "gil~"),
    Activity.READING: CellStyle("transfer", "transfer~"),
    Activity.WRITING: CellStyle("transfer", "transfer~"),
    Activity.CLOSING: CellStyle("transfer", "transfer~"),
    Activity.BOOTING: DIM,
    Activity.STOPPING: DIM,
    Task.RUNNING: CellStyle("computing", "computing~"),
    Task.READY: CellStyle("queue", "queue~"),
    Task.AWAITING: CellStyle("awaiting"),
    Task.IN_THREAD: CellStyle("awaiting"),
    Task.THREAD_COMPUTES: CellStyle("computing"),
    Task.THREAD_FOR_GIL: CellStyle("gil"),
    Task.FOR_THREAD: CellStyle("queue"),
    Task.IN_PROCESS: CellStyle("awaiting"),
    Task.FOR_PROCESS: CellStyle("queue"),
}


def colour_of(state: str) -> str:
    """The name of the colour for a state of a worker or a request; "dim" where it has none."""
    style = BUSY_STYLE.get(state)
    return style.front if style is not None else "dim"


POOLED = frozenset(ON_LOOP[3:])
"""States that most apps' requests are never in."""


def bar_cells(width: int) -> int:
    return max(6, min(40, (width - 10) // 3))


def title(view: PaneView, width: int) -> Row:
    side = view.side.protocol
    text = printable(view.title, not view.glyphs.eighths)
    line = Line(width).add(f" {side.upper()} ", CellStyle(side, side + "*", "br")).add("  ")
    return line.add(fitting_title(text, line.left, view.glyphs), BOLD).row()


def fitting_title(text: str, room: int, glyphs: Glyphs) -> str:
    """ "gunicorn gthread, 2 workers of 4 threads" in ``room`` cells: without gunicorn's name, with a product, without
    what can be read elsewhere. A recording's name, behind a gap, stays."""
    server, gap, name = text.partition(NAME_GAP)
    left, times = room - len(gap + name), "×" if glyphs.eighths else "x"
    brief = THREADS.sub(rf"\1 {times} \2 threads", server.removeprefix("gunicorn "))
    wordings = (server, server.removeprefix("gunicorn "), brief, ADDRESS.sub("", brief), PIDS.sub("", brief))
    fitting = next((words for words in wordings if len(words) <= left), None)
    return shortened(text, room, glyphs.ellipsis) if fitting is None else f"{fitting}{gap}{name}"


def labelled(label: str, width: int, column: int) -> Line:
    """A row that begins with its label; what follows it stands in ``column``, or behind a longer label."""
    return Line(width).add(f" {label} ", DIM).to(column)


def queue(view: PaneView, width: int, column: int) -> Row:
    """One dot for each request in the accept queue (the listening socket's receive queue), others for what waits in
    processes for their threads, and the words."""
    server, cells, glyphs = view.side.server, bar_cells(width), view.glyphs
    depth = server.queue_depth
    line = labelled("queue", width, column)
    if depth < 0:
        return line.to(column + cells + 2).add("n/a", DIM).row()
    dots = min(depth, cells)
    inside = min(sum(server.pools.values()), cells - dots)
    places = min(cells, max(dots + inside, view.side.run.planned))
    line.add(glyphs.waiting * dots + glyphs.task[Task.FOR_THREAD] * inside, CellStyle("queue!"))
    line.add(glyphs.free * (places - dots - inside), CellStyle("faint"))
    line.to(column + cells + (2 if line.left > 30 else 1))
    pooled = _pooled(server) or _for_loop(view)
    if pooled is None:
        return line.first_fitting(*_queue_words(view.side)).row()
    in_kernel = Part(f"{depth} in the kernel", CellStyle("queue!", "", "b") if depth else DIM)
    short = Part(f"{sum(server.pools.values())} in pools", pooled.style) if server.pools else pooled
    return line.first_fitting((in_kernel, Part("   ", PLAIN), pooled), (pooled,), (short,)).row()


def _for_loop(view: PaneView) -> Part | None:
    """What a loop has accepted and not begun with: like `_pooled`, in no queue of the kernel's."""
    return Part(f"{view.not_begun} wait for the loop", CellStyle("queue!", "", "b")) if view.not_begun else None


def _pooled(server: Server) -> Part | None:
    """What waits inside a process, for one of its own threads: accepted, so in no queue of the kernel's."""
    pools = server.pools
    waiting = sum(pools.values())
    if not waiting:
        return None
    pid = max(pools, key=lambda each: pools[each])
    numbers = [worker.number for worker in server.living() if worker.pid == pid]
    whose = f"worker {numbers[0]}'s" if numbers and waiting == pools[pid] else "the workers'"
    return Part(f"{waiting} in {whose} own queue", CellStyle("queue!", "", "b"))


def _queue_words(side: Side) -> list[tuple[Part, ...]]:
    depth, limit = side.server.queue_depth, side.server.queue_limit
    highest = max(depth, side.run.max_queue)  # the run's stands for two samples: now it may be deeper
    style = CellStyle("queue!", "", "b") if depth else DIM
    peak = Part(f"   peak {highest}" if highest >= max(1, depth) else "", DIM)  # it counts what has stood a while
    if depth and 0 < limit <= depth:
        alarm = CellStyle("failed!", "", "b")
        return [
            (Part(f"full: {depth} wait, backlog {limit}", alarm), peak),
            (Part(f"full: {depth} of {limit}", alarm),),
        ]
    words = Part(f"{depth} wait in the kernel" if depth != 1 else "1 waits in the kernel", style)
    words = words if depth else Part("none waiting", style)
    backlog = Part(f"   backlog {limit}", DIM)
    with_limit = [(words, peak, backlog)] if limit > 0 else []
    return [*with_limit, (words, peak), (words,), (Part(f"{depth} in the kernel", style),)]


def booting_master(view: PaneView) -> str:
    """ "master loads 1.8 s at shop.py:3 time.sleep": with --preload there is no worker before it has."""
    lasts = running((view.now_ns - view.side.server.loading_ns) / 1e9)
    return f"master loads {lasts}{booting.at_master(view.side)}"


def busy(view: PaneView, width: int, column: int) -> Row:
    """How many workers are at what; where lanes are requests, a sign for each worker."""
    workers = view.living
    signs = view.by_request and 2 * len(workers) <= bar_cells(width) + 1
    line = labelled(f"{wording.slot(view.side)}s" if signs else "busy", width, column)
    found = Counter(worker.activity for worker in workers)
    counts = {activity.value: found[activity] for activity in ORDER}
    if signs:
        line.extend([part for worker in workers for part in _sign(worker, view)])
    else:
        line.extend(shares(counts, len(workers), bar_cells(width), view))
    line.to(column + bar_cells(width) + (2 if width >= 50 else 1))
    if not workers and view.side.server.loading_ns:
        words = printable(booting_master(view), not view.glyphs.eighths)
        return line.add(shortened(words, line.left, view.glyphs.ellipsis), DIM).row()
    if not workers:
        return line.add(
            "stopped" if view.side.server.workers else "no worker yet" if not view.side.server.up else "no worker",
            DIM,
        ).row()
    return line.first_fitting(*_with_acceptor(view, _busy_words(workers, counts))).row()


def _sign(worker: Worker, view: PaneView) -> tuple[Part, Part]:
    style = BUSY_STYLE.get(worker.activity, DIM)
    colour = style.front if style.front in ("", "dim", "faint") else style.front + "!"
    return Part(view.glyphs.activity[worker.activity], CellStyle(colour)), Part(" ", PLAIN)


ACCEPTOR_SHOWN_NS = 200_000_000


def _with_acceptor(view: PaneView, words: list[tuple[Part, ...]]) -> list[tuple[Part, ...]]:
    """With gthread's accepting thread, where that waits for a client to hang up: it is no slot, and has no lane."""
    server, living = view.side.server, view.side.server.processes()
    since_ns = min((t_ns for pid, t_ns in server.acceptors.items() if pid in living), default=view.now_ns)
    lasts_ns = view.now_ns - since_ns
    if lasts_ns < ACCEPTOR_SHOWN_NS:
        return words
    style = CellStyle("transfer!", "", "b")
    long = Part(f"   accepting thread: client lingers {running(lasts_ns / 1e9)}", style)
    short = Part(f"   accept: closing {running(lasts_ns / 1e9)}", style)
    return [(*words[0], long), (*words[-1], long), (*words[-1], short), *words]


def _busy_words(workers: Sequence[Worker], counts: Mapping[str, int]) -> list[tuple[Part, ...]]:
    total = len(workers)
    found = [(activity, number) for activity, number in counts.items() if number]
    if not found:
        return [(Part(f"{total} of {total} idle", DIM),)]
    (first, number), *rest = sorted(found, key=lambda pair: -pair[1])
    colour = BUSY_STYLE[first].front
    style = CellStyle(colour if colour == "dim" else colour + "!", "", "b")
    main = Part(f"{number} of {total} {first}", style)
    others = tuple(Part(f"   {n} {activity}", PLAIN) for activity, n in rest)
    brief = Part(f"{number} {first}", style), *(Part(f", {n} {activity}", PLAIN) for activity, n in rest)
    return [(main, *others), brief, (main,)] if rest else [(main,)]


def shares(counts: Mapping[str, int], total: int, cells: int, view: PaneView) -> list[Part]:
    """A bar of ``cells`` cells divided among ``total``; those not counted leave it empty at the end."""
    parts, reached, seen = [], 0, 0
    for state, number in counts.items():
        seen += number
        end = round(cells * seen / total) if total else 0
        if end > reached:
            parts.append(Part(view.glyphs.texture[state] * (end - reached), BUSY_STYLE[state]))
        reached = max(end, reached)
    return [*parts, Part(view.glyphs.rest * (cells - reached), CellStyle("faint"))]


def in_app(view: PaneView, width: int, column: int) -> Row:
    """Requests inside the app at once: a worker has one, a loop has many."""
    side, run = view.side, view.side.run
    digits = len(str(max(run.planned, 1)))
    line = labelled("in app", width, column)
    line.add(f"{run.in_app:>{digits}} now", BOLD if run.in_app else DIM)
    line.add(f"   peak {run.in_app_peak.most:>{digits}}", DIM).add("   ")
    if not side.is_loop:
        slot, living = wording.slot(side), view.living
        held = sum(worker.busy for worker in living)
        loading = sum(worker.activity is Activity.BOOTING for worker in living)
        free = f"{loading} of {counted(len(living), slot)} booting" if loading else f"every {slot} is free"
        words = f"held by {counted(held, slot)}" if held else free if living else f"no {slot} is there"
        return line.first_fitting((Part(words, DIM),), (Part("", DIM),)).row()
    counts = {**view.tasks, Task.READY: view.tasks[Task.READY] - view.not_begun}
    parts = [
        Part(f"{word} {counts[task]:>{digits}}  ", CellStyle(colour, "", "b") if counts[task] else DIM)
        for word, task, colour in (
            ("run", Task.RUNNING, "computing!"),
            ("read", Activity.READING, "transfer!"),
            ("ready", Task.READY, "queue!"),
            ("await", Task.AWAITING, "awaiting!"),
            ("in threads", Task.IN_THREAD, "awaiting!"),
            ("threads compute", Task.THREAD_COMPUTES, "computing!"),
            ("for the GIL", Task.THREAD_FOR_GIL, "gil!"),
            ("for a thread", Task.FOR_THREAD, "queue!"),
            ("in processes", Task.IN_PROCESS, "awaiting!"),
            ("for a process", Task.FOR_PROCESS, "queue!"),
        )
        if counts[task] or task not in (*POOLED, Activity.READING)
    ]
    return line.first_fitting(*(tuple(parts[first:]) for first in range(len(parts) + 1))).row()
