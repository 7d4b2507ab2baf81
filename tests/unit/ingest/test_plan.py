from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.rows import contours, series, short_id
from umd_curate.ingest.patients import patient_keys
from umd_curate.ingest.plan import plan_ingest
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import IngestConfig
from umd_curate.model.headers import FileKind, InstanceHeader
from umd_curate.model.study import Disposition

CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def _plan(rows):
    return plan_ingest(rows, IngestConfig(), short_id)


def _codes(plan, part):
    return {d.code for d in plan.decisions if f"/{part}/" in d.path}


def _again(image, tag, **changes):
    return replace(image, path=f"{image.path}{tag}", **changes)


_faults = st.fixed_dictionaries(
    {},
    optional={
        "patient_id": st.sampled_from(["P", "Q", " ", None]),
        "study_uid": st.sampled_from(["study", "other", None]),
        "series_uid": st.sampled_from(["a", "x", None]),
        "frame_of_reference_uid": st.sampled_from(["frame", "", None]),
        "sop_instance_uid": st.sampled_from(["same", None]),
        "sop_class_uid": st.sampled_from(["1.2.840.10008.5.1.4.1.1.7", None, "1.2.3"]),
        "modality": st.sampled_from(["CT", "PT", "OT", None]),
        "kind": st.sampled_from(list(FileKind)),
        "orientation": st.sampled_from([(), CORONAL, (0.0,) * 6]),
        "position_mm": st.sampled_from([(), (0.0, 0.0, 0.0), (1e300, 0.0, 0.0)]),
        "number_of_frames": st.sampled_from([0, 1, 7]),
        "rows": st.sampled_from([None, 0, 50]),
        "series_number": st.none(),
        "burned_in_annotation": st.sampled_from(["YES", "NO"]),
        "image_type": st.sampled_from([(), ("ORIGINAL", "PRIMARY", "LOCALIZER"), ("DERIVED", "SECONDARY", "W")]),
        "dixon_channel": st.sampled_from(["in", "fat"]),
        "acquisition_number": st.integers(0, 2),
        "acquisition_time": st.sampled_from(["100000", "133000", "x", None]),
        "frame_reference_time_ms": st.sampled_from([0.0, 5.0]),
        "trigger_time_ms": st.sampled_from([0.0, 100.0]),
        "series_type": st.sampled_from([("DYNAMIC", "IMAGE"), ("GATED", "IMAGE")]),
        "patient_sex": st.sampled_from(["M", "F", "O"]),
        "patient_birth_date": st.sampled_from(["19600101", "19610101", "1960"]),
        "patient_weight_kg": st.sampled_from([0.0, 70.0, 99.0, 70000.0]),
        "radiopharmaceutical": st.sampled_from(["FDG", "Tc-99m MDP", "PSMA"]),
        "study_date": st.none(),
    },
)


@st.composite
def _folders(draw):
    """Folders of whole series in which single files have faults, and files of other kinds."""
    rows: list[InstanceHeader] = []
    for name in draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)):
        modality = draw(st.sampled_from(["CT", "MR", "PT"]))
        where = draw(st.sampled_from([0.0, 40.0, 2000.0]))
        when = draw(st.sampled_from(["100000", "120000"]))
        rows += series(
            modality,
            name,
            n=draw(st.integers(1, 8)),
            z0=where,
            series_number=draw(st.integers(1, 2)),
            acquisition_date="20200101",
            acquisition_time=when,
        )
        if draw(st.booleans()) and modality == "PT":  # frames, if their times differ
            rows += [
                _again(row, "again", sop_instance_uid=f"{row.sop_instance_uid}.2", acquisition_time="101000")
                for row in rows[-3:]
            ]
    rows += [contours(f"seg-{of}", of=of) for of in draw(st.lists(st.sampled_from("abc"), unique=True, max_size=2))]
    for place in draw(st.lists(st.integers(0, max(len(rows) - 1, 0)), unique=True, max_size=min(6, len(rows)))):
        rows[place] = replace(rows[place], **draw(_faults))
    rows += [_again(row, "copy") for row in rows[: draw(st.integers(0, 3))]]
    return rows


