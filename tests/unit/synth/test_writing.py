"""Every scanner and every way of writing a PET: the SUV by hand, from the header alone, is the truth."""

import math
from datetime import datetime, timedelta
from io import BytesIO

import numpy as np
import pydicom
import pytest

from umd_curate.synth import header_images as headers
from umd_curate.synth.io_dicom import encode_series
from umd_curate.synth.options import Size, SynthOptions
from umd_curate.synth.render import pet_volume
from umd_curate.synth.scanners import Kind, Vendor
from umd_curate.synth.schedule import rewritten, studies_of
from umd_curate.synth.series import Series, held, stack
from umd_curate.synth.writing import NEEDS_PHILIPS, WRITINGS

LN2 = math.log(2.0)
SLICES = (0, 19, 47)  # of at least 48; they lie in several bed positions


def pet_of(vendor, writing=None):
    """Study, some of its PET files by ascending slice, and their true SUV."""
    kind = Kind.PETMRI if str(vendor).endswith("petmr") else Kind.PETCT
    plan = studies_of(SynthOptions(subjects=1, seed=4, size=Size.TINY, scanners=(vendor,)))
    study = next(study for study in plan if study.kind is kind)
    if writing:
        study = rewritten(study, WRITINGS[writing][1])
    placed = study.grid_of("pet")
    suv = np.random.default_rng(3).gamma(1.0, 3.0, placed.grid.shape_kji).astype(np.float32)
    volume = pet_volume(study, placed, suv, held)
    header = headers.pet(study, placed, series="pet", number=20, description="PET", corrected=True, method="OSEM")
    planes = [(headers.pet_slice(study, placed, k, slope), load) for k, (slope, load) in enumerate(volume.planes)]
    series = Series("pet", header, tuple(stack(study, "pet", placed, planes, descending=False)[k] for k in SLICES))
    files = [pydicom.dcmread(BytesIO(data)) for _, data in encode_series(series, "AE", "PRIV")]
    return study, files, volume.suv_kji[list(SLICES)]


def instant(date, time):
    return datetime.strptime(f"{date}{float(time):013.6f}", "%Y%m%d%H%M%S.%f")  # noqa: DTZ007  (one scanner's clock)


def stated(text):
    return instant(text[:8], text[8:])


def suv_by_hand(d):
    """SUVbw of one slice by the rules of the IBSI manual, from the header alone."""
    tracer = d.RadiopharmaceuticalInformationSequence[0]
    value = d.pixel_array * float(d.RescaleSlope)
    grams = float(d.PatientWeight) * (1 if d.PatientWeight > 1000 else 1000)
    if d.Units == "GML":
        return value
    if d.Units == "CM2ML":
        centimetres = float(d.PatientSize) * (1 if d.PatientSize > 3 else 100)
        return value * grams / (71.84 * (grams / 1000) ** 0.425 * centimetres**0.725)
    if d.Units == "CNTS":
        if (0x7053, 0x1000) in d:
            return value * float(d[0x7053, 0x1000].value)
        value = value * float(d[0x7053, 0x1009].value)
    return value * grams / activity_by_hand(d, tracer)


def activity_by_hand(d, tracer):
    """Injected activity that SUV refers to: at the reference time, or the mean during the frame [Bq]."""
    half_life = float(tracer.RadionuclideHalfLife)
    dose = float(tracer.RadionuclideTotalDose) * (1e6 if tracer.RadionuclideTotalDose < 1e5 else 1)
    acquired = instant(d.AcquisitionDate, d.AcquisitionTime)
    injected = instant(d.AcquisitionDate, tracer.RadiopharmaceuticalStartTime)
    injected -= timedelta(days=int(injected > acquired))
    if "RadiopharmaceuticalStartDateTime" in tracer:
        assert stated(tracer.RadiopharmaceuticalStartDateTime) == injected
    span = LN2 * float(d.ActualFrameDuration) / 1000 / half_life
    if d.DecayCorrection == "ADMIN":
        return dose
    if d.DecayCorrection == "NONE":
        assert "DECY" not in d.CorrectedImage
        waited = (acquired - injected).total_seconds()
        return dose * math.exp(-LN2 * waited / half_life) * (1 - math.exp(-span)) / span
    average = math.log(span / (1 - math.exp(-span))) * half_life / LN2
    reference = acquired + timedelta(seconds=average - float(d.FrameReferenceTime) / 1000)
    for place in ((0x0009, 0x100D), (0x0071, 0x1022)):
        if place in d:
            assert abs((stated(d[place].value) - reference).total_seconds()) < 0.02
            reference = stated(d[place].value)
    return dose * 2 ** (-(reference - injected).total_seconds() / half_life)


