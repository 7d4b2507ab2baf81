"""What is exported is read back by other readers, and holds the same voxels, places, names, colours and codes."""

import csv
import re
import shutil
import subprocess

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813  (the name that the field uses)

from umd_curate.convert.contours_io import convert_contours
from umd_curate.label.export_io import LabelExport, export_labels
from umd_curate.label.terms import slicer_colours, snap_labels
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Volume, apply_affine
from umd_curate.model.sidecars import LabelSidecar
from umd_curate.store.nifti import write_volume
from umd_curate.store.resources import organ_table

ORGANS = organ_table("umd")
STRAIGHT = np.array([[-2.0, 0, 0, 40], [0, -2.5, 0, 30], [0, 0, 3.0, -700], [0, 0, 0, 1]])


def turned(angle=0.3, tilt=0.2):
    a, b = angle, tilt
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ np.diag([-2.0, -2.5, 3.0])
    affine[:3, 3] = (10.25, -20.5, -333.125)
    return affine


def labelled():
    array = np.zeros((9, 20, 24), np.uint8)
    for number, organ in enumerate(ORGANS):
        array[number % 7 + 1 : number % 7 + 3, 2 + number : 5 + number, number : 4 + number] = organ.id
    return array


def exported(tmp_path, kind, affine=STRAIGHT, array=None, image="ct", method="model"):
    path = tmp_path / "in.nii.gz"
    volume = Volume(labelled() if array is None else array, affine)
    digest = write_volume(path, volume, intent="label")
    sidecar = LabelSidecar(engine="totalsegmentator", engine_version="2.18.0", method=method, reference=image,
                           labels={}, voxel_sha256=digest)  # fmt: skip
    export = LabelExport("sub-7K3QF2_ses-petct1_desc-organs_dseg", "7K3QF2", "petct1", path, image, "ab" * 32,
                         sidecar, tuple(ORGANS))  # fmt: skip
    return volume, export_labels(export, kind, tmp_path / "out")


@pytest.mark.parametrize("affine", [STRAIGHT, turned()], ids=["straight", "oblique"])
def test_a_dicom_seg_read_by_highdicom_holds_every_voxel_at_its_place(tmp_path, affine):
    volume, (path,) = exported(tmp_path, "seg", affine)
    seg = hd.seg.segread(path)
    names = {number: seg.get_segment_description(number).segment_label for number in seg.segment_numbers}
    assert list(names.values()) == [organ.name for organ in ORGANS if organ.id in np.unique(volume.array_kji)]
    read = seg.get_volume(combine_segments=True)
    ids = np.array([0, *(ORGANS.named(name).id for name in names.values())])
    found = ids[np.asarray(read.array)]
    # any voxel of the file, by its place in the patient (LPS), is the voxel of the label map
    kji = np.argwhere(found >= 0)
    lps = (read.affine @ np.c_[kji, np.ones(len(kji))].T).T[:, :3]
    ijk = apply_affine(np.linalg.inv(volume.affine), lps * np.array([-1, -1, 1]))
    assert np.abs(ijk - np.rint(ijk)).max() < 1e-3
    i, j, k = np.rint(ijk).astype(int).T
    assert np.array_equal(found.ravel(), volume.array_kji[k, j, i])
    assert np.count_nonzero(found) == np.count_nonzero(volume.array_kji)


def test_the_codes_sides_and_colours_are_the_datasets(tmp_path):
    _, (path,) = exported(tmp_path, "seg")
    for item in pydicom.dcmread(path).SegmentSequence:
        organ = ORGANS.named(item.SegmentLabel)
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        assert (kind.CodeValue, kind.CodingSchemeDesignator) == (organ.snomed_code, "SCT")
        sides = [entry.CodeMeaning.lower() for entry in kind.get("SegmentedPropertyTypeModifierCodeSequence", [])]
        assert sides == ([organ.side] if organ.side else [])
        colour = hd.color.CIELabColor.from_dicom_value(tuple(item.RecommendedDisplayCIELabValue))
        assert np.abs(np.subtract(colour.to_rgb(), organ.colour)).max() <= 1
        assert item.SegmentAlgorithmType == "AUTOMATIC"


def test_our_own_reader_of_contours_gives_the_label_map_back(tmp_path):
    volume, (path,) = exported(tmp_path, "seg", turned())
    found = convert_contours(pydicom.dcmread(path), volume.grid, ORGANS, "s-TEST")
    assert np.array_equal(found.array_kji, volume.array_kji)


def test_an_export_has_no_name_no_date_and_the_same_bytes_each_time(tmp_path):
    _, (path,) = exported(tmp_path, "seg")
    first = path.read_bytes()
    exported(tmp_path, "seg")
    assert path.read_bytes() == first
    dataset = pydicom.dcmread(path)
    assert (dataset.PatientID, str(dataset.PatientName)) == ("7K3QF2", "7K3QF2^")
    assert dataset.PatientIdentityRemoved == "YES"
    assert {element.value for element in dataset.iterall() if element.VR in {"DA", "DT"}} <= {"19000101", ""}
    uids = {str(e.value) for e in dataset.iterall() if e.VR == "UI" and not str(e.value).startswith("1.2.840.10008.")}
    assert all(re.fullmatch(r"2\.25\.\d{1,39}", uid) for uid in uids - {dataset.file_meta.ImplementationClassUID})


