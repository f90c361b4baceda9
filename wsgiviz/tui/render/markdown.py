"""A step's Markdown as lines of text. Its files may be anybody's: nothing in them is markup, a link or a control.

Every character goes through `printable`. Links keep their words and lose their address; pictures keep what stands in
for them. HTML is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from textual.content import Content

from wsgiviz.printable import printable

MOST_CHARACTERS = 20_000
"""Of a text no more is read: a step fits a screen."""

CODE = "$foreground on $panel"

STYLES = {"strong": "bold", "em": "italic", "code_inline": CODE}


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A paragraph, an item of a list, or a line of code, which is cut rather than wrapped.

    ``lead`` stands before its first line; the others are indented as far. ``apart``: an empty line comes before it.
    """

    text: Content
    lead: str = ""
    wrapped: bool = True
    apart: bool = True


def markdown_lines(text: str, width: int, ascii_only: bool = False) -> list[Content]:
    """``text`` as lines of at most ``width`` cells."""
    found: list[Content] = []
    for block in blocks(text, ascii_only):
        if found and block.apart:
            found.append(Content(""))
        found += _wrapped(block, max(8, width))
    return found


def _wrapped(block: TextBlock, width: int) -> list[Content]:
    room = max(4, width - len(block.lead))
    parts = block.text.wrap(room) if block.wrapped else [block.text.truncate(room)]
    return [Content(" " * len(block.lead) if at else block.lead) + part.rstrip() for at, part in enumerate(parts)]


@lru_cache(maxsize=64)
def blocks(text: str, ascii_only: bool = False) -> tuple[TextBlock, ...]:
    """The blocks of a Markdown text, in order."""
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 12}).enable("table")
    tree = SyntaxTreeNode(parser.parse(text[:MOST_CHARACTERS]))
    return tuple(block for node in tree.children for block in _blocks(node, ascii_only))


def _blocks(node: SyntaxTreeNode, ascii_only: bool) -> Iterator[TextBlock]:
    match node.type:
        case "bullet_list" | "ordered_list":
            yield from _list(node, ascii_only)
        case "fence" | "code_block":
            yield from _code(node.content, ascii_only)
        case "table":
            yield from _table(node, ascii_only)
        case "heading":
            yield TextBlock(_inline(node, ascii_only).stylize("bold"))
        case "paragraph" | "inline":
            yield TextBlock(_inline(node, ascii_only))
        case _:
            for child in node.children:
                yield from _blocks(child, ascii_only)


def _list(node: SyntaxTreeNode, ascii_only: bool) -> Iterator[TextBlock]:
    """One block after the other, without empty lines between items."""
    first = int(node.attrs.get("start", 1))
    for at, item in enumerate(node.children):
        bullet = f"{first + at}. " if node.type == "ordered_list" else "- " if ascii_only else "• "
        inner = [block for child in item.children for block in _blocks(child, ascii_only)]
        for number, block in enumerate(inner):
            lead = (" " * len(bullet) if number else bullet) + block.lead
            yield replace(block, lead=lead, apart=not at and not number)


def _code(text: str, ascii_only: bool) -> Iterator[TextBlock]:
    for number, line in enumerate(text.rstrip("\n").split("\n")):
        shown = Content.styled(printable(line.expandtabs(4), ascii_only), CODE)
        yield TextBlock(shown, "  ", wrapped=False, apart=not number)


def _table(node: SyntaxTreeNode, ascii_only: bool) -> Iterator[TextBlock]:
    """Columns as wide as their widest cell, the first row in bold."""
    rows = [[_inline(cell, ascii_only) for cell in row.children] for part in node.children for row in part.children]
    widths = [max(cell.cell_length for cell in column) for column in zip(*rows, strict=False)]
    for number, row in enumerate(rows):
        cells = [cell.pad_right(width - cell.cell_length) for cell, width in zip(row, widths, strict=False)]
        line = Content("  ").join(cells)
        yield TextBlock(line if number else line.stylize("bold"), wrapped=False, apart=not number)


def _inline(node: SyntaxTreeNode, ascii_only: bool) -> Content:
    """The words in a node, with the styles of what is in it."""
    if node.type in ("text", "code_inline", "html_inline"):
        found = Content(printable(node.content, ascii_only))
    elif node.type in ("softbreak", "hardbreak"):
        found = Content(" " if node.type == "softbreak" else "\n")
    else:
        found = Content("").join([_inline(child, ascii_only) for child in node.children])
    style = STYLES.get(node.type)
    return found.stylize(style) if style else found
