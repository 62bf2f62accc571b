"""Reports: people's views of a campaign's record. They compute and decide nothing."""

from .text import class_table, findings, premises, reasons

__all__ = ["class_table", "findings", "premises", "reasons"]
