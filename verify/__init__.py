"""Judging kernels: formats, references, adversaries, the judge and its campaigns.

What is public is imported when it is first asked for: a test runner that loads the plugin pays for nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adversaries import ADVERSARIES, adversary_named
    from .api import Judgement, judge
    from .asserting import verdict_lines
    from .campaign import DEFAULT_CASES, Campaign, KernelResult, Plan, run_campaign
    from .cases import Adversary, Case, Draw
    from .decision import Enclosure, Outcome
    from .findings import Finding, findings_of, textbook
    from .formats import FORMATS, Format, format_named
    from .hunting import DEFAULT_EVALUATIONS, Found, search
    from .kernels import CALLS, Kernel, KernelError, builtin_kernels, kernel_named
    from .libraries import LIBRARIES, Library, library_named
    from .profiles import PROFILES
    from .record import read_record, record_of, record_schema, search_record
    from .references import RefereeDisagreement, Reference
    from .schemas import record_text
    from .simulated import simulate
    from .standards import ladder, standards_for
    from .survey import SURVEY_CASES, Survey, read_survey, survey_libraries, survey_record
    from .vectors import certificates, read_vectors, vectors_record, vectors_text
    from .verdicts import Verdict

__all__ = [
    "ADVERSARIES",
    "CALLS",
    "DEFAULT_CASES",
    "DEFAULT_EVALUATIONS",
    "FORMATS",
    "LIBRARIES",
    "PROFILES",
    "SURVEY_CASES",
    "Adversary",
    "Campaign",
    "Case",
    "Draw",
    "Enclosure",
    "Finding",
    "Format",
    "Found",
    "Judgement",
    "Kernel",
    "KernelError",
    "KernelResult",
    "Library",
    "Outcome",
    "Plan",
    "RefereeDisagreement",
    "Reference",
    "Survey",
    "Verdict",
    "adversary_named",
    "builtin_kernels",
    "certificates",
    "findings_of",
    "format_named",
    "judge",
    "kernel_named",
    "ladder",
    "library_named",
    "read_record",
    "read_survey",
    "read_vectors",
    "record_of",
    "record_schema",
    "record_text",
    "run_campaign",
    "search",
    "search_record",
    "simulate",
    "standards_for",
    "survey_libraries",
    "survey_record",
    "textbook",
    "vectors_record",
    "vectors_text",
    "verdict_lines",
]

_HOMES = {
    "adversaries": ("ADVERSARIES", "adversary_named"),
    "api": ("Judgement", "judge"),
    "asserting": ("verdict_lines",),
    "campaign": ("DEFAULT_CASES", "Campaign", "KernelResult", "Plan", "run_campaign"),
    "cases": ("Adversary", "Case", "Draw"),
    "decision": ("Enclosure", "Outcome"),
    "formats": ("FORMATS", "Format", "format_named"),
    "findings": ("Finding", "findings_of", "textbook"),
    "hunting": ("DEFAULT_EVALUATIONS", "Found", "search"),
    "kernels": ("CALLS", "Kernel", "KernelError", "builtin_kernels", "kernel_named"),
    "libraries": ("LIBRARIES", "Library", "library_named"),
    "profiles": ("PROFILES",),
    "record": ("read_record", "record_of", "record_schema", "search_record"),
    "schemas": ("record_text",),
    "references": ("RefereeDisagreement", "Reference"),
    "simulated": ("simulate",),
    "standards": ("ladder", "standards_for"),
    "survey": ("SURVEY_CASES", "Survey", "read_survey", "survey_libraries", "survey_record"),
    "vectors": ("certificates", "read_vectors", "vectors_record", "vectors_text"),
    "verdicts": ("Verdict",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return found
