"""The label step on real files: contours of the site become label maps on the CT and on the PET grid, with provenance."""

import json
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from tests.unit.label.phantom import ORGANS, dice, drawn, grid
from umd_curate.label import STEP
from umd_curate.label.step import STEP_CARRY
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_labels import LabelConfig
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Grid, Volume, apply_affine
from umd_curate.model.receipts import Receipt, State, What
from umd_curate.model.sidecars import LabelSidecar
from umd_curate.model.steps import SessionFiles
from umd_curate.model.transforms import Deformation, Rigid, euler, itk_text
from umd_curate.register.transforms_io import write_displacement, write_inverse
from umd_curate.store.files import artifact, write_text
from umd_curate.store.keys import key_path, make_key
from umd_curate.store.nifti import read_volume, voxel_sha256, write_volume
from umd_curate.store.workspace import create_workspace

CT = grid((42, 50, 56), (4.0, 4.0, 6.0))
PET = grid((36, 40, 44), (6.0, 6.0, 7.0), (1.0, -2.0, 1.5))
STEM = "sub-7K3QF2_ses-petct1"
UID = "1.2.826.0.1.3680043.8.498.77"


@dataclass
class Sessions:
    found: list

    def sessions(self):
        return self.found

    def receipts(self, _step):
        return ()


@pytest.fixture
def place(tmp_path):
    return create_workspace(tmp_path / "ws")


def add(place, role, volume, folder="data/sub-7K3QF2/ses-petct1", ending=".nii.gz"):
    relative = f"{folder}/{STEM}_{role}{ending}"
    write_volume(place.resolve(relative), volume)
    return artifact(role, relative, place.resolve(relative))


def session_of(*artifacts, facts=None):
    files = {entry.what: entry for entry in artifacts}
    return SessionFiles("7K3QF2", "petct1", "petct", files, {"ingest": facts or {}})


def ct(place):
    return add(place, What.CT, Volume(np.zeros(CT.shape_kji, np.int16), CT.affine))


def pet(place, on=PET):
    return add(place, What.PET, Volume(np.ones(on.shape_kji, np.float32), on.affine))


def staged(place, labels):
    return add(place, What.STAGED_CONTOURS, labels, "private/staged", ".nii.gz")


def label(place, session, config=None):
    (unit,) = STEP.plan(Sessions([session]), config or UmdConfig())
    return STEP.perform(unit, place, config or UmdConfig())


def test_contours_of_the_study_become_label_maps_on_both_grids(place):
    labels = drawn(CT)
    receipt = label(place, session_of(ct(place), pet(place), staged(place, labels)))
    assert receipt.state is State.DONE
    assert [entry.what for entry in receipt.outputs] == [
        "desc-organs_dseg",
        "desc-organs_dseg.json",
        "space-pet_desc-organs_dseg",
        "space-pet_desc-organs_dseg.json",
    ]
    assert receipt.outputs[0].path == f"data/sub-7K3QF2/ses-petct1/{STEM}_desc-organs_dseg.nii.gz"
    on_ct, on_pet = (read_volume(place.resolve(receipt.outputs[n].path)) for n in (0, 2))
    assert np.array_equal(on_ct.array_kji, labels.array_kji)
    assert on_pet.grid.is_same_as(PET)
    assert np.mean(list(dice(on_pet.array_kji, drawn(PET, samples=4).array_kji).values())) > 0.9


def test_the_receipt_counts_organs_and_millilitres(place):
    labels = drawn(CT)
    measured = label(place, session_of(ct(place), pet(place), staged(place, labels))).measured
    liver_ml = (labels.array_kji == ORGANS.named("liver").id).sum() * 4 * 4 * 6 / 1000
    assert measured["volumes_ml"]["liver"] == pytest.approx(liver_ml, abs=1e-3)
    assert measured["volumes_on_pet_ml"]["liver"] == pytest.approx(liver_ml, rel=0.03)
    assert (measured["organs"], measured["engine"], measured["engine_on_pet"]) == (8, "import", "propagate")
    assert (measured["outcomes"], measured["outcomes_on_pet"]) == ({"import": "ok"}, {"propagate": "ok"})


