"""The deface step on real files: one block in all images of a session, nothing else touched, and the sidecars say so."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from umd_curate.deid.engine import examine
from umd_curate.deid.step import STEP
from umd_curate.model.config import DeidConfig, UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Volume
from umd_curate.model.receipts import Artifact, State, What
from umd_curate.model.sidecars import GeometryReceipt, ImageSidecar, PetSidecar
from umd_curate.model.steps import SessionFiles, Unit
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import NiftiWriter, read_volume, stored_voxel_sha256, voxel_sha256, write_volume

# Half widths and half depths [mm] of an adult's sections against the height above the lowest slice [mm] (DIN 33402-2).
SECTIONS = np.array(
    [
    (0, 165, 110), (300, 190, 115), (330, 190, 100), (355, 60, 60), (400, 55, 58), (420, 62, 80), (500, 74, 95),
    (560, 76, 97), (600, 60, 75), (625, 25, 30), (632, 5, 5),
    ],
    float,
)  # fmt: skip
BRAIN = np.array([(470, 20, 25), (490, 55, 70), (540, 62, 80), (590, 45, 58), (612, 8, 10)], float)
ORIGIN = np.array([-210.0, -150.0, -400.0])


@dataclass
class Folder:
    """A workspace of two folders."""

    root: Path
    private: Path = field(init=False)

    def __post_init__(self) -> None:
        self.private = self.root / "private"

    def resolve(self, relative: str) -> Path:
        return self.root / relative


def inside(sections: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which points [mm above ORIGIN] lie in the elliptic sections."""
    x, y, z = (points - ORIGIN).T
    a, b = (np.interp(z, sections[:, 0], sections[:, n], left=1e-3, right=1e-3) for n in (1, 2))
    return ((x - 210) / a) ** 2 + ((y - 150) / b) ** 2 <= 1


