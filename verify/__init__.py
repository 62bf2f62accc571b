"""Judging kernels: formats, references, adversaries, the judge and its campaigns.

What is public is imported when it is first asked for: a test runner that loads the plugin pays for nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adversaries import ADVERSARIES, adversary_named
    from .api import Judgement, judge
    from .asserting import verdict_lines
    from .assessing import Assessment, Example, assess
    from .campaigns.campaign import DEFAULT_CASES, Campaign, KernelResult, Plan, run_campaign
    from .campaigns.cluster import dask_judges
    from .campaigns.findings import Finding, findings_of, textbook
    from .campaigns.record import read_record, record_of, record_schema, search_record
    from .campaigns.store import Store, StoreError, open_store
    from .campaigns.survey import SURVEY_CASES, Survey, read_survey, survey_libraries, survey_record
    from .cases import Adversary, Case, Draw
    from .decision import Enclosure, Outcome
    from .exhaustive import Exhaustion, exhaust
    from .formats import FORMATS, Format, format_named
    from .hunting import DEFAULT_EVALUATIONS, Found, search
    from .kernels import CALLS, Kernel, KernelError, builtin_kernels, kernel_named
    from .libraries import LIBRARIES, Library, library_named
    from .profiles import PROFILES
    from .references import RefereeDisagreement, Reference
    from .saved import read_results, written_assessment
    from .schemas import record_text
    from .simulated import simulate
    from .standards import GENERIC_STANDARDS, ladder, standards_for
    from .vectors import certificates, read_vectors, vectors_record, vectors_text
    from .verdicts import Verdict

__all__ = [
    "ADVERSARIES",
    "CALLS",
    "DEFAULT_CASES",
    "DEFAULT_EVALUATIONS",
    "FORMATS",
    "GENERIC_STANDARDS",
    "LIBRARIES",
    "PROFILES",
    "SURVEY_CASES",
    "Adversary",
    "Assessment",
    "Campaign",
    "Case",
    "Draw",
    "Enclosure",
    "Example",
    "Exhaustion",
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
    "Store",
    "StoreError",
    "Survey",
    "Verdict",
    "adversary_named",
    "assess",
    "builtin_kernels",
    "certificates",
    "dask_judges",
    "exhaust",
    "findings_of",
    "format_named",
    "judge",
    "kernel_named",
    "ladder",
    "library_named",
    "open_store",
    "read_record",
    "read_results",
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
    "written_assessment",
]

_HOMES = {
    "adversaries": ("ADVERSARIES", "adversary_named"),
    "api": ("Judgement", "judge"),
    "assessing": ("Assessment", "Example", "assess"),
    "asserting": ("verdict_lines",),
    "campaigns.campaign": ("DEFAULT_CASES", "Campaign", "KernelResult", "Plan", "run_campaign"),
    "cases": ("Adversary", "Case", "Draw"),
    "campaigns.cluster": ("dask_judges",),
    "decision": ("Enclosure", "Outcome"),
    "exhaustive": ("Exhaustion", "exhaust"),
    "formats": ("FORMATS", "Format", "format_named"),
    "campaigns.findings": ("Finding", "findings_of", "textbook"),
    "hunting": ("DEFAULT_EVALUATIONS", "Found", "search"),
    "kernels": ("CALLS", "Kernel", "KernelError", "builtin_kernels", "kernel_named"),
    "libraries": ("LIBRARIES", "Library", "library_named"),
    "profiles": ("PROFILES",),
    "campaigns.record": ("read_record", "record_of", "record_schema", "search_record"),
    "saved": ("read_results", "written_assessment"),
    "schemas": ("record_text",),
    "references": ("RefereeDisagreement", "Reference"),
    "simulated": ("simulate",),
    "standards": ("GENERIC_STANDARDS", "ladder", "standards_for"),
    "campaigns.store": ("Store", "StoreError", "open_store"),
    "campaigns.survey": ("SURVEY_CASES", "Survey", "read_survey", "survey_libraries", "survey_record"),
    "vectors": ("certificates", "read_vectors", "vectors_record", "vectors_text"),
    "verdicts": ("Verdict",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
    return found
