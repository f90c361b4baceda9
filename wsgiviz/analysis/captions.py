"""The one sentence that says what is going on: a pitfall that a lint has found, or the plain state.

Calm: the numbers in it are counts, not running times, and what lasts less than `SETTLED_NS` does not change
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from wsgiviz.analysis import booting, connections, contract_sentences, outcomes
from wsgiviz.analysis.caption import Caption, Tone
from wsgiviz.analysis.deaths import server_of
from wsgiviz.analysis.lints import BY_NAME, Finding, LintContext, seen, wording
from wsgiviz.analysis.lints.context import SETTLED_NS
from wsgiviz.analysis.lints.deaths import DEATH_SHOWN_NS, death
from wsgiviz.analysis.lints.slots import held_for_nobody
from wsgiviz.analysis.loop_captions import awaiting, sending
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.verdict import Demand, verdict
from wsgiviz.state import Activity, Phase, Request, Side, State, Worker

__all__ = ["Caption", "Tone", "caption"]


Rule = Callable[[LintContext], Caption | None]

PHASES = {
    Phase.NEW: Caption("Starting ..."),
    Phase.STARTING: Caption("Starting the servers ..."),
    Phase.MEASURING: Caption("Measuring what one request costs on this machine ..."),
    Phase.FAILED: Caption(
        "The servers are not running.",
        Tone.WARN,
        "Press s for another scenario, o options, l logs, space to try again.",
    ),
}
"""Phases that say all there is to say."""

READY = Caption("Ready.", keys="Press space to fire.")
FIRING = Caption("Firing ...")


OF_FIGURES = frozenset({"closed-loop"})
"""Lints of how to read latencies: after a run it matters more how that ended."""


def caption(state: State, now_ns: int, occurrences: Occurrences) -> Caption:
    """The sentence for ``now_ns``; ``occurrences`` knows which lints apply."""
    if state.phase is Phase.STARTING and (loading := booting.of_all(state)):
        return Caption(f"Starting the servers. {loading}.")
    if state.phase in PHASES or not state.sides:
        return PHASES.get(state.phase, READY)
    context = LintContext.of(state, now_ns)
    said = _first(_URGENT, context) or _pitfall(context, occurrences) or _first(_PLAIN, context) or READY
    if state.phase is Phase.FINISHED and said.verdict is None:
        said = replace(said, verdict=verdict(state, now_ns))
    gaps = _gaps(state)
    return replace(said, text=f"{said.text} ({'; '.join(gaps)}.)", tone=Tone.WARN) if gaps else said


def _gaps(state: State) -> list[str]:
    """What is not known that should be."""
    gaps = []
    if state.lost:
        noun = "event was" if state.lost == 1 else "events were"
        gaps.append(f"{state.lost} {noun} lost: the state has gaps")
    blind = [worker for side in state.sides.values() for worker in side.server.living() if worker.sampler_error]
    if blind:
        numbers, error = wording.workers(worker.number for worker in blind), blind[0].sampler_error
        gaps.append(f"the line sampler of {numbers} has ended with {error}: its lines are not known")
    return gaps


def _first(rules: Sequence[Rule], context: LintContext) -> Caption | None:
    return next(filter(None, (rule(context) for rule in rules)), None)


def _pitfall(context: LintContext, occurrences: Occurrences) -> Caption | None:
    """The first that matters now: while a run is on, those of sides that have finished can wait for its end."""
    for finding in occurrences.found:
        side = context.state.sides.get(finding.side)
        if side is None or (context.running and side.run.ended_ns):
            continue
        if finding.lint in OF_FIGURES and not context.running:
            continue
        if 0 < occurrences.evaluated_ns < side.run.ended_ns:  # it was said of the run while that was on
            continue
        message = _by_now(context, finding, side)
        if message is None:
            continue
        outcome = "" if context.running else outcomes.failures(context) or outcomes.times(context)
        return Caption(f"{outcome}. {message}" if outcome else message, Tone.WARN)
    return None


def _by_now(context: LintContext, finding: Finding, side: Side) -> str | None:
    """What the lint says of the state that is shown, None where it does not apply any more: a finding is as old as
    the last tick, and its numbers would contradict those above the sentence. At the time of the newest event, as in
    a tick: what has happened since, nobody knows yet."""
    lint = BY_NAME.get(finding.lint)
    if lint is None or not context.running:
        return finding.message
    known_ns = min(context.now_ns, context.state.t_ns or context.now_ns)
    return lint.of(replace(context, now_ns=known_ns), side)


# --- what matters more than any pitfall -------------------------------------------------------------------------


def _firing(context: LintContext) -> Caption | None:
    """A run was asked for, and the driver has not begun with it."""
    runs = [side.run for side in context.state.sides.values() if side.run.number == context.state.run]
    begun = any(run.started_ns for run in runs)
    return FIRING if context.state.phase is Phase.RUNNING and not begun else None


def _killed(context: LintContext) -> Caption | None:
    return _died(context, "killed", "failed")


def _timed_out(context: LintContext) -> Caption | None:
    return _died(context, "timeout")


def _died(context: LintContext, *causes: str) -> Caption | None:
    for side in context.state.sides.values():
        for worker in reversed(list(side.server.workers.values())):
            recent = context.now_ns - worker.since_ns < DEATH_SHOWN_NS
            if side.run.running and worker.died_of in causes and recent:
                return _death(context, side, worker)
    return None


def _death(context: LintContext, side: Side, worker: Worker) -> Caption:
    words = death(context, side, worker)
    return Caption(f"{words}; {server_of(side)} starts another in its place.", Tone.WARN)


def _stopping(context: LintContext) -> Caption | None:
    """Workers that were asked to stop, or stop, with requests that nobody will answer."""
    for side in context.state.sides.values():
        leaving = [one for one in side.server.living() if one.activity is Activity.STOPPING and one.req]
        if side.run.running and leaving:
            count = len({worker.pid for worker in leaving})
            who = f"{'1 worker is' if count == 1 else f'{count} workers are'} stopping"
            held = wording.requests(len(leaving))
            return Caption(f"{who}{context.of_side(side)}; {held} will get no answer.", Tone.WARN)
    return None


def _lost(context: LintContext) -> Caption | None:
    """Who has lost requests comes before who waits in peace, as long as the run is on."""
    lost = any(side.run.failed for side in context.sides)
    failed = outcomes.failures(context) if lost and context.running else ""
    return Caption(f"{failed}.", Tone.WARN) if failed else None


def _cancelled(context: LintContext) -> Caption | None:
    if not any(side.run.cancelled for side in context.sides):
        return None
    sides = context.state.sides.values()
    serving = [side for side in sides for worker in side.server.living() if worker.busy and worker.req]
    if not serving:
        return Caption("Cancelled.", keys="Press space to fire again.")
    slot, kind = wording.slot(serving[0]), serving[0].kind
    serve = f"1 {slot} still serves" if len(serving) == 1 else f"{len(serving)} {slot}s still serve"
    return Caption(f"Cancelled: the clients are gone, but {serve} their requests: a {kind} worker is not notified.")


def _earlier(context: LintContext) -> Caption | None:
    """What a run before has left in slots: no client waits for it, and this run's requests do."""
    for side in context.state.sides.values():
        held = [worker for worker in side.server.living() if worker.busy and side.of_earlier_run(worker.req)]
        if side.run.left and side.run.running:
            count = len(side.run.left)
            are = "1 request of the run before is" if count == 1 else f"{count} requests of the run before are"
            clients = "its client is gone" if count == 1 else "their clients are gone"
            return Caption(f"{are} still on the event loop{context.of_side(side)}; {clients}.", Tone.WARN)
        if held and side.run.running:
            who = f"{len(held)} {wording.slot(side)}{'s' if len(held) > 1 else ''}{context.of_side(side)}"
            serve = "still serve requests" if len(held) > 1 else "still serves a request"
            return Caption(f"{who} {serve} of the run before; its clients are gone.", Tone.WARN)
    return None


