"""Text that nobody has checked, made inert: for LaTeX and for HTML, here and nowhere else.

A kernel's name may be anything. What TeX has no letter for in its Latin fonts, and what would reorder or hide text, is
shown by its code point.
"""

from __future__ import annotations

import html
import re
import unicodedata

__all__ = ["for_html", "for_tex", "tex_lines", "visible"]

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "[": "{[}", "]": "{]}", "*": "{*}",
    "\u00d7": r"\texttimes{}", "\u00b7": r"\textperiodcentered{}", "\u2013": r"\textendash{}",
}  # fmt: skip
_LETTERS = {*map(chr, range(0x20, 0x7F)), *"ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿß"}
_LONG, _VERY_LONG = 8, 20
_FLOAT = re.compile(r"-?0x[01](\.[0-9a-f]{1,13})?p[+-][0-9]{1,4}")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: str) -> str:
    """The text with every character that is not seen, or that moves others, as <U+202E>."""
    return "".join(_named(c) if unicodedata.category(c) in _HIDDEN else c for c in text)


def for_html(text: str) -> str:
    """The text as it stands in an element or between the quotes of an attribute."""
    return html.escape(visible(text), quote=True)


def for_tex(text: str, breakable: bool = False) -> str:
    """The text as it stands in a paragraph.

    A word may end a line after any character that is no letter, and after eight letters, if it is very long or the
    text is `breakable`; a hex float is never broken.
    """
    return " ".join(_word(word, breakable or len(word) > _VERY_LONG) for word in text.split(" "))


def _word(word: str, breakable: bool) -> str:
    made, run = [], 0
    whole = {place for found in _FLOAT.finditer(word) for place in range(found.start(), found.end() - 1)}
    for place, c in enumerate(word):
        known = c in _LETTERS or c in _TEX
        made += [r"\allowbreak{}"] * (breakable and not known)
        made.append(_TEX.get(c, c) if known else "".join(_TEX.get(d, d) for d in _named(c)))
        run = run + 1 if c.isalnum() and c in _LETTERS else 0
        if breakable and (run == 0 or run % _LONG == 0) and place not in whole:
            made.append(r"\allowbreak{}")
        elif c in "-," and word[place + 1 : place + 2] == c:  # TeX would join them
            made.append("{}")
    return "".join(made)


def tex_lines(text: str) -> str:
    """Text to paste: every character keeps its place, spaces too, and a line may end anywhere."""
    return "".join(r"\ \allowbreak{}" if c == " " else for_tex(c) + r"\spbreak{}" for c in text)


def _named(c: str) -> str:
    return f"<U+{ord(c):04X}>"
