"""The runs of a session beside each other: what differed between them, and what that did to their times. Pure.

Words may come from a person or a recording: escape them before they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from wsgiviz.analysis.lints.wording import length
from wsgiviz.analysis.occurrences import Occurrences
from wsgiviz.analysis.verdict import Verdict
from wsgiviz.settings import Settings
from wsgiviz.state import RunSummary, Side, SideSummary, State

ALIKE = 0.05
"""Times that differ by less are called the same: so much differs from run to run."""

TOLD_BY_SIDES = frozenset(
    {"scenario", "wsgi", "asgi", "workers", "async_workers", "right_workers", "worker_class", "async_server", "left",
     "right", "only"}
)  # fmt: skip
"""Settings that say which servers there are, which the sides themselves say better."""

NOT_COMPARED = TOLD_BY_SIDES | {"requests", "dsn", "header", "body"}
"""Settings that are no matter of the ghost: what the sides and their runs say better, and what is hidden."""

NOUNS = {"requests": "request", "concurrency": "user", "threads": "thread"}
"""Settings that are counts."""


class Ghost(Struct, frozen=True):
    """How long a side took in the last run before it, and with what that was another, in words or ""."""

    total_ns: int
    words: str


def verdicts(occurrences: Occurrences) -> Mapping[int, Verdict]:
    """By the run's number in the log."""
    return dict(occurrences.verdicts)


def facts(run: RunSummary) -> dict[str, str]:
    """What a run ran with, by name; texts such as "8 workers" are a value and what it counts."""
    found = {"app": run.app}
    for side in run.sides:
        label = "" if side.name == "wsgi" else "async " if side.name == "asgi" else f"{side.name.upper()} "
        found[f"kind {side.name}"] = f"{side.name.upper()} on {side.kind}"
        found[f"workers {side.name}"] = _counted(side.workers, f"{label}worker")
    for name, value in run.settings.items():
        if name not in TOLD_BY_SIDES:
            found[name] = _setting(name, value)
    return found


def _setting(name: str, value: str) -> str:
    if name in NOUNS and value.isdigit():
        return _counted(int(value), NOUNS[name])
    return f"{name.removeprefix('set ').replace('_', ' ')} {_without_zero(value)}"


def _without_zero(value: str) -> str:
    """ "1" for "1.0", which is how a parameter's default is written; what is no number stays as it is."""
    whole = value.removesuffix(".0")
    return whole if whole.isdigit() else value


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def differing(runs: Sequence[RunSummary]) -> list[str]:
    """Of each run, what is not the same in all of them."""
    each = [facts(run) for run in runs]
    names = dict.fromkeys(name for found in each for name in found)
    differ = [name for name in names if len({found.get(name) for found in each}) > 1]
    return [", ".join(found[name] for name in differ if name in found) for found in each]


def changes(before: RunSummary, after: RunSummary) -> list[tuple[str, str]]:
    """What differs between two: of the later, and of the earlier; "" where one has no such thing."""
    first, second = facts(before), facts(after)
    names = dict.fromkeys([*second, *first])
    return [(second.get(name, ""), first.get(name, "")) for name in names if second.get(name) != first.get(name)]


def difference(before: RunSummary, after: RunSummary, occurrences: Occurrences) -> str:
    """Two runs in one line: "Run 2 against run 1: 8 workers instead of 4. WSGI 2.52 s instead of 5.02 s (2.0 times
    faster) …"."""
    changed = [_instead(new, old) for new, old in changes(before, after)]
    what = f"{', '.join(changed)}." if changed else "the same settings."
    parts = [f"Run {after.number} against run {before.number}: {what}"]
    cancelled = next((run.number for run in (before, after) if run.cancelled), 0)
    if cancelled:
        return f"{parts[0]} Run {cancelled} was cancelled, so its times say nothing."
    times = [_times(old, new) for new in after.sides if (old := before.side(new.name)) is not None]
    parts.append(f"{'; '.join(times)}." if times else "")
    earlier = sum(side.earlier for side in after.sides)
    if earlier:
        parts.append(f"Its workers served {_counted(earlier, 'request')} of the run before too.")
    parts.append(_verdicts(before, after, occurrences))
    return " ".join(filter(None, parts))


def _instead(new: str, old: str) -> str:
    if not (new and old):
        return new or f"no {old}"
    value, _, noun = old.partition(" ")
    same = value.isdigit() and noun.rstrip("s") == new.partition(" ")[2].rstrip("s")
    name, _, last = old.rpartition(" ")
    if name and name == new.rpartition(" ")[0] and not same:
        value, same = last, True
    return f"{new} instead of {value if same else old}"


def _times(before: SideSummary, after: SideSummary) -> str:
    name = after.name.upper()
    if not (before.total_ns and after.total_ns):
        return f"{name} {length(after.total_ns) if after.total_ns else 'without an answer'}"
    words = f"{name} {_compared(before.total_ns, after.total_ns, factor=True)}"
    if before.p95_ns >= 0 and after.p95_ns >= 0 and _alike(before.total_ns, after.total_ns):
        words += "" if _alike(before.p95_ns, after.p95_ns) else f", p95 {_compared(before.p95_ns, after.p95_ns)}"
    if before.failed or after.failed:
        words += f", {after.failed} failed instead of {before.failed}"
    return words


def _alike(one_ns: int, other_ns: int) -> bool:
    return abs(one_ns - other_ns) <= ALIKE * max(one_ns, other_ns)


def _compared(before_ns: int, after_ns: int, factor: bool = False) -> str:
    took = length(after_ns)
    if _alike(before_ns, after_ns):
        return f"{took} as before"
    faster = after_ns < before_ns
    ratio = max(before_ns, after_ns) / max(1, min(before_ns, after_ns))
    how = f" ({ratio:.1f} times {'faster' if faster else 'slower'})" if factor else ""
    return f"{took} instead of {length(before_ns)}{how}"


def _verdicts(before: RunSummary, after: RunSummary, occurrences: Occurrences) -> str:
    known = verdicts(occurrences)
    first, second = (words_of(known.get(run.run)) for run in (before, after))
    return second if first != second else ""


def words_of(found: Verdict | None) -> str:
    """A verdict in one sentence; "" where there is none."""
    return (found.words or found.because) if found is not None else ""


def ghost(state: State, side: Side) -> Ghost | None:
    """The last run before the one that the side has, of those that ended by themselves; None where that was of
    something else."""
    whole = (run for run in reversed(state.runs) if run.run < side.run.number and not run.cancelled)
    before = next(whole, None)
    old = before.side(side.name) if before is not None else None
    if before is None or old is None or not old.total_ns or side.run.calibration or before.app != state.settings.name:
        return None
    return Ghost(old.total_ns, _with_what(state, side, before, old))


def _with_what(state: State, side: Side, before: RunSummary, old: SideSummary) -> str:
    """What of the run before matters for this side, and was another than it is now; the first of it."""
    settings = state.settings
    if old.kind != side.kind:
        return old.kind
    if old.workers != (side.server.wanted or settings.processes(side.name)):
        return _counted(old.workers, "worker")
    if old.planned - side.run.planned and settings.timed_s is None and not side.run.added:
        return _counted(old.planned, "request")
    for name, value in before.settings.items():
        if name not in NOT_COMPARED and value != str(_now(settings, name)):
            return _setting(name, value)
    return ""


def _now(settings: Settings, name: str) -> object:
    """The value of a setting, by the name that it has in a summary."""
    if name.startswith("set "):
        return settings.parameters.get(name.removeprefix("set "))
    return getattr(settings, name, None)
