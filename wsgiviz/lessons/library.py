"""The lessons and clinic cases that are shipped, and files of one's own. A broken file does not hinder the others."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from wsgiviz.errors import UsageError
from wsgiviz.lessons.lesson_error import LessonError, nearest
from wsgiviz.lessons.model import Lesson
from wsgiviz.lessons.parse import LONGEST_LESSON, name_of, parse_lesson

COURSE = "course"
CLINIC = "clinic"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Lessons in the order of their files, and what is wrong with the files that could not be read."""

    lessons: tuple[Lesson, ...] = ()
    broken: tuple[LessonError, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all files, those that are broken included."""
        return (*(lesson.name for lesson in self.lessons), *(name_of(error.file) for error in self.broken))


def course() -> Shelf:
    """The course, in the order in which a teacher would take it."""
    return read_folder(_shipped(COURSE))


def clinic() -> Shelf:
    """The symptoms that people have, each with its cause and its fix."""
    return read_folder(_shipped(CLINIC), symptoms=True)


def _shipped(folder: str) -> Path:
    return Path(str(files("wsgiviz.lessons") / folder))


def read_folder(folder: Path, symptoms: bool = False) -> Shelf:
    """All lessons in a folder; with ``symptoms`` each of them has to have one."""
    lessons, broken = [], []
    for path in sorted(folder.glob("*.md")):
        try:
            lesson = read_file(path)
            if symptoms and not lesson.symptom:
                raise LessonError(lesson.file, 1, "the clinic's case has no symptom", "add symptom: what people say")
        except LessonError as error:
            broken.append(error)
        else:
            lessons.append(lesson)
    return Shelf(tuple(lessons), tuple(broken))


def read_file(path: Path) -> Lesson:
    """The lesson in a file. Raises LessonError."""
    file = str(path)
    try:
        with path.open("rb") as opened:
            text = opened.read(4 * LONGEST_LESSON + 1).decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise LessonError(file, line, "this is not UTF-8", "save the file as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LessonError(file, 0, f"can't be read: {reason}", "give a lesson's name, or a file") from None
    lesson = parse_lesson(text, file)
    for step in lesson.runs:
        if step.run is not None and step.run.example and not (path.parent / step.run.example).is_file():
            what = f"there is no file {step.run.example} beside the lesson"
            raise LessonError(file, step.run.line, what, "write it, or drop example:")
    return lesson


def find(name: str, shelf: Shelf, what: str = "lesson") -> Lesson:
    """The lesson of that name on the shelf, or in the file of that path. Raises LessonError for a file that is
    broken, and UsageError for a name that is unknown, which says that there is no such ``what``."""
    for lesson in shelf.lessons:
        if lesson.name == name:
            return lesson
    for error in shelf.broken:
        if name_of(error.file) == name:
            raise error
    if _is_path(name):
        return read_file(Path(name).expanduser())
    raise UsageError(f"there is no {what} {name!r}", nearest(name, shelf.names, f"{what}s are"))


def _is_path(name: str) -> bool:
    return name.endswith(".md") or "/" in name or Path(name).is_file()
