"""Terms, rules, theorems and derivations as plain text and as LaTeX.

Bound indices get a letter that is not in use; everything else keeps its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from .trusted import RULES, Bound, Cases, Condition, Derivation, Free, Index, Moved, Premise, Relation, Rule, Term

__all__ = ["LATEX", "TEXT", "Style", "cases", "chains", "free_names", "rules_of"]

_LETTERS = "ijklpqrs"
_SUM, _PRODUCT, _TIGHT, _ATOM = range(4)  # how strongly an expression holds together


@dataclass(frozen=True, slots=True)
class Style:
    """One way to write: `term`, `relation`, `premise`, `rule` return a line without its end."""

    symbols: dict[str, str]
    name: Callable[[str], str]
    subscript: Callable[[str, str], str]
    exp: Callable[[str], str]
    function: Callable[[str, str], str]
    over: Callable[[str, str], str]  # a big operator and its index
    fraction: Callable[[str, str], str] | None
    power: Callable[[str, str], str]

    def term(self, t: Term) -> str:
        return _Writer(self, {*free_names(t)}).write(t, (), _SUM)

    def relation(self, r: Relation) -> str:
        return f"{self.term(r.left)} {self.symbols[r.kind]} {self.term(r.right)}"

    def chain(self, relations: tuple[Relation, ...]) -> str:
        """A = B = C from A = B and B = C; relations that do not join are separated by commas."""
        said = ""
        for n, r in enumerate(relations):
            joins = n > 0 and relations[n - 1].right == r.left
            said += f" {self.symbols[r.kind]} {self.term(r.right)}" if joins else (", " * (n > 0)) + self.relation(r)
        return said

    def premise(self, p: Premise) -> str:
        if not p.each:
            return self.relation(p.relation)
        writer = _Writer(self, {*free_names(p.relation.left), *free_names(p.relation.right)})
        letter = writer.fresh(())
        left, right = (writer.write(side, (letter,), _SUM) for side in (p.relation.left, p.relation.right))
        return f"{left} {self.symbols[p.relation.kind]} {right} {self.symbols['each']} {letter}"

    def rule(self, rule: Rule) -> str:
        said = self.relation(Relation(rule.left, rule.kind, rule.right))
        return said + "".join(f", {self.condition(c)}" for c in rule.conditions)

    def condition(self, c: Condition) -> str:
        """A side condition; the body of a sum is named at the index i."""
        left = _Writer(self, set()).write(c.left, ("i",), _SUM)
        if c.kind in ("smooth", "constant"):
            return f"{left} {self.symbols[c.kind]} {self.name('x')}"
        return f"{left} {self.symbols[c.kind]} {_Writer(self, set()).write(c.right, ('i',), _SUM)}"


class _Writer:
    def __init__(self, style: Style, used: set[str]) -> None:
        self.style, self.used = style, used

    def fresh(self, around: tuple[str, ...]) -> str:
        letters: list[str] = [*_LETTERS, *(f"i{n}" for n in range(len(self.used) + len(around) + 1))]
        for letter in letters:
            if letter not in self.used and letter not in around:
                return letter
        raise AssertionError("there are more letters than indices")

    def index(self, index: Index, around: tuple[str, ...]) -> str:
        if isinstance(index, Moved):
            return f"{index.permutation}({self.index(index.index, around)})"
        if isinstance(index, Free):
            return self.style.name(index.name)
        return around[index.level] if index.level < len(around) else f"#{index.level}"

    def write(self, t: Term, around: tuple[str, ...], least: int, last: bool = True) -> str:
        """The term, in parentheses if it holds together less than `least`, or is open to the right and not last."""
        level, said = self._write(t, around)
        if level < least or (not last and _open(t)):
            return self._parentheses(said)
        return said

    def _parentheses(self, said: str) -> str:
        return self.style.function("", said)

    def _write(self, t: Term, around: tuple[str, ...]) -> tuple[int, str]:
        s, w = self.style, self.write
        op = t.op
        if op == "number":
            return self._number(t.value)
        if op in ("variable", "meta"):
            return _ATOM, s.name(t.value)
        if op == "count":
            return _ATOM, "N"
        if op in ("entry", "body"):
            return _ATOM, s.subscript(s.name(t.value[0]), self.index(t.value[1], around))
        if op == "delta":
            return _ATOM, s.subscript(s.symbols["delta"], " ".join(self.index(i, around) for i in t.value))
        if op in ("sum", "largest"):
            letter = self.fresh(around)
            body = w(t.args[0], (letter, *around), _PRODUCT)
            return _PRODUCT, f"{s.over(op, letter)} {body}"
        if op == "derivative":
            by = s.subscript(s.name(t.value[0]), self.index(t.value[1], around))
            return _PRODUCT, s.symbols["partial"].replace("BY", by).replace("OF", w(t.args[0], around, _TIGHT))
        if op == "exp":
            return _TIGHT, s.exp(w(t.args[0], around, _SUM))
        if op == "log":
            inner = t.args[0]
            if inner.op == "sum":
                return _PRODUCT, f"{s.symbols['log']} {w(inner, around, _PRODUCT)}"
            return _ATOM, s.function(s.symbols["log"], w(inner, around, _SUM))
        if op == "abs":
            return _ATOM, f"{s.symbols['|']}{w(t.args[0], around, _SUM)}{s.symbols['|']}"
        if op == "max":
            return _ATOM, s.function(s.symbols["max"], ", ".join(w(a, around, _SUM) for a in t.args))
        if op == "neg":
            return _SUM, f"-{w(t.args[0], around, _PRODUCT)}"
        if op == "power":
            return _TIGHT, s.power(w(t.args[0], around, _ATOM), str(t.value))
        left, right = t.args
        if op in ("add", "sub"):
            sign = "+" if op == "add" else "-"
            return _SUM, f"{w(left, around, _SUM)} {sign} {w(right, around, _PRODUCT)}"
        if op == "div" and s.fraction is not None:
            return _TIGHT, s.fraction(w(left, around, _SUM), w(right, around, _SUM))
        if op == "div":
            return _PRODUCT, f"{w(left, around, _PRODUCT, last=False)} / {w(right, around, _TIGHT)}"
        dot = s.symbols["*"] if t.args[1].op != "sum" or s.fraction is None else " "
        return _PRODUCT, f"{w(left, around, _PRODUCT, last=False)}{dot}{w(right, around, _PRODUCT)}"

    def _number(self, value: Fraction | str) -> tuple[int, str]:
        if isinstance(value, str):
            return _ATOM, value
        if value.denominator == 1:
            return (_ATOM if value >= 0 else _SUM), str(value.numerator)
        sign = "-" if value < 0 else ""
        top, bottom = str(abs(value.numerator)), str(value.denominator)
        said = self.style.fraction(top, bottom) if self.style.fraction else f"{top}/{bottom}"
        return (_SUM if sign else _PRODUCT), sign + said


def _open(t: Term) -> bool:
    """Whether what follows the written term would be read as part of it."""
    if t.op in ("sum", "largest", "derivative") or (t.op == "log" and t.args[0].op == "sum"):
        return True
    return t.op in ("mul", "neg") and _open(t.args[-1])


def free_names(t: Term) -> Iterator[str]:
    """The names that the term uses for variables, vectors and free indices."""
    if t.op == "variable":
        yield t.value
    for item in t.value if isinstance(t.value, tuple) else ():
        while isinstance(item, Moved):
            item = item.index
        if isinstance(item, Free):
            yield item.name
        elif not isinstance(item, Bound):
            yield item
    for a in t.args:
        yield from free_names(a)


def rules_of(d: Derivation | Cases) -> tuple[str, ...]:
    """The names of the rules that a derivation uses, in the order of `RULES`; then those that are not in it."""
    names = {s.rule for part in chains(d) for s in part.steps}
    return (*(name for name in RULES if name in names), *sorted(names - set(RULES)))


def chains(d: Derivation | Cases) -> tuple[Derivation, ...]:
    """The chains that a derivation consists of: one, or one for each case."""
    return tuple(chain for _, chain in cases(d))


def cases(d: Derivation | Cases, assumed: tuple[Premise, ...] = ()) -> Iterator[tuple[tuple[Premise, ...], Derivation]]:
    """Each chain with what its case assumes."""
    if isinstance(d, Derivation):
        yield assumed, d
    else:
        yield from cases(d.low, (*assumed, Premise(Relation(d.left, "<=", d.right))))
        yield from cases(d.high, (*assumed, Premise(Relation(d.right, "<=", d.left))))


def _latex_name(name: str) -> str:
    head, _, rest = name.partition("_")
    return f"{head}_{{{rest}}}" if rest and not rest.startswith("{") else name


_TEXT_SYMBOLS = {
    "=": "=", "<=": "<=", ">=": ">=", ">": ">", "<": "<", "!=": "!=", "each": "for every", "delta": "delta",
    "log": "log", "max": "max", "|": "|",
    "partial": "d/d(BY) OF", "*": " * ", "smooth": "is smooth in", "constant": "does not depend on",
}  # fmt: skip
_LATEX_SYMBOLS = {
    "=": "=", "<=": r"\le", ">=": r"\ge", ">": ">", "<": "<", "!=": r"\neq", "each": r"\text{ for every }",
    "delta": r"\delta", "log": r"\log",
    "max": r"\max", "|": "|", "partial": r"\frac{\partial}{\partial BY} OF", "*": r" \cdot ",
    "smooth": r"\text{ is smooth in }", "constant": r"\text{ does not depend on }",
}  # fmt: skip

TEXT = Style(
    symbols=_TEXT_SYMBOLS,
    name=str,
    subscript=lambda name, index: f"{name}_{index}".replace(" ", ""),
    exp=lambda t: f"exp({t})",
    function=lambda name, t: f"{name}({t})",
    over=lambda op, letter: f"{'sum' if op == 'sum' else 'max'}_{letter}",
    fraction=None,
    power=lambda t, k: f"{t}^{k}",
)
LATEX = Style(
    symbols=_LATEX_SYMBOLS,
    name=_latex_name,
    subscript=lambda name, index: f"{{{name}}}_{{{index}}}" if "_" in name else f"{name}_{{{index}}}",
    exp=lambda t: f"e^{{{t}}}",
    function=lambda name, t: rf"{name}\left({t}\right)",
    over=lambda op, letter: rf"\sum_{{{letter}=1}}^{{N}}" if op == "sum" else rf"\max_{{{letter}}}",
    fraction=lambda top, bottom: rf"\frac{{{top}}}{{{bottom}}}",
    power=lambda t, k: f"{t}^{{{k}}}",
)