def test_sidecars_fit_their_schema_and_their_voxels(place):
    contours = staged(place, drawn(CT))
    outputs = label(place, session_of(ct(place), pet(place), contours)).outputs
    on_ct, on_pet = (
        LabelSidecar.model_validate(json.loads(place.resolve(outputs[n].path).read_text(encoding="utf-8")))
        for n in (1, 3)
    )
    assert (on_ct.engine, on_ct.method, on_ct.reference, on_ct.transform) == ("import", "site-contours", "ct", "")
    assert on_ct.inputs["contours"] == contours.sha256
    assert on_ct.approximate == ()
    assert (on_pet.method, on_pet.reference, on_pet.transform) == ("propagated", "ct", "identity")
    assert on_pet.inputs["ct-labels"] == outputs[0].sha256
    assert set(on_pet.approximate) == {"heart", "urinary_bladder", "esophagus"}
    assert on_ct.labels["kidney_right"] == 3
    for sidecar, image in ((on_ct, outputs[0]), (on_pet, outputs[2])):
        assert sidecar.voxel_sha256 == voxel_sha256(read_volume(place.resolve(image.path)))


def test_a_session_without_pet_is_labelled_on_its_ct_only(place):
    receipt = label(place, session_of(ct(place), staged(place, drawn(CT))))
    assert [entry.what for entry in receipt.outputs] == ["desc-organs_dseg", "desc-organs_dseg.json"]
    assert receipt.findings == ()


def test_a_session_without_contours_has_no_work(place):
    assert STEP.plan(Sessions([session_of(ct(place), pet(place))]), UmdConfig()) == []


def test_a_pet_beyond_the_organs_gets_a_warning_and_the_ct_keeps_its_labels(place):
    far = grid((4, 4, 4), (4.0, 4.0, 4.0), (0.0, 0.0, 700.0))
    receipt = label(place, session_of(ct(place), pet(place, far), staged(place, drawn(CT))))
    assert len(receipt.outputs) == 2
    assert [(finding.code, finding.detail) for finding in receipt.findings] == [("LAB-201", "LAB-107")]


def test_empty_contours_are_refused(place):
    empty = Volume(np.zeros(CT.shape_kji, np.uint8), CT.affine)
    with pytest.raises(Refused) as caught:
        label(place, session_of(ct(place), staged(place, empty)))
    assert caught.value.finding.code == "LAB-107"


def with_table(place, tmp_path, labels, names='20 = "liver"\n'):
    make_key(key_path(""))
    folder = tmp_path / "SITE^SECRET"
    folder.mkdir()
    write_volume(folder / "map.nii.gz", labels)
    (folder / "names.toml").write_text(names, encoding="utf-8")
    (folder / "contours.csv").write_text(f"series_uid,path,map\n{UID},map.nii.gz,names.toml\n", encoding="utf-8")
    return UmdConfig(label=LabelConfig(contours=str(folder / "contours.csv")))


def test_label_maps_of_the_table_are_found_by_series_and_mapped_by_name(place, tmp_path):
    config = with_table(place, tmp_path, Volume(np.where(drawn(CT).array_kji == 1, 20, 0).astype(np.int16), CT.affine))
    series = make_key(key_path("")).short_id("s", UID)
    receipt = label(place, session_of(ct(place), pet(place), facts={"ct": series}), config)
    assert list(receipt.measured["volumes_ml"]) == ["liver"]
    written = read_volume(place.resolve(receipt.outputs[0].path)).array_kji
    assert np.array_equal(written, np.where(drawn(CT).array_kji == 1, 1, 0))


def test_nothing_of_the_table_shows_in_units_receipts_or_files(place, tmp_path):
    config = with_table(place, tmp_path, Volume(np.where(drawn(CT).array_kji == 1, 20, 0).astype(np.int16), CT.affine))
    series = make_key(key_path("")).short_id("s", UID)
    session = session_of(ct(place), pet(place), facts={"ct": series})
    (unit,) = STEP.plan(Sessions([session]), config)
    receipt = STEP.perform(unit, place, config)
    written = "".join(place.resolve(receipt.outputs[n].path).read_text(encoding="utf-8") for n in (1, 3))
    for text in (repr(unit), repr(receipt), written):
        assert "SECRET" not in text
        assert UID not in text


