"""Which sessions are labelled: those with a CT or MR for which an engine has what it needs."""

import pytest

from umd_curate.label.engine import EngineDescription, Need
from umd_curate.label.plan import plan_session
from umd_curate.model.receipts import Artifact, What
from umd_curate.model.steps import SessionFiles

IMPORT = EngineDescription("import", "1", "site-contours", frozenset({"ct", "mr"}), Need.CONTOURS)
PROPAGATE = EngineDescription("propagate", "1", "propagated", frozenset({"pet"}), Need.LABELS)
MODEL = EngineDescription("model", "2.1", "model", frozenset({"ct"}))
SERIES = "s-AAAAAAAA"


def session(*roles):
    files = {role: Artifact(role, f"data/sub-7K3QF2/ses-petct1/{role}.nii.gz", "0" * 64, 1) for role in roles}
    return SessionFiles("7K3QF2", "petct1", "petct", files, {"ingest": {"ct": SERIES, "mr": SERIES}})


def unit_of(found, engines=(IMPORT, PROPAGATE), checksums=None):
    return plan_session(found, engines, checksums, "umd")


def test_contours_of_the_study_make_a_unit():
    unit = unit_of(session(What.PET, What.CT, What.STAGED_CONTOURS))
    assert [entry.what for entry in unit.inputs] == ["ct", "pet", "staged-contours"]
    assert unit.name == "sub-7K3QF2_ses-petct1"


@pytest.mark.parametrize("roles", [(What.PET,), (What.PET, What.CT), (What.CT,), (What.STAGED_CONTOURS, What.PET)])
def test_without_image_or_contours_there_is_nothing_to_do(roles):
    assert unit_of(session(*roles)) is None


def test_an_engine_that_needs_nothing_makes_a_unit_of_every_ct():
    assert unit_of(session(What.CT), (IMPORT, MODEL)) is not None
    assert unit_of(session(What.MR), (IMPORT, MODEL)) is None


def test_the_table_of_the_site_comes_before_the_contours_of_the_study():
    unit = unit_of(session(What.CT, What.STAGED_CONTOURS), checksums={"contours_sha256": "ab"})
    assert unit.input(What.STAGED_CONTOURS) is None
    assert (unit.params["series"], unit.params["contours_sha256"]) == (SERIES, "ab")


def test_another_version_of_an_engine_is_another_unit_of_work():
    newer = EngineDescription("model", "2.2", "model", frozenset({"ct"}))
    assert unit_of(session(What.CT), (MODEL,)).params != unit_of(session(What.CT), (newer,)).params
