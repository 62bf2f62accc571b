"""Blocks through Jinja2 templates: what is not marked as typeset already is escaped, always."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from .blocks import Block, Inline

__all__ = ["Typesetter", "template_text"]


def template_text(name: str) -> str:
    """A file of the folder of templates."""
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


class Typesetter:
    """Sets documents from the templates of one language.

    `blocks` is the template that has a macro for each kind of block, by its name in small letters; `inline` sets one
    inline piece, `escape` makes text inert. In templates, `|said` sets inlines, `|show` a block, and `|raw` marks what
    was typeset elsewhere.
    """

    def __init__(
        self, blocks: str, escape: Callable[[str], str], inline: Callable[[Inline], str], **delimiters: str
    ) -> None:
        def typeset(value: Any) -> Markup:
            return value if isinstance(value, Markup) else Markup(escape(str(value)))

        self.environment = Environment(
            loader=FunctionLoader(template_text),
            autoescape=True,
            finalize=typeset,
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            **delimiters,  # type: ignore[arg-type]
        )
        self.environment.filters |= {
            "said": lambda parts: Markup("".join(map(inline, parts))),
            "show": self.show,
            "raw": Markup,
        }
        self._blocks = blocks

    def show(self, block: Block) -> Markup:
        """One block, with the blocks that are in it."""
        macros: Any = self.environment.get_template(self._blocks).module
        return Markup(getattr(macros, type(block).__name__.lower())(block))

    def document(self, template: str, blocks: Iterable[Block], **values: Any) -> str:
        """The template with these blocks and values."""
        return self.environment.get_template(template).render(blocks=list(blocks), **values)
