r"""LaTeX's math mode cut into tokens, with synonyms made one: \ln is \log, \dfrac is \frac, \left( is (, \leq is <=.

Nothing is expanded and nothing is raised: what cannot be a token becomes one of kind "bad" that carries the reason, so
that a reader loses one line and not the whole display. Every token knows where it stands in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = [
    "DIGIT_LIMIT",
    "DISPLAY_LIMIT",
    "Name",
    "Token",
    "Unread",
    "group_end",
    "names",
    "read_name",
    "tokens",
    "written",
]

DISPLAY_LIMIT = 20_000  # tokens of one display
DIGIT_LIMIT = 30
_WORD_LIMIT = 40
_NESTED_ACCENTS = 4
_ACCENTED_LIMIT = 400


class Unread(Exception):
    """A formula is not understood: why, and at which offset of the text."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at, self.reason = at, reason


@dataclass(frozen=True, slots=True)
class Token:
    """kind is number, name, word, ones, macro, symbol, relation, text, tag, gap, break, begin, end or bad."""

    kind: str
    text: str
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Name:
    """A letter with its subscript: parts are what may be indices, label is a subscript that never is one."""

    base: str
    parts: tuple[str, ...] = ()
    label: str = ""

    @property
    def full(self) -> str:
        return f"{self.base}_{{{self.label}}}" if self.label else self.base

    @property
    def written(self) -> str:
        inner = ",".join(self.parts)
        return f"{self.base}_{inner}" if len(inner) == 1 else f"{self.base}_{{{inner}}}" if inner else self.full


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_GREEK = _listed(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho varrho "
    "sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell"
)
_SAME = {
    "ln": ("macro", "\\log"), "dfrac": ("macro", "\\frac"), "tfrac": ("macro", "\\frac"), "cfrac": ("macro", "\\frac"),
    "cdot": ("symbol", "*"), "times": ("symbol", "*"), "ast": ("symbol", "*"), "mid": ("symbol", "|"),
    "vert": ("symbol", "|"), "lvert": ("symbol", "\\lvert"), "rvert": ("symbol", "\\rvert"),
    "lbrace": ("symbol", "\\{"), "rbrace": ("symbol", "\\}"), "lbrack": ("symbol", "["), "rbrack": ("symbol", "]"),
    "lparen": ("symbol", "("), "rparen": ("symbol", ")"), "{": ("symbol", "\\{"), "}": ("symbol", "\\}"),
    "prime": ("symbol", "'"), "div": ("symbol", "/"), "quad": ("gap", ""), "qquad": ("gap", ""),
    "le": ("relation", "<="), "leq": ("relation", "<="), "leqslant": ("relation", "<="), "lt": ("relation", "<"),
    "ge": ("relation", ">="), "geq": ("relation", ">="), "geqslant": ("relation", ">="), "gt": ("relation", ">"),
    "equiv": ("relation", ":="), "coloneqq": ("relation", ":="), "coloneq": ("relation", ":="),
    "triangleq": ("relation", ":="), "eqqcolon": ("relation", ":="), "eqcolon": ("relation", ":="),
    "doteq": ("relation", ":="), "ne": ("relation", "\\neq"), "neq": ("relation", "\\neq"),
    "softmax": ("word", "softmax"), "logsumexp": ("word", "logsumexp"), "LSE": ("word", "LSE"), "lse": ("word", "lse"),
    "softplus": ("word", "softplus"), "sigmoid": ("word", "sigmoid"),
}  # fmt: skip
# Read as relations, so that a side ends there; the parser then says that they are not understood.
_STRANGE = _listed(
    "approx sim simeq cong propto in notin to rightarrow mapsto ll gg prec succ subset subseteq lesssim gtrsim "
    "leftarrow"
)
_DROPPED = _listed(
    "displaystyle textstyle scriptstyle limits nolimits mathstrut strut nonumber notag hfill hfil big Big bigg Bigg "
    "allowbreak nobreak centering left right middle bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm"
)
_SIZES = {"left": "l", "bigl": "l", "Bigl": "l", "biggl": "l", "Biggl": "l"} | {
    "right": "r", "bigr": "r", "Bigr": "r", "biggr": "r", "Biggr": "r"
}  # fmt: skip
_DROPPED_WITH_ARGUMENT = _listed("label phantom hphantom vphantom color vspace vskip ref eqref cite footnote")
_TRANSPARENT = _listed("underbrace overbrace underline cancel bcancel xcancel boxed textcolor ensuremath")
_TEXTS = _listed("text mbox textrm textit textbf textnormal textsf texttt intertext shortintertext hbox")
_STYLED = _listed(
    "operatorname mathrm mathit mathsf mathtt mathbf boldsymbol bm mathcal mathbb mathbbm mathds mathscr mathfrak "
    "mathop hat tilde bar vec widehat widetilde overline dot check"
)
_UPRIGHT = ("operatorname", "mathrm", "mathit", "mathsf", "mathtt", "mathop")
_BOLD = {"boldsymbol": "mathbf", "bm": "mathbf", "widehat": "hat", "widetilde": "tilde", "overline": "bar"}
_ONES = ("mathbf", "mathbb", "mathbbm", "mathds", "vec")
_WORDS = {
    "max": ("macro", "\\max"), "min": ("macro", "\\min"), "log": ("macro", "\\log"), "ln": ("macro", "\\log"),
    "exp": ("macro", "\\exp"), "softmax": ("word", "softmax"), "LSE": ("word", "LSE"), "lse": ("word", "lse"),
    "logsumexp": ("word", "logsumexp"), "softplus": ("word", "softplus"), "sigmoid": ("word", "sigmoid"),
}  # fmt: skip
_UNICODE = {
    "\u2212": "-", "\u2013": "-", "·": "*", "\u00d7": "*", "⋅": "*", "∑": "\\sum", "≤": "<=", "≥": ">=", "≠": "\\neq",
    "≈": "\\approx", "∂": "\\partial", "∈": "\\in", "\u2032": "'", "→": "\\to", "⇒": "\\Rightarrow",
    "⇔": "\\Leftrightarrow", "…": "\\dots", "\u2113": "\\ell", "≡": ":=", "≔": ":=",
}  # fmt: skip
_UNICODE |= {chr(0x3B1 + n): f"\\{letter}" for n, letter in enumerate(_listed(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho varsigma sigma tau "
    "upsilon phi chi psi omega"
))}  # fmt: skip

