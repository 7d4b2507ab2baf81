"""What is missing or contradictory is said with what was measured; identity, tracers and protocols are read as consoles write them."""

from dataclasses import replace

import pytest

from tests.unit.ingest.rows import series, short_id
from umd_curate.ingest.plan import plan_ingest
from umd_curate.ingest.protocols import plane_of, protocol_parameters, protocol_text
from umd_curate.ingest.tracers import is_single_photon, tracer_of
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import IngestConfig


def _found(code, *parts):
    plan = plan_ingest([row for part in parts for row in part], IngestConfig(), short_id)
    return [finding for session in plan.sessions for finding in session.findings if finding.code == code.code]


@pytest.mark.parametrize(
    ("kept", "ends"),
    [
        (slice(0, 17), "images, 0 missing at the lower end and 3 at the upper end"),
        (slice(2, 20), "images, 2 missing at the lower end and 0 at the upper end"),
        (slice(1, 18), "images, 1 missing at the lower end and 2 at the upper end"),
    ],
)
def test_missing_ends_are_told_from_the_numbers_of_the_images(kept, ends):
    (finding,) = _found(codes.FEWER_THAN_SAID, series("PT", "pet", number_of_slices=20)[kept])
    assert (finding.detail, finding.limit) == (ends, 20.0)


def test_numbers_that_fall_along_the_body_name_the_other_end():
    images = [
        replace(image, instance_number=20 - k) for k, image in enumerate(series("CT", "ct", images_in_acquisition=20))
    ]
    (finding,) = _found(codes.FEWER_THAN_SAID, images[3:])
    assert finding.detail == "images, 3 missing at the lower end and 0 at the upper end"


def test_numbers_that_tell_nothing_leave_the_count_alone():
    images = [replace(image, instance_number=7) for image in series("PT", "pet", number_of_slices=25)]
    (finding,) = _found(codes.FEWER_THAN_SAID, images)
    assert (finding.detail, finding.measured) == ("images", 20.0)


def test_a_ct_that_ends_early_is_measured_against_the_pet():
    (finding,) = _found(codes.PARTNER_TOO_SHORT, series("PT", "pet", n=40), series("CT", "ct", n=28))
    assert (finding.measured, finding.limit) == (0.7, 0.9)
    assert not _found(codes.PARTNER_TOO_SHORT, series("PT", "pet", n=40), series("CT", "ct", n=37))


def test_a_narrow_ct_is_measured_against_the_pet():
    narrow = [
        replace(image, position_mm=(-75.0, -75.0, image.position_mm[2]))
        for image in series("CT", "ct", pixel_spacing_mm=(1.5, 1.5))
    ]
    (finding,) = _found(codes.FIELD_OF_VIEW, series("PT", "pet"), narrow)
    assert finding.measured == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("weight", "spread"), [(70.0, None), (76.0, None), (70000.0, None), (0.0, None), (84.0, 0.2), (105000.0, 0.5)]
)
def test_weights_of_a_study_are_compared_in_kilograms(weight, spread):
    found = _found(
        codes.WEIGHTS_DIFFER, series("PT", "pet", patient_weight_kg=70.0), series("CT", "ct", patient_weight_kg=weight)
    )
    assert [finding.measured for finding in found] == ([] if spread is None else [spread])


def test_studies_of_one_patient_that_contradict_each_other_are_noticed_and_used():
    found = _found(
        codes.PATIENT_DIFFERS,
        series("PT", "a", study="a", patient_birth_date="19600101"),
        series("PT", "b", study="b", patient_birth_date="19610101"),
    )
    assert len(found) == 2


