"""The register step on bodies that moved: the gate measures, the identity stays unless the settings ask, reviewers overrule."""

import json

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (the name that the field uses)

from tests import registration_phantom as phantom
from tests.steps.test_register_step import Sessions, add, affine_of
from umd_curate.errors import ConfigError
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_register import RegisterConfig, TransformOverride
from umd_curate.model.geometry import Grid, Volume
from umd_curate.model.receipts import Receipt, State, What
from umd_curate.model.registration import RegistrationReceipt
from umd_curate.model.steps import SessionFiles
from umd_curate.model.transforms import Deformation, Rigid, euler, itk_text, parse_transform
from umd_curate.register import STEP
from umd_curate.register.field import smoothed
from umd_curate.register.measures import lead
from umd_curate.register.plan import plan_between
from umd_curate.register.step import STEP_BETWEEN
from umd_curate.register.transforms_io import write_displacement, write_rigid
from umd_curate.store.files import artifact
from umd_curate.store.nifti import read_volume, write_volume
from umd_curate.store.workspace import create_workspace

PAIR = "sub-7K3QF2_ses-petct1_from-petmri1"
REASON = "recentred on the console"
BEND_MM = 9.0


@pytest.fixture
def place(tmp_path):
    return create_workspace(tmp_path / "ws")


def config_of(**settings):
    return UmdConfig(register=RegisterConfig(**settings))


def scan(place):
    """A CT with a gradient and a PET on a coarser grid around it."""
    ct = np.tile(np.arange(32, dtype=np.int16), (12, 32, 1))
    return (
        add(place, What.CT, ct, affine_of((2.0, 2.0, 2.0))),
        add(place, What.PET, np.ones((6, 16, 16), np.float32), affine_of((4.0, 4.0, 4.0), (1.0, 1.0, 1.0))),
    )


def perform(place, config, *files, view=None):
    session = SessionFiles("7K3QF2", "petct1", "petct", {entry.what: entry for entry in files})
    (unit,) = STEP.plan(view or Sessions([session]), config)
    return STEP.perform(unit, place, config)


def receipt_of(place, receipt):
    entry = next(entry for entry in receipt.outputs if entry.what.endswith("_xfm.json"))
    return RegistrationReceipt.model_validate(json.loads(place.resolve(entry.path).read_text(encoding="utf-8")))


def test_one_frame_of_reference_is_the_identity_and_no_transform_is_written(place):
    receipt = perform(place, config_of(), *scan(place))
    found = receipt_of(place, receipt)
    assert (found.method, found.transform, found.angle_deg, found.shift_mm) == ("identity", "", 0.0, 0.0)
    assert found.frame_of_reference == "same"
    assert not any(entry.what == "space-pet_xfm" for entry in receipt.outputs)


@pytest.mark.parametrize("motion", ["measure", "correct", "off"])
def test_an_image_that_shows_no_head_and_pelvis_is_never_moved(place, motion):
    still = read_voxels(place, perform(place, config_of(motion="off"), *scan(place)))
    assert np.array_equal(read_voxels(place, perform(place, config_of(motion=motion), *scan(place))), still)


def read_voxels(place, receipt):
    entry = next(entry for entry in receipt.outputs if entry.what == "space-pet_ct")
    return read_volume(place.resolve(entry.path)).array_kji


def overridden(place, tmp_path, text):
    (tmp_path / "mine.tfm").write_text(text)
    given = TransformOverride(pair="sub-7K3QF2_ses-petct1", transform=str(tmp_path / "mine.tfm"), reason=REASON)
    return perform(place, config_of(override=(given,)), *scan(place))


def test_a_reviewers_shift_moves_the_ct_under_the_pet_and_is_recorded(place, tmp_path):
    shift = Rigid.about(
        np.zeros(3), np.eye(3), np.array([4.0, 0.0, 0.0])
    )  # PET points lie 4 mm further right in the CT
    before = read_voxels(place, perform(place, config_of(), *scan(place)))
    receipt = overridden(place, tmp_path, itk_text(shift))
    after = read_voxels(place, receipt)
    assert np.array_equal(after[:, :, :14], before[:, :, 1:15])
    found = receipt_of(place, receipt)
    assert (found.method, found.override_reason, found.shift_mm) == ("override", REASON, 4.0)
    assert "REG-121" in {finding.code for finding in receipt.findings}
    written = next(entry for entry in receipt.outputs if entry.what == "space-pet_xfm")
    assert np.allclose(parse_transform(place.resolve(written.path).read_text()).matrix, shift.matrix)


def test_a_file_that_is_no_rigid_transform_ends_the_plan(place, tmp_path):
    with pytest.raises(ConfigError):
        overridden(place, tmp_path, "2 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1")


