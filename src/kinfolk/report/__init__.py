"""The report: one HTML file that shows what was linked, how sure, and why; or what was trained, and what it looks like."""

from kinfolk.report.page import write_report
from kinfolk.report.text_training_page import write_text_training_report
from kinfolk.report.training_page import write_training_report

__all__ = ["write_report", "write_text_training_report", "write_training_report"]