def phantom(role: What, spacing: tuple[float, float, float], top_mm: float = 680) -> tuple[Volume, np.ndarray]:
    """Body with skull and brain as CT, MR or PET; and where its brain is."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = ORIGIN
    shape = tuple(int(n / s) for n, s in zip((top_mm, 300, 420), spacing[::-1], strict=True))
    k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    points = np.stack([i.ravel(), j.ravel(), k.ravel()], 1) @ affine[:3, :3] + ORIGIN
    shell = BRAIN * [1, 1.1, 1.1] + [0, 3, 3]
    body, skull, brain = (inside(one, points).reshape(shape) for one in (SECTIONS, shell, BRAIN))
    air, soft, bone, grey = {
        What.CT: (-1000, 40, 1000, 35),
        What.MR: (5, 300, 20, 400),
        What.PET: (10, 900, 900, 9000),
    }[role]
    image = np.select([brain, skull & body, body], [grey, bone, soft], air)
    noise = np.random.default_rng(4).normal(0, 4, shape)
    return Volume((image + noise).astype(np.float32 if role is What.PET else np.int16), affine), brain


def stage(place: Folder, volumes: dict[What, Volume]) -> Unit:
    artifacts: dict[str, Artifact] = {}
    for role, volume in volumes.items():
        image, text = f"private/staged/{role}.nii.gz", f"private/staged/{role}.json"
        digest = write_volume(place.resolve(image), volume)
        model = PetSidecar if role is What.PET else ImageSidecar
        modality = {"pet": "PT"}.get(role, role.upper())
        placed = GeometryReceipt(max_corner_error_mm=0, tolerance_mm=1e-4, n_slices=1, max_slice_jitter_mm=0)
        sidecar = model(modality=modality, units="HU", voxel_sha256=digest, geometry=placed)
        write_json(place.resolve(text), sidecar.model_dump(mode="json", by_alias=True))
        artifacts[f"staged-{role}"] = artifact(f"staged-{role}", image, place.resolve(image))
        artifacts[f"staged-{role}.json"] = artifact(f"staged-{role}.json", text, place.resolve(text))
    session = SessionFiles("7K3QF2", "petct1", "petct", artifacts)

    class View:
        def sessions(self):
            return [session, SessionFiles("000000", "ct1", "ct", {})]

        def receipts(self, step):
            return []

    (unit,) = STEP.plan(View(), UmdConfig())
    return unit


@pytest.mark.parametrize("anatomical", [What.CT, What.MR])
def test_face_goes_from_both_images_and_the_brain_stays(tmp_path, anatomical):
    place = Folder(tmp_path)
    made = {anatomical: phantom(anatomical, (2.5, 2.5, 4.0)), What.PET: phantom(What.PET, (5.0, 5.0, 5.0))}
    receipt = STEP.perform(stage(place, {role: one for role, (one, _) in made.items()}), place, UmdConfig())
    assert receipt.measured["head_found"]
    assert [entry.what for entry in receipt.outputs] == [
        anatomical,
        f"{anatomical}.json",
        "pet",
        "pet.json",
        "face-page",
    ]
    for role, (volume, brain) in made.items():
        after = read_volume(tmp_path / f"data/sub-7K3QF2/ses-petct1/sub-7K3QF2_ses-petct1_{role}.nii.gz")
        changed = after.array_kji != volume.array_kji
        assert changed.sum() == receipt.measured[f"{role}_voxels_changed"] > 0
        assert not (changed & brain).any()
        face = front_skin(volume, role)
        fill = -1000 if role is What.CT else 0
        assert (after.array_kji[face] == fill).mean() >= 0.99
        z_mm = np.argwhere(changed)[:, 0] * volume.grid.spacing_mm[2]
        assert z_mm.min() > 345  # above the shoulders
        sidecar = json.loads((tmp_path / f"data/sub-7K3QF2/ses-petct1/sub-7K3QF2_ses-petct1_{role}.json").read_text())
        assert sidecar["Defacing"]["State"] == "defaced"
        assert sidecar["Defacing"]["VoxelsChanged"] == changed.sum()
        assert sidecar["VoxelSha256"] == voxel_sha256(after)
        assert sidecar["Geometry"]["PublishedCornerErrorMm"] == 0
        assert sidecar["Geometry"]["PublishedVoxelsChanged"] == changed.sum()


def front_skin(volume: Volume, role: What) -> np.ndarray:
    """Foremost body voxels of each column between mouth and eyes, over the width of a face."""
    body = volume.array_kji > {What.CT: -300, What.MR: 150, What.PET: 400}[role]
    front = body & (np.cumsum(body[:, ::-1], axis=1)[:, ::-1] == 1)
    i_mm = np.arange(volume.array_kji.shape[2]) * volume.grid.spacing_mm[0]
    k_mm = np.arange(volume.array_kji.shape[0]) * volume.grid.spacing_mm[2]
    return front & (np.abs(i_mm - 210) < 45)[None, None, :] & ((k_mm > 430) & (k_mm < 530))[:, None, None]


def test_retained_face_is_recorded_with_its_reason_and_no_voxel_changes(tmp_path):
    place = Folder(tmp_path)
    volume, _ = phantom(What.CT, (3.0, 3.0, 5.0))
    reason = "radiotherapy masks of the skin are the subject of the study"
    config = UmdConfig(deid=DeidConfig(faces_retained=reason))
    receipt = STEP.perform(stage(place, {What.CT: volume}), place, config)
    after = read_volume(place.resolve(receipt.outputs[0].path))
    assert np.array_equal(after.array_kji, volume.array_kji)
    sidecar = json.loads(place.resolve(receipt.outputs[1].path).read_text())
    assert (sidecar["Defacing"]["State"], sidecar["Defacing"]["Reason"]) == ("retained", reason)
    assert [finding.code for finding in receipt.findings] == ["DEI-302"]


def test_trunk_crosses_the_wall_unchanged(tmp_path):
    place = Folder(tmp_path)
    volume, _ = phantom(What.CT, (3.0, 3.0, 5.0), top_mm=320)
    receipt = STEP.perform(stage(place, {What.CT: volume}), place, UmdConfig())
    assert not receipt.measured["head_found"]
    after = read_volume(place.resolve(receipt.outputs[0].path))
    assert np.array_equal(after.array_kji, volume.array_kji)
    assert json.loads(place.resolve(receipt.outputs[1].path).read_text())["Defacing"]["State"] == "no-head"


def test_head_that_only_the_pet_sees_is_defaced_too(tmp_path):
    place = Folder(tmp_path)
    low, _ = phantom(What.CT, (3.0, 3.0, 5.0), top_mm=320)
    pet, _ = phantom(What.PET, (4.0, 4.0, 4.0))
    receipt = STEP.perform(stage(place, {What.CT: low, What.PET: pet}), place, UmdConfig())
    assert receipt.measured["head_found_on"] == "pet"
    assert receipt.measured["pet_voxels_changed"] > 0
    assert receipt.measured["ct_voxels_changed"] == 0
    assert not receipt.findings


def test_every_frame_of_a_4d_pet_loses_the_face_that_the_mean_lost(tmp_path):
    place = Folder(tmp_path)
    pet, _ = phantom(What.PET, (5.0, 5.0, 5.0))
    unit = stage(place, {What.PET: pet})
    frames = [(pet.array_kji * factor).astype(np.float32) for factor in (0.5, 1.5)]
    name = "private/staged/desc-dynamic_pet"
    with NiftiWriter(place.resolve(f"{name}.nii.gz"), pet.grid, np.float32, n_frames=2) as writer:
        for plane in np.concatenate(frames):
            writer.write(plane)
    sidecar = json.loads(place.resolve("private/staged/pet.json").read_text()) | {"VoxelSha256": writer.voxel_sha256}
    place.resolve(f"{name}.json").write_text(json.dumps(sidecar))
    added = [
        artifact(f"staged-desc-dynamic_pet{role}", f"{name}{suffix}", place.resolve(f"{name}{suffix}"))
        for role, suffix in (("", ".nii.gz"), (".json", ".json"))
    ]
    receipt = STEP.perform(replace(unit, inputs=(*unit.inputs, *added)), place, UmdConfig())
    stem = "data/sub-7K3QF2/ses-petct1/sub-7K3QF2_ses-petct1"
    assert [entry.path for entry in receipt.outputs[2:4]] == [
        f"{stem}_desc-dynamic_pet.nii.gz",
        f"{stem}_desc-dynamic_pet.json",
    ]
    face = read_volume(tmp_path / f"{stem}_pet.nii.gz").array_kji != pet.array_kji
    after = nib.load(tmp_path / f"{stem}_desc-dynamic_pet.nii.gz")
    assert face.any()
    for n, frame in enumerate(frames):
        assert np.array_equal(np.asanyarray(after.dataobj)[..., n].T, np.where(face, 0, frame))
    told = json.loads((tmp_path / f"{stem}_desc-dynamic_pet.json").read_text())
    assert told["Defacing"]["State"] == "defaced"
    assert told["VoxelSha256"] == stored_voxel_sha256((tmp_path / f"{stem}_desc-dynamic_pet.nii.gz").read_bytes())


def test_a_4d_pet_is_part_of_the_plan(tmp_path):
    entry = Artifact("staged-desc-gated_pet", "x", "0", 1)
    pet = Artifact("staged-pet", "y", "0", 1)

    class View:
        def sessions(self):
            return [SessionFiles("7K3QF2", "pet1", "pet", {"staged-pet": pet, "staged-desc-gated_pet": entry})]

        def receipts(self, step):
            return []

    (unit,) = STEP.plan(View(), UmdConfig())
    assert unit.inputs == (pet, entry)


def test_second_run_gives_the_same_bytes(tmp_path):
    volume, _ = phantom(What.CT, (3.0, 3.0, 5.0))
    sums = []
    for name in "ab":
        place = Folder(tmp_path / name)
        sums.append(
            [entry.sha256 for entry in STEP.perform(stage(place, {What.CT: volume}), place, UmdConfig()).outputs]
        )
    assert sums[0] == sums[1]


def test_image_without_sidecar_does_not_cross_the_wall(tmp_path):
    place = Folder(tmp_path)
    volume, _ = phantom(What.CT, (3.0, 3.0, 5.0), top_mm=320)
    unit = stage(place, {What.CT: volume})
    bare = Unit(unit.step, unit.name, unit.subject, unit.session, unit.inputs[:1], unit.params)
    with pytest.raises(Refused) as refusal:
        STEP.perform(bare, place, UmdConfig())
    assert refusal.value.finding.code == "DEI-304"
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["example_ct", "example_ct_sm", "example_mr_sm"])
def test_real_trunks_have_no_head(shared_data, name):
    volume = read_volume(shared_data / "totalsegmentator-examples" / f"{name}.nii.gz")
    assert examine(volume, What.MR if "mr" in name else What.CT).head is None


def test_a_staged_image_that_is_not_the_converted_one_does_not_cross_the_wall(tmp_path):
    place = Folder(tmp_path)
    unit = stage(place, {What.CT: Volume(np.full((4, 5, 6), -1000, np.int16), np.eye(4))})
    write_volume(tmp_path / "private/staged/ct.nii.gz", Volume(np.full((4, 5, 6), -999, np.int16), np.eye(4)))
    with pytest.raises(Refused, match="DEI-305"):
        STEP.perform(unit, place, UmdConfig())
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_a_sidecar_that_is_not_the_one_of_the_conversion_does_not_cross_the_wall(tmp_path):
    place = Folder(tmp_path)
    unit = stage(place, {What.CT: Volume(np.full((4, 5, 6), -1000, np.int16), np.eye(4))})
    said = tmp_path / "private/staged/ct.json"
    said.write_text(said.read_text("utf-8").replace('"HU"', '"arbitrary"'), encoding="utf-8")
    with pytest.raises(Refused, match="DEI-305"):
        STEP.perform(unit, place, UmdConfig())
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_an_image_that_the_referee_reads_otherwise_stays_behind_the_wall(tmp_path):
    image = np.full((4, 5, 6), -1000, np.int16)
    unit = stage(Folder(tmp_path), {What.CT: Volume(image, np.eye(4)), What.PET: Volume(image, np.eye(4))})
    ct = unit.input("staged-ct")
    session = SessionFiles("7K3QF2", "petct1", "petct", {entry.what: entry for entry in unit.inputs})
    receipt = Unit("referee", "x", inputs=(ct, unit.input("staged-ct.json"))).receipt(state=State.QUARANTINED)

    class View:
        def sessions(self):
            return [session]

        def receipts(self, step):
            return [receipt] if step == "referee" else []

    (planned,) = STEP.plan(View(), UmdConfig())
    assert {entry.what for entry in planned.inputs} == {"staged-pet", "staged-pet.json"}
