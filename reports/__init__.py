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
from .figures import Figure, figures
from .grading import grading_text
from .leaderboard import finding_lines, leaderboard_files, leaderboard_table, not_there
from .pdf import LatexError, pdf, warnings_in
from .report import SECTIONS, Report, report
from .text import class_table, findings, premises, reasons

__all__ = [
    "SECTIONS",
    "Figure",
    "LatexError",
    "Report",
    "bound_latex",
    "bound_summary",
    "bound_text",
    "class_table",
    "coq_text",
    "derivation_latex",
    "derivation_text",
    "examination_text",
    "figures",
    "finding_lines",
    "findings",
    "grading_text",
    "leaderboard_files",
    "leaderboard_table",
    "not_there",
    "pdf",
    "premises",
    "reasons",
    "refutation_text",
    "report",
    "summary_text",
    "warnings_in",
]
