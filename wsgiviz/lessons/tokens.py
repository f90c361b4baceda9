"""The words of assertions and formulas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from wsgiviz.lessons.lesson_error import Problem

LONGEST = 500
"""Characters that an assertion may have."""


class Sort(Enum):
    """What a token is."""

    NUMBER = "a number"
    TEXT = "a text in quotes"
    RUN = "the name of a run"
    NAME = "a name"
    SIGN = "a sign"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text, and the index of its first character."""

    sort: Sort
    text: str
    at: int

    @property
    def words(self) -> str:
        """As it is called in an error."""
        return self.sort.value if self.sort is Sort.END else repr(self.text)


SPELLINGS = {"≤": "<=", "≥": ">=", "≠": "!=", "==": "=", "×": "*", "−": "-", "~": "≈", "+-": "±"}
"""Signs that are other spellings of one sign."""

PATTERN = re.compile(
    r"""\s*(?:
    (?P<NUMBER>\d+(?:\.\d+)?)
    |(?P<TEXT>"[^"\n]*"|'[^'\n]*')
    |(?P<RUN>[A-Za-z][\w-]*(?=\.(?:(?:wsgi|asgi)2?|verdict)\b))
    |(?P<NAME>[^\W\d]\w*)
    |(?P<SIGN><=|>=|!=|==|\+-|[<>=≈~≤≥≠±+\-−*×/%(),.\[\]])
    )""",
    re.VERBOSE | re.ASCII,
)
"""A run's name may have hyphens; it is one by what follows it: a side, or the verdict."""

HYPHENATED = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""The name of a lint, which is read as a whole where one is expected."""


def tokens(text: str) -> list[Token]:
    """All of them, and one that stands for the end. Raises Problem."""
    if len(text) > LONGEST:
        raise Problem(f"an assertion of {len(text)} characters", f"write several of at most {LONGEST}")
    found: list[Token] = []
    at = 0
    while text[at:].strip():
        match = PATTERN.match(text, at)
        if match is None or match.lastgroup is None:
            stopped = text[at:].lstrip()
            raise _unknown(stopped)
        sort = Sort[match.lastgroup]
        word = match[match.lastgroup]
        found.append(Token(sort, SPELLINGS.get(word, word) if sort is Sort.SIGN else word, match.start(sort.name)))
        at = match.end()
    return [*found, Token(Sort.END, "", len(text))]


def _unknown(rest: str) -> Problem:
    if rest[0] in "\"'":
        return Problem(f"the quotation mark before {rest[1:20]!r} is not closed", "write it after the text too")
    if rest[0] == "!":
        return Problem("'!' alone is no comparison", "unequal is written !=")
    return Problem(
        f"{rest[0]!r} has no meaning in an assertion",
        "there are numbers, names, + - * / ( ), < <= > >= = !=, ≈ with ± (or ~ with +-)",
    )
