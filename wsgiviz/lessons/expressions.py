"""Reads assertions and formulas: a recursive-descent parser, one method for each rule.

condition   = RUN.SIDE "has" ["no"] LINT | "failure" "says" TEXT | sum SIGN sum ["±" sum ["%"]]
sum         = product {("+" | "-") product}
product     = factor {("*" | "/") factor}
factor      = "-" factor | "(" sum ")" | NUMBER | TEXT | FUNCTION "(" sum {"," sum} ")" | figure | NAME
figure      = [RUN "."] SIDE {"." NAME | "." NUMBER | "[" (TEXT | NUMBER) "]"}
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from wsgiviz import lint_names
from wsgiviz.lessons.lesson_error import Problem, nearest
from wsgiviz.lessons.syntax import (
    VERDICT,
    Applied,
    Chain,
    Comparison,
    Condition,
    Expression,
    FailureSays,
    Figure,
    HasLint,
    Literal,
    Named,
    Negated,
    Quoted,
)
from wsgiviz.lessons.tokens import HYPHENATED, Sort, Token, tokens

DEEPEST = 20
"""Parentheses, minus signs and calls inside each other."""

LARGEST = 1e15
"""No figure of a run comes near it."""

SIDES = ("wsgi", "asgi", "wsgi2", "asgi2")
COMPARISONS = ("<", "<=", ">", ">=", "=", "!=", "≈")
ARGUMENTS = {"min": (1, 20), "max": (1, 20), "ceil": (1, 1), "floor": (1, 1), "abs": (1, 1), "count": (1, 1)}
"""The functions, each with the least and the most arguments."""


def read_formula(text: str) -> Expression:
    """The formula that ``text`` is. Raises Problem."""
    reader = _Reader(text)
    found = reader.sum()
    reader.expect_end()
    return found


def read_condition(text: str) -> Condition:
    """The assertion that ``text`` is. Raises Problem."""
    reader = _Reader(text)
    found = reader.condition()
    reader.expect_end()
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _sees(self, *signs: str) -> bool:
        return self._next.sort is Sort.SIGN and self._next.text in signs

    def _sees_word(self, word: str) -> bool:
        return self._next.sort is Sort.NAME and self._next.text == word

    def _expect(self, sign: str, fix: str) -> None:
        if not self._sees(sign):
            raise Problem(f"{sign!r} is expected before {self._next.words}", fix)
        self._take()

    def expect_end(self) -> None:
        """Raise Problem when something is left."""
        if self._next.sort is Sort.END:
            return
        words = self._next.words
        if self._sees("%"):
            raise Problem("% is only for a tolerance, after ±", "write a share as a number: 0.9")
        if self._sees("±"):
            raise Problem("± is for a tolerance, after ≈", "write A ≈ B ± 5 %")
        if self._sees(*COMPARISONS):
            raise Problem(f"a second comparison begins with {words}", "write two assertions, one a line")
        raise Problem(f"{words} is not expected here", "an operator is missing before it; figures have no units")

    # --- conditions -----------------------------------------------------------------------------------------------

    def condition(self) -> Condition:
        if self._sees_word("failure"):
            return self._failure()
        begin = self._next.at
        left = self.sum()
        if self._sees_word("has"):
            return self._has_lint(left)
        left_text = self._since(begin)
        if not self._sees(*COMPARISONS):
            raise Problem(
                f"a comparison is expected before {self._next.words}",
                "an assertion compares: A < B, A ≈ B ± 5 %; or it says: wsgi has LINT",
            )
        sign = self._take().text
        begin = self._next.at
        right = self.sum()
        comparison = Comparison(left, sign, right, left_text, self._since(begin))
        return self._with_tolerance(comparison) if sign == "≈" else comparison

    def _since(self, begin: int) -> str:
        return self._text[begin : self._next.at].strip()

    def _with_tolerance(self, bare: Comparison) -> Comparison:
        if not self._sees("±"):
            raise Problem("≈ has no tolerance", "write A ≈ B ± 5 %, or A ≈ B ± 0.1 (in ASCII: A ~ B +- 5 %)")
        self._take()
        begin = self._next.at
        tolerance = self.sum()
        text = self._since(begin)
        percent = self._sees("%")
        if percent:
            self._take()
        return Comparison(bare.left, "≈", bare.right, bare.left_text, bare.right_text, tolerance, percent, text)

    def _failure(self) -> FailureSays:
        self._take()
        if not self._sees_word("says"):
            raise Problem(f"'says' is expected before {self._next.words}", 'write failure says "Booting"')
        self._take()
        if self._next.sort is not Sort.TEXT or len(self._next.text) < 3:
            raise Problem("failure says nothing", 'write what is expected of it in quotes: failure says "Booting"')
        return FailureSays(self._take().text[1:-1])

    def _has_lint(self, about: Expression) -> HasLint:
        if not isinstance(about, Figure) or about.keys or about.side == VERDICT:
            raise Problem("a side is expected before 'has'", "write wsgi has LINT, or asgi has no LINT")
        self._take()
        found = True
        if self._sees_word("no"):
            found = False
            self._take()
        name = self._lint_name()
        if name not in lint_names.NAMES:
            what = f"there is no lint {name!r}" if name else "the name of a lint is missing"
            near = get_close_matches(name, lint_names.NAMES, 1)
            raise Problem(what, (f"did you mean {near[0]}? " if near else "") + "wsgiviz lints lists them")
        return HasLint(about.run, about.side, name, found)

    def _lint_name(self) -> str:
        """It has hyphens, so it is taken as a whole."""
        match = HYPHENATED.match(self._text, self._next.at)
        if match is None:
            return "" if self._next.sort is Sort.END else self._take().text
        while self._next.sort is not Sort.END and self._next.at < match.end():
            self._take()
        return match[0]

    # --- expressions ----------------------------------------------------------------------------------------------

    def sum(self) -> Expression:
        return self._chain(self._product, "+", "-")

    def _product(self) -> Expression:
        return self._chain(self._factor, "*", "/")

    def _chain(self, operand: Callable[[], Expression], *signs: str) -> Expression:
        first = operand()
        rest: list[tuple[str, Expression]] = []
        while self._sees(*signs):
            sign = self._take().text
            rest.append((sign, operand()))
        return Chain(first, tuple(rest)) if rest else first

    def _factor(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Problem(f"more than {DEEPEST} levels of parentheses", "write it with fewer")
        try:
            return self._factor_inside()
        finally:
            self._depth -= 1

    def _factor_inside(self) -> Expression:
        token = self._take()
        if token.sort is Sort.NUMBER:
            return _number(token.text)
        if token.sort is Sort.TEXT:
            return Quoted(token.text[1:-1])
        if token.sort is Sort.RUN:
            return self._figure_of_run(token.text)
        if token.sort is Sort.NAME:
            return self._named(token.text)
        if token.text == "-":
            return Negated(self._factor())
        if token.text == "(":
            inside = self.sum()
            self._expect(")", "each ( needs its )")
            return inside
        raise Problem(f"a number or a name is expected before {token.words}", "write both sides of every operator")

    def _named(self, name: str) -> Expression:
        if self._sees("("):
            return self._applied(name)
        if name in (*SIDES, VERDICT):
            return Figure("", name, self._keys())
        if self._sees(".", "["):
            raise Problem(f"{name!r} is not a side", nearest(name, (*SIDES, VERDICT), "sides are"))
        return Named(name)

    def _figure_of_run(self, name: str) -> Figure:
        self._expect(".", "write RUN.wsgi.FIGURE")
        side = self._take().text
        return Figure(name, side, self._keys())

    def _applied(self, name: str) -> Applied:
        if name not in ARGUMENTS:
            raise Problem(f"there is no function {name!r}", nearest(name, ARGUMENTS))
        self._take()
        arguments = [self.sum()]
        while self._sees(","):
            self._take()
            arguments.append(self.sum())
        self._expect(")", "each ( needs its )")
        least, most = ARGUMENTS[name]
        if not least <= len(arguments) <= most:
            raise Problem(f"{name}() has {len(arguments)} arguments", f"it takes {least}" + (" or more" * (most > 1)))
        if name == "count" and not isinstance(arguments[0], Figure):
            raise Problem("count() counts entries of the result", "write for example count(wsgi.deaths)")
        return Applied(name, tuple(arguments))

    def _keys(self) -> tuple[str, ...]:
        """What follows a side."""
        keys: list[str] = []
        while self._sees(".", "["):
            bracket = self._take().text == "["
            token = self._take()
            if bracket and token.sort is Sort.TEXT:
                keys.append(token.text[1:-1])
            elif token.sort is Sort.NUMBER or (not bracket and token.sort is Sort.NAME):
                keys.extend(token.text.split(".") if not bracket else [token.text])
            elif not bracket and token.sort is Sort.RUN:  # as in wsgi.wsgi: no run is meant here
                keys.append(token.text)
            else:
                raise Problem(
                    f"a key of the result is expected before {token.words}",
                    'write wsgi.latency_s.p95, or wsgi.paths["/healthz"].latency_s.p95',
                )
            if bracket:
                self._expect("]", "each [ needs its ]")
        return tuple(keys)


def _number(text: str) -> Literal:
    value = float(text)
    if value > LARGEST:
        raise Problem(f"the number {text[:12]}… is too large", f"the largest is {LARGEST:.0f}")
    return Literal(value)