@pytest.mark.parametrize(
    ("one", "other"), [("19600101", None), ("19600101", "1960"), ("19600101", "19600101"), (None, None)]
)
def test_birth_dates_that_another_de_identification_cut_are_no_contradiction(one, other):
    rows = [*series("PT", "a", patient_birth_date=one), *series("CT", "b", patient_birth_date=other, patient_sex="O")]
    plan = plan_ingest(rows, IngestConfig(), short_id)
    assert codes.CONTRADICTORY_PATIENT.code not in {decision.code for decision in plan.decisions}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Fluorodeoxyglucose", "FDG"), ("FDG -- fluorodeoxyglucose", "FDG"), ("[18F]FDG", "FDG"), ("F-18 FDG", "FDG"),
        ("Solution 18F-Fludeoxyglucose", "FDG"), ("68Ga-PSMA-11", "PSMA"), ("Ga-68 DOTATATE", "DOTA peptide"),
        ("Sodium fluoride F18", "sodium fluoride"), ("O-15 water", "water"), ("Rb-82 chloride", "rubidium"),
        ("FLT", "FLT"), ("Tc-99m MDP", None), ("Solution", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_a_tracer_has_one_name(text, name):
    assert tracer_of(text) == name


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"radiopharmaceutical": "Tc-99m MDP"}, True), ({"radiopharmaceutical": "99mTc-tetrofosmin"}, True),
        ({"radiopharmaceutical": "I-123 ioflupane"}, True), ({"radiopharmaceutical": "177Lu-PSMA"}, True),
        ({"image_type": ("ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION")}, True), ({"radiopharmaceutical": "I-124"}, False),
        ({"radiopharmaceutical": "FDG"}, False), ({"radiopharmaceutical": None}, False), ({"radiopharmaceutical": "Ga-68 PSMA"}, False),
        ({"radiopharmaceutical": "Zr-89 trastuzumab"}, False),
    ],
)  # fmt: skip
def test_a_gamma_camera_image_under_a_pet_class_is_known(fields, answer):
    assert is_single_photon(series("PT", "pet", **fields)[0]) is answer


def test_an_nm_image_under_a_pet_class_is_refused_by_name():
    rows = [replace(row, modality="NM") for row in series("PT", "spect")]
    plan = plan_ingest(rows, IngestConfig(), short_id)
    assert {decision.code for decision in plan.decisions} == {codes.NOT_A_PET.code}


def test_a_protocol_is_the_same_for_two_patients_and_names_neither():
    rows = [
        series("PT", "pet", patient=number, patient_name=name, series_description=f"PET WB {number} {name.upper()}", protocol_name=f"WB_MRN{number}")[0]
        for number, name in (("0042317", "Müller^Anna"), ("0099001", "Smith^Bo"))
    ]  # fmt: skip
    assert protocol_text(rows[0]) == protocol_text(rows[1])
    assert dict(protocol_parameters(rows[0]))["series"] == "PET WB"
    assert "MÜLLER" not in protocol_text(rows[0]).upper()


@pytest.mark.parametrize(
    "change", [{"model": "other"}, {"convolution_kernel": "B70f"}, {"rows": 128}, {"slice_thickness_mm": 3.0}]
)
def test_other_parameters_are_another_protocol(change):
    image = series("CT", "ct")[0]
    assert protocol_text(replace(image, **change)) != protocol_text(image)


def test_a_place_on_the_table_is_no_other_protocol():
    one, other = series("CT", "ct")[0], series("CT", "ct", z0=300.0, pixel_spacing_mm=(3.0004, 3.0004))[4]
    assert protocol_text(one) == protocol_text(other)


@pytest.mark.parametrize(
    ("orientation", "plane"),
    [
        ((1, 0, 0, 0, 1, 0), "axial"), ((1, 0, 0, 0, 0, -1), "coronal"), ((0, 1, 0, 0, 0, -1), "sagittal"),
        ((1, 0, 0, 0, 0.9, 0.436), "oblique axial"), ((), ""), ((0,) * 6, ""),
    ],
)  # fmt: skip
def test_planes_have_the_names_of_the_field(orientation, plane):
    assert plane_of(orientation) == plane
