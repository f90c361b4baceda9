"""A lesson's Markdown taken apart: front matter, and the sections that level-2 headings begin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.front_matter import front_matter_plugin

from wsgiviz.lessons.lesson_error import LessonError

BLOCKS = ("question", "run", "look")
"""Fenced blocks that are read, and not shown."""

SPEAKER = re.compile(r"<!--\s*speaker:(.*?)-->", re.DOTALL | re.IGNORECASE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block that is read: which of `BLOCKS`, its content, and the line of its opening fence."""

    kind: str
    content: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading: ``text`` is shown, ``notes`` are the speaker's."""

    title: str
    line: int
    text: str
    notes: str
    fences: tuple[Fence, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The front matter's text, which begins below line 1, and the sections."""

    front_matter: str
    sections: tuple[Section, ...]


def read_markdown(text: str, file: str) -> Document:
    """The parts of the file. Raises LessonError."""
    lines = text.split("\n")
    # What is inside a line is not looked at here, and would take long in a hostile file.
    tokens = MarkdownIt("commonmark").use(front_matter_plugin).disable("inline").parse(text)
    if not tokens or tokens[0].type != "front_matter":
        raise _no_front_matter(lines, file)
    for token in tokens:
        _refuse(token, lines, file)
    heads = [at for at, token in enumerate(tokens) if _begins_section(token)]
    _refuse_text_before(tokens[1 : heads[0] if heads else len(tokens)], file)
    sections = tuple(_section(tokens[at:end], lines, file) for at, end in pairwise([*heads, len(tokens)]))
    return Document(tokens[0].content, sections)


def _begins_section(token: Token) -> bool:
    return token.type == "heading_open" and token.tag == "h2" and token.level == 0


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


def _no_front_matter(lines: list[str], file: str) -> LessonError:
    if lines[0].startswith("---"):
        return LessonError(file, 1, "the front matter is not closed", "end it by a line that is ---")
    return LessonError(
        file, 1, "there is no front matter", "begin the file by a line that is ---, then title: …, …, ---"
    )


def _refuse(token: Token, lines: list[str], file: str) -> None:
    """Raise LessonError for what looks like a part of a lesson and would be taken for text."""
    if token.type == "heading_open" and token.tag == "h2" and token.markup != "##":
        raise LessonError(
            file, _line(token), "a line of --- makes a heading of the text above it", "leave a blank line before ---"
        )
    if token.type == "fence":
        _refuse_fence(token, lines, file)
    elif token.type == "html_block" and "<!--" in token.content and "-->" not in token.content:
        raise LessonError(file, _line(token), "the comment is not closed", "end it by -->")
    elif token.type == "inline" and "<!--" in token.content:
        raise LessonError(file, _line(token), "a comment inside a text", "begin it on a line of its own")


def _refuse_fence(token: Token, lines: list[str], file: str) -> None:
    kind = token.info.strip()
    if kind not in BLOCKS:
        near = get_close_matches(kind, BLOCKS, 1, 0.8)
        if near:
            raise LessonError(file, _line(token), f"there is no block {kind!r}", f"did you mean {near[0]}?")
        return
    if token.level:
        raise LessonError(file, _line(token), f"a {kind} block inside a list or a quotation", "do not indent it")
    last = lines[token.map[1] - 1] if token.map else ""
    if token.map and (token.map[1] - token.map[0] < 2 or not last.strip().startswith(token.markup)):
        raise LessonError(
            file, _line(token), f"the {kind} block is not closed", f"end it by a line of {token.markup}"
        )


def _refuse_text_before(tokens: Iterable[Token], file: str) -> None:
    """A title for readers of the file may stand before the first step, and nothing else."""
    inside_title = False
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            inside_title = token.type == "heading_open" and token.tag == "h1"
        elif not inside_title and not (token.type == "html_block" and not COMMENT.sub("", token.content).strip()):
            raise LessonError(file, _line(token), "this stands before the first step", "begin a step with ## Title")


def _section(tokens: list[Token], lines: list[str], file: str) -> Section:
    head, title = tokens[0], tokens[1].content
    if not title.strip():
        raise LessonError(file, _line(head), "the heading is empty", "give the step a title")
    begin = head.map[1] if head.map else 0
    end = max([token.map[1] for token in tokens if token.map], default=begin)
    unshown: set[int] = set()
    fences, notes = [], []
    for token in tokens:
        if token.type == "fence" and token.info.strip() in BLOCKS and token.map:
            fences.append(Fence(token.info.strip(), token.content, _line(token)))
            unshown.update(range(*token.map))
        elif token.type == "html_block" and token.map and token.content.lstrip().startswith("<!--"):
            notes += [" ".join(note.split()) for note in SPEAKER.findall(token.content)]
            unshown.update(range(*token.map))
    shown = "\n".join(line for at, line in enumerate(lines[begin:end], begin) if at not in unshown)
    return Section(title, _line(head), re.sub(r"\n{3,}", "\n\n", shown).strip(), "\n\n".join(notes), tuple(fences))
