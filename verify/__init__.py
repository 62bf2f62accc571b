"""Judging kernels: formats, references, adversaries, the judge and its campaigns."""

from .adversaries import ADVERSARIES, adversary_named
from .api import Judgement, judge
from .campaign import DEFAULT_CASES, Campaign, KernelResult, Plan, run_campaign
from .cases import Adversary, Case, Draw
from .formats import FORMATS, Format, format_named
from .judge import Enclosure, Outcome
from .kernels import CALLS, Kernel, KernelError, builtin_kernels, kernel_named
from .profiles import PROFILES
from .record import read_record, record_of, record_schema, record_text
from .references import RefereeDisagreement, Reference
from .simulated import simulate
from .standards import ladder, standards_for
from .verdicts import Verdict

__all__ = [
    "ADVERSARIES",
    "CALLS",
    "DEFAULT_CASES",
    "FORMATS",
    "PROFILES",
    "Adversary",
    "Campaign",
    "Case",
    "Draw",
    "Enclosure",
    "Format",
    "Judgement",
    "Kernel",
    "KernelError",
    "KernelResult",
    "Outcome",
    "Plan",
    "RefereeDisagreement",
    "Reference",
    "Verdict",
    "adversary_named",
    "builtin_kernels",
    "format_named",
    "judge",
    "kernel_named",
    "ladder",
    "read_record",
    "record_of",
    "record_schema",
    "record_text",
    "run_campaign",
    "simulate",
    "standards_for",
]
