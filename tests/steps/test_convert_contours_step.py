import json
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from highdicom.sr.coding import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as names
from pydicom.uid import generate_uid

from tests.convert_builders import a_stack, an_order, places_of, some_pixels
from umd_curate.convert.contours_io import convert_contours, stage_contours
from umd_curate.convert.geometry import stack_of_places
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Grid
from umd_curate.model.sidecars import LabelSidecar
from umd_curate.model.study import Role
from umd_curate.store.nifti import read_volume
from umd_curate.store.resources import organ_table

LEFT, RIGHT = ("7771000", "SCT", "Left"), ("24028007", "SCT", "Right")
KIDNEY, LIVER, LUNG = ("64033007", "SCT", "Kidney"), ("10200004", "SCT", "Liver"), ("39607008", "SCT", "Lung")
SHAPE = (4, 6, 5)


def an_image() -> tuple[list[Dataset], Grid]:
    datasets = a_stack("CT", some_pixels(SHAPE))
    study, series, frame = (generate_uid() for _ in range(3))
    for number, dataset in enumerate(datasets):
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        dataset.SOPInstanceUID = generate_uid()
        dataset.InstanceNumber = number + 1
        dataset.PatientID = dataset.PatientName = dataset.PatientBirthDate = dataset.PatientSex = ""
        dataset.AccessionNumber = dataset.StudyID = dataset.ReferringPhysicianName = ""
        dataset.StudyDate = dataset.StudyTime = dataset.PositionReferenceIndicator = ""
    return datasets, stack_of_places(places_of(datasets), "s-X").grid()


def a_segmentation(
    datasets: list[Dataset],
    masks: np.ndarray,
    structures: list[tuple[tuple[str, str, str], tuple[str, str, str] | None]],
    kind: str = "BINARY",
) -> hd.seg.Segmentation:
    """Segmentation of masks [k, j, i, segment], or a label map [k, j, i]; structures are code and side."""
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label="expert contour",
            segmented_property_category=names.SCT.Organ,
            segmented_property_type=CodedConcept(*code),
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, (code, _) in enumerate(structures, 1)
    ]
    for description, (_, side) in zip(descriptions, structures, strict=True):
        if side:
            description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
                CodedConcept(*side)
            ]
    return hd.seg.Segmentation(
        source_images=datasets,
        pixel_array=masks,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="made",
        manufacturer_model_name="made",
        software_versions="1",
        device_serial_number="1",
    )


def some_masks(n: int) -> np.ndarray:
    return np.random.default_rng(3).random((*SHAPE, n)) < 0.3


def apart(masks: np.ndarray) -> np.ndarray:
    """The same masks without shared voxels: the first segment keeps them."""
    return masks & (np.cumsum(masks, axis=-1) == 1)


def expected(masks: np.ndarray, organs: list[str]) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    for segment, name in enumerate(organs):
        organ = organ_table().named(name)
        assert organ is not None
        labels[masks[..., segment]] = organ.id
    return labels


def test_paired_organs_are_told_apart_by_their_side() -> None:
    datasets, grid = an_image()
    masks = apart(some_masks(4))
    structures = [(KIDNEY, RIGHT), (KIDNEY, LEFT), (LIVER, None), (LUNG, RIGHT)]
    found = convert_contours(a_segmentation(datasets, masks, structures), grid, organ_table(), "s-X")
    assert np.array_equal(found.array_kji, expected(masks, ["kidney_right", "kidney_left", "liver", "lung"]))
    assert [organ.name for organ in found.labels] == ["liver", "kidney_left", "kidney_right", "lung"]
    assert found.findings == ()


def test_left_and_right_lung_become_one_organ() -> None:
    datasets, grid = an_image()
    masks = some_masks(2)
    found = convert_contours(a_segmentation(datasets, masks, [(LUNG, LEFT), (LUNG, RIGHT)]), grid, organ_table(), "s-X")
    lung = organ_table().named("lung")
    assert lung is not None
    assert np.array_equal(found.array_kji == lung.id, masks.any(axis=-1))
    assert found.findings == ()


