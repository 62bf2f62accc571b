"""Reports: people's views of records, derivations and gradings. They compute and decide nothing."""

from .bounds import bound_latex, bound_summary, bound_text
from .derivations import (
    coq_text,
    derivation_latex,
    derivation_text,
    examination_text,
    refutation_text,
    summary_text,
)
from .grading import grading_text
from .text import class_table, findings, premises, reasons

__all__ = [
    "bound_latex",
    "bound_summary",
    "bound_text",
    "class_table",
    "coq_text",
    "derivation_latex",
    "derivation_text",
    "examination_text",
    "findings",
    "grading_text",
    "premises",
    "reasons",
    "refutation_text",
    "summary_text",
]
