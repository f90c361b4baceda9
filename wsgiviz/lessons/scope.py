"""Which names a formula or an assertion may use: what is misspelt is found when the file is read, not after a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from wsgiviz.lessons.lesson_error import LessonError, nearest
from wsgiviz.lessons.syntax import VERDICT, Condition, Expression, Figure, HasLint, Named, parts
from wsgiviz.settings import Settings

SIDE_KEYS = (
    "server", "worker_class", "workers", "threads", "app", "requests", "completed", "failed", "bad_status",
    "statuses", "redirects", "errors", "raised", "cancelled", "worker_deaths", "workers_recycled", "deaths",
    "after_answer", "served_for_nobody", "unobserved", "forks", "external_requests", "silent_clients", "self_calls",
    "accepting_threads_held", "makespan_s", "predicted_makespan_s", "predicted_by", "caveat", "throughput_rps",
    "latency_s", "latency_from_sent_s", "queue_wait_s", "service_s", "schedule_lag_s", "paths", "busy_fraction",
    "blocked_fraction", "computing_fraction", "reading_fraction", "writing_fraction", "gil_wait_fraction", "shares",
    "per_worker", "loop", "loops", "pools", "thread_wait_s", "max_accept_queue", "accept_queue_limit",
    "max_in_flight", "contract", "connections", "kept_connections", "websockets", "driver_max_lag_s",
    "driver_busy_fraction", "events", "events_lost",
)  # fmt: skip
"""What `wsgiviz.report.result` gives of a side; a test compares them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """``settings`` of the run at hand, None where there is none; ``earlier`` those of the runs that have a name."""

    settings: Settings | None
    earlier: Mapping[str, Settings] = field(default_factory=dict)

    def check(self, tree: Expression | Condition, file: str, line: int) -> None:
        """Raise LessonError for a name that stands for nothing."""
        for part in parts(tree):
            if isinstance(part, Figure | HasLint):
                self._check_side(part.run, part.side, file, line)
            if isinstance(part, Figure):
                _check_keys(part, file, line)
            elif isinstance(part, Named):
                self._check_name(part.name, file, line)

    def _check_side(self, run: str, side: str, file: str, line: int) -> None:
        settings = self._settings(run, file, line)
        if side not in (*settings.sides, VERDICT):
            raise LessonError(file, line, f"no side {side!r} runs here", nearest(side, settings.sides, "the run has"))

    def _settings(self, run: str, file: str, line: int) -> Settings:
        if run and run not in self.earlier:
            fix = nearest(run, self.earlier, "earlier runs are") if self.earlier else "give an earlier run that name"
            raise LessonError(file, line, f"there is no run {run!r} before this", fix)
        settings = self.earlier[run] if run else self.settings
        if settings is None:
            raise LessonError(file, line, "there is no run after this that could answer it", "add a run step")
        return settings

    def _check_name(self, name: str, file: str, line: int) -> None:
        settings = self._settings("", file, line)
        known = ["cores", *settings.parameters, *(entry.name for entry in fields(Settings))]
        if name not in known:
            raise LessonError(file, line, f"there is no name {name!r}", nearest(name, known, "names are"))


def _check_keys(figure: Figure, file: str, line: int) -> None:
    """The first key: what is below it depends on the run."""
    if not figure.keys:
        fix = f"write for example {figure.words}.makespan_s"
        raise LessonError(file, line, f"{figure.words} alone is no figure", fix)
    if figure.side != VERDICT and figure.keys[0] not in SIDE_KEYS:
        what = f"there is no figure {figure.side}.{figure.keys[0]}"
        raise LessonError(file, line, what, nearest(figure.keys[0], SIDE_KEYS, "a side has"))
