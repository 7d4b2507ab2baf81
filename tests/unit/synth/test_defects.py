"""Each defect on a small series of two-digit size, encoded and read back."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pydicom
import pytest

from umd_curate.model.study import Disposition
from umd_curate.synth import header_images as headers
from umd_curate.synth.defects import DEFECT_TABLE
from umd_curate.synth.io_dicom import encode_series
from umd_curate.synth.options import Size, SynthOptions
from umd_curate.synth.planting import Planting, damaged, edited
from umd_curate.synth.schedule import studies_of
from umd_curate.synth.series import RawFile, Series, bare, held, plane_bytes, stack

STUDY = studies_of(SynthOptions(subjects=1, size=Size.TINY))[0]
PLACED = STUDY.grid_of("ct")
COUNT = len(PLACED.positions_lps)
ROWS = PLACED.grid.shape_kji[1]
VOLUME = np.arange(COUNT * ROWS * ROWS, dtype=np.uint16).reshape(COUNT, ROWS, ROWS) % 4000


def ct_series(name="ct"):
    header = headers.ct(STUDY, PLACED, series=name, number=2, description="CT", delay_s=0, contrast=False)
    planes = bare(held(plane_bytes(plane)) for plane in VOLUME)
    return Series(name, header, stack(STUDY, name, PLACED, planes, descending=False))


def pet_series():
    placed = STUDY.grid_of("pet")
    rows = placed.grid.shape_kji[1]
    header = headers.pet(STUDY, placed, series="pet", number=20, description="PET", corrected=True, method="OSEM")
    planes = (
        (headers.pet_slice(STUDY, placed, k, "1.5"), held(bytes(2 * rows * rows)))
        for k in range(len(placed.positions_lps))
    )
    return Series("pet", header, stack(STUDY, "pet", placed, planes, descending=True))


def encoded(series):
    pairs = encode_series(series, "AE", "PRIV")
    return [RawFile(n + 1, uid, data, series.odd.get(n, series.expected)) for n, (uid, data) in enumerate(pairs)]


def series_with(name, series):
    """The series with one defect, and what it adds."""
    return edited(series, STUDY, (Planting(name, STUDY.label, series.name, DEFECT_TABLE[name]),))


def planted(name, series):
    """Files of a series with one defect."""
    plantings = (Planting(name, STUDY.label, series.name, DEFECT_TABLE[name]),)
    one = edited(series, STUDY, plantings)[0]
    return damaged(encoded(one), one.name, STUDY, plantings)


def read(file):
    return pydicom.dcmread(BytesIO(file.data))


def dispositions(files):
    return [file.expected.disposition for file in files]


def test_a_sound_series_reads_back_as_it_was_written():
    series = ct_series()
    sop_uid, data = list(encode_series(series, "AE", "PRIV"))[3]
    dataset = pydicom.dcmread(BytesIO(data))
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID == sop_uid
    assert dataset.PixelData == series.slices[3].load()
    assert str(dataset.PatientName) == STUDY.person.name
    assert dataset.RequestAttributesSequence[0].ReferencedStudySequence[0].RetrieveURL.endswith(STUDY.person.family)


def test_truncated_pixels_end_in_the_middle_of_one_file():
    files = planted("truncated-pixels", ct_series())
    short = [file for file in files if len(file.data) < max(len(f.data) for f in files) * 0.7]
    assert len(short) == 1
    with pytest.raises((ValueError, EOFError)):
        _ = read(short[0]).pixel_array


def test_a_corrupt_header_cannot_be_read_and_only_that_file_is_bad():
    files = planted("corrupt-header", ct_series("ct-contrast"))
    assert "Rows" not in pydicom.dcmread(BytesIO(files[0].data), force=True, stop_before_pixels=True)
    assert dispositions(files).count(Disposition.QUARANTINED) == 1


def test_not_dicom_is_text_with_a_dicom_name():
    note = planted("not-dicom", ct_series())[-1]
    assert note.suffix == ".dcm"
    with pytest.raises(pydicom.errors.InvalidDicomError):
        read(note)


def test_a_missing_slice_leaves_a_gap_of_two_steps():
    z = sorted(float(read(file).ImagePositionPatient[2]) for file in planted("missing-slice", ct_series()))
    assert len(z) == COUNT - 1
    assert np.diff(z).max() == pytest.approx(2 * PLACED.step_mm)


@pytest.mark.parametrize(
    ("name", "value"),
    [("missing-weight", "PatientWeight"), ("missing-dose", "RadionuclideTotalDose"), ("zero-half-life", "RadionuclideHalfLife")],
)  # fmt: skip
def test_a_pet_lacks_just_what_the_defect_names(name, value):
    sound, broken = pet_series(), planted(name, pet_series())[0]
    dataset, whole = read(broken), read(encoded(sound)[0])
    places = [(dataset, whole)]
    places += [tuple(each.RadiopharmaceuticalInformationSequence[0] for each in (dataset, whole))]
    here, there = next((bad, good) for bad, good in places if value in good)
    assert not here.get(value)
    assert float(there[pydicom.datadict.tag_for_keyword(value)].value) > 0


def test_a_duplicate_is_the_same_byte_for_byte():
    files = planted("duplicate-slice", ct_series())
    assert len({file.data for file in files}) == len(files) - 1
    assert dispositions(files).count(Disposition.DUPLICATE) == 1


def test_a_different_duplicate_has_the_same_uid_and_other_pixels():
    files = planted("duplicate-slice-differing", ct_series())
    first, second = (file for file in files if [f.sop_uid for f in files].count(file.sop_uid) == 2)
    assert read(first).SOPInstanceUID == read(second).SOPInstanceUID
    assert not np.array_equal(read(first).pixel_array, read(second).pixel_array)


def test_a_localizer_hides_in_the_ct_series():
    files = planted("localizer-inside", ct_series())
    scouts = [file for file in files if "LOCALIZER" in read(file).ImageType]
    assert len(scouts) == 1
    assert scouts[0].expected.disposition is Disposition.EXCLUDED
    assert len({read(file).SeriesInstanceUID for file in files}) == 1


def test_a_wrong_patient_makes_two_patients_in_one_study():
    assert read(planted("wrong-patient", pet_series())[0]).PatientID != STUDY.person.patient_id


def test_no_ct_leaves_nothing_of_the_ct():
    plantings = (Planting("no-ct", STUDY.label, "pet", DEFECT_TABLE["no-ct"]),)
    assert edited(ct_series(), STUDY, plantings) == ()
    assert len(edited(pet_series(), STUDY, plantings)) == 1


@pytest.mark.parametrize("name", ["implicit", "big-endian", "deflated", "rle", "j2k", "jpeg-ls"])
def test_every_encoding_holds_the_same_pixels_and_the_same_header(name):
    whole = ct_series()
    series = replace(whole, slices=whole.slices[:2])
    for k, (file, plain) in enumerate(zip(planted(name, series), encoded(series), strict=True)):
        dataset, sound = read(file), read(plain)
        assert dataset.file_meta.TransferSyntaxUID != sound.file_meta.TransferSyntaxUID
        assert np.array_equal(dataset.pixel_array, VOLUME[k])
        told, wanted = (
            {e.tag: e.value for e in one if not e.tag.is_private and e.tag.group not in {0x6000, 0x7FE0}}
            for one in (dataset, sound)
        )
        assert told == wanted


def heights(files):
    return [float(read(file).ImagePositionPatient[2]) for file in files]


@pytest.mark.parametrize(("name", "end"), [("last-slice-missing", -1), ("first-slice-missing", 0)])
def test_a_slice_at_an_end_is_missing_and_the_header_tells_how_many_there_were(name, end):
    files = planted(name, ct_series())
    assert sorted(heights(encoded(ct_series())))[end] not in heights(files)
    assert read(files[0]).ImagesInAcquisition == COUNT == len(files) + 1


def test_two_spacings_are_in_one_stack():
    steps = np.diff(sorted(heights(planted("two-spacings", ct_series()))))
    assert set(np.rint(steps / PLACED.step_mm)) == {1, 2}


def test_jitter_stays_within_four_micrometres():
    strays = np.array(heights(planted("jitter", ct_series()))) - heights(encoded(ct_series()))
    assert 0.001 < np.abs(strays).max() <= 0.0041


def test_mixed_orientations_are_both_unit_directions():
    found = {
        tuple(map(float, read(file).ImageOrientationPatient)) for file in planted("mixed-orientation", ct_series())
    }
    assert len(found) == 2
    for directions in found:
        row, column = directions[:3], directions[3:]
        np.testing.assert_allclose(
            [np.dot(row, row), np.dot(column, column), np.dot(row, column)], [1, 1, 0], atol=1e-9
        )


def test_reversed_slices_keep_their_places_and_count_the_other_way():
    files, sound = planted("reversed", ct_series()), encoded(ct_series())
    assert [int(read(file).InstanceNumber) for file in files] == list(range(1, COUNT + 1))
    assert heights(files) == heights(sound)[::-1]


def test_a_late_phase_has_the_same_suv_by_the_hand_formula():
    series = pet_series()
    _, late = series_with("late-phase", series)
    assert late.uid != series.uid
    half_life = STUDY.injection.half_life_s
    for sound, file in zip(encoded(series)[:3], encoded(late)[:3], strict=True):
        first, second = read(sound), read(file)
        assert float(second.RescaleSlope) == pytest.approx(
            float(first.RescaleSlope) * 2 ** (-5400 / half_life), rel=1e-8
        )
        seconds = [
            float(d.AcquisitionTime[:2]) * 3600 + float(d.AcquisitionTime[2:4]) * 60 + float(d.AcquisitionTime[4:])
            for d in (first, second)
        ]
        assert seconds[1] - seconds[0] == pytest.approx(5400)


@pytest.mark.parametrize(("name", "weights"), [("dynamic-pet", "ActualFrameDuration"), ("gated-pet", None)])
def test_the_weighted_mean_over_frames_or_gates_is_the_static_image(name, weights):
    (series,) = series_with(name, pet_series())
    at = {}
    for file in encoded(series):
        dataset = read(file)
        weight = float(dataset[weights].value) if weights else 1.0
        at.setdefault(float(dataset.SliceLocation), []).append((float(dataset.RescaleSlope), weight))
    assert len(at) == len(pet_series().slices)
    for values in at.values():
        slopes, durations = np.array(values).T
        assert np.average(slopes, weights=durations) == pytest.approx(1.5, rel=1e-8)
        assert len(set(slopes)) == len(values) > 2


def test_what_a_defect_adds_has_uids_of_its_own():
    for name, make in (("mu-map", ct_series), ("late-phase", pet_series), ("spect-as-pt", pet_series)):
        first, second = (read(encoded(one)[0]) for one in series_with(name, make()))
        assert first.StudyInstanceUID == second.StudyInstanceUID
        assert first.SeriesInstanceUID != second.SeriesInstanceUID
        assert first.SOPInstanceUID != second.SOPInstanceUID


def test_uids_are_missing_or_empty_as_ordered():
    missing, empty = (read(planted(name, ct_series("ct-contrast"))[0]) for name in ("missing-uids", "empty-uids"))
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        assert keyword not in missing
        assert empty[keyword].value == ""


def test_every_defect_is_told_in_one_sentence():
    assert all(defect.sentence.endswith(".") and ". " not in defect.sentence for defect in DEFECT_TABLE.values())