def test_changed_contours_make_another_unit_of_work(place, tmp_path):
    config = with_table(place, tmp_path, drawn(CT))
    session = session_of(ct(place), facts={"ct": make_key(key_path("")).short_id("s", UID)})
    before = STEP.plan(Sessions([session]), config)
    (tmp_path / "SITE^SECRET" / "names.toml").write_text('1 = "liver"\n', encoding="utf-8")
    assert STEP.plan(Sessions([session]), config) != before


def test_a_table_for_other_series_leaves_this_one_alone(place, tmp_path):
    config = with_table(place, tmp_path, drawn(CT))
    assert STEP.plan(Sessions([session_of(ct(place), facts={"ct": "s-AAAAAAAA"})]), config) == []


def test_a_second_run_writes_the_same_bytes(place):
    session = session_of(ct(place), pet(place), staged(place, drawn(CT)))
    assert label(place, session).outputs == label(place, session).outputs


def model_of(tmp_path, array):
    """Settings of a model that gives this label map of the CT, with lobes of the lung."""
    given, names = tmp_path / "given.nii.gz", tmp_path / "names.toml"
    write_volume(given, Volume(array, CT.affine))
    names.write_text('5 = "liver"\n10 = "lung_upper_lobe_left"\n11 = "lung_lower_lobe_left"\n', encoding="utf-8")
    command = {
        "name": "mine",
        "version": "1",
        "argv": ["/bin/cp", str(given), "{out}/labels.nii.gz"],
        "targets": ["ct"],
        "map": str(names),
    }
    return {"engines": ["mine", "propagate"], "command": [command]}


def spoilt_model():
    """A liver with a speck and a hole, and a lung in two lobes."""
    array = np.zeros(CT.shape_kji, np.uint8)
    k, j, i = (size // 2 for size in CT.shape_kji)
    array[k - 3 : k + 4, j - 6 : j + 7, i - 6 : i + 7] = 5
    array[k, j, i] = 0
    array[0, 0, 0] = 5
    array[k - 3 : k, j - 6 : j + 7, 2:8], array[k : k + 4, j - 6 : j + 7, 2:8] = 10, 11
    return array


def test_a_models_labels_are_tidied_and_its_own_output_is_kept(place, tmp_path):
    array = spoilt_model()
    config = UmdConfig.model_validate({"label": model_of(tmp_path, array)})
    receipt = label(place, session_of(ct(place), pet(place)), config)
    files = {entry.what: place.resolve(entry.path) for entry in receipt.outputs}
    labels = read_volume(files[What.ORGANS]).array_kji
    raw = read_volume(files[What.RAW_ORGANS]).array_kji
    assert np.array_equal(raw, array)
    lobes = 13 * 6
    assert receipt.measured["tidied_voxels"] == {
        "specks": {"liver": 1},
        "holes": {"liver": 1},
        "merged": {"lung": 7 * lobes},
    }
    assert np.count_nonzero((labels > 0) != (raw > 0)) == 2
    sidecar = LabelSidecar.model_validate_json(files[f"{What.RAW_ORGANS}.json"].read_bytes())
    assert sidecar.labels == {"liver": 5, "lung_upper_lobe_left": 10, "lung_lower_lobe_left": 11}
    on_ct = LabelSidecar.model_validate_json(files[f"{What.ORGANS}.json"].read_bytes())
    assert on_ct.tidied == receipt.measured["tidied_voxels"]
    assert What.RAW_ORGANS_ON_PET not in files  # what was carried over is not tidied again


def test_with_the_rules_off_the_models_labels_are_the_models(place, tmp_path):
    settings = model_of(tmp_path, spoilt_model()) | {"tidy": {"specks": False, "islands": False, "holes": False}}
    receipt = label(place, session_of(ct(place)), UmdConfig.model_validate({"label": settings}))
    files = {entry.what: place.resolve(entry.path) for entry in receipt.outputs}
    labels, raw = (read_volume(files[what]).array_kji for what in (What.ORGANS, What.RAW_ORGANS))
    assert np.array_equal(labels > 0, raw > 0)
    assert set(receipt.measured["tidied_voxels"]) == {"merged"}


def test_what_people_drew_is_never_tidied(place):
    array = np.zeros(CT.shape_kji, np.uint8)
    array[2:5, 5:12, 5:12] = 1
    array[0, 0, 0] = 1
    receipt = label(place, session_of(ct(place), staged(place, Volume(array, CT.affine))))
    files = {entry.what: place.resolve(entry.path) for entry in receipt.outputs}
    assert np.array_equal(read_volume(files[What.ORGANS]).array_kji, array)
    assert receipt.measured["tidied_voxels"] == {}
    assert What.RAW_ORGANS not in files


def test_labels_follow_the_transform_of_a_corrected_motion_to_the_pet(place):
    labels = drawn(CT)
    apart = np.array([12.0, 0.0, 0.0])  # PET points lie so far right of where the CT shows them
    moved = PET.affine.copy()
    moved[:3, 3] += apart
    shift = np.eye(4)
    shift[:3, 3] = -apart
    path = f"data/sub-7K3QF2/ses-petct1/{STEM}_space-pet_xfm.tfm"
    write_text(place.resolve(path), itk_text(Rigid(shift)))
    transform = artifact(What.TO_ANATOMY, path, place.resolve(path))
    files = ct(place), pet(place, Grid(PET.shape_kji, moved)), staged(place, labels)
    receipt = label(place, session_of(*files, transform))
    still = label(place, session_of(ct(place), pet(place), staged(place, labels)))
    found, expected = (read_volume(place.resolve(entry.outputs[2].path)).array_kji for entry in (receipt, still))
    assert found.any()
    assert np.array_equal(found, expected)


# --- labels of another session of the same subject --------------------------------------------------------------------

TO_MR = Rigid.about(np.zeros(3), euler(0.05, -0.03, 0.08), np.array([14.0, -9.0, 31.0]))  # points of the CT to the MR's


def bent(points_ras_mm):
    """Displacement [mm] of points of the CT's space: a smooth wave that a volume keeps."""
    z = np.asarray(points_ras_mm)[..., 2]
    return np.stack([6.0 * np.sin(z / 45.0), 5.0 * np.cos(z / 60.0), np.zeros_like(z)], axis=-1)


def field_of(sign):
    """The wave, or its inverse, as a field over the body: the wave moves no point along z, so both are exact."""
    on = grid((40, 48, 60), (8.0, 8.0, 8.0))
    k, j, i = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in on.shape_kji), indexing="ij")
    shift = sign * bent(apply_affine(on.affine, np.stack([i, j, k], -1).reshape(-1, 3)))
    return on, shift.reshape(*on.shape_kji, 3).astype(np.float32)