# Every alternative is a run of one class of characters or a fixed string: no way to match twice, so time is linear.
_PIECE = re.compile(
    r"(?P<space>\s+)|(?P<comment>%[^\n]*)|(?P<break>\\\\(?:\*|\[[^\]\[{}\\\n]{0,20}\])?)|\\(?P<macro>[A-Za-z]+)\*?"
    r"|\\(?P<sign>[^A-Za-z\s])|(?P<blank>\\\s|~)|(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<letters>[A-Za-z]+)"
    r"|(?P<relation>:=|=:|<=|>=|[=<>])|(?P<symbol>[-+*/^_{}()\[\]|,;.:'!&])",
    re.ASCII,
)


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_SPACE = re.compile(r"\s*")
_SHORT = re.compile(r"\s*([A-Za-z0-9])")
_PLACED = re.compile(r"\s*\[[tbc]\]")
_LABEL = re.compile(r"\s*([_^])")
_COVERED_LIMIT = 2_000  # characters
_E_NOTATION = re.compile(r"e[-+]?\d")


def tokens(text: str, start: int, end: int, macros: dict[str, str] | None = None) -> list[Token]:
    """The tokens of text[start:end]; `macros` says which words the document's own operators stand for."""
    out: list[Token] = []
    source = _Source(text, _closers(text, start, end), macros or {})
    for token in _cut(source, start, end, 0):
        if len(out) == DISPLAY_LIMIT:
            out.append(Token("bad", f"more than {DISPLAY_LIMIT} tokens in one display", token.at, token.end))
            break
        out.append(token)
    return out


@dataclass(frozen=True, slots=True)
class _Source:
    """The text, where each of its braces is closed, and the document's own operators."""

    text: str
    closers: dict[int, int]
    macros: dict[str, str]


