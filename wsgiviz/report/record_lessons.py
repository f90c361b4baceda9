"""`python -m wsgiviz.report.record_lessons [LESSON.md ...]`: records the runs of lessons, so that they can be shown
where no server starts. Without files, those of the course and the clinic, into the package.

Each run has servers of its own, and a recording of its own, which is replaced as a whole. A run that does not get to
its end leaves what was there, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from wsgiviz.control.controller import Controller
from wsgiviz.errors import WsgivizError
from wsgiviz.events import Event, ServerStarted
from wsgiviz.lessons.library import clinic, course, read_file
from wsgiviz.lessons.model import Lesson, StepKind
from wsgiviz.lessons.recordings import recording_of
from wsgiviz.lessons.tour import tour
from wsgiviz.log import EventLog, RecordingWriter
from wsgiviz.log.snapshot import Snapshot
from wsgiviz.settings import Settings, check_installed
from wsgiviz.state import Phase

PUMP_S = 1 / 60


class WithoutPaths:
    """Hands batches on to a writer, without the paths of this machine: a recording that is shipped has none."""

    def __init__(self, writer: RecordingWriter) -> None:
        self._writer = writer

    def begin(self, snapshot: Snapshot, events_before: int) -> None:
        self._writer.begin(snapshot, events_before)

    def take(self, events: Sequence[Event], snapshot: Snapshot | None) -> None:
        self._writer.take([_without_paths(event) for event in events], None)


def _without_paths(event: Event) -> Event:
    if not isinstance(event, ServerStarted):
        return event
    return replace(event, command=tuple(os.path.basename(word) for word in event.command))


def record(settings: Settings, path: Path) -> int:
    """Run once, and write it to ``path``. Gives its bytes. Raises WsgivizError when it was not carried out."""
    check_installed(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    log, writer = EventLog(), RecordingWriter(unfinished)
    sink = WithoutPaths(writer)
    log.attach(sink)
    controller = Controller(settings, log)
    try:
        controller.start()
        controller.fire()
        while log.state.phase is not Phase.FINISHED:
            if (failure := log.state.failure) is not None:
                raise WsgivizError(failure.message, failure.hint, failure.detail)
            controller.pump()
            time.sleep(PUMP_S)
        log.detach(sink)  # without the end of the servers: there is nothing to see in it
        writer.close()
        if writer.failure:
            raise WsgivizError(writer.failure)
        os.replace(unfinished, path)
    finally:
        controller.close()
        writer.close()
        unfinished.unlink(missing_ok=True)
    return path.stat().st_size


def recordable(lesson: Lesson) -> Iterator[tuple[int, Settings]]:
    """The steps whose runs a recording can stand in for: no app of the learner's, and none that is to fail."""
    for index, step in enumerate(lesson.steps):
        if step.run is not None and step.kind is not StepKind.MAKE and not step.run.fails:
            yield index, step.run.whole


def shipped() -> Iterator[Lesson]:
    """All lessons of the package. Raises WsgivizError for one that is broken."""
    for shelf in (course(), clinic()):
        for error in shelf.broken:
            raise error
        yield from shelf.lessons
    yield tour()


def main(files: Sequence[str]) -> int:
    """Record them, and say the size of each."""
    status = total = 0
    for lesson in [read_file(Path(file)) for file in files] or shipped():
        for index, settings in recordable(lesson):
            path = recording_of(lesson, index)
            try:
                size = record(settings, path)
            except WsgivizError as error:
                print(f"{lesson.name} {index + 1}: {error.message}", file=sys.stderr)
                status = 1
                continue
            total += size
            print(f"{size / 1e3:8.1f} kB  {path}")
    print(f"{total / 1e6:8.2f} MB in all")
    return status


if __name__ == "__main__":
    parser = argparse.ArgumentParser("record_lessons", description="Record the runs of lessons.")
    parser.add_argument("files", nargs="*", metavar="LESSON.md", help="by default all that are shipped")
    try:
        sys.exit(main(parser.parse_args().files))
    except WsgivizError as problem:
        print(f"{problem.message} ({problem.hint})", file=sys.stderr)
        sys.exit(problem.status)
