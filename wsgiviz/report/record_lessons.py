"""`python -m wsgiviz.report.record_lessons [LESSON.md ...]`: records the runs of lessons, so that they can be shown
where no server starts. Without files, those of the course and the clinic, into the package; with --tour those of the
tour too, which are three times as large.

Each run has servers of its own, and a recording of its own, which is replaced as a whole. A run that does not get to
its end leaves what was there, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from wsgiviz.control.controller import Controller
from wsgiviz.errors import WsgivizError
from wsgiviz.events import Event, LogWritten, ServerStarted, SourceRead
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
        self._writer.take([without_paths(event) for event in events], None)


def without_paths(event: Event) -> Event:
    match event:
        case ServerStarted():
            return replace(event, command=tuple(os.path.basename(word) for word in event.command))
        case SourceRead():
            return replace(event, path=_relative(event.path))
        case LogWritten():
            return replace(event, lines=tuple(map(_relative, event.lines)))
    return event


def _folders() -> list[str]:
    """Of libraries, the interpreter, this package and this user, the deepest first."""
    paths = sysconfig.get_paths()
    project = Path(__file__).absolute().parents[2]
    found = [paths["purelib"], paths["platlib"], paths["stdlib"], str(project), sys.prefix, sys.base_prefix]
    return sorted({*found, str(Path.home())}, key=len, reverse=True)


def _relative(text: str) -> str:
    """A path, or a line with paths in it, as it would be read below these folders."""
    for folder in FOLDERS:
        text = text.replace(f"{folder}/", "")
    return text


FOLDERS = _folders()


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


def shipped(with_tour: bool = False) -> Iterator[Lesson]:
    """All lessons of the package. Raises WsgivizError for one that is broken."""
    for shelf in (course(), clinic()):
        for error in shelf.broken:
            raise error
        yield from shelf.lessons
    if with_tour:
        yield tour()


def main(files: Sequence[str], with_tour: bool = False) -> int:
    """Record them, and say the size of each."""
    status = total = 0
    for lesson in [read_file(Path(file)) for file in files] or shipped(with_tour):
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
    parser.add_argument("--tour", action="store_true", help="the runs of wsgiviz tour too")
    given = parser.parse_args()
    try:
        sys.exit(main(given.files, given.tour))
    except WsgivizError as problem:
        print(f"{problem.message} ({problem.hint})", file=sys.stderr)
        sys.exit(problem.status)
