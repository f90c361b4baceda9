"""What to try after a run, each with the key for it: what would show the other half of what this one showed. Pure."""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.settings import Settings


class NextStep(Struct, frozen=True):
    """``key`` as a person reads it on the live screen; ``words`` say what it is for: "more workers"."""

    key: str
    words: str


MORE_WORKERS = NextStep("+", "more workers")
MORE_REQUESTS = NextStep("]", "more requests at once")
OPTIONS = NextStep("o", "threads or another server")
LEDGER = NextStep("tab", "the requests that failed")
LOGS = NextStep("l", "the servers' logs")
FIRE = NextStep("space", "the same again")


def scenario(settings: Settings, *names: str) -> tuple[NextStep, ...]:
    """The first of these scenarios that is not the present one; none for an app of one's own."""
    if settings.own_app:
        return ()
    return tuple(NextStep("s", f"scenario {name}") for name in names if name != settings.name)[:1]


def after_trouble(cancelled: bool) -> tuple[NextStep, ...]:
    return (FIRE,) if cancelled else (LEDGER, LOGS)


def after_waiting(settings: Settings, fits_loop: bool, has_slots: bool = True) -> tuple[NextStep, ...]:
    """A loop fits: what workers need to be level, and what would block the loop."""
    more = (MORE_WORKERS if fits_loop else MORE_REQUESTS,) if has_slots else (MORE_REQUESTS,)
    return (*more, *scenario(settings, "blocking-in-async", "threads"))


def after_blocking(settings: Settings) -> tuple[NextStep, ...]:
    """Code that blocks its loop: the same with its fix, where the scenario has one."""
    fixed = settings.name == "blocking-in-async"
    first = NextStep("o", "fix=thread or fix=async in the options") if fixed else MORE_WORKERS
    return (first, *scenario(settings, "sleep"))


def after_computing(settings: Settings, workers_won: bool) -> tuple[NextStep, ...]:
    first = NextStep("-", "fewer workers") if workers_won else MORE_WORKERS
    return (first, *scenario(settings, "sleep", "http"))


def after_short(settings: Settings) -> tuple[NextStep, ...]:
    return (MORE_REQUESTS, *scenario(settings, "crud", "sleep"))


def in_words(steps: tuple[NextStep, ...]) -> str:
    """ "Press + for more workers, s for scenario blocking-in-async."; "" for none."""
    return f"Press {', '.join(f'{step.key} for {step.words}' for step in steps)}." if steps else ""
