"""Pictures of two sessions on each other tell an image that fits from one that does not; a receipt stands there whole."""

import io

import numpy as np
import pytest
from PIL import Image

from umd_curate.model.geometry import Volume
from umd_curate.model.registration import (
    AgreementEntry,
    CaptureReceipt,
    DeformationReceipt,
    MotionEntry,
    MotionReceipt,
    OrganFit,
    RegistrationReceipt,
)
from umd_curate.qa.pair_figures import PairSitter, draw_pair
from umd_curate.qa.pair_rows import fit_rows, receipt_rows
from umd_curate.store.resources import organ_table

AFFINE = np.diag([6.0, 6.0, 6.0, 1.0])


def body(shift_voxels=0):
    """A box in air, brighter inside, as an MR."""
    image = np.zeros((40, 30, 34), np.float32)
    image[5:35, 6:24, 6 + shift_voxels : 26 + shift_voxels] = 300
    image[12:20, 10:18, 12 + shift_voxels : 18 + shift_voxels] = 700
    return Volume(image, AFFINE)


def drawn(moving, organs=None):
    points = np.array([[0.0, 0.0, 0.0], [198.0, 174.0, 234.0]])
    sitter = PairSitter("petmri1/mr", "petmri2/mr", body(), moving, organs, points)
    return {figure.name: figure for figure in draw_pair(sitter, organ_table())}


def pixels(figure):
    return np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB"), np.int64)


def coloured(figure):
    """Pixels that are not grey."""
    shown = pixels(figure)
    return np.count_nonzero(shown.max(axis=2) != shown.min(axis=2))


def test_two_images_that_are_alike_are_grey_and_one_that_is_off_has_coloured_rims():
    assert coloured(drawn(body())["fusion"]) == 0
    off = [coloured(drawn(body(n))["fusion"]) for n in (1, 3)]
    assert 0 < off[0] < off[1]


def test_squares_in_turn_of_one_image_are_the_image_itself_and_of_one_that_is_off_are_not():
    same, off = drawn(body()), drawn(body(3))
    assert np.array_equal(pixels(same["checkerboard"]), pixels(same["fusion"]))
    steps = pixels(off["checkerboard"]) != pixels(same["checkerboard"])
    assert 0 < np.count_nonzero(steps) < steps.size / 2


def test_contours_are_drawn_where_the_fixed_image_has_labels_and_not_without():
    labels = np.zeros(body().array_kji.shape, np.uint8)
    labels[12:20, 10:18, 12:18] = organ_table().named("liver").id
    assert "contours" not in drawn(body())
    found = drawn(body(), Volume(labels, AFFINE))["contours"]
    colour = np.array(organ_table().named("liver").colour)
    assert np.count_nonzero((pixels(found) == colour).all(axis=2)) > 50
    assert "petmri1/mr on petmri2/mr" in found.caption


def test_the_same_pair_gives_the_same_bytes():
    assert [f.png for f in drawn(body(1)).values()] == [f.png for f in drawn(body(1)).values()]


def whole_receipt():
    return RegistrationReceipt(
        fixed="petct1/ct", moving="petmri1/mr", frame_of_reference="unequal", method="deformable",
        engine="an-engine", engine_version="7.7", threads=3, transform="t.tfm", displacement="d.nii.gz", inverse="i.nii.gz",
        angle_deg=11.25, shift_mm=22.5, overlap_part=0.625, agreement=AgreementEntry(before=1.0125, after=1.1125),
        motion=MotionReceipt(verdict="moved", limit_mm=5.25, limit_deg=2.25,
                             regions=(MotionEntry(region="head", shift_mm=8.125, angle_deg=3.125, along_mm=(1.5, 2.5, 3.5)),)),
        organs=(OrganFit(organ="liver", part="driving", surface_before_mm=6.5, surface_after_mm=2.5, held_out_mm=3.5),
                OrganFit(organ="kidney_left", part="missing")),
        deformation=DeformationReceipt(kept=True, jacobian_min=0.4125, jacobian_max=1.9125, inconsistency_mean_mm=0.0625,
                                       displacement_mean_mm=7.75, displacement_max_mm=19.75, held_out_change=-0.3125),
        capture=CaptureReceipt(starts=2, perturbed_mm=31.25, recovered_mm=0.375, limit_mm=2.125),
        override_reason="by hand", verdict="for a human", reasons=("one", "two"), inputs={"fixed/ct": "ab" * 32},
    )  # fmt: skip


def leaves(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from leaves(inner)
    elif value not in ("", None):
        yield value


def test_every_field_of_a_receipt_stands_on_the_page():
    receipt = whole_receipt()
    shown = " | ".join(f"{row.name} {row.value}" for row in receipt_rows(receipt))
    shown += " | ".join(f"{row.organ} {row.part} {row.before} {row.after} {row.held_out}" for row in fit_rows(receipt))
    shown = shown.replace("\N{MINUS SIGN}", "-")
    document = receipt.model_dump(mode="json", exclude={"schema_version"})
    for value in leaves(document):
        if isinstance(value, bool):
            continue
        text = str(value).replace("_", " ") if isinstance(value, str) else f"{value:g}"
        assert text in shown.replace("_", " "), text


@pytest.mark.parametrize("field", ["agreement", "deformation", "capture"])
def test_what_a_receipt_does_not_have_leaves_no_row(field):
    receipt = whole_receipt().model_copy(update={field: None})
    assert not [row for row in receipt_rows(receipt) if row.name.lower().startswith(field)]