def _closers(text: str, start: int, end: int) -> dict[int, int]:
    opened: list[int] = []
    found = {}
    for brace in _BRACE.finditer(text, start, end):
        if brace.group() == "{":
            opened.append(brace.start())
        elif brace.group() == "}" and opened:
            found[opened.pop()] = brace.start()
    return found


def _cut(source: _Source, at: int, end: int, depth: int) -> Iterator[Token]:
    text, size, begin = source.text, "", 0
    while at < end:
        match = _PIECE.match(text, at, end)
        if match is None:
            yield _unicode(text[at], at)
            at += 1
            continue
        kind, found, stop = match.lastgroup, match.group(match.lastgroup or 0), match.end()
        if kind in ("space", "comment", "blank"):
            at = stop
            continue
        if kind == "macro" and found in _SIZES:
            size, begin, at = _SIZES[found], at, stop
            continue
        begin = begin if size else at
        if size and found == ".":
            pass  # \left. is no delimiter
        elif size and found in ("|", "vert"):
            yield Token("symbol", f"\\{size}vert", begin, stop)
        elif kind == "macro":
            new, stop = _macro(source, at, stop, end, found, depth)
            yield from new
        elif kind == "sign":
            yield from _sign(found, begin, stop)
        elif kind == "letters":
            yield from _letters(found, at)
        elif kind == "number" and len(found) > DIGIT_LIMIT:
            yield Token("bad", f"a number of more than {DIGIT_LIMIT} digits", at, stop)
        elif kind == "number" and _E_NOTATION.match(text, stop, end):
            yield Token("bad", "a number with an exponent e may be read in two ways: write 10^{-3}", at, stop)
        else:
            yield Token(kind or "bad", {"=:": ":="}.get(found, found), begin, stop)
        size, at = "", stop


def _unicode(character: str, at: int) -> Token:
    same = _UNICODE.get(character)
    if same is None:
        return Token("bad", f"the character {character!a} is not understood", at, at + 1)
    if same[1:] in _GREEK:
        return Token("name", same, at, at + 1)
    strange = same[1:] in ("neq", *_STRANGE)
    kind = "relation" if strange or same in ("<=", ">=", ":=") else "macro" if same[0] == "\\" else "symbol"
    return Token(kind, same, at, at + 1)


def _sign(found: str, at: int, stop: int) -> Iterator[Token]:
    if found in "{}":
        yield Token("symbol", f"\\{found}", at, stop)
    elif found == "|":
        yield Token("bad", "the norm \\| is not understood", at, stop)
    elif found not in ",;:!/>":
        yield Token("bad", f"a backslash before {found!a} is not understood", at, stop)


def _letters(run: str, at: int) -> Iterator[Token]:
    if run in _WORDS:
        yield Token(*_WORDS[run], at, at + len(run))
        return
    for n, letter in enumerate(run, at):
        yield Token("name", letter, n, n + 1)


def _argument(source: _Source, at: int, end: int) -> tuple[int, int] | None:
    """Where the content of the {…} at or after `at` begins and ends; None if there is none or it is not closed."""
    match = _SPACE.match(source.text, at, end)
    at = match.end() if match else at
    closer = source.closers.get(at)
    return None if closer is None or closer >= end else (at + 1, closer)


