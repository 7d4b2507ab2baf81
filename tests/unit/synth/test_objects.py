"""Enhanced, legacy-converted and tiled objects, read by other people's readers."""

from io import BytesIO

import highdicom as hd
import numpy as np
import pydicom
import pytest
from highdicom._standard_utils import get_iod_module_map, get_module_attribute_map, get_sop_class_iod_map

from umd_curate.synth import header_images as headers
from umd_curate.synth.defects import DEFECT_TABLE
from umd_curate.synth.io_dicom import encode_series
from umd_curate.synth.options import Size, SynthOptions
from umd_curate.synth.planting import Planting, edited
from umd_curate.synth.render import pet_volume
from umd_curate.synth.schedule import studies_of
from umd_curate.synth.series import Series, bare, held, plane_bytes, stack

PETCT, PETMRI = studies_of(SynthOptions(subjects=1, size=Size.TINY))
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def volume_of(placed):
    return np.random.default_rng(5).integers(0, 4000, placed.grid.shape_kji, np.uint16)


def ct():
    placed = PETCT.grid_of("ct")
    header = headers.ct(PETCT, placed, series="ct", number=2, description="CT", delay_s=0, contrast=False)
    stored = volume_of(placed)
    slices = stack(PETCT, "ct", placed, bare(held(plane_bytes(plane)) for plane in stored), descending=True)
    return PETCT, Series("ct", header, slices), stored.astype(float) - 1024, placed


def mr():
    placed = PETMRI.grid_of("mr")
    header = headers.mr(
        PETMRI, placed, series="mr-in", number=10, description="t1_vibe_dixon_tra_composed_in",
        image_type=["DERIVED", "PRIMARY", "DIXON", "IN", "COMPOSED"], delay_s=60,
    )  # fmt: skip
    stored = volume_of(placed)
    slices = stack(PETMRI, "mr-in", placed, bare(held(plane_bytes(plane)) for plane in stored), descending=False)
    return PETMRI, Series("mr-in", header, slices), stored.astype(float), placed


def pet():
    placed = PETCT.grid_of("pet")
    suv = np.random.default_rng(6).gamma(1.0, 3.0, placed.grid.shape_kji).astype(np.float32)
    volume = pet_volume(PETCT, placed, suv, held)
    header = headers.pet(PETCT, placed, series="pet", number=20, description="PET", corrected=True, method="OSEM")
    planes = ((headers.pet_slice(PETCT, placed, k, slope), load) for k, (slope, load) in enumerate(volume.planes))
    series = Series("pet", header, stack(PETCT, "pet", placed, planes, descending=True))
    return PETCT, series, volume.suv_kji.astype(float) * PETCT.injection.bqml_per_suv, placed


def object_of(name, make):
    """The one object that a defect makes of a series, with the values and the place that it should show."""
    study, series, values, placed = make()
    (one,) = edited(series, study, (Planting(name, study.label, series.name, DEFECT_TABLE[name]),))
    ((_, data),) = encode_series(one, "AE", "PRIV")
    return pydicom.dcmread(BytesIO(data)), values, placed


OBJECTS = [
    ("enhanced-ct", ct, "1.2.840.10008.5.1.4.1.1.2.1"),
    ("shuffled-frames", ct, "1.2.840.10008.5.1.4.1.1.2.1"),
    ("legacy-converted-ct", ct, "1.2.840.10008.5.1.4.1.1.2.2"),
    ("enhanced-mr", mr, "1.2.840.10008.5.1.4.1.1.4.1"),
    ("legacy-converted-mr", mr, "1.2.840.10008.5.1.4.1.1.4.4"),
    ("enhanced-pet", pet, "1.2.840.10008.5.1.4.1.1.130"),
    ("legacy-converted-pet", pet, "1.2.840.10008.5.1.4.1.1.128.1"),
]


