"""Recordings of the lessons' runs, for where servers can't be started: which file is which run's."""

from __future__ import annotations

from pathlib import Path

from wsgiviz.lessons.model import Lesson

PACKAGE = Path(__file__).parent
SUFFIX = ".wviz"


def recording_of(lesson: Lesson, index: int) -> Path:
    """Where the recording of step ``index`` is, or would be: beside the lesson, in recordings/LESSON/STEP.wviz.

    Those of the package's own lessons are together, in wsgiviz/lessons/recordings.
    """
    return folder_of(lesson) / f"{index + 1:02d}{SUFFIX}"


def folder_of(lesson: Lesson) -> Path:
    """The folder of a lesson's recordings; clinic cases have one of their own among the package's."""
    home = Path(lesson.file).absolute().parent if lesson.file else PACKAGE
    if home == PACKAGE / "clinic":
        return PACKAGE / "recordings" / "clinic" / lesson.name
    beside = PACKAGE if home == PACKAGE / "course" else home
    return beside / "recordings" / lesson.name
