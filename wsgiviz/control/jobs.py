"""What the load driver is asked to do, from the State. Pure."""

from __future__ import annotations

from wsgiviz.asking import header_pairs
from wsgiviz.load.plan import Job, Target
from wsgiviz.state import State


def targets(state: State) -> tuple[Target, ...]:
    """Where each side's requests go: the address of its server, and the path that the settings ask for."""
    path = state.settings.request_path
    return tuple(Target(name, side.server.address + path) for name, side in state.sides.items())


def run_job(state: State, requests: int | None = None, header: str = "") -> Job:
    """The next run, as the settings say; ``requests`` of their own number when that is given. ``header``: the
    headers with their values, which no State holds."""
    settings = state.settings
    return Job(
        run=state.run + 1,
        targets=targets(state),
        requests=requests or settings.requests,
        arrivals=settings.arrivals,
        concurrency=settings.concurrency,
        timeout_s=settings.timeout,
        order=settings.order,
        duration_s=settings.duration,
        send_over_s=settings.scenario_seconds("send_over"),
        read_over_s=settings.scenario_seconds("read_over"),
        silent_clients=settings.silent_clients,
        method=settings.request_method,
        headers=tuple(header_pairs(header)),
        paths=settings.request_paths,
        reuse=settings.reuse_connections,
        pause_s=settings.scenario_seconds("pause"),
        websocket=settings.websocket,
    )


def calibration_job(state: State, requests: int) -> Job:
    """Some requests one after the other, at one side after the other: what does one cost here?"""
    return Job(state.run + 1, targets(state), requests, "closed", 1, state.settings.timeout, "in-turn")