@pytest.mark.parametrize(("name", "make", "sop_class"), OBJECTS)
def test_another_reader_finds_every_frame_at_its_place_with_its_value(name, make, sop_class):
    dataset, values, placed = object_of(name, make)
    assert dataset.SOPClassUID == sop_class
    volume = hd.Image.from_dataset(dataset).get_volume(apply_real_world_transform=False, apply_modality_transform=True)
    affine = RAS @ volume.affine @ np.eye(4)[[2, 1, 0, 3]].T  # highdicom counts k, j, i; ours i, j, k
    found = volume.array
    if affine[2, 2] * placed.grid.affine[2, 2] < 0:
        found = found[::-1]
        affine[:3, 3] += affine[:3, 2] * (len(found) - 1)
        affine[:3, 2] *= -1
    np.testing.assert_allclose(affine, placed.grid.affine, atol=1e-4)
    np.testing.assert_allclose(found, values, rtol=1e-6)


def lacking(dataset, module):
    """Required elements of a module that are not there; of functional groups, those within the groups that are."""
    needs = {}
    for attribute in get_module_attribute_map()[module]:
        needs.setdefault(tuple(attribute["path"]), {})[attribute["keyword"]] = attribute["type"]
    are_groups = module.endswith("-multi-frame-functional-groups")
    found = []

    def walk(level, path):
        for keyword, kind in needs.get(path, {}).items():
            if keyword not in level:
                if str(getattr(kind, "value", kind)) in {"1", "2"} and not (are_groups and len(path) < 2):
                    found.append((*path, keyword))
            elif (*path, keyword) in needs:
                for item in level[keyword].value or ():
                    walk(item, (*path, keyword))

    walk(dataset, ())
    return found


@pytest.mark.parametrize(("name", "make", "sop_class"), OBJECTS)
def test_every_module_of_an_object_has_all_that_it_requires(name, make, sop_class):
    dataset, _, _ = object_of(name, make)
    modules = get_iod_module_map()[get_sop_class_iod_map()[sop_class]]
    assert [
        lacking(dataset, module["key"])
        for module in modules
        if module["usage"] == "M" and lacking(dataset, module["key"])
    ] == []


def test_shuffled_frames_are_stored_in_no_order():
    dataset, _, _ = object_of("shuffled-frames", ct)
    heights = [
        float(f.PlanePositionSequence[0].ImagePositionPatient[2]) for f in dataset.PerFrameFunctionalGroupsSequence
    ]
    assert heights != sorted(heights)
    assert heights != sorted(heights, reverse=True)


def test_frames_of_an_enhanced_pet_tell_slope_unit_and_time():
    dataset, _, _ = object_of("enhanced-pet", pet)
    frames = dataset.PerFrameFunctionalGroupsSequence
    assert len({f.PixelValueTransformationSequence[0].RescaleSlope for f in frames}) == len(frames)
    units = {f.RealWorldValueMappingSequence[0].MeasurementUnitsCodeSequence[0].CodeValue for f in frames}
    assert units == {"Bq/ml"}
    assert len({f.FrameContentSequence[0].FrameAcquisitionDateTime for f in frames}) > 2
    assert dataset.DecayCorrectionDateTime == PETCT.moment(PETCT.scan_s)


def test_a_mosaic_holds_every_slice_as_a_tile_at_its_place():
    dataset, values, placed = object_of("mosaic", mr)
    count = int(dataset[0x0065, 0x1050].value)
    items = dataset[0x0065, 0x1051].value
    assert count == len(items) == len(placed.positions_lps)
    assert "ImagePositionPatient" not in dataset
    rows, columns = values.shape[1:]
    across = dataset.Columns // columns
    for k, item in enumerate(items):
        np.testing.assert_allclose(item.ImagePositionPatient, placed.positions_lps[k], atol=1e-6)
        top, left = k // across * rows, k % across * columns
        assert np.array_equal(dataset.pixel_array[top : top + rows, left : left + columns], values[k])
