"""YAML as lessons use it: mappings, lists and texts, each with its line. No tags, no anchors, no aliases.

Every scalar stays the text that it is in the file: settings take texts, as on the command line, and nothing is
guessed to be a date, a number in base 60, or `no`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from wsgiviz.lessons.lesson_error import LessonError

DEEPEST = 6
"""Levels of mappings and lists; a lesson needs three."""


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping, list or text, and its line in the file. One of the three is not None."""

    line: int
    text: str | None = None
    items: tuple[Entries, ...] | None = None
    keys: dict[str, Entries] | None = None

    @property
    def words(self) -> str:
        """What it is."""
        if self.text is not None:
            return "a text"
        return "a list" if self.items is not None else "names with values"


def read_document(text: str, file: str, above: int) -> Entries:
    """The document that ``text`` is, which begins after line ``above`` of ``file``. Raises LessonError."""
    try:
        return _Composer(text, file, above).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = above + 1 + min(mark.line if mark else 0, max(0, text.count("\n") - 1))
        raise LessonError(file, line, f"broken YAML: {error.problem or error.context}", _fix(error)) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        what = "broken YAML: " + " ".join(str(error).split())[:200]
        raise LessonError(file, above + 1, what, "remove control characters") from None


def _fix(error: yaml.MarkedYAMLError) -> str:
    said = f"{error.problem} {error.context}"
    if "mapping values are not allowed" in said or "could not find expected ':'" in said:
        return 'write NAME: VALUE, one a line; put a text that has ": " in it into quotes'
    if "cannot start any token" in said:
        return "put a text that begins with such a sign into quotes"
    if "expected <block end>" in said:
        return "indent all lines of a list or mapping alike; put quotes round a whole text, or not in its beginning"
    return "is a quotation mark or a bracket left open, or a line indented by a tab?"


class _Composer:
    """Takes yaml's events, which come without recursion, and makes Entries of them."""

    def __init__(self, text: str, file: str, above: int) -> None:
        # To YAML these end a line, to Markdown and editors they do not.
        text = text.translate(dict.fromkeys(map(ord, "\x85\u2028\u2029"), " "))
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._file = file
        self._above = above

    def _wrong(self, event: yaml.Event, what: str, fix: str) -> LessonError:
        return LessonError(self._file, self._line(event), what, fix)

    def _line(self, event: yaml.Event) -> int:
        return self._above + 1 + (event.start_mark.line if event.start_mark is not None else 0)

    def document(self) -> Entries:
        next(self._events)  # the stream's start
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return Entries(self._above + 1, keys={})
        found = self._node(next(self._events), 1)
        next(self._events)  # the document's end
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._wrong(event, "a second YAML document begins", "remove the line that separates them")
        return found

    def _node(self, event: yaml.Event, depth: int) -> Entries:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._wrong(event, "YAML anchors and aliases are not read", "put a text with & or * into quotes")
        if getattr(event, "tag", None) is not None:
            raise self._wrong(event, "YAML tags are not read", "put a text that begins with ! into quotes")
        if depth > DEEPEST:
            raise self._wrong(event, f"more than {DEEPEST} levels", "write it flatter")
        if isinstance(event, yaml.ScalarEvent):
            return Entries(self._line(event), text=str(event.value).strip())
        if isinstance(event, yaml.SequenceStartEvent):
            return Entries(self._line(event), items=tuple(self._items(depth)))
        return Entries(self._line(event), keys=self._keys(depth))

    def _items(self, depth: int) -> Iterator[Entries]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _keys(self, depth: int) -> dict[str, Entries]:
        found: dict[str, Entries] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if key.text is None:
                raise self._wrong(event, f"{key.words} stands for a name", "write NAME: VALUE")
            if key.text in found:
                raise self._wrong(event, f"{key.text} is given twice", "keep one of them")
            value = self._node(next(self._events), depth + 1)
            # A value on lines of its own begins later; what is wrong with it is looked for at its name.
            found[key.text] = Entries(key.line, value.text, value.items, value.keys) if value.text == "" else value
        return found