def assert_truth_by_hand(files, suv):
    for dataset, truth in zip(files, suv, strict=True):
        np.testing.assert_allclose(suv_by_hand(dataset), truth, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("vendor", Vendor)
def test_the_suv_of_every_scanner_by_hand_is_the_truth(vendor):
    study, files, suv = pet_of(vendor)
    assert_truth_by_hand(files, suv)
    assert {file.Manufacturer for file in files} == {str(study.scanner.maker)}
    assert len({file.AcquisitionTime for file in files}) > 2
    assert len({file.RescaleSlope for file in files}) == len(files)


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("vendor", [Vendor.SIEMENS_CT, Vendor.GE_CT, Vendor.PHILIPS_CT])
def test_the_suv_of_every_way_of_writing_by_hand_is_the_truth(vendor, writing):
    _, files, suv = pet_of(Vendor.PHILIPS_COUNTS_CT if writing in NEEDS_PHILIPS else vendor, writing)
    assert_truth_by_hand(files, suv)


@pytest.mark.parametrize(
    ("writing", "keyword", "value"),
    [("units-gml", "Units", "GML"), ("units-cm2ml", "Units", "CM2ML"), ("units-cnts", "Units", "CNTS"),
     ("decay-admin", "DecayCorrection", "ADMIN"), ("decay-none", "DecayCorrection", "NONE")],
)  # fmt: skip
def test_units_and_decay_are_as_ordered(writing, keyword, value):
    _, files, _ = pet_of(Vendor.PHILIPS_COUNTS_CT, writing)
    assert {file[keyword].value for file in files} == {value}


def test_the_other_ways_of_writing_show_in_the_elements_they_name():
    def first(writing, vendor=Vendor.SIEMENS_CT):
        study, files, _ = pet_of(vendor, writing)
        return study, files[0], files[0].RadiopharmaceuticalInformationSequence[0]

    assert first("dose-in-mbq")[2].RadionuclideTotalDose < 1000
    assert first("weight-in-g")[1].PatientWeight > 30_000
    assert first("size-in-cm")[1].PatientSize > 100
    assert "RadiopharmaceuticalStartDateTime" not in first("injection-undated")[2]
    study, dataset, tracer = first("over-midnight")
    assert tracer.RadiopharmaceuticalStartDateTime[:8] < dataset.AcquisitionDate == study.date
    assert float(tracer.RadiopharmaceuticalStartTime) > 220_000
    assert first("non-fdg-tracer")[2].RadionuclideHalfLife < 4100
    assert len({file.RescaleSlope for file in pet_of(Vendor.GE_CT, "one-slope")[1]}) == 1
    for writing, seconds in (("late-series-time", 1861), ("series-time-between-beds", 180)):
        study, dataset, _ = first(writing)
        later = instant(dataset.SeriesDate, dataset.SeriesTime) - instant(study.date, study.stamp(study.scan_s)[1])
        assert later.total_seconds() == seconds
        assert (0x0071, 0x1022) not in dataset


def test_a_makers_private_elements_are_as_its_scanners_write_them():
    siemens, ge, philips, counts = (
        pet_of(vendor)[1][0]
        for vendor in (Vendor.SIEMENS_CT, Vendor.GE_CT, Vendor.PHILIPS_CT, Vendor.PHILIPS_COUNTS_CT)
    )
    assert siemens.private_block(0x0071, "SIEMENS MED PT")[0x22].VR == "DT"
    assert stated(ge.private_block(0x0009, "GEMS_PETD_01")[0x0D].value) < instant(ge.SeriesDate, ge.SeriesTime)
    group = philips.private_block(0x7053, "Philips PET Private Group")
    assert float(group[0x00].value) > 0 < float(group[0x09].value)
    assert 0x09 not in counts.private_block(0x7053, "Philips PET Private Group")
