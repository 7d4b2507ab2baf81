"""The SUV before de-identification is the SUV after it, to the bit, however the header tells it and whatever the shift is."""

from dataclasses import fields, replace

import pytest

from tests.pet_cases import COMPUTABLE, KEPT_IN_BQML, SET_ASIDE, made_of
from tests.pet_phantom import Phantom
from umd_curate.convert.header_io import pet_header
from umd_curate.convert.suv import derive_suv, same_suv
from umd_curate.deid.clean_io import clean_dataset
from umd_curate.model.findings import Refused
from umd_curate.model.ids import PatientKey, SubjectId
from umd_curate.model.pet import PetContext, PetHeader, Supplement
from umd_curate.pipeline.supplement import moved
from umd_curate.store.keys import DeidKey

PATIENT = PatientKey("site\0MRN1")
KEYS = [DeidKey(bytes([number]) * 32) for number in range(1, 13)]  # each shifts this patient by other days
ALL = {**COMPUTABLE, **{name: case[0] for name, case in {**KEPT_IN_BQML, **SET_ASIDE}.items()}}
DATES = ("series_date", "acquisition_date", "injection_datetime", "ge_scan_datetime", "siemens_decay_datetime")


def headers(datasets, key):
    for source in datasets:
        source.SOPInstanceUID = source.SeriesInstanceUID = source.StudyInstanceUID = "1.2.3"
        source.PatientID = "MRN1"
        clean = clean_dataset(source, key, PATIENT, SubjectId("7K3QF2")).dataset
        yield pet_header(source), pet_header(clean)


@pytest.mark.parametrize("name", sorted(ALL))
def test_cleaning_a_header_changes_no_bit_of_its_suv(name):
    key = KEYS[sorted(ALL).index(name) % len(KEYS)]
    for before, after in headers(made_of(ALL[name]), key):
        assert same_suv(before, after)


def test_many_shifts_over_leap_days_and_midnight_change_no_bit():
    names = (
        "a leap day between injection and scan",
        "a scan over midnight, the injection's time only",
        "bqml not corrected, three beds",
    )
    assert len({key.shift_days(PATIENT) for key in KEYS}) == len(KEYS)
    for name in names:
        for key in KEYS:
            for before, after in headers(made_of(COMPUTABLE[name])[::3], key):
                assert before.acquisition_date != after.acquisition_date
                assert same_suv(before, after)


def test_the_dates_move_and_everything_else_stays():
    (before, after), *_ = headers(made_of(COMPUTABLE["ge's own time beside a late series time"]), KEYS[0])
    changed = {entry.name for entry in fields(PetHeader) if getattr(before, entry.name) != getattr(after, entry.name)}
    assert changed == set(DATES) - {"siemens_decay_datetime"}


def test_a_supplement_moves_with_the_header():
    phantom = Phantom().having(PatientWeight=None).given(
        RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime=None, RadionuclideHalfLife=None
    )  # fmt: skip
    supplement = Supplement(source="ris", weight_kg=70.0, injection_datetime="20250304100000", half_life_s=6586.2)
    context = PetContext(supplement=supplement)
    wanted = 1 / phantom.concentration(phantom.scan)
    for key in KEYS:
        for before, after in headers(phantom.datasets()[:1], key):
            source = replace(before, context=context)
            clean = replace(after, context=moved(context, key.shift_days(PATIENT)))
            assert same_suv(source, clean)
            assert derive_suv(clean, "s-X").factor == pytest.approx(wanted, rel=1e-9)
            assert not same_suv(source, replace(after, context=context))  # a date that was left behind is seen


def test_a_supplement_that_contradicts_moves_too():
    supplement = Supplement(source="ris", injection_datetime="20250304103000", override=True)
    context = PetContext(supplement=supplement)
    for key in KEYS[:4]:
        for before, after in headers(Phantom().datasets()[:1], key):
            source = replace(before, context=context)
            clean = replace(after, context=moved(context, key.shift_days(PATIENT)))
            assert same_suv(source, clean)
            assert derive_suv(source, "s-X").decay_reference_s == 1800.0


def test_a_lost_private_time_is_a_changed_suv():
    (before, _), *_ = headers(made_of(COMPUTABLE["ge's own time beside a late series time"]), KEYS[0])
    lost = replace(before, ge_scan_datetime=None, frame_reference_time_ms=None)
    with pytest.raises(Refused):
        derive_suv(lost, "s-X")
    assert not same_suv(before, lost)
