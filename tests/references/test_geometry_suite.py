"""The geometry suite: an analytic phantom, written as DICOM with one defect at a time, through the real chain.

The phantom is a function of the place in the patient, so every voxel of a result can be checked where its affine puts it.
Expected values come from that function alone; the verdicts from the table of right answers in the project's facts.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.geometry_phantom import (
    COLUMNS,
    CORONAL,
    OBLIQUE,
    ROWS,
    SAGITTAL,
    SERIES,
    SLICES,
    TILT_DEG,
    TILTED,
    Stack,
    enhanced,
    phantom,
    save,
)
from umd_curate.model.config import ConvertConfig, UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.receipts import Receipt
from umd_curate.model.study import Disposition, IngestPlan
from umd_curate.pipeline import raw
from umd_curate.pipeline.pixel_path import stage_volume
from umd_curate.pipeline.roots import workspace_key
from umd_curate.pipeline.understood import understand
from umd_curate.store.workspace import create_workspace


@dataclass(frozen=True)
class Result:
    """What the real chain made of a raw folder: the plan, and the receipt or the refusal of its CT."""

    plan: IngestPlan
    folder: Path
    receipt: Receipt | None = None
    refusal: str = ""

    @property
    def verdict(self) -> set[str]:
        """Codes of the refused files, of the refused volume, and of what was flagged."""
        refused = {d.code for d in self.plan.decisions if d.disposition is Disposition.QUARANTINED}
        flagged = {finding.code for finding in self.receipt.findings} if self.receipt else set()
        noticed = {finding.code for session in self.plan.sessions for finding in session.findings} - {"ING-301"}
        return (refused | flagged | noticed | {self.refusal}) - {""}

    def image(self, name: str = "_ct.nii.gz") -> nib.Nifti1Image:
        assert self.receipt is not None, (self.verdict, self.plan.decisions[:2])
        (path,) = [
            self.folder / "private/staged" / Path(entry.path).name
            for entry in self.receipt.outputs
            if entry.path.endswith(name)
        ]
        return nib.load(path)

    @property
    def geometry(self) -> dict[str, object]:
        """Geometry receipt of the sidecar."""
        (path,) = (self.folder / "private/staged").glob("*_ct.json")
        return json.loads(path.read_text(encoding="utf-8"))["Geometry"]


def through_the_chain(datasets: Sequence[FileDataset], tmp_path: Path, syntax: str, **convert: object) -> Result:
    """Scan, plan, de-identify and convert; the file names say nothing about the order."""
    shuffled = np.random.default_rng(5).permutation(len(datasets))
    for name, number in enumerate(shuffled):
        save(datasets[number], tmp_path / "raw" / f"{name:04d}", syntax)
    workspace = create_workspace(tmp_path / "workspace")
    config = UmdConfig(convert=ConvertConfig(**convert))
    key = workspace_key(workspace, config)
    understood = understand([tmp_path / "raw"], workspace, config, key, lambda *_: None)
    units = raw.order_volumes(understood, workspace, key).units
    if not units:
        return Result(understood.plan, tmp_path / "workspace")
    (unit,) = units
    try:
        receipt = stage_volume(unit, workspace, config)
    except Refused as refusal:
        assert not list((workspace.private / "staged").iterdir())
        return Result(understood.plan, tmp_path / "workspace", refusal=refusal.finding.code)
    return Result(understood.plan, tmp_path / "workspace", receipt)


def run(stack: Stack, tmp_path: Path, **convert: object) -> Result:
    return through_the_chain(list(stack.files()), tmp_path, stack.syntax, **convert)


def at_their_places(image: nib.Nifti1Image) -> tuple[np.ndarray, np.ndarray]:
    """Values of all voxels, and the phantom's at the place where the affine puts each."""
    values = np.asarray(image.dataobj, np.float64)
    ijk = np.moveaxis(np.indices(values.shape), 0, -1)
    ras = ijk @ image.affine[:3, :3].T + image.affine[:3, 3]
    return values, phantom(ras * [-1, -1, 1])