def _steps(context: LintContext) -> Caption | None:
    """Where each step of a request is followed, the newest of them is what there is to say."""
    words = contract_sentences.said(context)
    return Caption(words) if words else None


# --- requests that nobody waits for any more --------------------------------------------------------------------


def _for_nobody(context: LintContext) -> Caption | None:
    for side in context.state.sides.values():
        count = len(held_for_nobody(context, side))
        if count:
            one = count == 1
            requests = "a request whose client has" if one else "requests whose clients have"
            return Caption(f"{_servants(context, side, count)} {requests} given up.", Tone.WARN)
    return None


def _servants(context: LintContext, side: Side, count: int) -> str:
    """ "2 workers serve", "The event loop serves"."""
    of = context.of_side(side)
    if side.is_loop:
        return f"The event loop{of} serves"
    return f"1 {wording.slot(side)}{of} serves" if count == 1 else f"{count} {wording.slot(side)}s{of} serve"


def _after_answer(context: LintContext) -> Caption | None:
    for side in context.state.sides.values():
        if side.run.ended_ns and context.state.lost:
            continue  # what was lost may be their ends
        going_on = [
            request
            for request in context.in_flight[side.name]
            if request.in_app and request.after_answer_ns(context.now_ns) > SETTLED_NS
        ]
        if going_on:
            return Caption(_still_in_the_app(context, side, going_on))
    return None


def _still_in_the_app(context: LintContext, side: Side, requests: list[Request]) -> str:
    longest_ns = max(request.after_answer_ns(context.now_ns) for request in requests)
    so_far = f"(over {wording.longer_than(longest_ns)} so far)"
    count, of = len(requests), context.of_side(side)
    numbers = {(worker.pid, worker.slot): worker.number for worker in side.server.workers.values()}
    number = numbers.get((requests[0].pid, requests[0].slot))
    if side.is_loop or (count == 1 and number is None):
        are = "1 request is" if count == 1 else f"{count} requests are"
    elif count == 1:
        are = f"Worker {number}{of} is" if side.kind != "gthread" else f"A thread of worker {number}{of} is"
    else:
        are = f"{count} {wording.slot(side)}s{of} are"
    clients = "its client" if count == 1 else "their clients"
    return f"{are} still in the app after {clients} had the answer {so_far}."


