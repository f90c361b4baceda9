"""A person's own uvicorn with workers, under ``wsgiviz exec``: its supervisor."""

from __future__ import annotations

from typing import Any

from wsgiviz.probe import ring
from wsgiviz.probe.saying import harmless, known_uvicorn


def install() -> None:
    """Round uvicorn's Multiprocess."""
    from uvicorn.supervisors.multiprocess import Multiprocess

    if not known_uvicorn():
        return
    from wsgiviz.probe.ring import make_emitter
    from wsgiviz.probe.uvicorn_workers import SupervisedWorkers

    begin, keep = Multiprocess.init_processes, Multiprocess.keep_subprocess_alive
    signals, run = Multiprocess.handle_signals, Multiprocess.run
    state: dict[str, Any] = {}

    def began(self: Any) -> None:
        ring.SIDE = ring.SIDE or "asgi"
        state["emit"] = make_emitter("master")
        state["workers"] = SupervisedWorkers(self, state["emit"])
        state["workers"].began()

    def observed_init(self: Any) -> None:
        begin(self)
        harmless(began, self)

    def around(method: Any, look: bool) -> Any:
        def observed(self: Any) -> None:
            workers, before = state.get("workers"), list(self.processes)
            if workers is not None and look:
                harmless(workers.note_ended, before)
            method(self)
            if workers is not None:
                harmless(workers.changed, before)

        return observed

    def observed_run(self: Any) -> None:
        run(self)
        if "emit" in state:
            harmless(state["emit"].master_exited)

    Multiprocess.init_processes = observed_init  # type: ignore[method-assign]
    Multiprocess.keep_subprocess_alive = around(keep, True)  # type: ignore[method-assign]
    Multiprocess.handle_signals = around(signals, False)  # type: ignore[method-assign]
    Multiprocess.run = observed_run  # type: ignore[method-assign]
