"""The literature that proofs rest on: how it is cited in their sources, in BibTeX, and in a list of references."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .blocks import Cite, Said

__all__ = ["SOURCES", "Source", "bibtex", "cited"]


@dataclass(frozen=True, slots=True)
class Source:
    """A work: `named` is how `proofs` names it, `fields` are BibTeX's."""

    key: str
    named: tuple[str, ...]
    kind: str
    fields: dict[str, str]

    def bibtex(self) -> str:
        """The entry, with capitals of titles kept."""
        fields = {k: f"{{{v}}}" if k == "title" else v for k, v in self.fields.items()}
        return "\n".join([f"@{self.kind}{{{self.key},", *(f"  {k} = {{{v}}}," for k, v in fields.items()), "}"])

    def reference(self) -> str:
        """One line for a list of references."""
        f = {k: re.sub(r"[{}]", "", v).replace("--", "\u2013") for k, v in self.fields.items()}
        volume = f"{f['volume']}({f['number']})" if "volume" in f else ""
        within = f.get("journal") or f.get("publisher") or f.get("booktitle") or f["note"]
        where = [part for part in (within, volume, f.get("pages", "")) if part]
        return f"{f['author'].replace(' and ', ', ')}. {f['title']}. {', '.join(where)}, {f['year']}."


def _source(key: str, named: str | tuple[str, ...], kind: str, **fields: str) -> Source:
    return Source(key, (named,) if isinstance(named, str) else named, kind, fields)


_ALL = (
    _source(
        "blanchard2021", ("Blanchard, Higham, Higham (2021)", "Blanchard, Higham and Higham (2021)"), "article",
        author="Pierre Blanchard and Desmond J. Higham and Nicholas J. Higham",
        title="Accurately computing the log-sum-exp and softmax functions",
        journal="IMA Journal of Numerical Analysis", volume="41", number="4", pages="2311--2330", year="2021",
    ),
    _source(
        "milakov2018", "Milakov, Gimelshein (2018)", "misc",
        author="Maxim Milakov and Natalia Gimelshein", title="Online normalizer calculation for softmax",
        note="arXiv:1805.02867", year="2018",
    ),
    _source(
        "ogita2005", "Ogita, Rump, Oishi (2005)", "article",
        author="Takeshi Ogita and Siegfried M. Rump and Shin'ichi Oishi", title="Accurate sum and dot product",
        journal="SIAM Journal on Scientific Computing", volume="26", number="6", pages="1955--1988", year="2005",
    ),
    _source(
        "jeannerod2013", "Jeannerod, Rump (2013)", "article",
        author="Claude-Pierre Jeannerod and Siegfried M. Rump",
        title="Improved error bounds for inner products in floating-point arithmetic",
        journal="SIAM Journal on Matrix Analysis and Applications", volume="34", number="2", pages="338--344",
        year="2013",
    ),
    _source(
        "higham2002", "Higham (2002)", "book",
        author="Nicholas J. Higham", title="Accuracy and Stability of Numerical Algorithms",
        publisher="SIAM", edition="2", year="2002",
    ),
    _source(
        "higham2019", "Higham, Mary (2019)", "article",
        author="Nicholas J. Higham and Theo Mary", title="A new approach to probabilistic rounding error analysis",
        journal="SIAM Journal on Scientific Computing", volume="41", number="5", pages="A2815--A2835", year="2019",
    ),
    _source(
        "rudin1976", ("Rudin, Principles of Mathematical Analysis (1976)", "Rudin (1976)"), "book",
        author="Walter Rudin", title="Principles of Mathematical Analysis", publisher="McGraw-Hill", edition="3",
        year="1976",
    ),
    _source(
        "graham1994", "Graham, Knuth, Patashnik, Concrete Mathematics (1994)", "book",
        author="Ronald L. Graham and Donald E. Knuth and Oren Patashnik", title="Concrete Mathematics",
        publisher="Addison-Wesley", edition="2", year="1994",
    ),
    _source(
        "boyd2004", "Boyd, Vandenberghe, Convex Optimization (2004)", "book",
        author="Stephen Boyd and Lieven Vandenberghe", title="Convex Optimization",
        publisher="Cambridge University Press", year="2004",
    ),
    _source(
        "muller2018", "Muller et al. (2018)", "book",
        author="Jean-Michel Muller and Nicolas Brunie and Florent de Dinechin and Claude-Pierre Jeannerod and "
        "Mioara Joldes and Vincent Lefèvre and Guillaume Melquiond and Nathalie Revol and Serge Torres",
        title="Handbook of Floating-Point Arithmetic", publisher="Birkhäuser", edition="2", year="2018",
    ),
    _source(
        "boldo2011", "Boldo, Melquiond (2011)", "inproceedings",
        author="Sylvie Boldo and Guillaume Melquiond",
        title="Flocq: a unified library for proving floating-point algorithms in Coq",
        booktitle="20th IEEE Symposium on Computer Arithmetic", pages="243--252", year="2011",
    ),
    _source(
        "johansson2017", "Johansson (2017)", "article",
        author="Fredrik Johansson", title="Arb: efficient arbitrary-precision midpoint-radius interval arithmetic",
        journal="IEEE Transactions on Computers", volume="66", number="8", pages="1281--1292", year="2017",
    ),
)  # fmt: skip

SOURCES: dict[str, Source] = {source.key: source for source in _ALL}

_NAMES = {name: source.key for source in _ALL for name in source.named}
_PATTERN = re.compile("|".join(re.escape(name) for name in sorted(_NAMES, key=len, reverse=True)))


def cited(text: str) -> Said:
    """A source as `proofs` gives it, with a citation for every work that is named in it."""
    parts: list[str | Cite] = []
    end = 0
    for found in _PATTERN.finditer(text):
        parts += [text[end : found.start()], Cite(_NAMES[found.group()])]
        end = found.end()
    return tuple(part for part in (*parts, text[end:]) if part)


def bibtex(keys: Iterable[str]) -> str:
    """The BibTeX file of the works with these keys, in the order of the keys."""
    return "\n\n".join(SOURCES[key].bibtex() for key in sorted(set(keys))) + "\n"
