"""A tiny cohort on disk, read back with pydicom and checked by hand formulas."""

import hashlib
import json
import math
from collections import Counter
from datetime import datetime
from io import BytesIO
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pydicom
import pytest

from umd_curate.errors import UsageError
from umd_curate.store.resources import organ_table
from umd_curate.synth import Layout, Size, SynthOptions, write_cohort

ORGANS = {organ.id: organ for organ in organ_table()}


def written(out, **options):
    calls = []
    cohort = write_cohort(out, SynthOptions(size=Size.TINY, **options), lambda done, total: calls.append((done, total)))
    index = json.loads((out / "truth" / "cohort.json").read_text())
    paths = {}
    for file in index["files"]:
        paths.setdefault((file["session"], file["series"]), []).append(out / "raw" / file["path"])
    sessions = {session["folder"]: session for patient in index["patients"] for session in patient["sessions"]}
    return SimpleNamespace(out=out, cohort=cohort, index=index, paths=paths, sessions=sessions, calls=calls)


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    return written(tmp_path_factory.mktemp("flat"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return written(tmp_path_factory.mktemp("tree"), layout=Layout.TREE, subjects=1)


def stack(cohort, session, series, *, pixels=True):
    """Datasets of a series by ascending z."""
    found = [pydicom.dcmread(path, stop_before_pixels=not pixels) for path in cohort.paths[session, series]]
    return sorted(found, key=lambda dataset: dataset.ImagePositionPatient[2])


def truth_image(cohort, session, name):
    image = nib.load(cohort.out / "truth" / session / f"{name}.nii.gz")
    return np.asarray(image.dataobj).T, image.affine


def instant(date, time):
    return datetime.strptime(f"{date}{float(time):013.6f}", "%Y%m%d%H%M%S.%f")  # noqa: DTZ007  (one scanner's clock)


def reference_activity(dataset):
    """Injected activity left at the decay reference time [Bq], from the header alone."""
    tracer = dataset.RadiopharmaceuticalInformationSequence[0]
    injected = instant(dataset.SeriesDate, tracer.RadiopharmaceuticalStartTime)
    if dataset.DecayCorrection == "ADMIN":
        return float(tracer.RadionuclideTotalDose)
    if dataset.Manufacturer == "SIEMENS":
        reference = instant(dataset.SeriesDate, dataset.SeriesTime)
    else:
        text = dataset[0x0009, 0x100D].value  # GEMS_PETD_01 scan date and time
        reference = instant(text[:8], text[8:])
    elapsed = (reference - injected).total_seconds()
    return float(tracer.RadionuclideTotalDose) * math.exp(-math.log(2) * elapsed / float(tracer.RadionuclideHalfLife))


@pytest.mark.parametrize("session", ["1/petct", "1/petmri", "2/petct"])
def test_suv_by_the_hand_formula_is_the_truth(flat, session):
    slices = stack(flat, session, "pet")
    truth, _ = truth_image(flat, session, "suv_pet")
    for k, dataset in enumerate(slices):
        factor = float(dataset.PatientWeight) * 1000 / reference_activity(dataset)
        found = dataset.pixel_array * float(dataset.RescaleSlope) * factor
        np.testing.assert_allclose(found, truth[k], rtol=2e-6)
    assert len({dataset.RescaleSlope for dataset in slices}) == len(slices)
    assert 10 < truth.max() < 60


@pytest.mark.parametrize(
    ("session", "series", "image"),
    [("1/petct", "ct", "labels_ct"), ("1/petct", "pet", "suv_pet"), ("1/petmri", "mr-in", "labels_mr"), ("2/petct", "pet", "labels_pet")],
)  # fmt: skip
def test_affines_of_truth_and_dicom_agree(flat, session, series, image):
    slices = stack(flat, session, series, pixels=False)
    data, affine = truth_image(flat, session, image)
    assert len(slices) == data.shape[0]
    for k in (0, len(slices) // 2, len(slices) - 1):
        dataset = slices[k]
        rows, columns = dataset.Rows - 1, dataset.Columns - 1
        corner = np.array(dataset.ImagePositionPatient, float)
        far = corner + columns * float(dataset.PixelSpacing[1]) * np.array(dataset.ImageOrientationPatient[:3], float)
        far += rows * float(dataset.PixelSpacing[0]) * np.array(dataset.ImageOrientationPatient[3:], float)
        for ijk, lps in (((0, 0, k), corner), ((columns, rows, k), far)):
            np.testing.assert_allclose((affine @ [*ijk, 1])[:3] * (-1, -1, 1), lps, atol=2e-4)


def test_every_organ_is_there_on_every_grid_of_every_session(flat):
    for session in flat.sessions.values():
        for volumes in session["organ_volumes_ml"].values():
            assert set(volumes) == {organ.name for organ in ORGANS.values()}
            assert min(volumes.values()) > 5


def test_landmarks_of_the_truth_lie_in_their_organs_on_both_grids(flat):
    organ_of = {"bladder_centre": "urinary_bladder", "spleen_centre": "spleen", "left_kidney_centre": "kidney_left"}
    for folder, session in flat.sessions.items():
        for name, points in session["landmarks_ras_mm"].items():
            labels, affine = truth_image(flat, folder, f"labels_{name}")
            for landmark, organ in organ_of.items():
                i, j, k = np.rint(np.linalg.inv(affine) @ [*points[landmark], 1])[:3].astype(int)
                near = labels[max(k - 1, 0) : k + 2, j - 1 : j + 2, i - 1 : i + 2]
                assert any(ORGANS[n].name == organ for n in np.unique(near) if n), (folder, name, landmark)


def test_the_petct_patient_who_moved_shows_it_and_the_other_does_not(flat):
    def head_shift_mm(folder):
        points = flat.sessions[folder]["landmarks_ras_mm"]
        return np.linalg.norm(np.subtract(points["pet"]["vertex"], points["ct"]["vertex"]))

    assert head_shift_mm("1/petct") < 1e-3
    assert head_shift_mm("2/petct") > 3


def test_every_planted_identifier_is_in_the_bytes_of_its_patient_and_of_no_other(flat):
    canaries = json.loads((flat.out / "truth" / "canaries.json").read_text())
    data = {
        patient["index"]: b"".join(
            path.read_bytes()
            for session in patient["sessions"]
            for (folder, _), paths in flat.paths.items()
            if folder == session["folder"]
            for path in paths
        )
        for patient in flat.index["patients"]
    }
    assert len(canaries) > 60
    for canary in canaries:
        value = canary["value"].encode(canary["encoding"])
        assert (value in data[canary["patient"]]) == canary["in_bytes"], canary["kind"]
        if canary["kind"] != "study_date":
            assert not any(value in other for index, other in data.items() if index != canary["patient"]), canary[
                "kind"
            ]


def test_a_tree_names_patients_in_its_folders_and_a_flat_folder_does_not(flat, tree):
    first = flat.index["patients"][0]["patient_id"]
    assert any(first in file["path"] for file in tree.index["files"])
    assert not any(first in file["path"] or "/" in file["path"] for file in flat.index["files"])


def test_a_patient_has_the_same_bytes_in_a_cohort_of_another_size_and_shape(flat, tree):
    def digests(cohort):
        paths = [path for (session, _), found in cohort.paths.items() if session.startswith("1/") for path in found]
        return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)

    assert digests(flat) == digests(tree)
    assert sum(digests(tree).values()) > 500
    volumes = list((tree.out / "truth").rglob("*.nii.gz"))
    assert len(volumes) == 6
    for path in volumes:
        assert path.read_bytes() == (flat.out / path.relative_to(tree.out)).read_bytes()


def test_another_seed_gives_another_cohort_in_place_of_the_first(tmp_path):
    before = written(tmp_path, subjects=1, seed=7)
    uids = {file["sop_uid"] for file in before.index["files"]} - {""}
    after = written(tmp_path, subjects=1, seed=8)
    assert uids.isdisjoint(file["sop_uid"] for file in after.index["files"])
    on_disk = {
        path.relative_to(tmp_path / "raw").as_posix() for path in (tmp_path / "raw").rglob("*") if path.is_file()
    }
    assert on_disk == {file["path"] for file in after.index["files"]}


def test_a_raw_folder_that_is_not_a_cohort_is_left_alone(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "mine.dcm").write_bytes(b"precious")
    with pytest.raises(UsageError):
        write_cohort(tmp_path, SynthOptions(size=Size.TINY))
    assert (tmp_path / "raw" / "mine.dcm").read_bytes() == b"precious"


def test_progress_counts_to_the_number_of_files(flat):
    assert flat.calls[-1] == (flat.cohort.files, flat.cohort.files)
    assert [done for done, _ in flat.calls] == list(range(1, flat.cohort.files + 1))


def test_every_element_of_every_series_is_valid_dicom(flat, monkeypatch):
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.RAISE)
    for (_, series), paths in flat.paths.items():
        if series == "stray":
            continue
        dataset = pydicom.dcmread(paths[0])
        elements = [element.value for element in dataset.iterall()]
        assert len(elements) > 60
        buffer = BytesIO()
        dataset.save_as(buffer)
        again = pydicom.dcmread(BytesIO(buffer.getvalue()))
        assert again == dataset


def test_series_of_one_study_share_patient_study_and_frame_of_reference(flat):
    for folder, session in flat.sessions.items():
        names = [name for key, name in flat.paths if key == folder]
        headers = [pydicom.dcmread(flat.paths[folder, name][0], stop_before_pixels=True) for name in names]
        assert {header.StudyInstanceUID for header in headers} == {session["study_uid"]}
        assert len({header.PatientID for header in headers}) == 1
        frames = {header.get("FrameOfReferenceUID") for header in headers} - {None}
        assert frames == {session["frame_of_reference_uid"]}
    assert len({session["frame_of_reference_uid"] for session in flat.sessions.values()}) == 3


def test_one_vendor_stores_its_slices_from_the_head_down(flat):
    for folder, sign in (("1/petct", 1), ("2/petct", -1)):
        slices = stack(flat, folder, "ct", pixels=False)
        numbers = [int(dataset.InstanceNumber) for dataset in slices]
        assert numbers == sorted(numbers, reverse=sign < 0)


def test_contours_carry_the_codes_of_the_dataset_and_resemble_the_truth(flat):
    for folder, grid in (("1/petct", "ct"), ("1/petmri", "mr"), ("2/petct", "ct")):
        (path,) = flat.paths[folder, f"contours-{grid}"]
        dataset = pydicom.dcmread(path)
        truth, affine = truth_image(flat, folder, f"labels_{grid}")
        drawn = np.zeros_like(truth)
        for frame, groups in zip(dataset.pixel_array, dataset.PerFrameFunctionalGroupsSequence, strict=True):
            z = float(groups.PlanePositionSequence[0].ImagePositionPatient[2])
            k = round((z - affine[2, 3]) / affine[2, 2])
            drawn[k][frame > 0] = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        for item in dataset.SegmentSequence:
            organ = ORGANS[int(item.SegmentNumber)]
            coded = item.SegmentedPropertyTypeCodeSequence[0]
            assert coded.CodeValue == organ.snomed_code
            sides = coded.get("SegmentedPropertyTypeModifierCodeSequence") or []
            assert [side.CodeMeaning.lower() for side in sides] == ([organ.side] if organ.side else [])
            mine, right = drawn == organ.id, truth == organ.id
            assert 2 * (mine & right).sum() / (mine.sum() + right.sum()) > 0.75, organ.name
        assert (drawn != truth).any()


def test_stations_overlap_and_differ_in_gain(flat):
    first, second = (stack(flat, "1/petmri", f"mr-station-{n}") for n in (1, 2))
    place = {round(float(dataset.SliceLocation), 3): dataset for dataset in first}
    shared = [(place[z], dataset) for dataset in second if (z := round(float(dataset.SliceLocation), 3)) in place]
    assert len(shared) >= 2
    bright = [(a.pixel_array, b.pixel_array) for a, b in shared]
    ratio = np.median(np.concatenate([(b / np.maximum(a, 1))[a > 200] for a, b in bright]))
    gains = flat.sessions["1/petmri"]["station_gains"]
    assert ratio == pytest.approx(gains[1] / gains[0], rel=0.03)
    assert all(0.85 <= gain <= 1.15 for gain in gains)


def test_the_clutter_of_an_export_is_there(flat):
    series = {name for _, name in flat.paths}
    assert {"localizer", "dose", "capture", "pet-nac", "pet-second", "ct-contrast", "mu-map", "stray"} <= series
    nac = stack(flat, "1/petct", "pet-nac", pixels=False)[0]
    assert "ATTN" not in nac.CorrectedImage
    capture = pydicom.dcmread(flat.paths["1/petct", "capture"][0])
    assert capture.pixel_array.shape == (120, 320, 3)
    assert capture.pixel_array.max() > 200


def test_planted_defects_are_in_the_files_and_only_there(tmp_path):
    cohort = written(tmp_path, defects=("missing-slice", "missing-weight", "duplicate-slice"))
    planted = {entry["name"]: (entry["session"], entry["series"], entry["expect"]) for entry in cohort.index["defects"]}
    assert planted == {
        "missing-slice": ("1/petct", "ct", "refused"),
        "missing-weight": ("1/petmri", "pet", "refused"),
        "duplicate-slice": ("2/petct", "ct", "repaired"),
    }
    gaps = np.diff([dataset.ImagePositionPatient[2] for dataset in stack(cohort, "1/petct", "ct", pixels=False)])
    assert gaps.max() == pytest.approx(2 * gaps.min(), rel=1e-3)
    assert all("PatientWeight" not in dataset for dataset in stack(cohort, "1/petmri", "pet", pixels=False))
    assert all("PatientWeight" in dataset for dataset in stack(cohort, "2/petct", "pet", pixels=False))
    copies = {}
    for path in sorted(cohort.paths["2/petct", "ct"]):
        copies.setdefault(path.read_bytes(), []).append(path)
    assert sorted(map(len, copies.values()))[-2:] == [1, 2]
    twins = next(paths for paths in copies.values() if len(paths) == 2)
    told = {cohort.out / "raw" / file["path"]: file["disposition"] for file in cohort.index["files"]}
    assert [told[path] for path in twins] == ["used", "duplicate"]
    dispositions = Counter(file["disposition"] for file in cohort.index["files"])
    assert dispositions["duplicate"] == 1
    assert dispositions["quarantined"] == 55
