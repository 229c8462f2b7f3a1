"""The whole way through: a table of answers becomes a study, a study becomes a page."""

from __future__ import annotations

from psychomet.studies.causes import CAUSES, ask_features, features_of, features_report, takes_of_features
from psychomet.studies.options import read_options, read_options_text
from psychomet.studies.questions import QUESTIONS, missing_rule
from psychomet.studies.single import estimate, plan_report, question_report
from psychomet.studies.whole import Report, check, demo, report, study

__all__ = [
    "CAUSES",
    "QUESTIONS",
    "Report",
    "ask_features",
    "check",
    "demo",
    "estimate",
    "features_of",
    "features_report",
    "missing_rule",
    "plan_report",
    "question_report",
    "read_options",
    "read_options_text",
    "report",
    "study",
    "takes_of_features",
]
