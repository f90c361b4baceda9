"""What assertions and formulas consist of, once they are read. Nothing in it is ever run as Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

VERDICT = "verdict"
"""What stands beside the sides in a result: which model fits the load (`wsgiviz.report.result`)."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, as it is written."""

    value: float


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text in quotes."""

    text: str


@dataclass(frozen=True, slots=True)
class Named:
    """A setting of the run, a parameter of its scenario, or ``cores``."""

    name: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A place in the result: of the run with that name ("" is the one at hand), a side or `VERDICT`, and the keys
    from there."""

    run: str
    side: str
    keys: tuple[str, ...]

    @property
    def words(self) -> str:
        return ".".join(filter(None, (self.run, self.side, *self.keys)))


@dataclass(frozen=True, slots=True)
class Negated:
    """Minus something."""

    of: Expression


@dataclass(frozen=True, slots=True)
class Chain:
    """``first``, then each operator with what follows it, from left to right: all + and -, or all * and /."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """A function of some arguments."""

    function: str
    arguments: tuple[Expression, ...]


Expression = Literal | Quoted | Named | Figure | Negated | Chain | Applied


@dataclass(frozen=True, slots=True)
class Comparison:
    """``sign`` is one of < <= > >= = != and ≈, which alone has a ``tolerance``, in ``percent`` of the right or not.

    ``left_text``, ``right_text`` and ``tolerance_text`` are the sides as they are written.
    """

    left: Expression
    sign: str
    right: Expression
    left_text: str
    right_text: str
    tolerance: Expression | None = None
    percent: bool = False
    tolerance_text: str = ""


@dataclass(frozen=True, slots=True)
class HasLint:
    """That a lint was found about a side, or was not."""

    run: str
    side: str
    lint: str
    found: bool


@dataclass(frozen=True, slots=True)
class FailureSays:
    """That the servers did not start, and a part of what was said of it."""

    text: str


Condition = Comparison | HasLint | FailureSays


def parts(tree: Expression | Condition) -> Iterator[Expression | Condition]:
    """The tree itself and all in it."""
    yield tree
    inner: tuple[Expression, ...] = ()
    if isinstance(tree, Negated):
        inner = (tree.of,)
    elif isinstance(tree, Chain):
        inner = (tree.first, *(operand for _, operand in tree.rest))
    elif isinstance(tree, Applied):
        inner = tree.arguments
    elif isinstance(tree, Comparison):
        inner = (tree.left, tree.right, *([tree.tolerance] if tree.tolerance is not None else []))
    for part in inner:
        yield from parts(part)
