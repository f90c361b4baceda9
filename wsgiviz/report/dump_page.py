"""The page of ``wsgiviz dump``: plain text that fits 100 columns, with everything foreign escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wsgiviz.printable import printable

WIDTH = 100
MOST_SHOWN = 6
"""Requests of one worker that have a line each."""

Facts = dict[str, Any]


def page(dumped: Facts, ascii_only: bool) -> str:
    """The text, with a newline at its end."""
    lines = [line for server in dumped["servers"] for line in (*_server(server), "")]
    lines += [line for words in dumped["not_read"] for line in wrapped(f"? not read: {words}", "", ascii_only)]
    lines.append(_verdict(dumped))
    return "\n".join(clipped(line, ascii_only) for line in lines) + "\n"


def clipped(line: str, ascii_only: bool) -> str:
    """One line, harmless, and cut where it is too long."""
    text = printable(line, ascii_only)
    if len(text) <= WIDTH:
        return text
    dots = "..." if ascii_only else "…"
    return text[: WIDTH - len(dots)] + dots


def wrapped(words: str, indent: str, ascii_only: bool = False) -> Iterator[str]:
    """Words on as many lines as they need. Escapes first: what is escaped is longer."""
    line = ""
    for word in printable(words, ascii_only).split(" "):
        if line and len(indent) + len(line) + 1 + len(word) > WIDTH:
            yield indent + line
            line = ""
        line = f"{line} {word}" if line else word
    yield indent + line


def _verdict(dumped: Facts) -> str:
    servers = dumped["servers"]
    if not servers:
        return "No gunicorn or uvicorn of this user runs here."
    count = sum(len(server["findings"]) for server in servers)
    if not count:
        return f"{'Nothing' if len(servers) == 1 else f'{len(servers)} servers: nothing'} found that is wrong."
    return f"{count} {'thing' if count == 1 else 'things'} found: look at the lines with an exclamation mark."


def _server(server: Facts) -> Iterator[str]:
    yield f"{server['program']} {server['pid']}: {' '.join(server['command'])}"
    kind = f" ({server['kind']})" if server["kind"] else ""
    count = len(server["workers"])
    probe = "with the probe (wsgiviz exec)" if server["probe"] else "from outside, without the probe"
    yield (
        f"  up {length(server['age_s'])}, {count} {'worker' if count == 1 else 'workers'}{kind}; "
        f"watched for {server['watched_s']:.1f} s, {probe}"
    )
    for queue in server["accept_queues"]:
        yield f"  listens on {queue['address']}: {_queue(queue)}"
    yield "  pid      age     activity   for     cpu   memory   clients"
    for row in server["workers"]:
        yield from _worker(row)
    for finding in server["findings"]:
        yield from wrapped(f"! {finding['name']}: {finding['words']}", "  ")
    for words in server["unknown"]:
        yield from wrapped(f"? not known: {words}", "  ")


def _queue(queue: Facts) -> str:
    if queue["depth"] is None:
        return "accept queue not known"
    of = f" of {queue['limit']}" if queue["limit"] is not None else ""
    before = "" if queue["depth_before"] in (None, queue["depth"]) else f" ({queue['depth_before']} before)"
    return f"{queue['depth']}{of} wait in the accept queue{before}"


def _worker(row: Facts) -> Iterator[str]:
    cpu = "-" if row["cpu"] is None else f"{100 * row['cpu']:.0f}%"
    memory = "-" if row["rss_bytes"] is None else f"{row['rss_bytes'] / 2**20:.0f} MiB"
    clients = "-" if row["clients"] is None else str(row["clients"])
    lasts = "-" if row["for_s"] is None else length(row["for_s"])
    notes = _notes(row)
    yield (
        f"  {row['pid']:<8} {length(row['age_s']):<7} {row['activity']:<10} {lasts:<7} {cpu:>4}  {memory:>7}   "
        f"{clients}"
    )
    if notes:
        yield f"           {notes}"
    yield from _requests(row)
    if not row["requests"] and row["lines"] and row["activity"] != "idle":
        yield from (f"           at {line}" for line in row["lines"][:MOST_SHOWN])
    if row["activity"] not in ("idle", "computing") and not row["requests"]:
        yield from (f"           {words}" for words in _calls(row))


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


def _requests(row: Facts) -> Iterator[str]:
    requests = row["requests"] or []
    for one in requests[:MOST_SHOWN]:
        target = one["target"] or "a request"
        wait = f", {length(one['queue_wait_s'])} from accept to app" if one["queue_wait_s"] else ""
        line = f" at {one['line']}" if one["line"] else ""
        yield f"           {target[:60]}  {length(one['age_s'])}{wait}  {one['activity']}{line}"
    if len(requests) > MOST_SHOWN:
        yield f"           and {len(requests) - MOST_SHOWN} more requests"


def length(seconds: float) -> str:
    """ "0.3 s", "12 s", "5 m", "3 h", "4 d": short enough for a column."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, size, until in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172_800)):
        if seconds < until:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