def test_a_transform_given_on_the_command_line_is_used_by_later_plans(place):
    files = scan(place)
    session = SessionFiles("7K3QF2", "petct1", "petct", {entry.what: entry for entry in files})

    class Given(Sessions):
        def receipts(self, step):
            matrix = [1, 0, 0, 8, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
            known = {"sub-7K3QF2_ses-petct1": {"matrix": matrix, "reason": REASON}}
            return (Receipt(step, step, "", State.DONE, measured=known),) if step == "overrides" else ()

    receipt = perform(place, config_of(), *files, view=Given([session]))
    assert receipt_of(place, receipt).shift_mm == 8.0


def test_the_pet_comes_onto_the_ct_grid_on_request_and_keeps_its_activity(place):
    ct = add(place, What.CT, np.zeros((32, 40, 40), np.int16), affine_of((2.0, 2.0, 2.0), (-7.0, -7.0, -7.0)))
    suv = np.random.default_rng(3).gamma(2.0, 1.0, (12, 16, 16)).astype(np.float32)
    suv[[0, -1]] = suv[:, [0, -1]] = suv[:, :, [0, -1]] = 0  # no activity at the border
    pet = add(place, What.PET, suv, affine_of((4.0, 4.0, 4.0)))
    receipt = perform(place, config_of(grids=("pet", "anatomy")), ct, pet)
    entry = next(entry for entry in receipt.outputs if entry.what == "space-ct_pet")
    found = read_volume(place.resolve(entry.path))
    assert found.array_kji.shape == (32, 40, 40)
    assert found.array_kji.sum(dtype=np.float64) * 8 == pytest.approx(suv.sum(dtype=np.float64) * 64, rel=0.01)
    assert abs(receipt.measured["activity_change"]) < 0.01
    assert found.array_kji.min() >= 0


def two_sessions(place):
    """A PET/CT at rest and a PET/MR of the same body turned, shifted and bent."""
    motion = Rigid.about(np.zeros(3), euler(0.035, 0.0175, -0.052), np.array([6.0, 4.0, -5.0]))
    ct, ct_labels = phantom.drawn("ct", lambda p: p)
    grid = phantom.body_grid()
    grid.affine[:3, 3] += [6.0, 4.0, -5.0]
    mr, mr_labels = phantom.drawn("mr", lambda p: phantom.bend(motion.inverse().points(p), BEND_MM), 2, grid)
    pet = Volume(np.ones((30, 24, 30), np.float32), affine_of((9.0, 9.0, 9.0), (-130.0, -104.0, -130.0)))
    found = []
    for session, images in (
        ("petct1", {What.CT: ct, What.ORGANS: ct_labels, What.PET: pet}),
        ("petmri1", {What.MR: mr, What.ORGANS: mr_labels}),
    ):
        files = {}
        for role, volume in images.items():
            path = f"data/sub-7K3QF2/ses-{session}/sub-7K3QF2_ses-{session}_{role}.nii.gz"
            write_volume(place.resolve(path), volume)
            files[role] = artifact(role, path, place.resolve(path))
        found.append(SessionFiles("7K3QF2", session, session[:-1], files))
    return found


def test_a_second_session_comes_onto_the_first_with_transform_image_and_receipt(place):
    sessions = two_sessions(place)
    config = config_of(between="deformable")
    (unit,) = STEP_BETWEEN.plan(Sessions(sessions), config)
    assert unit.name == PAIR
    receipt = STEP_BETWEEN.perform(unit, place, config)
    found = receipt_of(place, receipt)
    assert (found.fixed, found.moving, found.frame_of_reference) == ("petct1/ct", "petmri1/mr", "unequal")
    assert found.method == ("deformable" if found.deformation.kept else "rigid")
    assert bool(found.displacement) == found.deformation.kept
    assert found.deformation.jacobian_min > 0
    assert found.deformation.inconsistency_mean_mm < 1.0
    assert found.agreement.after > found.agreement.before
    assert found.capture.starts == 2
    moved = next(entry for entry in receipt.outputs if entry.what == "space-pet_from-petmri1_mr")
    assert read_volume(place.resolve(moved.path)).array_kji.shape == (30, 24, 30)


def test_itk_reads_the_written_transforms_and_leads_points_as_the_product_does(tmp_path):
    grid = Grid((12, 14, 16), affine_of((8.0, 8.0, 8.0), (-60.0, -52.0, -44.0)))
    random = np.random.default_rng(4)
    shift = np.moveaxis(smoothed(random.normal(0, 40, (3, *grid.shape_kji)).astype(np.float32), 2.0), 0, -1)
    rigid = Rigid.about(np.array([5.0, 8.0, 2.0]), euler(0.2, -0.1, 0.3), np.array([12.0, -30.0, 100.0]))
    found = Deformation(rigid, grid, np.ascontiguousarray(shift), np.ascontiguousarray(-shift))
    write_rigid(tmp_path / "x.tfm", rigid)
    write_displacement(tmp_path / "x.nii.gz", found)
    field = sitk.ReadImage(str(tmp_path / "x.nii.gz"), sitk.sitkVectorFloat64)
    both = sitk.CompositeTransform(
        [sitk.ReadTransform(str(tmp_path / "x.tfm")), sitk.DisplacementFieldTransform(field)]
    )
    points = random.uniform(-40, 40, (50, 3))
    lps = np.array([both.TransformPoint((point * [-1, -1, 1]).tolist()) for point in points])
    assert phantom.error_mm(lps * [-1, -1, 1], lead(points, found)).max() < 0.01
    assert np.abs(shift).max() > 3


def test_the_same_pair_gives_the_same_bytes(place):
    sessions = two_sessions(place)
    config = config_of(between="rigid")
    (unit,) = STEP_BETWEEN.plan(Sessions(sessions), config)
    first, second = (STEP_BETWEEN.perform(unit, place, config).outputs for _ in range(2))
    assert first == second


def test_no_pair_is_planned_unless_asked_for_and_no_session_with_itself(place):
    sessions = two_sessions(place)
    assert STEP_BETWEEN.plan(Sessions(sessions), UmdConfig()) == []
    assert plan_between(sessions[:1], "rigid", "umd") == []
    other = SessionFiles("AAAAAA", "petmri1", "petmri", sessions[1].artifacts)
    assert plan_between([sessions[0], other], "rigid", "umd") == []