@cache
def fine_body():
    return drawn(grid((90, 105, 122), (3.6, 3.6, 3.6)))


def drawn_through(on, to_body):
    """The analytic body on a grid, each voxel asked where a map leads its centre."""
    k, j, i = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in on.shape_kji), indexing="ij")
    at = to_body(apply_affine(on.affine, np.stack([i, j, k], -1).reshape(-1, 3)))
    body = fine_body()
    n = np.rint(apply_affine(np.linalg.inv(body.affine), at)).astype(int)[:, ::-1]
    inside = ((n >= 0) & (n < body.array_kji.shape)).all(axis=1)
    labels = np.zeros(len(at), np.uint8)
    labels[inside] = body.array_kji[tuple(n[inside].T)]
    return Volume(labels.reshape(on.shape_kji), on.affine)


@dataclass
class Registered(Sessions):
    pair: Receipt

    def receipts(self, step):
        return (self.pair,) if step == "between" else ()


def registered(place, verdict="accepted", *, labelled="petct1", deformed=True):
    """A PET/CT and a PET/MR whose registration is known, and the labels of one of both."""
    turned = Volume(np.ones(PET.shape_kji, np.float32), TO_MR.matrix @ PET.affine)
    images = {
        "petct1": {What.CT: Volume(np.zeros(CT.shape_kji, np.int16), CT.affine), What.PET: Volume(turned.array_kji, PET.affine)},
        "petmri1": {What.MR: Volume(np.zeros(CT.shape_kji, np.int16), TO_MR.matrix @ CT.affine), What.PET: turned},
    }  # fmt: skip
    if labelled == "petct1":
        images["petct1"][What.ORGANS] = drawn(CT)
    else:
        mr_points_to_body = TO_MR.inverse().points if not deformed else lambda p: unbent(TO_MR.inverse().points(p))
        images["petmri1"][What.ORGANS] = drawn_through(images["petmri1"][What.MR].grid, mr_points_to_body)
    sessions = []
    for name, volumes in images.items():
        files = {}
        for role, volume in volumes.items():
            path = f"data/sub-7K3QF2/ses-{name}/sub-7K3QF2_ses-{name}_{role}.nii.gz"
            write_volume(place.resolve(path), volume)
            files[role] = artifact(role, path, place.resolve(path))
        sessions.append(SessionFiles("7K3QF2", name, name[:-1], files))
    stem = "data/sub-7K3QF2/ses-petct1/sub-7K3QF2_ses-petct1_from-petmri1"
    write_text(place.resolve(f"{stem}_xfm.tfm"), itk_text(TO_MR))
    outputs = [artifact("from-petmri1_xfm", f"{stem}_xfm.tfm", place.resolve(f"{stem}_xfm.tfm"))]
    if deformed:
        on, there = field_of(1.0)
        found = Deformation(TO_MR, on, there, field_of(-1.0)[1])
        write_displacement(place.resolve(f"{stem}_xfm.nii.gz"), found)
        write_inverse(place.resolve(f"{stem}_desc-inverse_xfm.nii.gz"), found)
        for what, ending in (("displacement", "_xfm.nii.gz"), ("inverse", "_desc-inverse_xfm.nii.gz")):
            outputs.append(artifact(f"from-petmri1_{what}", f"{stem}{ending}", place.resolve(f"{stem}{ending}")))
    measured = {"verdict": verdict, "moving_session": "petmri1"}
    pair = Receipt(
        "between", "sub-7K3QF2_ses-petct1_from-petmri1", "", State.DONE, "7K3QF2", "petct1", (), tuple(outputs), (), measured
    )  # fmt: skip
    return Registered(sessions, pair)