@given(rows=_folders(), noise=st.randoms(use_true_random=False))
def test_every_file_has_one_decision_that_does_not_depend_on_order(rows, noise):
    plan = _plan(rows)
    assert [decision.path for decision in plan.decisions] == sorted(row.path for row in rows)
    assert plan == _plan(noise.sample(rows, len(rows)))
    used = {decision.path for decision in plan.decisions if decision.disposition is Disposition.USED}
    modality_of = {row.path: row.modality or "" for row in rows}
    in_sessions = [image.path for s in plan.sessions for volume in s.volumes for image in volume.instances]
    assert set(in_sessions) == used
    assert all(in_sessions.count(path) == 1 for path in used if "PT" in modality_of[path])  # only CT and MR are shared
    for decision in plan.decisions:
        assert (decision.code == "") == (decision.disposition is Disposition.USED)
        assert decision.code == "" or decision.code in CATALOGUE


@given(rows=_folders())
def test_each_quarantine_has_a_finding(rows):
    plan = _plan(rows)
    quarantined = {d.code for d in plan.decisions if d.disposition is Disposition.QUARANTINED}
    assert {finding.code for finding in plan.findings} == quarantined


def test_exact_copies_are_duplicates_and_the_volume_is_used():
    images = series("CT", "ct")
    plan = _plan([*images, *(_again(image, "-copy") for image in images)])
    assert [d.disposition for d in plan.decisions].count(Disposition.DUPLICATE) == len(images)
    assert [len(volume.instances) for volume in plan.sessions[0].volumes] == [len(images)]


@pytest.mark.parametrize("change", [{"size": 999}, {"header_sha256": "other"}, {"content_sha256": "other"}])
def test_different_files_with_one_uid_are_refused_with_their_series(change):
    images = series("CT", "ct")
    plan = _plan([*images, _again(images[4], "-changed", **change)])
    assert plan.sessions == ()
    assert _codes(plan, "ct") == {codes.UID_CONFLICT.code, codes.INCOMPLETE.code}


def test_cut_off_last_slice_sets_the_series_aside_instead_of_shortening_it():
    images = series("PT", "pet")
    images[-1] = replace(images[-1], kind=FileKind.UNREADABLE)
    plan = _plan(images)
    assert plan.sessions == ()
    assert _codes(plan, "pet") == {codes.TRUNCATED.code, codes.INCOMPLETE.code}


def test_sound_copy_of_a_cut_off_file_completes_the_series():
    images = series("PT", "pet")
    plan = _plan([*images, _again(images[3], "-cut", kind=FileKind.UNREADABLE, size=10)])
    assert len(plan.sessions) == 1
    assert [d.code for d in plan.decisions if d.disposition is Disposition.QUARANTINED] == [codes.TRUNCATED.code]


def test_broken_header_is_told_from_cut_off_pixels():
    images = series("PT", "pet")
    images[3] = replace(images[3], kind=FileKind.UNREADABLE, header_sha256="")
    assert _codes(_plan(images), "pet") == {codes.UNREADABLE.code, codes.INCOMPLETE.code}


def test_file_without_readable_header_is_quarantined_by_itself():
    broken = InstanceHeader(path="/raw/x", size=3, mtime_ns=1, kind=FileKind.UNREADABLE)
    plan = _plan([broken, *series("CT", "ct")])
    assert len(plan.sessions) == 1
    assert [(finding.code, finding.place) for finding in plan.findings] == [(codes.UNREADABLE.code, "f-/raw/x")]


@pytest.mark.parametrize("blank", [None, "", "   ", " \0"])
def test_images_without_patient_id_are_quarantined(blank):
    plan = _plan(series("CT", "ct", patient_id=blank))
    assert _codes(plan, "ct") == {codes.NO_PATIENT_ID.code}


def test_what_is_wanted_of_a_study_under_two_patients_is_quarantined_and_others_go_on():
    mixed = [*series("PT", "pet", study="s"), *series("CT", "ct", study="s", patient="Q")]
    spare = series("PT", "nac", study="s", corrected_image=("NORM",))
    plan = _plan([*mixed, *spare, contours("seg", of="ct", study="s"), *series("CT", "fine", study="t")])
    assert [session.study_uid for session in plan.sessions] == ["t"]
    assert _codes(plan, "pet") | _codes(plan, "ct") | _codes(plan, "seg") == {codes.TWO_PATIENTS.code}
    assert _codes(plan, "nac") == {codes.PET_NAC.code}