def _macro(source: _Source, at: int, stop: int, end: int, name: str, depth: int) -> tuple[Iterable[Token], int]:
    """The tokens that a macro with its argument stands for, and where the text goes on."""
    text = source.text
    if name in source.macros:
        return [Token("word", source.macros[name], at, stop)], stop
    if name in _SAME:
        return [Token(*_SAME[name], at, stop)], stop
    if name in _GREEK:
        return [Token("name", f"\\{name}", at, stop)], stop
    if name in _STRANGE or name == "not":
        return [Token("relation", f"\\{name}", at, stop)], stop
    if name in _DROPPED:
        return [], stop
    takes = (*_TEXTS, *_DROPPED_WITH_ARGUMENT, *_STYLED, *_TRANSPARENT, "tag", "hspace", "begin", "end")
    if name not in (*takes, "stackrel", "overset", "underset"):
        return [Token("macro", f"\\{name}", at, stop)], stop
    inner = _argument(source, stop, end)
    if inner is None:
        short = _SHORT.match(text, stop, end)
        if name in _STYLED and short:
            return _styled(source, at, (short.start(1), short.end(1)), name, depth), short.end()
        return [Token("bad", f"\\{name} has no argument in closed braces", at, stop)], stop
    content, after = text[slice(*inner)], inner[1] + 1
    if name in ("intertext", "shortintertext"):
        return [Token("break", "", at, after)], after
    if name in _TRANSPARENT:
        return _uncovered(source, at, inner, after, end, name, depth)
    if name in _TEXTS or name == "tag":
        return [Token("tag" if name == "tag" else "text", " ".join(content.split()), at, after)], after
    if name in ("begin", "end"):
        return _environment(source, at, after, end, name, content)
    if name in _DROPPED_WITH_ARGUMENT or name == "hspace":
        return [], after
    if name in _STYLED:
        return _styled(source, at, inner, name, depth), after
    return _stacked(source, at, inner, end, name, depth)


def _uncovered(
    source: _Source, at: int, inner: tuple[int, int], after: int, end: int, name: str, depth: int
) -> tuple[Iterable[Token], int]:
    r"""What \cancel{..} or \textcolor{..}{..} shows; the label of an \underbrace is no part of the formula."""
    if name == "textcolor":
        found = _argument(source, after, end)
        if found is None:
            return [Token("bad", "\\textcolor needs two arguments", at, after)], after
        inner, after = found, found[1] + 1
    if depth >= _NESTED_ACCENTS or inner[1] - inner[0] > _COVERED_LIMIT:
        return [Token("bad", f"\\{name} is nested too deep or holds too much", at, after)], after
    shown = list(_cut(source, *inner, depth + 1))
    mark = "_" if name == "underbrace" else "^" if name == "overbrace" else ""
    label = _LABEL.match(source.text, after, end)
    if mark and label and label.group(1) == mark:
        below = _argument(source, label.end(), end)
        after = below[1] + 1 if below else after
    if name == "textcolor":
        return shown, after
    return [Token("symbol", "{", at, at), *shown, Token("symbol", "}", after, after)], after


def _environment(source: _Source, at: int, after: int, end: int, name: str, content: str) -> tuple[list[Token], int]:
    token = Token(name, content.strip().rstrip("*")[:_WORD_LIMIT], at, after)
    if name == "begin" and token.text in ("alignat", "alignedat", "array"):
        columns = _argument(source, after, end)
        after = columns[1] + 1 if columns else after
    elif name == "begin" and token.text in ("aligned", "split", "gathered"):
        placed = _PLACED.match(source.text, after, end)
        after = placed.end() if placed else after
    return [token], after


def _stacked(
    source: _Source, at: int, above: tuple[int, int], end: int, name: str, depth: int
) -> tuple[Iterable[Token], int]:
    r"""\overset{!}{=} is =, \underset{i}{\max} is \max_{i}."""
    inner = _argument(source, above[1] + 1, end)
    if inner is None or depth >= _NESTED_ACCENTS or inner[1] - above[0] > _ACCENTED_LIMIT:
        return [Token("bad", f"\\{name} needs two arguments", at, above[1] + 1)], above[1] + 1
    base = [Token(t.kind, t.text, at, inner[1] + 1) for t in _cut(source, *inner, depth + 1)][:2]
    if len(base) == 1 and base[0].kind == "relation":
        return base, inner[1] + 1
    if len(base) == 1 and name == "underset" and base[0].text in ("\\max", "\\min", "\\sum"):
        under = list(_cut(source, *above, depth + 1))
        around = [Token("symbol", s, *above) for s in ("_", "{", "}")]
        return [base[0], *around[:2], *under, around[2]], inner[1] + 1
    return [Token("bad", f"\\{name} of this is not understood", at, inner[1] + 1)], inner[1] + 1


