"""Is every file of a shuffled cohort with planted defects where it belongs: ``python -m bench.grouping``.

Fifty subjects (or as many as the first argument says) with the scenarios of `tests.ingest_cohort`, each order of the rows a
new one. What must become of each file is known from the scenario; the plan is made once of the whole cohort and once of
chunks, one per connected set of patients.
"""

import sys
import time
from collections import Counter

from tests.ingest_cohort import SCENARIOS, Subject, cohort, shuffled
from tests.unit.ingest.rows import short_id
from umd_curate.ingest.plan import plan_ingest
from umd_curate.model.config import IngestConfig
from umd_curate.model.study import IngestPlan, merge_plans

ORDERS = 5


def misplaced_files(subjects: list[Subject], plan: IngestPlan) -> int:
    """Files whose decision is not the one that their scenario names."""
    expected = {path: code for subject in subjects for path, code in subject.codes.items()}
    found = {decision.path: decision.code for decision in plan.decisions}
    return sum(found.get(path) != code for path, code in expected.items()) + len(found.keys() - expected.keys())


def wrong_sessions(subjects: list[Subject], plan: IngestPlan) -> int:
    """Sessions that are missing, or that no scenario has: kind and the files of each volume count."""
    expected = Counter(session for subject in subjects for session in subject.sessions)
    found = Counter(
        (session.kind.value, tuple(frozenset(image.path for image in volume.instances) for volume in session.volumes))
        for session in plan.sessions
    )
    return ((expected - found) + (found - expected)).total()


def main() -> None:
    """Print what is right, and what a row costs."""
    subjects = cohort(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
    sessions = sum(len(subject.sessions) for subject in subjects)
    files = sum(len(subject.codes) for subject in subjects)
    misplaced = wrong = 0
    seconds = 0.0
    for seed in range(ORDERS):
        rows = shuffled(subjects, seed)
        started = time.process_time()
        plan = plan_ingest(rows, IngestConfig(), short_id)
        seconds += time.process_time() - started
        misplaced += misplaced_files(subjects, plan)
        wrong += wrong_sessions(subjects, plan)
    parts = merge_plans(plan_ingest(subject.rows, IngestConfig(), short_id) for subject in subjects)
    print(f"{len(subjects)} subjects, {len(SCENARIOS)} scenarios, {sessions} sessions, {files} files, {ORDERS} orders")
    print(
        f"misplaced files: {misplaced}; wrong sessions: {wrong}; CPU per 100,000 files: {seconds / ORDERS / files * 1e5:.1f} s"
    )
    print(
        f"planned subject by subject: {misplaced_files(subjects, parts)} misplaced, {wrong_sessions(subjects, parts)} wrong"
    )


if __name__ == "__main__":
    main()
