"""What a person can ask for in a lesson, as messages from a screen to the app."""

from __future__ import annotations

from textual.message import Message

from wsgiviz.lessons.model import Lesson


class OpenLessons(Message):
    """Back to the lesson that was left for free play; the list of lessons when there is none."""


class ListLessons(Message):
    """The list of lessons, or with ``clinic`` the clinic's cases; with None the one that the present lesson is of."""

    def __init__(self, clinic: bool | None = None) -> None:
        super().__init__()
        self.clinic = clinic


class BeginLesson(Message):
    """Lead through this one."""

    def __init__(self, lesson: Lesson, clinic: bool = False) -> None:
        super().__init__()
        self.lesson, self.clinic = lesson, clinic


class ForwardInLesson(Message):
    """Do what this step waits for, and go on when it is done. ``skip``: go on at once."""

    def __init__(self, skip: bool = False) -> None:
        super().__init__()
        self.skip = skip


class BackInLesson(Message):
    """To the step before."""


class RunLessonStep(Message):
    """This step's run, again if it was run; ``recorded``: from its recording."""

    def __init__(self, recorded: bool = False) -> None:
        super().__init__()
        self.recorded = recorded


class AnswerLessonQuestion(Message):
    """Ask this step's question, again if it was answered."""


class ToggleLessonTimer(Message):
    """Pause the session's timer, or let it go on."""


class PlayFreely(Message):
    """Leave the lesson for the live screen, with all its keys."""