def _styled(source: _Source, at: int, inner: tuple[int, int], style: str, depth: int) -> Iterable[Token]:
    r"""A letter in bold or under a hat is another letter; \mathrm of several letters is a word."""
    if inner[1] - inner[0] > _ACCENTED_LIMIT:
        return [Token("bad", f"\\{style} of a long formula", at, inner[1] + 1)]
    content, after = source.text[slice(*inner)].strip(), inner[1] + 1
    style = _BOLD.get(style, style)
    if (content, style) == ("I", "mathbb") or (content == "1" and style in _ONES):
        return [Token("ones", "1", at, after)]
    word = re.sub(r"\\_|[-_]|\\[,;: ]|[ ~]", "_", content).strip("_")
    if style in _UPRIGHT and word.replace("_", "").isalnum() and word.isascii() and len(word) <= _WORD_LIMIT:
        if word in _WORDS:
            return [Token(*_WORDS[word], at, after)]
        if word == "e":
            return [Token("name", "e", at, after)]
        if len(word) > 1:
            return [Token("number" if word.isdigit() else "word", word, at, after)]
    if depth >= _NESTED_ACCENTS:
        return [Token("bad", "accents are nested too deep", at, after)]
    parts = list(_cut(source, *inner, depth + 1))
    if not parts or parts[0].kind != "name" or (len(parts) > 1 and parts[1].text not in ("_", "'")):
        return [Token("bad", f"\\{style} of this is not understood", at, after)]
    return [Token("name", f"\\{style}{{{parts[0].text}}}", at, after), *parts[1:]]


def written(text: str, some: Iterable[Token], with_macros: bool = False) -> str:
    """The tokens as LaTeX again, with one space where the source had any; texts without their macro, if not wanted."""
    out: list[str] = []
    last = -1
    for token in some:
        if token.at < last:
            continue
        out.append(" " if out and token.at > last else "")
        out.append(
            token.text if token.kind == "text" and not with_macros else " ".join(text[token.at : token.end].split())
        )
        last = token.end
    return "".join(out).strip()


def group_end(some: list[Token], at: int) -> int:
    """The place after the group that opens at `at`, or after the one token there."""
    depth = 0
    for n in range(at, len(some)):
        depth += {"{": 1, "}": -1}.get(some[n].text, 0) if some[n].kind == "symbol" else 0
        if depth <= 0:
            return n + 1
    return len(some)


def read_name(some: list[Token], at: int) -> tuple[Name, int]:
    """The letter or word at `at` with its primes, stars and subscript, and the place after it."""
    base, at = some[at].text, at + 1
    while at < len(some) and some[at].text == "'":
        base, at = base + "'", at + 1
    if at + 1 < len(some) and some[at].text == "^":
        braced = some[at + 1].text == "{" and "".join(t.text for t in some[at + 3 : at + 4]) == "}"
        mark = some[at + 1 + braced].text
        if mark in ("*", "\\star", "'"):
            base, at = base + {"'": "'"}.get(mark, "^*"), at + 2 + 2 * braced
    if at + 1 >= len(some) or some[at].text != "_":
        return Name(base), at
    stop = group_end(some, at + 1)
    inner = [t for t in some[at + 1 : stop] if t.text not in ("{", "}") and t.kind != "gap"]
    while stop < len(some) and some[stop].text == "'":
        base, stop = base + "'", stop + 1
    return _subscripted(base, inner), stop


def _subscripted(base: str, inner: list[Token]) -> Name:
    parts = [t.text for t in inner if t.text != ","]
    plain = all(t.kind in ("number", "name") for t in inner if t.text != ",") and all(len(p) < 20 for p in parts)
    if plain and (len(parts) == 1 or (len(parts) == 2 and inner[0].text != "," and inner[-1].text != ",")):
        return Name(base, tuple(parts))
    return Name(base, (), "".join(t.text.removeprefix("\\") if t.kind == "macro" else t.text for t in inner) or "?")


def names(some: list[Token]) -> Iterator[tuple[Name, int, int]]:
    """Every letter and word outside of subscripts, with the places where it begins and ends."""
    at = 0
    while at < len(some):
        if some[at].kind in ("name", "word"):
            name, stop = read_name(some, at)
            yield name, at, stop
            at = stop
        elif some[at].text == "_" and some[at].kind == "symbol":
            at = group_end(some, at + 1)
        else:
            at += 1