def unbent(points):
    return points - bent(points)


@pytest.mark.parametrize("deformed", [False, True])
@pytest.mark.parametrize("labelled", ["petct1", "petmri1"])
def test_a_pet_without_labels_gets_those_of_the_other_session_where_the_registration_puts_them(
    place, labelled, deformed
):
    view = registered(place, labelled=labelled, deformed=deformed)
    (unit,) = STEP_CARRY.plan(view, UmdConfig())
    receipt = STEP_CARRY.perform(unit, place, UmdConfig())
    other = {"petct1": "petmri1", "petmri1": "petct1"}[labelled]
    assert (unit.session, receipt.session) == (other, other)
    entry, beside = receipt.outputs
    assert entry.path == f"data/sub-7K3QF2/ses-{other}/sub-7K3QF2_ses-{other}_space-pet_desc-organs_dseg.nii.gz"
    found = read_volume(place.resolve(entry.path))
    if labelled == "petct1":
        bend = unbent if deformed else (lambda p: p)
        truth = drawn_through(found.grid, lambda p: bend(TO_MR.inverse().points(p)))
    else:
        truth = drawn_through(found.grid, lambda p: p)  # bent there and back: the body of the CT again
    assert np.mean(list(dice(found.array_kji, truth.array_kji).values())) > 0.87
    sidecar = LabelSidecar.model_validate(json.loads(place.resolve(beside.path).read_text(encoding="utf-8")))
    role = "ct" if labelled == "petct1" else "mr"
    assert (sidecar.engine, sidecar.method, sidecar.reference) == ("propagate", "propagated", f"{labelled}/{role}")
    assert sidecar.approximate == tuple(organ.name for organ in ORGANS if organ.name in sidecar.labels)
    names = {key.removeprefix("transform ") for key in sidecar.inputs if key.startswith("transform ")}
    assert sidecar.transform == " + ".join(sorted(names, key=sidecar.transform.index))
    rigid = "sub-7K3QF2_ses-petct1_from-petmri1_xfm.tfm"
    assert (f"inverse of {rigid}" if labelled == "petct1" else rigid) in names
    assert len(names) == 1 + deformed


def test_labels_are_carried_between_sessions_only_where_they_are_missing_and_the_registration_was_accepted(place):
    assert STEP_CARRY.plan(registered(place, "for a human"), UmdConfig()) == []
    view = registered(place)
    both = [replace(s, artifacts={**s.artifacts, What.ORGANS_ON_PET: s.artifacts[What.PET]}) for s in view.found]
    assert STEP_CARRY.plan(Registered(both, view.pair), UmdConfig()) == []
    without = UmdConfig(label=LabelConfig(engines=("import",)))
    assert STEP_CARRY.plan(view, without) == []
