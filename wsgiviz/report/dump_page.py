"""The page of ``wsgiviz dump``: plain text that fits 100 columns, with everything foreign escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from wsgiviz.printable import printable

WIDTH = 100
MOST_SHOWN = 6
"""Requests of one worker that have a line each."""

MOST_IDLE = 4
"""So many idle workers have a line each; of more only their pids are shown."""

TARGET_WIDTH = 36
WORTH_SAYING_S = 0.1
INSIDE = "           "

RANKS = {
    "dead": 0, "stopped": 1, "blocked": 2, "waiting for the GIL": 2, "computing": 2, "closing": 2, "reading": 2,
    "writing": 2, "waiting": 3, "booting": 4, "stopping": 4, "unknown": 5, "idle": 6,
}  # fmt: skip

Facts = dict[str, Any]


def page(dumped: Facts, ascii_only: bool) -> str:
    """The text, with a newline at its end: what was found first, then each server."""
    lines = [*_verdict(dumped), ""]
    for server in dumped["servers"]:
        lines += [*_server(server, ascii_only), ""]
    lines += [line for words in dumped["not_read"] for line in wrapped(f"? not read: {words}", "", ascii_only)]
    return "\n".join(clipped(line, ascii_only) for line in lines).rstrip("\n") + "\n"


def clipped(line: str, ascii_only: bool) -> str:
    """One line, harmless, and cut where it is too long."""
    text = printable(line, ascii_only)
    if len(text) <= WIDTH:
        return text
    dots = "..." if ascii_only else "…"
    return text[: WIDTH - len(dots)] + dots


def wrapped(words: str, indent: str, ascii_only: bool = False, hanging: str = "") -> Iterator[str]:
    """Words on as many lines as they need, with ``hanging`` before all but the first. Escapes first: what is escaped
    is longer."""
    line, before = "", indent
    for word in printable(words, ascii_only).split(" "):
        if line and len(before) + len(line) + 1 + len(word) > WIDTH:
            yield before + line
            line, before = "", indent + hanging
        line = f"{line} {word}" if line else word
    yield before + line


def _verdict(dumped: Facts) -> list[str]:
    """The first lines: how much was found, and where, of several servers."""
    servers = dumped["servers"]
    at = f"{dumped['taken'].replace('T', ' ').removesuffix('Z')} UTC" if dumped.get("taken") else "now"
    if not servers:
        return [f"{at}: no gunicorn or uvicorn of this user runs here."]
    count = sum(len(server["findings"]) for server in servers)
    which = "1 server" if len(servers) == 1 else f"{len(servers)} servers"
    if not count:
        return [f"{at}: {which}, nothing wrong was found."]
    lines = [f"{at}: {which}, {count} {'thing' if count == 1 else 'things'} found (lines with !)."]
    if len(servers) > 1:
        lines += [f"  ! {one['program']} {one['pid']}: {_names(one)}" for one in servers if one["findings"]]
    return lines


def _names(server: Facts) -> str:
    return ", ".join(finding["name"] for finding in server["findings"])


def _server(server: Facts, ascii_only: bool) -> Iterator[str]:
    count, kind = len(server["workers"]), f" {server['kind']}" if server["kind"] else ""
    workers = f"{count}{kind} {'worker' if count == 1 else 'workers'}"
    yield f"{server['program']} {server['pid']}: {workers}, up {length(server['age_s'])}{_timeout(server)}"
    yield f"  {' '.join(server['command'])}"
    for finding in server["findings"]:
        yield from wrapped(f"! {finding['name']}: {finding['words']}", "  ", ascii_only, "  ")
    if server["waiting"]:
        yield "  Who waits for what:"
        for one in server["waiting"]:
            yield from wrapped(f"- {one['words']}", "    ", ascii_only, "  ")
    for queue in server["accept_queues"]:
        yield f"  Accept queue of {queue['address']}: {_queue(queue)}"
    yield from _workers(server["workers"])
    watched = "with the probe" if server["probe"] else "from outside, without the probe"
    yield f"  Watched for {server['watched_s']:.1f} s, {watched}."
    for words in server["unknown"]:
        yield from wrapped(f"? not known: {words}", "  ", ascii_only, "  ")


def _timeout(server: Facts) -> str:
    if server["timeout_s"] is None:
        return ", timeout not known" if server["program"] == "gunicorn" else ""
    return f", timeout {server['timeout_s']:g} s" if server["timeout_s"] else ", no timeout"


def _queue(queue: Facts) -> str:
    if queue["depth"] is None:
        return "how many wait is not known"
    of = f" of {queue['limit']}" if queue["limit"] is not None else ""
    before = "" if queue["depth_before"] in (None, queue["depth"]) else f" ({queue['depth_before']} before)"
    return f"{queue['depth']}{of} wait{before}"


HEAD = f"  {'pid':<8} {'age':<7} {'doing':<20} {'for':>6}  {'cpu':>5}  {'memory':>8}  clients"


def _workers(rows: Sequence[Facts]) -> Iterator[str]:
    """Those that are longest at something first; of the idle, where there are many, only the pids."""
    idle = [row for row in rows if _is_plain_idle(row)]
    few = len(idle) <= MOST_IDLE
    shown = sorted(
        (row for row in rows if few or not _is_plain_idle(row)), key=lambda row: (_rank(row), -_lasts_s(row))
    )
    if shown:
        yield HEAD
    for row in shown:
        yield from _worker(row)
    if not few:
        yield from _idle(idle)


def _is_plain_idle(row: Facts) -> bool:
    return row["activity"] == "idle" and not row["requests"] and not row["clients"] and not row["unread_bytes"]


def _rank(row: Facts) -> int:
    return RANKS.get(row["activity"], len(RANKS))


def _lasts_s(row: Facts) -> float:
    """For how long its oldest request has been in the app, or else it does what it does."""
    ages = [one["age_s"] for one in row["requests"] or []]
    return float(max(ages, default=row["for_s"] or 0.0))


def _idle(rows: Sequence[Facts]) -> Iterator[str]:
    sizes = [row["rss_bytes"] / 2**20 for row in rows if row["rss_bytes"] is not None]
    memory = f", {min(sizes):.0f} to {max(sizes):.0f} MiB each" if sizes else ""
    yield f"  and {len(rows)} idle workers{memory}:"
    yield from wrapped(" ".join(str(row["pid"]) for row in rows), "    ")


def _worker(row: Facts) -> Iterator[str]:
    cpu = "-" if row["cpu"] is None else f"{100 * row['cpu']:.0f}%"
    memory = "-" if row["rss_bytes"] is None else f"{row['rss_bytes'] / 2**20:.0f} MiB"
    clients = "-" if row["clients"] is None else str(row["clients"])
    lasts = "-" if row["for_s"] is None else length(row["for_s"])
    yield (
        f"  {row['pid']:<8} {length(row['age_s']):<7} {row['activity']:<20} {lasts:>6}  {cpu:>5}  {memory:>8}  "
        f"{clients:>7}"
    )
    notes = _notes(row)
    if notes:
        yield f"{INSIDE}({notes})"
    yield from _requests(row["requests"] or [])
    if not row["requests"] and row["lines"] and row["activity"] != "idle":
        yield from (f"{INSIDE}at {line}" for line in row["lines"][:MOST_SHOWN])
    if row["activity"] not in ("idle", "computing") and not row["requests"]:
        yield from (f"{INSIDE}{words}" for words in _calls(row))


def _notes(row: Facts) -> str:
    notes = []
    if row["later"]:
        notes.append("came later than its master")
    if row["unread_bytes"]:
        notes.append(f"{row['unread_bytes']} bytes not read")
    if row["children"]:
        notes.append(f"{row['children']} child{'' if row['children'] == 1 else 'ren'}")
    return ", ".join(notes)


def _calls(row: Facts) -> Iterable[str]:
    """Which system calls its threads are in, the main thread's first."""
    if row["waits_in"]:
        yield row["waits_in"]
    counts: dict[str, int] = {}
    for words in row["threads_in"]:
        counts[words] = counts.get(words, 0) + 1
    for words, count in list(counts.items())[:MOST_SHOWN]:
        yield f"{count} {'thread' if count == 1 else 'threads'}: {words}"


def _requests(requests: Sequence[Facts]) -> Iterator[str]:
    shown = requests[:MOST_SHOWN]
    targets = [shortened(printable(one["target"] or "a request"), TARGET_WIDTH) for one in shown]
    width = max(map(len, targets), default=0)
    doing = max((len(one["activity"]) for one in shown), default=0)
    for one, target in zip(shown, targets, strict=True):
        wait_s = one["queue_wait_s"] or 0.0
        wait = f" (accepted {length(wait_s)} before)" if wait_s >= WORTH_SAYING_S else ""
        line = one["line"] or "no line seen"
        yield f"{INSIDE}{target:<{width}}  {length(one['age_s']):>6}  {one['activity']:<{doing}}  {line}{wait}"
    if len(requests) > MOST_SHOWN:
        yield f"{INSIDE}and {len(requests) - MOST_SHOWN} more requests"


def shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def length(seconds: float) -> str:
    """ "0.3 s", "12 s", "5 m", "3 h", "4 d": short enough for a column."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, size, until in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172_800)):
        if seconds < until:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
