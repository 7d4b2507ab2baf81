"""Checks and shows what was made, without changing it.

`STEP` measures each session, judges it against a table of rules and draws its figures; `COHORT` judges its volumes against
all others' and writes the table of all organs; `REPORT` makes one offline page of all sessions, worst first. Outcomes are the checks' own; verdicts are a reviewer's.
"""

from umd_curate.qa.step import COHORT, REPORT, STEP

__all__ = ["COHORT", "REPORT", "STEP"]
