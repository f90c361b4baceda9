"""Which signals do something at a server that somebody else runs, and what: those that a person may have sent. Pure.

Sources: gunicorn docs, "Signal Handling"; uvicorn's supervisors/multiprocess.py, which handles the same of a master;
its reloader does not, and a signal that a process does not handle ends it or stops it.
"""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.analysis.deaths import server_of
from wsgiviz.state import Side

RELOADER = "--reload"


class Offer(Struct, frozen=True):
    """A signal by its name, and the key that it is asked for with. ``effect``: what it does, as a clause."""

    key: str
    signal: str
    effect: str


def has_master(side: Side) -> bool:
    """A master that starts workers anew, and that signals can be sent to."""
    server = side.server
    reloads = side.kind == "uvicorn" and RELOADER in server.command
    return bool(server.masters) and not reloads and any(worker.alive for worker in server.workers.values())


def of_worker(side: Side) -> tuple[Offer, ...]:
    """For each of its workers; none where nothing would start another: that would end the server."""
    if not has_master(side):
        return ()
    work = "its requests" if side.is_loop or side.kind == "gthread" else "its request"
    again = f"{server_of(side)} starts another"
    return (
        Offer("t", "SIGTERM", f"it finishes {work} and ends; {again}"),
        Offer("k", "SIGKILL", f"it ends at once, and {work} with it; {again}"),
    )


def of_master(side: Side) -> tuple[Offer, ...]:
    """For each of its masters."""
    if not has_master(side):
        return ()
    name = server_of(side)
    which = "the newest" if name == "uvicorn" else "the oldest"
    more = Offer("plus", "SIGTTIN", f"{name} starts one worker more")
    fewer = Offer("minus", "SIGTTOU", f"{which} worker finishes its requests and ends: one less")
    anew = "its configuration and the app anew" if name == "gunicorn" else "the app anew"
    reload = Offer(
        "r", "SIGHUP", f"{name} loads {anew}: new workers come, the old ones finish their requests and end"
    )
    return (more, *([fewer] if len(side.server.processes()) > 1 else []), reload)


def why_none(side: Side) -> str:
    """Why no signal is offered, as a sentence."""
    if not side.server.living():
        return "The server has ended: there is nobody to send a signal to."
    if side.server.masters:
        return "uvicorn's reloader keeps this server: a signal would end it."
    return "This server has no master: a signal would end it, and nothing would start it again."
