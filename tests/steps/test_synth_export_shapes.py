"""Every shape of an export holds the same files under the names that the truth tells, readable by other people's readers."""

import gc
import tarfile
import warnings
import zipfile
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.fileset import FileSet

from umd_curate.synth import clutter
from umd_curate.synth import header_images as headers
from umd_curate.synth.io_dicom import encode_series
from umd_curate.synth.io_shapes import shape_of
from umd_curate.synth.options import Layout, Size, SynthOptions
from umd_curate.synth.schedule import studies_of
from umd_curate.synth.series import RawFile, Series, bare, held, plane_bytes, stack

STUDIES = studies_of(SynthOptions(subjects=2, size=Size.TINY))


def series_of(study):
    """A short PET and a report of a study."""
    placed = study.grid_of("pet")
    header = headers.pet(study, placed, series="pet", number=20, description="PET äöü", corrected=True, method="OSEM")
    planes = bare(held(plane_bytes(np.full(placed.grid.shape_kji[1:], k, np.int16))) for k in range(4))
    return [
        Series("pet", header, stack(study, "pet", placed.part(0, 4), planes, descending=False)),
        clutter.dose_report(study),
    ]


def written(root, layout):
    """Bytes of every file by the name that the shape told, and the files that it added."""
    root.mkdir(exist_ok=True)
    shape = shape_of(layout, root, 1)
    files = {}
    for study in STUDIES:
        for series in series_of(study):
            for n, (uid, data) in enumerate(encode_series(series, "AE", "PRIV")):
                files[shape.put(study, series, RawFile(n + 1, uid, data))] = data
    return files, shape.close()


def opened(root, name):
    archive, inside, member = name.partition("!/")
    if not inside:
        return (root / name).read_bytes()
    if archive.endswith(".zip"):
        with zipfile.ZipFile(root / archive) as handle:
            return handle.read(member)
    with tarfile.open(root / archive) as handle:
        return handle.extractfile(member).read()


@pytest.mark.parametrize("layout", Layout)
def test_every_file_is_where_its_name_says_and_a_second_time_the_same(tmp_path, layout):
    files, added = written(tmp_path / "a", layout)
    assert len(files) == 5 * len(STUDIES)
    for name, data in files.items():
        assert opened(tmp_path / "a", name) == data
    on_disk = {path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()}
    told = {name.partition("!/")[0] for name in files} | set(added)
    assert {path.as_posix() for path in on_disk} == told
    assert written(tmp_path / "b", layout) == (files, added)
    for path in on_disk:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()


def test_a_patient_has_one_archive_and_a_flat_name_says_nothing(tmp_path):
    zipped, _ = written(tmp_path / "zip", Layout.ZIP)
    assert {name.partition("!/")[0] for name in zipped} == {"EXPORT0001.zip", "EXPORT0002.zip"}
    flat, _ = written(tmp_path / "flat", Layout.FLAT)
    assert not any(STUDIES[0].person.patient_id in name or "/" in name for name in flat)
    assert len(set(flat)) == len(zipped)


def listed(directory):
    """Paths by SOP instance and the patients, as pydicom's reader of file-sets finds them from record to record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves a temporary folder to the garbage collector
        file_set = FileSet(directory)
        found = {str(one.SOPInstanceUID): one.path for one in file_set}, {str(one.PatientID) for one in file_set}
        del file_set
        gc.collect()
    return found


def test_the_directory_of_a_file_set_leads_to_every_file_and_back(tmp_path):
    files, added = written(tmp_path, Layout.DICOMDIR)
    assert added == ["DICOMDIR"]
    directory = pydicom.dcmread(tmp_path / "DICOMDIR")
    kinds = [record.DirectoryRecordType for record in directory.DirectoryRecordSequence]
    assert kinds.count("PATIENT") == 2
    assert kinds.count("STUDY") == len(STUDIES)
    assert kinds.count("SERIES") == 2 * len(STUDIES)
    assert kinds.count("IMAGE") == 4 * len(STUDIES)
    found, patients = listed(directory)
    datasets = {name: pydicom.dcmread(BytesIO(data)) for name, data in files.items()}
    assert found == {d.SOPInstanceUID: str(tmp_path / name) for name, d in datasets.items()}
    assert patients == {study.person.patient_id for study in STUDIES}
    names = [part for name in files for part in name.split("/")]
    assert all(len(part) <= 8 and part == part.upper() for part in names)  # PS3.10 8.2
