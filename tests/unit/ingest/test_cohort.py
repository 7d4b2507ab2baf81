"""A cohort with planted defects: every file where it belongs, whatever the order of the rows and the chunks."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ingest_cohort import SCENARIOS, cohort, shuffled
from tests.unit.ingest.rows import short_id
from umd_curate.ingest.plan import plan_ingest
from umd_curate.model.config import IngestConfig
from umd_curate.model.study import merge_plans

SUBJECTS = cohort(len(SCENARIOS))


def _plan(rows):
    return plan_ingest(rows, IngestConfig(), short_id)


def _sessions(plan):
    return Counter(
        (session.kind.value, tuple(frozenset(image.path for image in volume.instances) for volume in session.volumes))
        for session in plan.sessions
    )


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.scenario)
def test_every_file_of_a_subject_is_where_its_scenario_says(subject):
    plan = _plan(subject.rows)
    assert {decision.path: decision.code for decision in plan.decisions} == subject.codes
    assert _sessions(plan) == Counter(subject.sessions)
    assert {finding.code for session in plan.sessions for finding in session.findings} == subject.findings


def test_a_shuffled_cohort_has_no_misplaced_file():
    plan = _plan(shuffled(SUBJECTS, seed=1))
    expected = {path: code for subject in SUBJECTS for path, code in subject.codes.items()}
    assert {decision.path: decision.code for decision in plan.decisions} == expected
    assert _sessions(plan) == Counter(session for subject in SUBJECTS for session in subject.sessions)


@given(order=st.permutations(range(8)), first=st.integers(0, len(SCENARIOS) - 8), seed=st.integers(0, 9))
@settings(max_examples=12)
def test_chunks_make_the_plan_of_the_whole_folder(order, first, seed):
    subjects = [SUBJECTS[first + place] for place in order]
    whole = _plan(shuffled(subjects, seed))
    parts = merge_plans(_plan(shuffled([subject], seed)) for subject in subjects)
    assert set(parts.decisions) == set(whole.decisions)
    assert sorted(parts.sessions, key=repr) == sorted(whole.sessions, key=repr)
    assert sorted(parts.rankings, key=repr) == sorted(whole.rankings, key=repr)
    assert set(parts.findings) == set(whole.findings)
    assert parts.protocols == whole.protocols
