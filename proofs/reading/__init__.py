"""The reader: a derivation as people write it, in Markdown or LaTeX, becomes lines of terms."""

from .document import Document, Hypothesis, Line, read

__all__ = ["Document", "Hypothesis", "Line", "read"]
