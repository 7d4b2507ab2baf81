"""Checks and shows what was made, without changing it.

`STEP` measures each session, judges it against a table of rules and draws its figures; `REPORT` makes one offline page of
all sessions, worst first. Outcomes are the checks' own; verdicts are a reviewer's.
"""

from umd_curate.qa.step import REPORT, STEP

__all__ = ["REPORT", "STEP"]