def test_the_order_of_slices_in_the_segmentation_does_not_matter() -> None:
    datasets, grid = an_image()
    masks = apart(some_masks(1))
    turned = a_segmentation(datasets[::-1], masks[::-1], [(LIVER, None)])
    found = convert_contours(turned, grid, organ_table(), "s-X")
    assert np.array_equal(found.array_kji, expected(masks, ["liver"]))


def test_fractions_of_one_half_and_more_are_inside() -> None:
    datasets, grid = an_image()
    fractions = np.random.default_rng(5).random((*SHAPE, 1)).astype(np.float32)
    stored = np.around(fractions * 255)
    found = convert_contours(
        a_segmentation(datasets, fractions, [(LIVER, None)], "FRACTIONAL"), grid, organ_table(), "s-X"
    )
    assert np.array_equal(found.array_kji > 0, stored[..., 0] >= 127.5)
    assert [finding.code for finding in found.findings] == ["CON-406"]


def test_a_label_map_object_is_read_by_its_numbers() -> None:
    datasets, grid = an_image()
    masks = apart(some_masks(2))
    numbers = (masks * np.array([1, 2])).sum(axis=-1).astype(np.uint8)
    seg = a_segmentation(datasets, numbers, [(LIVER, None), (KIDNEY, LEFT)], "LABELMAP")
    found = convert_contours(seg, grid, organ_table(), "s-X")
    assert np.array_equal(found.array_kji, expected(masks, ["liver", "kidney_left"]))


def test_shared_voxels_go_to_the_smaller_organ_and_are_counted() -> None:
    datasets, grid = an_image()
    masks = np.zeros((*SHAPE, 2), bool)
    masks[1:3, :, :, 0] = True
    masks[2, 2:4, 2:4, 1] = True
    found = convert_contours(
        a_segmentation(datasets, masks, [(LIVER, None), (KIDNEY, LEFT)]), grid, organ_table(), "s-X"
    )
    assert np.array_equal(found.array_kji, expected(masks, ["liver", "kidney_left"]))
    assert [(finding.code, finding.measured) for finding in found.findings] == [("CON-404", 4)]


def test_a_staged_map_lies_on_the_image_and_says_what_it_holds(tmp_path: Path) -> None:
    datasets, grid = an_image()
    masks = apart(some_masks(1))
    contours = convert_contours(a_segmentation(datasets, masks, [(LIVER, None)]), grid, organ_table(), "s-X")
    staged = stage_contours(contours, grid, an_order(Role.CONTOURS), tmp_path, "private/staged", "ct")
    volume = read_volume(tmp_path / "sub-7K3QF2_ses-petct1_contours.nii.gz")
    assert volume.grid.is_same_as(grid)
    assert np.array_equal(volume.array_kji, contours.array_kji)
    sidecar = LabelSidecar.model_validate(json.loads((tmp_path / "sub-7K3QF2_ses-petct1_contours.json").read_text()))
    assert (sidecar.labels, sidecar.method, sidecar.reference) == ({"liver": 1}, "site-contours", "ct")
    assert [artifact.what for artifact in staged.artifacts] == ["staged-contours", "staged-contours.json"]


@pytest.mark.parametrize("keyword", ["SegmentationType", "SegmentSequence", "NumberOfFrames"])
def test_a_segmentation_without_what_names_its_frames_is_refused(keyword: str) -> None:
    datasets, grid = an_image()
    seg = a_segmentation(datasets, some_masks(1), [(LIVER, None)])
    del seg[keyword]
    with pytest.raises(Refused, match="CON-401"):
        convert_contours(seg, grid, organ_table(), "s-X")


def test_a_segmentation_cut_short_is_refused() -> None:
    datasets, grid = an_image()
    seg = a_segmentation(datasets, some_masks(1), [(LIVER, None)])
    seg.PixelData = seg.PixelData[:-4]
    with pytest.raises(Refused, match="CON-202"):
        convert_contours(seg, grid, organ_table(), "s-X")
