"""The report, one HTML file: what was linked, how sure, and why; what was trained; how good an encoder is."""

from kinfolk.report.encoder_page import write_encoder_report
from kinfolk.report.page import write_report
from kinfolk.report.text_training_page import write_text_training_report
from kinfolk.report.training_page import write_training_report

__all__ = ["write_encoder_report", "write_report", "write_text_training_report", "write_training_report"]
