"""A sentence in as many lines as there are: what does not fit is left out by clauses, not cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache, reduce

from rich.cells import cell_len

from wsgiviz.tui.render.line import shortened

ASIDE = re.compile(r" \((?! )[^()]*(?:\(\)[^()]*)*\)")
PLACE = re.compile(r":\d+ ")
CALL = re.compile(r"(?<=\d) \w+(?:\.\w+)+\b(?<!\.)(?!\()")
AT_PLACE = re.compile(r"(?:, last seen)? at \S+:\d+(?: in)?(?: \w+(?:\.\w+)*(?:\(\))?)?(?=[ ,;:.]|$)")
"""Where in the code something is; the marked line shows it too."""
OWNER = re.compile(r"(?<=threads) of \w+'s \w[\w ]*(?=[.,;:]|$)")
SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z#]|(?:sync|gthread|gevent|asgi|uvicorn) )")
LEAST = 24
"""A clause shorter than this says nothing by itself."""


@lru_cache(maxsize=64)
def fitted(text: str, width: int, lines: int, ellipsis: str = "…") -> str:
    """The longest wording of ``text`` that takes ``lines`` lines of ``width`` cells at most."""
    found = next((wording for wording in wordings(text) if lines_of(wording, width) <= lines), None)
    if found is not None:
        return found
    *_, shortest = wordings(text)
    clause = shortest
    while clause := without_clause(clause):
        if lines_of(clause, width) <= lines:
            return clause
    for length in range(width * lines, width, -1):
        if lines_of(cut := shortened(shortest, length, ellipsis), width) <= lines:
            return cut
    return shortened(shortest, width, ellipsis)


def wordings(text: str) -> Iterator[str]:
    """From all of it to the least: without asides in parentheses that name no line of code, without what stands
    behind its last semicolon, without what helps ("...: use processes."), without any aside, without calls,
    and without the line of code. Then the same of its last sentence, which says why, while those before it say how it
    went."""
    yield from dict.fromkeys(reduce(lambda short, way: way(short), ways, text) for ways in WAYS)
    last = SENTENCE_END.split(text)[-1]
    if last != text and len(last) >= LEAST:
        yield from wordings(last)


def without_notes(text: str) -> str:
    return ASIDE.sub(lambda found: found[0] if PLACE.search(found[0]) else "", text)


def without_asides(text: str) -> str:
    return ASIDE.sub("", text)


def without_calls(text: str) -> str:
    """A line of code by its number alone."""
    return CALL.sub("", text)


def without_place(text: str) -> str:
    """Without the line of code."""
    return AT_PLACE.sub("", text)


def without_clause(text: str) -> str:
    """Up to the last comma; "" where that leaves no sentence."""
    clause, comma, _ = text.rpartition(", ")
    return f"{clause}." if comma and len(clause) >= LEAST and _balanced(clause) else ""


def without_addition(text: str) -> str:
    """Up to the last semicolon."""
    clause, semicolon, _ = text.rpartition("; ")
    return f"{clause}." if semicolon and _balanced(clause) else text


def without_help(text: str) -> str:
    """Up to the last colon, where that leaves a sentence."""
    clause, colon, _ = text.rpartition(": ")
    return f"{clause.rstrip('.')}." if colon and len(clause) >= LEAST and _balanced(clause) else text


def without_owner(text: str) -> str:
    """Threads, without whose they are."""
    return OWNER.sub("", text)


def _balanced(clause: str) -> bool:
    """It does not end inside an aside."""
    return clause.count("(") == clause.count(")")


WAYS: tuple[tuple[Callable[[str], str], ...], ...] = (
    (),
    (without_notes,),
    (without_addition,),
    (without_notes, without_addition),
    (without_help,),
    (without_notes, without_help),
    (without_notes, without_addition, without_help),
    (without_asides, without_help),
    (without_asides, without_addition, without_help),
    (without_asides, without_calls, without_addition, without_help),
    (without_asides, without_place, without_addition, without_help),
    (without_asides, without_place, without_addition, without_help, without_owner),
)


UNIT = re.compile(r"(?:s|ms|%)[.,;:)]*$")


def with_units(text: str, width: int, first: int) -> str:
    """``text`` with a line break where otherwise a unit would stand without its number at the beginning of a line.
    Its first line has ``first`` cells, the others ``width``."""
    words, used, room = text.split(" "), 0, first
    for at, word in enumerate(words):
        cells = cell_len(word)
        if used and used + 1 + cells > room:
            if UNIT.match(word) and words[at - 1][:1].isdigit():
                words[at - 1] = "\n" + words[at - 1]
                cells += cell_len(words[at - 1])
            used, room = cells, width
        else:
            used += cells + bool(used)
    return " ".join(words).replace(" \n", "\n")


def lines_of(text: str, width: int) -> int:
    """How many lines of ``width`` cells a text takes, broken between words."""
    count, used = 1, 0
    for word in text.split(" "):
        cells = cell_len(word)
        if used and used + 1 + cells <= width:
            used += 1 + cells
            continue
        count += bool(used) + max(0, cells - 1) // width
        used = cells - max(0, cells - 1) // width * width
    return count
