"""A structure set is contours: it names its image in sequences within sequences, and has no pixels that could be cut off."""

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.convert_builders import a_stack, places_of, some_pixels
from umd_curate.convert.contours_io import convert_contours
from umd_curate.convert.geometry import stack_of_places
from umd_curate.ingest.classify import role_of, unwanted
from umd_curate.ingest.io import read_header
from umd_curate.model.findings import Refused
from umd_curate.model.headers import FileKind, ListedFile
from umd_curate.model.study import Role
from umd_curate.store.resources import organ_table

CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
SERIES = "1.2.826.0.1.3680043.8.498.5"


def item(**elements):
    found = Dataset()
    for keyword, value in elements.items():
        setattr(found, keyword, value)
    return found


def structure_set(outlines, kind="CLOSED_PLANAR"):
    """Structures by name, each a list of outlines in LPS."""
    found = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID = CLASS
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID = "1.2.3.4"
    found.Modality, found.PatientID = "RTSTRUCT", "P1"
    found.StudyInstanceUID, found.SeriesInstanceUID = "1.2.3", "1.2.3.9"
    drawn_on = item(RTReferencedSeriesSequence=[item(SeriesInstanceUID=SERIES)])
    found.ReferencedFrameOfReferenceSequence = [item(RTReferencedStudySequence=[drawn_on])]
    found.StructureSetROISequence = [item(ROINumber=n, ROIName=name) for n, name in enumerate(outlines, 1)]
    found.ROIContourSequence = [
        item(
            ReferencedROINumber=n,
            ContourSequence=[
                item(ContourGeometricType=kind, ContourData=[f"{v:.3f}" for v in np.ravel(outline)]) for outline in own
            ],
        )
        for n, own in enumerate(outlines.values(), 1)
    ]
    return found


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_its_header_names_the_series_on_which_it_was_drawn(tmp_path, syntax):
    path = tmp_path / "RS.dcm"
    found = structure_set({"Liver": [[(0, 0, 0), (9, 0, 0), (9, 9, 0)]]})
    found.file_meta.TransferSyntaxUID = syntax
    found.save_as(path, enforce_file_format=True)
    seen = path.stat()
    row = read_header(ListedFile(str(path), seen.st_size, seen.st_mtime_ns))
    assert row.kind is FileKind.DICOM
    assert row.referenced_series_uids == (SERIES,)
    assert role_of(row) is Role.CONTOURS
    assert unwanted(row) is None


@pytest.fixture
def grid():
    return stack_of_places(places_of(a_stack("CT", some_pixels((4, 12, 10)))), "s-X").grid()


def square(grid, k, low, high):
    """Corners between voxels, on slice k, in LPS."""
    corners = np.array([[low, low, k, 1], [high, low, k, 1], [high, high, k, 1], [low, high, k, 1]], float)
    return (corners @ grid.affine.T)[:, :3] * [-1, -1, 1]


def test_outlines_become_the_voxels_within(grid):
    drawn = {"Liver": [square(grid, 1, 0.5, 4.5), square(grid, 2, 0.5, 3.5)], "tumour": [square(grid, 1, 1.5, 2.5)]}
    found = convert_contours(structure_set(drawn), grid, organ_table(), "s-X")
    assert [int((plane == 1).sum()) for plane in found.array_kji] == [0, 16, 9, 0]
    assert [(finding.code, finding.measured) for finding in found.findings] == [("CON-403", 1)]


def test_the_site_s_own_names_are_those_that_it_says(grid):
    drawn = {"Leber": [square(grid, 1, 0.5, 4.5)]}
    found = convert_contours(structure_set(drawn), grid, organ_table(), "s-X", {"leber": "liver"})
    assert [organ.name for organ in found.labels] == ["liver"]


def test_points_and_open_lines_are_no_organ(grid):
    found = convert_contours(
        structure_set({"Liver": [square(grid, 1, 0.5, 4.5)]}, "OPEN_PLANAR"), grid, organ_table(), "s-X"
    )
    assert found.labels == ()


@pytest.mark.parametrize("damage", ["ROINumber", "ReferencedROINumber", "ContourData"])
def test_a_damaged_set_is_refused_by_the_element(grid, damage):
    found = structure_set({"Liver": [square(grid, 1, 0.5, 4.5)]})
    if damage == "ROINumber":
        del found.StructureSetROISequence[0].ROINumber
    elif damage == "ReferencedROINumber":
        del found.ROIContourSequence[0].ReferencedROINumber
    else:
        found.ROIContourSequence[0].ContourSequence[0].ContourData = ["1", "2"]
    with pytest.raises(Refused) as caught:
        convert_contours(found, grid, organ_table(), "s-X")
    assert caught.value.finding.code == "CON-401"
    assert damage in caught.value.finding.detail
