"""Rules over all sessions: volumes against the cohort's and against the same subject's other session."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.qa.phantom import FakeView
from umd_curate.model.checks import Outcome
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Artifact, What
from umd_curate.model.steps import SessionFiles, Unit
from umd_curate.qa.cohort import LEAST_SESSIONS, TABLE_UNIT, judge_session, plan_cohort
from umd_curate.qa.io import rulebook
from umd_curate.store.resources import organ_table

BOOK, TABLE = rulebook()[0], organ_table()


def session(number: int, volumes: dict[str, float], *, sex: str = "F", modality: str = "ct") -> SessionFiles:
    subject = f"7K3Q{number:02d}"
    checks = Artifact(What.CHECKS, f"qa/sub-{subject}/checks.json", "0" * 64, 1)
    facts = {"qa": {"cohort": {"modality": modality, "sex": sex, "volumes_ml": volumes}}}
    return SessionFiles(subject, f"pet{modality}1", f"pet{modality}", {What.CHECKS: checks}, facts)


def planned(sessions: list[SessionFiles], config: UmdConfig | None = None) -> dict[str, Unit]:
    units = plan_cohort(FakeView(sessions), config or UmdConfig(), BOOK, TABLE)
    return {unit.name: unit for unit in units}


def outcomes(unit: Unit, rule: str) -> dict[str, Outcome]:
    return {entry.organ: entry.outcome for entry in judge_session(unit.params, BOOK) if entry.rule == rule}


def livers(count: int) -> list[SessionFiles]:
    """Livers whose volumes lie evenly between 1200 and 1900 mL."""
    return [session(n, {"liver": 1200 + 700 * n / count}) for n in range(count)]


def test_a_liver_of_three_times_the_size_stands_out_of_twenty_and_no_other_does() -> None:
    sessions = [*livers(LEAST_SESSIONS), session(99, {"liver": 4500.0})]
    units = planned(sessions)
    found = {name: outcomes(unit, "P11")["liver"] for name, unit in units.items() if name != TABLE_UNIT}
    assert [name for name, outcome in found.items() if outcome is Outcome.WARN] == ["sub-7K3Q99_ses-petct1"]


def test_robust_z_is_the_published_formula() -> None:
    volumes = [float(v) for v in range(1000, 2000, 50)]
    units = planned([session(n, {"liver": v}) for n, v in enumerate(volumes)])
    logs = np.log(volumes)
    expected = 0.6745 * (logs[3] - np.median(logs)) / np.median(np.abs(logs - np.median(logs)))
    (entry,) = [e for e in judge_session(units["sub-7K3Q03_ses-petct1"].params, BOOK) if e.rule == "P11"]
    assert entry.measured == pytest.approx(expected, rel=1e-4)


def test_fewer_than_twenty_sessions_of_one_modality_and_sex_are_not_judged() -> None:
    others = [session(50 + n, {"liver": 1500.0 + n}, sex="M") for n in range(LEAST_SESSIONS)]
    units = planned([*livers(LEAST_SESSIONS - 1), *others])
    assert outcomes(units["sub-7K3Q00_ses-petct1"], "P11") == {"liver": Outcome.NOT_APPLICABLE}
    assert outcomes(units["sub-7K3Q50_ses-petct1"], "P11") == {"liver": Outcome.PASS}


def test_both_sessions_of_a_subject_must_show_organs_of_one_size() -> None:
    ct = session(1, {"liver": 1500.0, "spleen": 200.0, "urinary_bladder": 100.0})
    mr = session(1, {"liver": 1450.0, "spleen": 300.0, "urinary_bladder": 400.0}, modality="mr")
    units = planned([ct, mr, session(2, {"liver": 900.0}, modality="mr")])
    found = outcomes(units["sub-7K3Q01_ses-petct1"], "P12v")
    assert found == {"liver": Outcome.PASS, "spleen": Outcome.WARN}  # a bladder fills: it is not compared


def test_a_confirmation_of_the_settings_reaches_the_cohort_rules() -> None:
    confirm = {
        "subject": "7K3Q99",
        "variant": "organ-enlarged",
        "organs": ["liver"],
        "reviewer": "r1",
        "reason": "known storage disease",
        "date": "2026-11-20",
    }
    config = UmdConfig.model_validate({"qa": {"confirm": [confirm]}})
    units = planned([*livers(LEAST_SESSIONS), session(99, {"liver": 4500.0})], config)
    assert outcomes(units["sub-7K3Q99_ses-petct1"], "P11") == {"liver": Outcome.PASS}


@given(st.floats(0.01, 100))
def test_a_common_factor_on_all_volumes_changes_no_score(factor: float) -> None:
    def scores(scale: float) -> list[float | None]:
        sessions = [session(n, {"liver": 1000.0 * scale * (1 + n / 40)}) for n in range(LEAST_SESSIONS)]
        units = planned(sessions)
        return [
            entry.measured
            for name, unit in units.items()
            if name != TABLE_UNIT
            for entry in judge_session(unit.params, BOOK)
            if entry.rule == "P11"
        ]

    assert scores(factor) == pytest.approx(scores(1.0), abs=1e-3)
