"""Workers that load their app, or a master that does, in words: how many, and at which line. Pure.

Words may come from an app: escape them before they are shown.
"""

from __future__ import annotations

from collections import Counter

from wsgiviz.state import Activity, Side, State, Worker


def booting(side: Side) -> list[Worker]:
    """The workers that load the app, one slot of each process."""
    found = {worker.pid: worker for worker in side.server.living() if worker.activity is Activity.BOOTING}
    return list(found.values())


def where(workers: list[Worker]) -> str:
    """ " at slowimport.py:3 time.sleep": the line that most of them are at; "" where none is known."""
    places = Counter(worker.boot_where for worker in workers if worker.boot_where is not None)
    if not places:
        return ""
    [(place, count)] = places.most_common(1)
    return f" at {place.words}" if count == len(workers) else f", {count} at {place.words}"


def at_master(side: Side) -> str:
    """ " at slowimport.py:3 time.sleep": the line of a master that loads the app; "" where none is known."""
    where = side.server.boot_where
    return f" at {where.words}" if where is not None else ""


def of_side(side: Side) -> str:
    """ "2 workers load the app at slowimport.py:3 time.sleep"; "" when none does, nor their master."""
    if side.server.loading_ns:
        return f"gunicorn's master loads the app (--preload){at_master(side)}"
    workers = booting(side)
    if not workers:
        return ""
    load = "1 worker loads" if len(workers) == 1 else f"{len(workers)} workers load"
    return f"{load} the app{where(workers)}"


def of_all(state: State) -> str:
    """Of each side that has such workers: "WSGI: 2 workers load the app at ..."."""
    known = [(side.name.upper(), of_side(side)) for side in state.sides.values()]
    return "; ".join(f"{name}: {words}" for name, words in known if words)


def since_ns(state: State) -> int:
    """Since when the oldest of them is booting; 0 when none is."""
    sides = state.sides.values()
    times = [worker.since_ns for side in sides for worker in booting(side)]
    times += [side.server.loading_ns for side in sides if side.server.loading_ns]
    return min(times, default=0)