def test_two_label_maps_of_a_session_share_study_and_frame_of_reference(tmp_path):
    _, (one,) = exported(tmp_path / "a", "seg")
    _, (two,) = exported(tmp_path / "b", "seg", turned(), image="pet")
    first, second = pydicom.dcmread(one), pydicom.dcmread(two)
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.FrameOfReferenceUID == second.FrameOfReferenceUID
    series = [entry.ReferencedSeriesSequence[0].SeriesInstanceUID for entry in (first, second)]
    assert series[0] != series[1]


def test_a_sheared_plane_is_refused_by_name_and_other_formats_are_written(tmp_path):
    sheared = STRAIGHT.copy()
    sheared[0, 1] = 0.4
    with pytest.raises(Refused) as refused:
        exported(tmp_path, "seg", sheared)
    assert refused.value.finding.code == "LAB-301"
    assert len(exported(tmp_path, "itksnap", sheared)[1]) == 2


def test_the_slices_of_a_tilted_gantry_keep_their_places(tmp_path):
    tilted = STRAIGHT.copy()
    tilted[1, 2] = 1.1  # each slice a little further back
    volume, (path,) = exported(tmp_path, "seg", tilted)
    dataset = pydicom.dcmread(path)
    for item in dataset.PerFrameFunctionalGroupsSequence:
        x, y, z = item.PlanePositionSequence[0].ImagePositionPatient
        k = apply_affine(np.linalg.inv(volume.affine), np.array([[-x, -y, z]]))[0, 2]
        assert k == pytest.approx(round(k), abs=1e-3)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(tmp_path):
    _, (path,) = exported(tmp_path, "seg", turned())
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    assert "Error" not in said.stdout + said.stderr


@pytest.mark.parametrize("affine", [STRAIGHT, turned()], ids=["straight", "oblique"])
def test_a_slicer_segmentation_read_by_itk_stands_where_the_nifti_stands(tmp_path, affine):
    volume, (nifti, _, _, nrrd) = exported(tmp_path, "slicer", affine)
    read, beside = sitk.ReadImage(str(nrrd)), sitk.ReadImage(str(nifti))
    assert np.array_equal(sitk.GetArrayFromImage(read), volume.array_kji)
    assert np.array_equal(sitk.GetArrayFromImage(beside), volume.array_kji)
    last = [size - 1 for size in read.GetSize()]
    for index in ([0, 0, 0], last):
        place = np.array(read.TransformIndexToPhysicalPoint(index))
        assert place == pytest.approx(np.array(beside.TransformIndexToPhysicalPoint(index)), abs=1e-3)
        assert place * [-1, -1, 1] == pytest.approx(apply_affine(volume.affine, np.array([index]))[0], abs=1e-3)
    number = next(n for n in range(13) if read.GetMetaData(f"Segment{n}_Name") == "kidney_left")
    label = int(read.GetMetaData(f"Segment{number}_LabelValue"))
    assert label == ORGANS.named("kidney_left").id
    _, category, kind, modifier, *_ = read.GetMetaData(f"Segment{number}_Tags").split("~")
    assert (category.split("^")[1], kind, modifier) == ("123037004", "SCT^64033007^Kidney", "SCT^7771000^Left")
    ends = [int(end) for end in read.GetMetaData(f"Segment{number}_Extent").split()]
    k, j, i = np.nonzero(volume.array_kji == label)
    assert ends == [i.min(), i.max(), j.min(), j.max(), k.min(), k.max()]
    colour = [float(part) for part in read.GetMetaData(f"Segment{number}_Color").split()]
    assert colour == pytest.approx([part / 255 for part in ORGANS.named("kidney_left").colour], abs=1e-5)


def test_slicers_colour_tables_name_every_organ(tmp_path):
    _, (_, _, table, _) = exported(tmp_path, "slicer")
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [(int(row["LabelValue"]), row["Name"]) for row in rows] == [(organ.id, organ.name) for organ in ORGANS]
    assert [row["Type_CodeValue"] for row in rows] == [organ.snomed_code for organ in ORGANS]
    lines = [line.split() for line in slicer_colours(ORGANS).splitlines() if not line.startswith("#")]
    assert all(len(line) == 6 for line in lines)
    assert {(int(n), name, (int(r), int(g), int(b))) for n, name, r, g, b, _ in lines[1:]} == {
        (organ.id, organ.name, organ.colour) for organ in ORGANS
    }


def test_itk_snaps_label_descriptions_follow_its_format():
    # ITK-SNAP reads each line that is no comment with: %d %d %d %d %f %d %d "%[^"]"
    pattern = re.compile(r'^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+([\d.]+)\s+([01])\s+([01])\s+"([^"]*)"$')
    lines = [line for line in snap_labels(ORGANS).splitlines() if not line.startswith("#")]
    found = [pattern.match(line) for line in lines]
    assert all(found)
    assert found[0].groups() == ("0", "0", "0", "0", "0", "0", "0", "Clear Label")
    read = [(int(m[1]), tuple(int(m[n]) for n in (2, 3, 4)), m[8]) for m in found[1:]]
    assert read == [(organ.id, organ.colour, organ.name) for organ in ORGANS]
