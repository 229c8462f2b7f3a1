"""The whole way through: a table of answers becomes a study, a study becomes a page."""

from __future__ import annotations

from psychomet.studies.options import read_options, read_options_text
from psychomet.studies.questions import QUESTIONS, missing_rule
from psychomet.studies.single import estimate, plan_report, question_report
from psychomet.studies.whole import Report, check, demo, report, study

__all__ = [
    "QUESTIONS",
    "Report",
    "check",
    "demo",
    "estimate",
    "missing_rule",
    "plan_report",
    "question_report",
    "read_options",
    "read_options_text",
    "report",
    "study",
]