def test_one_series_uid_in_two_studies_is_two_volumes():
    a, b = series("CT", "ct", study="a"), series("CT", "ct", study="b")
    plan = _plan([*a, *b, *series("PT", "pet", study="c")])
    assert len({volume.series for session in plan.sessions for volume in session.volumes}) == 2


def test_burned_in_identifiers_quarantine_the_series():
    images = series("CT", "ct")
    images[0] = replace(images[0], burned_in_annotation="YES")
    assert _codes(_plan(images), "ct") == {codes.BURNED_IN.code, codes.INCOMPLETE.code}


@pytest.mark.parametrize("field", ["study_uid", "series_uid"])
def test_series_without_a_uid_is_grouped_by_what_else_it_says(field):
    plan = _plan([*series("PT", "pet", **{field: None}), *series("CT", "ct", n=50, step=2.0)])
    (session,) = [session for session in plan.sessions if session.kind.startswith("pet")]
    assert [len(volume.instances) for volume in session.volumes] == [20, 50]
    assert codes.IDENTITY_COMPLETED.code in {finding.code for finding in session.findings}


def test_two_series_without_uids_in_one_study_do_not_mix():
    plan = _plan([*series("PT", "a", series_uid=None), *series("PT", "b", series_uid=None, series_number=2)])
    assert [len(volume.instances) for session in plan.sessions for volume in session.volumes] == [20]
    assert len({decision.series for decision in plan.decisions}) == 2


def test_images_that_nothing_places_in_a_study_are_refused_by_name():
    lost = series("CT", "ct", study_uid=None, series_uid=None, study_date=None, frame=None)
    assert _codes(_plan(lost), "ct") == {codes.NO_UIDS.code}


def test_a_missing_patient_id_is_taken_from_the_study_that_is_of_one_patient():
    images = series("CT", "ct")
    images[4:8] = [replace(image, patient_id=None) for image in images[4:8]]
    (session,) = _plan(images).sessions
    assert len(session.volumes[0].instances) == 20
    assert codes.IDENTITY_COMPLETED.code in {finding.code for finding in session.findings}


def test_images_without_sop_instance_uid_still_make_a_volume():
    images = [replace(image, sop_instance_uid=None) for image in series("CT", "ct")]
    assert [len(session.volumes[0].instances) for session in _plan(images).sessions] == [20]


def test_localizer_inside_a_ct_series_does_not_disturb_the_volume():
    images = series("CT", "ct")
    scout = _again(images[0], "-scout", sop_instance_uid="scout", orientation=CORONAL)
    plan = _plan([*images, scout])
    assert [len(volume.instances) for volume in plan.sessions[0].volumes] == [20]
    assert [d.code for d in plan.decisions if d.path == scout.path] == [codes.FEW_IMAGES.code]


def test_short_pet_is_quarantined_and_short_ct_excluded():
    plan = _plan([*series("PT", "pet", n=2, frame="a"), *series("CT", "ct", n=2, frame="b")])
    assert _codes(plan, "pet") == {codes.FEW_PET_IMAGES.code}
    assert _codes(plan, "ct") == {codes.FEW_IMAGES.code}


def test_patient_key_ignores_padding_keeps_case_and_adopts_the_only_issuer():
    ids = [("ab", "H"), ("ab ", None), ("AB", "H"), (" ab", "K"), ("x", None), ("x", "K")]
    rows = [
        InstanceHeader(path=str(k), size=1, mtime_ns=1, kind=FileKind.DICOM, patient_id=i, patient_id_issuer=issuer)
        for k, (i, issuer) in enumerate(ids)
    ]
    keys = patient_keys(rows)
    assert [keys[str(k)] for k in range(6)] == ["H\\ab", "\\ab", "H\\AB", "K\\ab", "K\\x", "K\\x"]


def test_no_header_value_stands_in_a_finding():
    rows = series("PT", "CANARYSERIES", n=2, patient="CANARYPATIENT", series_description="CANARYTEXT")
    plan = plan_ingest(rows, IngestConfig(), lambda kind, _: f"{kind}-1")
    assert plan.findings
    assert "CANARY" not in repr(plan.findings)
