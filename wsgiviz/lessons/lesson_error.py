"""What is wrong with a lesson's file: where, what, and the fix."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from wsgiviz.errors import UsageError


class LessonError(UsageError):
    """A lesson that can't be used as it is written. ``line`` is counted from 1; 0 means the whole file.

    The message begins with file and line, as compilers write them; ``what`` is the rest of it, the hint is the fix.
    """

    def __init__(self, file: str, line: int, what: str, fix: str) -> None:
        super().__init__(f"{file}:{line}: {what}" if line else f"{file}: {what}", fix)
        self.file = file
        self.line = line
        self.what = what


class Problem(Exception):
    """What is wrong with a text, and the fix; where it stands is known to whoever catches this."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix

    def at(self, file: str, line: int) -> LessonError:
        """The same with its place."""
        return LessonError(file, line, self.what, self.fix)


def nearest(name: str, known: Iterable[str], lead: str = "there are") -> str:
    """A fix for a name that is not ``known``: the nearest one, and all of them."""
    names = list(known)
    if not names:
        return "there is none"
    near = get_close_matches(name, names, 1)
    return (f"did you mean {near[0]}? " if near else "") + f"{lead} {', '.join(names)}"
