"""Rules that a result must meet, and the verdict on them.

A rule names the estimates it is about and the bounds they must keep. It is decided on intervals,
so that a verdict says what the data can say: pass, fail, or inconclusive. A fixed tolerance on point
estimates would fail a third of unchanged runs at 50 respondents (``docs/validation/gate.md``).
"""

from __future__ import annotations

from psychomet.result.gate.rules import Rule, read_rules
from psychomet.result.gate.show import (
    github_annotations,
    step_summary,
    verdict_json,
    verdict_junit,
    verdict_table,
    write_verdict,
)
from psychomet.result.gate.verdict import Verdict, gate

__all__ = [
    "Rule",
    "Verdict",
    "gate",
    "github_annotations",
    "read_rules",
    "step_summary",
    "verdict_json",
    "verdict_junit",
    "verdict_table",
    "write_verdict",
]