# --- what workers or threads do ---------------------------------------------------------------------------------


def _slots(context: LintContext) -> list[Side]:
    """Sides of slots, first those whose run is on."""
    sides = [side for side in context.state.sides.values() if not side.is_loop]
    return sorted(sides, key=lambda side: not side.run.running)


def _blocked(context: LintContext) -> Caption | None:
    for side in _slots(context):
        blocked, slots = seen.count(context, side, Activity.BLOCKED), len(side.server.living())
        if not blocked:
            continue
        of, where, waiting = context.of_side(side), context.waits_in(side), wording.queued(context, side)
        nobody = f"; nobody waits for a {wording.slot(side)}"
        if blocked < slots:
            return Caption(f"{wording.some(side, blocked, slots, of)} blocked{where}{waiting or nobody}.")
        return Caption(f"{wording.every(side, slots, of)} blocked{where}{waiting or _THE_NEXT}.", Tone.WARN)
    return None


_THE_NEXT = "; the next request has to wait"


def _reading(context: LintContext) -> Caption | None:
    for side in _slots(context):
        slots = len(side.server.living())
        if slots and seen.with_clients(side, context.now_ns).count(Activity.READING) == slots:
            are = wording.every(side, slots, context.of_side(side))
            return Caption(f"{are} reading a request that its client sends slowly.", Tone.WARN)
    return None


def _computing(context: LintContext) -> Caption | None:
    for side in _slots(context):
        waiting, slots = seen.count(context, side, Activity.WAITING_FOR_GIL), len(side.server.living())
        computing = waiting + seen.count(context, side, Activity.COMPUTING)
        if not side.run.running or computing < max(1, slots // 2):
            continue
        of = context.of_side(side)
        are = wording.every(side, slots, of) if computing == slots else wording.some(side, computing, slots, of)
        queued = wording.queued(context, side)
        nothing = "none waits in the app" if queued else "there is nothing to wait for"
        turns = " or waiting for the GIL" if waiting else ""
        return Caption(f"{are} computing{turns}{queued}: {nothing}, so async gains nothing.")
    return None


def _open_websockets(context: LintContext) -> Caption | None:
    found = connections.while_open(context)
    return Caption(f"{found}.", Tone.GOOD) if found else None


def _kept(context: LintContext) -> Caption | None:
    """Clients keep their connections, and most of these are idle: requests are short, or few at a time."""
    pause_s = context.state.settings.scenario_seconds("pause")
    found = connections.while_kept(context) if pause_s else ""
    return Caption(found, Tone.GOOD) if found else None


def _short(context: LintContext) -> Caption | None:
    """Requests which end before anybody has seen them begin."""
    for side in context.state.sides.values():
        longest_ns = seen.longest_of_short(context, side)
        if side.run.running and longest_ns:
            limit = next(limit for limit in (1, 5, 20) if longest_ns < limit * 1_000_000)
            return Caption(f"A request takes less than {limit} ms: nobody waits long enough to be seen.")
    return None


def _in_progress(context: LintContext) -> Caption | None:
    planned = [side.run.planned for side in context.state.sides.values() if side.run.running]
    settings = context.state.settings
    if planned and settings.timed_s is not None:
        users = f"{settings.concurrency} user{'s' if settings.concurrency > 1 else ''}"
        return Caption(f"{users} for {settings.timed_s:g} s, in progress.")
    if planned and settings.arrivals == "closed" and context.users < max(planned):
        users = f"{context.users} users send" if context.users > 1 else "1 user sends"
        return Caption(f"{users} {wording.requests(max(planned))}, each when the one before it is answered.")
    return Caption(f"{wording.requests(max(planned))} in progress.") if planned else None


# --- how it ended -----------------------------------------------------------------------------------------------


def _failures(context: LintContext) -> Caption | None:
    failed = "" if context.running else outcomes.failures(context)
    return Caption(f"{failed}.", Tone.WARN) if failed else None


def _finished(context: LintContext) -> Caption | None:
    times = "" if context.running else outcomes.times(context)
    if not times:
        return None
    compared, found = outcomes.comparison(context), verdict(context.state, context.now_ns)
    text = f"{times}: {compared}" if compared else f"{times}."
    if found is None:
        return Caption(text, Tone.GOOD)
    short = found.demand is Demand.SHORT  # of which the comparison says as much
    words = "" if short or not compared or not found.words else f" {found.words}"
    more = " ".join([found.because, found.change, found.not_measured]).strip()
    return Caption(text + words, Tone.GOOD, more=more, verdict=found)


_URGENT: tuple[Rule, ...] = (_firing, _killed, _cancelled, _earlier, _steps)
"""What a person has just done goes before everything else, and what a scenario is there to show."""

_PLAIN: tuple[Rule, ...] = (
    _timed_out,
    _stopping,
    _for_nobody,
    _after_answer,
    _blocked,
    _reading,
    _computing,
    _lost,
    _open_websockets,
    sending,
    awaiting,
    _kept,
    _short,
    _in_progress,
    _failures,
    _finished,
)