def share_right(image: nib.Nifti1Image, tolerance: float = 1.0) -> float:
    """Part of the voxels that hold the phantom's value of their place, to rounding."""
    values, truth = at_their_places(image)
    return float((np.abs(values - truth) <= tolerance).mean())


def true_affine(stack: Stack) -> np.ndarray:
    """Affine (i, j, k) to RAS+ mm from the set-up of the phantom."""
    positions = stack.positions()
    affine = np.eye(4)
    affine[:3, 0] = np.array(stack.axes[0]) * stack.spacing[1]
    affine[:3, 1] = np.array(stack.axes[1]) * stack.spacing[0]
    order = np.argsort(positions @ np.cross(*stack.axes))
    affine[:3, 2] = (positions[order[-1]] - positions[order[0]]) / (len(positions) - 1)
    affine[:3, 3] = positions[order[0]]
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


EVEN = np.arange(SLICES) * 3.0
SOUND = {
    "plain": Stack(),
    "reversed": Stack(heights=EVEN[::-1]),
    "oblique": Stack(axes=OBLIQUE),
    "coronal": Stack(axes=CORONAL),
    "sagittal": Stack(axes=SAGITTAL),
    "feet-first": Stack(axes=((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0))),
    "anisotropic": Stack(spacing=(0.7, 1.9), heights=tuple(np.arange(SLICES) * 6.0)),
    "RLE": Stack(syntax=RLELossless),
    "J2K": Stack(syntax=JPEG2000Lossless),
    "JPEG-LS": Stack(syntax=JPEGLSLossless),
    "implicit": Stack(syntax=ImplicitVRLittleEndian),
    "big endian": Stack(syntax=ExplicitVRBigEndian),
    "deflated": Stack(syntax=DeflatedExplicitVRLittleEndian),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stack", SOUND.values(), ids=SOUND.keys())
def test_in_a_sound_series_every_voxel_is_at_its_true_place(stack: Stack, tmp_path: Path) -> None:
    result = run(stack, tmp_path)
    assert result.verdict == set()
    image = result.image()
    assert np.abs(image.affine - true_affine(stack)).max() <= 1e-4
    assert share_right(image, 0.75) == 1.0
    assert image.header["qform_code"] == image.header["sform_code"] == 1
    assert result.geometry["MaxCornerErrorMm"] <= 1e-4


def test_jitter_of_rounded_positions_takes_the_mean_spacing(tmp_path: Path) -> None:
    heights = np.arange(SLICES) * 24.0 + np.random.default_rng(1).uniform(-0.004, 0.004, SLICES)
    stack = Stack(heights=heights)
    result = run(stack, tmp_path)
    assert result.verdict == set()
    assert result.image().header.get_zooms()[2] == pytest.approx((heights[-1] - heights[0]) / (SLICES - 1), abs=1e-5)
    assert share_right(result.image()) == 1.0


def test_a_tilted_gantry_is_set_upright_and_its_sheared_truth_kept(tmp_path: Path) -> None:
    stack = Stack(axes=TILTED, step=(0.0, 0.0, 1.0))
    result = run(stack, tmp_path)
    assert result.verdict == {"CON-108"}
    assert result.receipt.findings[0].measured == pytest.approx(TILT_DEG, abs=1e-4)

    sheared = result.image("_desc-sheared_ct.nii.gz")
    assert (sheared.header["qform_code"], sheared.header["sform_code"]) == (0, 1)
    assert np.abs(sheared.affine - true_affine(stack)).max() <= 1e-4
    assert share_right(sheared, 0.75) == 1.0

    upright = result.image("ct1_ct.nii.gz")
    axes = upright.affine[:3, :3] / np.linalg.norm(upright.affine[:3, :3], axis=0)
    assert np.abs(axes.T @ axes - np.eye(3)).max() < 1e-6
    assert upright.header["qform_code"] == upright.header["sform_code"] == 1
    assert upright.header.get_zooms()[2] == pytest.approx(3.0 * np.cos(np.radians(TILT_DEG)), abs=1e-5)
    values, truth = at_their_places(upright)
    seen = values != -1024
    assert seen.sum() >= 0.97 * ROWS * COLUMNS * SLICES  # nothing of the anatomy is cut away
    inner = seen & np.roll(seen, 1, 1) & np.roll(seen, -1, 1)
    assert np.abs(values - truth)[inner].max() < 4  # linear between pixels 2 mm apart: h^2/8 of the phantom's curvature
    assert result.geometry["TiltDeg"] == pytest.approx(TILT_DEG, abs=1e-4)


def test_a_missing_slice_is_refused_by_default(tmp_path: Path) -> None:
    result = run(Stack(heights=np.delete(EVEN, 9)), tmp_path)
    assert result.verdict == {"ING-211"}
    assert result.receipt is None


@pytest.mark.parametrize("gone", [[11], [7, 8]])
def test_missing_slices_are_filled_on_request_and_named(gone: list[int], tmp_path: Path) -> None:
    whole = np.arange(20 * len(gone)) * 3.0  # one in twenty may be interpolated
    result = run(Stack(heights=np.delete(whole, gone)), tmp_path, fill=True)
    assert result.verdict == {"CON-109"}
    values, truth = at_their_places(result.image())
    error = np.abs(values - truth).max(axis=(0, 1))
    measured = np.delete(np.arange(len(whole)), gone)
    assert values.shape[2] == len(whole)
    assert error[measured].max() <= 1.0
    assert 1.0 < error[gone].max() < 20.0  # interpolated: near the truth, and known not to be measured
    assert result.geometry["InterpolatedSlices"] == gone


def test_more_missing_slices_than_may_be_filled_are_refused_all_the_same(tmp_path: Path) -> None:
    result = run(Stack(heights=np.delete(EVEN, [6, 7, 8])), tmp_path, fill=True)
    assert result.verdict == {"ING-211"}


def again(stack: Stack, change: int) -> list[FileDataset]:
    """The files, and one of them once more under a SOP instance UID of its own."""
    files = list(stack.files())
    copy = next(iter(Stack(heights=[stack.heights[9]]).files()))
    copy.SOPInstanceUID, copy.InstanceNumber = f"{SERIES}.999", 10
    pixels = np.frombuffer(copy.PixelData, "<u2").copy()
    pixels[500] += change
    copy.PixelData = pixels.tobytes()
    return [*files, copy]


def test_a_slice_twice_with_equal_pixels_is_dropped_and_flagged(tmp_path: Path) -> None:
    result = through_the_chain(again(Stack(), 0), tmp_path, ExplicitVRLittleEndian)
    assert result.verdict == {"CON-110"}
    assert result.image().shape == (COLUMNS, ROWS, SLICES)
    assert share_right(result.image(), 0.75) == 1.0
    assert result.geometry["CopiesDropped"] == 1


def test_a_slice_twice_with_one_other_pixel_is_refused(tmp_path: Path) -> None:
    result = through_the_chain(again(Stack(), 1), tmp_path, ExplicitVRLittleEndian)
    assert result.verdict == {"CON-111"}


TWO_SPACINGS = [*np.arange(12) * 6.0, *(66.0 + np.arange(1, 13) * 3.0)]


def test_two_spacings_are_refused_by_default(tmp_path: Path) -> None:
    assert run(Stack(heights=TWO_SPACINGS), tmp_path).verdict == {"ING-212"}


def test_two_spacings_go_to_the_finer_one_on_request(tmp_path: Path) -> None:
    result = run(Stack(heights=TWO_SPACINGS), tmp_path, resample_uneven=True)
    assert result.verdict == {"CON-112"}
    values, truth = at_their_places(result.image())
    assert result.image().header.get_zooms()[2] == pytest.approx(3.0)
    error = np.abs(values - truth).max(axis=(0, 1))
    assert error[[*range(0, 23, 2), *range(23, 35)]].max() <= 1.0  # the slices that were measured
    assert error.max() < 12.0  # those between, linear over 6 mm


@pytest.mark.parametrize(
    "heights",
    [
        EVEN + np.where(np.arange(SLICES) == 12, 0.4, 0.0),
        np.cumsum(np.random.default_rng(3).uniform(2.0, 4.0, SLICES)),
    ],
    ids=["jitter beyond tolerance", "no two steps alike"],
)
def test_slices_that_are_on_no_grid_are_refused_whatever_the_settings(heights: np.ndarray, tmp_path: Path) -> None:
    assert run(Stack(heights=heights), tmp_path, fill=True, resample_uneven=True).verdict == {"ING-212"}


def test_shuffled_frames_of_an_enhanced_ct_are_ordered_by_their_places(tmp_path: Path) -> None:
    stack = Stack()
    order = np.random.default_rng(9).permutation(SLICES)
    result = through_the_chain([enhanced(stack, order)], tmp_path, ExplicitVRLittleEndian)
    assert result.verdict == set()
    assert np.abs(result.image().affine - true_affine(stack)).max() <= 1e-4
    assert share_right(result.image(), 0.75) == 1.0


def test_an_enhanced_ct_without_one_of_its_frames_is_refused_or_filled(tmp_path: Path) -> None:
    frames = [enhanced(Stack(), np.delete(np.arange(SLICES), 5)) for _ in range(2)]
    assert through_the_chain(frames[:1], tmp_path / "a", ExplicitVRLittleEndian).verdict == {"CON-113"}
    filled = through_the_chain(frames[1:], tmp_path / "b", ExplicitVRLittleEndian, fill=True)
    assert filled.verdict == {"CON-109"}
    assert filled.image().shape[2] == SLICES


def test_a_localizer_inside_the_series_is_split_off(tmp_path: Path) -> None:
    scout = next(iter(Stack(axes=CORONAL, heights=[0.0]).files()))
    scout.SOPInstanceUID, scout.ImageType = f"{SERIES}.888", ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    result = through_the_chain([*Stack().files(), scout], tmp_path, ExplicitVRLittleEndian)
    assert result.verdict == set()
    assert share_right(result.image(), 0.75) == 1.0
    decided = [decision.disposition for decision in result.plan.decisions]
    assert decided.count(Disposition.EXCLUDED) == 1


def test_two_orientations_in_one_series_are_two_volumes(tmp_path: Path) -> None:
    others = list(Stack(axes=SAGITTAL, heights=np.arange(8) * 5.0).files())
    for number, dataset in enumerate(others):
        dataset.SOPInstanceUID = f"{SERIES}.7{number:02d}"
    result = through_the_chain([*Stack().files(), *others], tmp_path, ExplicitVRLittleEndian)
    assert result.verdict == set()
    assert share_right(result.image(), 0.75) == 1.0
    (other,) = result.plan.passed_over  # which of the two is wanted is for the selection
    assert result.image().shape[2] + other.files == SLICES + len(others)
    assert other.code == "ING-123"


@pytest.mark.parametrize("which", [slice(0, 8), slice(0, None, 3)], ids=["the lower part", "every third"])
def test_a_stack_of_mixed_orientation_is_refused(which: slice, tmp_path: Path) -> None:
    files = list(Stack().files())
    for dataset in files[which]:
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0.9961946981, 0.0871557427]
    result = through_the_chain(files, tmp_path, ExplicitVRLittleEndian)
    assert result.verdict == {"ING-223"}
    assert result.receipt is None


def test_a_missing_last_slice_is_accepted_and_the_number_of_images_tells(tmp_path: Path) -> None:
    files = list(Stack(heights=EVEN[:-1]).files())
    for dataset in files:
        dataset.ImagesInAcquisition = SLICES
    result = through_the_chain(files, tmp_path, ExplicitVRLittleEndian)
    assert result.verdict == {"ING-302"}
    assert share_right(result.image(), 0.75) == 1.0
