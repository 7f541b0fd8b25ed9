"""The report: one HTML file that shows what was linked, how sure, and why."""

from kinfolk.report.page import write_report

__all__ = ["write_report"]
