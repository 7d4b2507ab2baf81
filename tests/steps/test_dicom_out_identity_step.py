"""DICOM of a study of which it is in doubt whose it is stays inside, whichever of its series ingest passed over."""

import pydicom
import pytest
from click.testing import CliRunner

from tests.builders import a_ct_series, a_pet_series
from umd_curate.cli.main import cli


def _series(name, *, study, **elements):
    return a_ct_series().of(study=study, name=name, frame=study, patient=f"P-{study}").having(**elements)


def _written(folder, *made):
    """Modalities of which something was written, beside a PET of another patient that is sound."""
    for series in made:
        series.write(folder / "raw" / series.name)
    a_pet_series().of(study="good").write(folder / "raw" / "good")
    arguments = ["ingest", folder / "raw", "-w", folder / "ws", "--dicom-out", folder / "out", "--referee", "none"]
    key = {"UMD_KEY_FILE": str(folder / "key" / "deid.key")}
    result = CliRunner().invoke(cli, [str(one) for one in arguments], env=key, standalone_mode=False)
    assert result.exception is None, result.output
    files = (folder / "out").rglob("*.dcm")
    return sorted({str(pydicom.dcmread(path, stop_before_pixels=True).Modality) for path in files})


@pytest.mark.parametrize(
    ("own", "others", "slices"),
    [
        ({"PatientID": "ONE"}, {"PatientID": "TWO"}, 5),
        ({"PatientID": "ONE"}, {"PatientID": "TWO"}, 1),  # too few for a volume: excluded, not quarantined
        ({"PatientBirthDate": "19610303"}, {"PatientBirthDate": "19720404"}, 5),
        ({"PatientSex": "F"}, {"PatientSex": "M"}, 1),
    ],
)
def test_no_series_of_a_study_in_doubt_is_written(tmp_path, own, others, slices):
    one = _series("one", study="doubt", **own).sized(slices=slices)
    other = _series("other", study="doubt", **others).sized(slices=slices)
    assert _written(tmp_path, one, other) == ["PT"]


def test_a_series_that_ingest_passed_over_is_written_where_its_patient_is_known(tmp_path):
    assert _written(tmp_path, _series("one", study="sure"), _series("other", study="sure")) == ["CT", "PT"]
