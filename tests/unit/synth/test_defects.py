"""Each defect on a small series of two-digit size, encoded and read back."""

from io import BytesIO

import numpy as np
import pydicom
import pytest

from umd_curate.model.study import Disposition
from umd_curate.synth import header_images as headers
from umd_curate.synth.defects import DEFECT_TABLE, Planting, damaged, edited
from umd_curate.synth.io import raw_files_of
from umd_curate.synth.io_dicom import encode_series
from umd_curate.synth.options import Size, SynthOptions
from umd_curate.synth.schedule import studies_of
from umd_curate.synth.series import Series, Slice, planes_of, stack

STUDY = studies_of(SynthOptions(subjects=1, size=Size.TINY))[0]
PLACED = STUDY.grid_of("ct")
COUNT = len(PLACED.positions_lps)


def ct_series(name="ct"):
    header = headers.ct(STUDY, PLACED, series=name, number=2, description="CT", delay_s=0, contrast=False)
    rows = PLACED.grid.shape_kji[1]
    volume = np.arange(COUNT * rows * rows, dtype=np.uint16).reshape(COUNT, rows, rows) % 4000
    return Series(name, header, stack(STUDY, name, PLACED, planes_of(volume), descending=False))


def pet_series():
    header = headers.pet(STUDY, PLACED, series="pet", number=20, description="PET", corrected=True, method="OSEM")
    own = headers.pet_slice(STUDY, PLACED, 0, "1.5")
    own |= {"SOPInstanceUID": "2.25.1", "ImagePositionPatient": ["0", "0", "0"]}
    rows = PLACED.grid.shape_kji[1]
    return Series("pet", header, (Slice(own, bytes(2 * rows * rows)),))


def planted(name, series):
    """Files of a series with one defect."""
    plantings = (Planting(name, STUDY.label, series.name),)
    one = edited(series, STUDY, plantings)
    return damaged(raw_files_of(one, encode_series(one, "AE", "PRIV")), one.name, STUDY, plantings)


def read(file):
    return pydicom.dcmread(BytesIO(file.data))


def dispositions(files):
    return [file.expected.disposition for file in files]


def test_a_sound_series_reads_back_as_it_was_written():
    series = ct_series()
    sop_uid, data = encode_series(series, "AE", "PRIV")[3]
    dataset = pydicom.dcmread(BytesIO(data))
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID == sop_uid
    assert dataset.PixelData == series.slices[3].pixels
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
    z = sorted(float(read(file).ImagePositionPatient[2]) for file in planted("missing-slice-ct", ct_series()))
    assert len(z) == COUNT - 1
    assert np.diff(z).max() == pytest.approx(2 * PLACED.step_mm)


@pytest.mark.parametrize(
    ("name", "value"),
    [("missing-weight", "PatientWeight"), ("missing-dose", "RadionuclideTotalDose"), ("zero-half-life", "RadionuclideHalfLife")],
)  # fmt: skip
def test_a_pet_lacks_just_what_the_defect_names(name, value):
    sound, broken = pet_series(), planted(name, pet_series())[0]
    dataset, whole = read(broken), pydicom.dcmread(BytesIO(encode_series(sound, "AE", "PRIV")[0][1]))
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
    files = planted("duplicate-slice-different", ct_series())
    first, second = (file for file in files if [f.sop_uid for f in files].count(file.sop_uid) == 2)
    assert read(first).SOPInstanceUID == read(second).SOPInstanceUID
    assert not np.array_equal(read(first).pixel_array, read(second).pixel_array)


def test_a_localizer_hides_in_the_ct_series():
    files = planted("localizer-inside-ct", ct_series())
    scouts = [file for file in files if "LOCALIZER" in read(file).ImageType]
    assert len(scouts) == 1
    assert scouts[0].expected.disposition is Disposition.EXCLUDED
    assert len({read(file).SeriesInstanceUID for file in files}) == 1


def test_a_wrong_patient_makes_two_patients_in_one_study():
    assert read(planted("wrong-patient", pet_series())[0]).PatientID != STUDY.person.patient_id


def test_no_ct_leaves_nothing_of_the_ct():
    plantings = (Planting("no-ct", STUDY.label, "pet"),)
    assert edited(ct_series(), STUDY, plantings) is None
    assert edited(pet_series(), STUDY, plantings) is not None


def test_every_defect_is_told_in_one_sentence():
    assert all(defect.sentence.endswith(".") for defect in DEFECT_TABLE.values())
