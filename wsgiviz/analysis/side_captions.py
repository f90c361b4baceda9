"""A sentence for each side while a run is on: what goes on there, or, when it is through, how and why. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.analysis import connections, contract_sentences, metrics, outcomes
from wsgiviz.analysis.captions import Caption, Tone, caption
from wsgiviz.analysis.contract import is_followed
from wsgiviz.analysis.lints import LintContext, wording
from wsgiviz.analysis.loop_times import loop_times
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.remembered import Remembered
from wsgiviz.state import Phase, Side, State

TOGETHER = 0.8
"""This share of a run's requests in the app at once waited together."""

MOSTLY = 0.5
"""Steps that fill this share of a run made requests come one at a time."""

HELD_S = 0.1
"""A step of this length holds its loop."""


STEPPED_NS: Remembered[int] = Remembered()
SERVICE: Remembered[metrics.Quantiles | None] = Remembered()


def side_captions(state: State, now_ns: int, occurrences: Occurrences) -> dict[str, Caption]:
    """By side; none where one sentence says all: before and after a run, and for one side alone. Where the steps of a
    request are followed, nothing is compared in the end: each side says whom it held."""
    compared = state.phase is Phase.FINISHED and not contract_sentences.said(LintContext.of(state, now_ns))
    if state.phase not in (Phase.RUNNING, Phase.FINISHED) or compared or len(state.sides) < 2:
        return {}
    return {name: caption_of(state, side, now_ns, occurrences) for name, side in state.sides.items()}


def caption_of(state: State, side: Side, now_ns: int, occurrences: Occurrences) -> Caption:
    """The sentence for one of the sides of ``state``, as if it were alone."""
    alone = replace(state, sides={side.name: side})
    if side.run.number == state.run and side.run.ended_ns and not is_followed(state.settings):
        return _done(LintContext.of(alone, now_ns), side)
    if not side.run.started_ns and any(other.run.started_ns for other in state.sides.values()):
        return Caption("Its run comes next.")
    found = caption(alone, now_ns, occurrences)
    return replace(found, text=_unnamed(found.text, LintContext(state, now_ns, {}, {}).label(side)))


def _unnamed(text: str, label: str) -> str:
    """What a lint said of both sides, behind the name of the one."""
    rest = text.replace(f" of {label}", "").removeprefix(f"{label}'s ")
    return f"{rest[:1].upper()}{rest[1:]}"


def _done(context: LintContext, side: Side) -> Caption:
    failed = outcomes.failures(context)
    if failed:
        return Caption(f"{failed.partition(': ')[2]}.", Tone.WARN)
    run = side.run
    if run.cancelled or not run.completed:
        return Caption("Cancelled." if run.cancelled else "Done.")
    if run.websocket:
        words = connections.websockets_of(side)
        return Caption(f"{words[0].upper()}{words[1:]}.", Tone.GOOD)
    every = f"All {run.completed} answered" if run.completed > 1 else "Answered"
    if context.state.settings.reuse_connections:
        return Caption(f"{every} after {wording.took(side)}, over {run.connections.made} connections.", Tone.GOOD)
    return Caption(f"{every} after {wording.took(side)}{_why(side)}.", Tone.GOOD)


def _why(side: Side) -> str:
    """What explains the time; "" where nothing is known to."""
    return _why_of_loop(side) if side.is_loop else _why_of_slots(side)


def _why_of_loop(side: Side) -> str:
    run, longest_s = side.run, _longest_held_s(side)
    if longest_s:
        return f": one at a time, since single steps held the loop for up to {wording.length(longest_s * 1e9)}"
    together = run.completed > 1 and run.in_app_peak.most >= TOGETHER * run.completed
    waited = SERVICE.of((side.ledger,), lambda: metrics.quantiles(metrics.service(side)))
    if not together or waited is None or waited.p50 < HELD_S:
        return ""
    loops = "one event loop" if len(side.server.loops) == 1 else "event loops"
    patched = ", in calls that gevent has patched" if side.kind == "gevent" else ""
    return f": they waited together, on {loops}{patched}"


def _longest_held_s(side: Side) -> float:
    """The longest step, where steps filled most of the run; else 0."""
    times = loop_times(side, side.run.ended_ns)
    longest_s = max((each.longest_step_s for each in times), default=0.0)
    stepped_ns = STEPPED_NS.of((side.ledger,), lambda: sum(request.run_ns for request in side.ledger.ours()))
    filled = stepped_ns >= MOSTLY * metrics.makespan_ns(side) * max(1, len(times))
    return longest_s if longest_s >= HELD_S and filled else 0.0


def _why_of_slots(side: Side) -> str:
    slots, at_once = len(side.server.living()), side.run.in_app_peak.most
    most_at_once = at_once or slots  # not as many as there are workers now: one may have been added since
    if not side.run.completed > most_at_once > 0:
        return ""
    served = wording.served(side)
    if side.kind == "gthread" and 0 < at_once < slots and len(served) > 1:
        most = f"one worker took {max(served.values())} of them, which no other can take"
        return f", at most {at_once} at a time on {slots} threads: {most}"
    return f", {most_at_once} at a time"
