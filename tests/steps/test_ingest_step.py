"""Ingest on real files: what a raw folder holds, what each file is, and what becomes of it."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from tests.builders import a_ct_series, a_page, a_pet_series, a_report, an_mr_series, contours_of
from umd_curate.errors import UsageError
from umd_curate.ingest.io import read_header
from umd_curate.ingest.plan import plan_ingest
from umd_curate.ingest.scan import list_files, scan, settle_copies
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import IngestConfig, UmdConfig
from umd_curate.model.headers import FileKind, InstanceHeader
from umd_curate.model.study import Disposition, IngestPlan, Layout, SessionKind
from umd_curate.pipeline.understood import understand
from umd_curate.store.keys import DeidKey
from umd_curate.store.workspace import create_workspace
from umd_curate.synth import Size, SynthOptions, write_cohort


def _ingest(*roots: Path) -> IngestPlan:
    rows = settle_copies(list(scan(list_files(roots), {})))
    return plan_ingest(rows, IngestConfig(), DeidKey(b"k" * 32).short_id)


def _row(path: Path) -> InstanceHeader:
    (file,) = list_files([path])
    return read_header(file)


def _codes_in(plan: IngestPlan, folder: Path) -> set[str]:
    return {d.code for d in plan.decisions if Path(d.path).is_relative_to(folder)}


def test_header_row_says_what_the_file_says(tmp_path):
    path = a_pet_series().write(tmp_path)[2]
    row = _row(path)
    dataset = pydicom.dcmread(path)
    assert row.kind is FileKind.DICOM
    assert row.sop_instance_uid == dataset.SOPInstanceUID
    assert row.position_mm == tuple(dataset.ImagePositionPatient)
    assert row.pixel_spacing_mm == (4.0, 3.0)
    assert row.corrected_image == ("NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN")
    assert row.radiopharmaceutical == "Fluorodeoxyglucose"
    assert (row.patient_weight_kg, row.rows, row.columns, row.instance_number) == (70.0, 8, 10, 3)
    assert (row.series_time, row.transfer_syntax_uid) == ("100000", "1.2.840.10008.1.2.1")
    assert row.dixon_channel is None
    assert row.gantry_tilt_deg is None


def test_header_digest_leaves_the_pixels_out(tmp_path):
    plain = a_ct_series().write(tmp_path / "a")[0]
    bright = a_ct_series().showing(lambda k, rows, columns: plain_plane(rows, columns)).write(tmp_path / "b")[0]
    other = a_ct_series().having(KVP=80).write(tmp_path / "c")[0]
    assert _row(plain).header_sha256 == _row(bright).header_sha256
    assert _row(plain).header_sha256 != _row(other).header_sha256


def plain_plane(rows: int, columns: int):
    import numpy as np

    return np.full((rows, columns), 7, np.int16)


def test_whole_folder_is_sorted_out(tmp_path):
    ct = a_ct_series()
    a_pet_series().write(tmp_path / "pet")
    ct.write(tmp_path / "ct")
    contours_of(ct).write(tmp_path / "seg")
    a_report().write(tmp_path / "report")
    a_page().write(tmp_path / "page")
    ct.of(name="scout").having(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]).write(tmp_path / "scout")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    plan = _ingest(tmp_path)
    assert [session.kind for session in plan.sessions] == [SessionKind.PETCT]
    assert [volume.role for volume in plan.sessions[0].volumes] == ["pet", "ct", "contours"]
    assert _codes_in(plan, tmp_path / "report") == {codes.REPORT.code}
    assert _codes_in(plan, tmp_path / "page") == {codes.PAGE.code}
    assert _codes_in(plan, tmp_path / "scout") == {codes.LOCALIZER.code}
    assert _codes_in(plan, tmp_path / "notes.txt") == {codes.NOT_DICOM.code}
    assert _codes_in(plan, tmp_path / ".DS_Store") == {codes.NOT_DICOM.code}
    assert plan.findings == ()


def test_names_and_folders_mean_nothing(tmp_path):
    sorted_folder, flat = tmp_path / "sorted", tmp_path / "flat"
    a_pet_series().write(sorted_folder / "pet")
    a_ct_series().write(sorted_folder / "ct")
    flat.mkdir()
    files = [file.path for file in list_files([sorted_folder])]
    for number, path in enumerate(reversed(files)):
        shutil.copy(path, flat / f"{number}")
    as_uids = [
        [[image.sop_instance_uid for image in volume.instances] for volume in _ingest(folder).sessions[0].volumes]
        for folder in (sorted_folder, flat)
    ]
    assert as_uids[0] == as_uids[1]


@pytest.mark.parametrize("kept", [0.4, 0.9, 0.999])
def test_file_cut_off_in_its_pixels_is_quarantined(tmp_path, kept):
    paths = a_ct_series().sized(rows=64, columns=64).write(tmp_path)
    data = paths[1].read_bytes()
    paths[1].write_bytes(data[: int(len(data) * kept)])
    plan = _ingest(tmp_path)
    assert {d.code for d in plan.decisions if d.path == str(paths[1])} == {codes.TRUNCATED.code}
    assert plan.sessions == ()


@pytest.mark.parametrize("length", [140, 200, 300, 700])
def test_file_cut_off_in_its_header_is_quarantined(tmp_path, length):
    path = a_ct_series().write(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:length])
    assert {d.code for d in _ingest(tmp_path).decisions if d.path == str(path)} == {codes.UNREADABLE.code}


def test_image_whose_pixels_are_shorter_than_its_matrix_is_cut_off(tmp_path):
    path = a_ct_series().having(Rows=80).write(tmp_path)[0]
    assert _row(path).kind is FileKind.UNREADABLE


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_native_transfer_syntax_is_read(tmp_path, syntax):
    made = a_ct_series().datasets()[0]
    dataset = pydicom.Dataset(dict(made.items()))
    dataset.file_meta = made.file_meta
    dataset.file_meta.TransferSyntaxUID = syntax
    path = tmp_path / "image"
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    row = _row(path)
    assert (row.kind, row.modality, row.rows) == (FileKind.DICOM, "CT", 8)


def test_compressed_image_is_whole_or_cut_off_by_its_fragments(tmp_path):
    dataset = a_ct_series().datasets()[0]
    dataset.PixelData = encapsulate([b"\1" * 500])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = RLELossless
    path = tmp_path / "image.dcm"
    dataset.save_as(path, enforce_file_format=True)
    assert _row(path).kind is FileKind.DICOM
    path.write_bytes(path.read_bytes()[:-100])
    assert _row(path).kind is FileKind.UNREADABLE


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, "1.2.840.10008.1.2.1"])
def test_file_without_preamble_is_read(tmp_path, syntax):
    dataset = a_ct_series().datasets()[0]
    path = tmp_path / "IM0001"
    pydicom.dcmwrite(
        path,
        pydicom.Dataset(dict(dataset.items())),
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=True,
    )
    assert path.read_bytes()[128:132] != b"DICM"
    assert (_row(path).kind, _row(path).modality) == (FileKind.DICOM, "CT")


@pytest.mark.parametrize("content", [b"hello", b"%PDF-1.7 " * 40])
def test_text_is_not_dicom_whatever_its_name(tmp_path, content):
    (tmp_path / "file.dcm").write_bytes(content)
    assert _row(tmp_path / "file.dcm").kind is FileKind.NOT_DICOM


@pytest.mark.parametrize("content", [b"", b"PK\3\4" + b"\0" * 400, b"\x08\0" + b"x" * 300])
def test_other_files_are_not_dicom_unless_they_are_named_so(tmp_path, content):
    (tmp_path / "file.bin").write_bytes(content)
    (tmp_path / "file.dcm").write_bytes(content)
    assert _row(tmp_path / "file.bin").kind is FileKind.NOT_DICOM
    assert _row(tmp_path / "file.dcm").kind is FileKind.UNREADABLE


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(noise=st.randoms(use_true_random=True), hits=st.integers(1, 60))
def test_no_corruption_of_a_file_raises(tmp_path, noise, hits):
    path = tmp_path / "image.dcm"
    if not path.exists():
        a_pet_series().sized(slices=1).write(tmp_path / "whole")
    content = bytearray((tmp_path / "whole" / "PET AC-0001.dcm").read_bytes())
    for _ in range(hits):
        content[noise.randrange(len(content))] = noise.randrange(256)
    path.write_bytes(content[: noise.choice([len(content), noise.randrange(len(content))])])
    row = _row(path)
    plan = plan_ingest([row], IngestConfig(), DeidKey(b"k" * 32).short_id)
    assert len(plan.decisions) == 1


def test_copies_are_told_from_files_that_only_share_header_and_size(tmp_path):
    paths = a_ct_series().write(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    plan = _ingest(tmp_path)
    assert Counter(d.disposition for d in plan.decisions) == {Disposition.USED: 5, Disposition.DUPLICATE: 5}
    changed = bytearray(paths[0].read_bytes())
    changed[-1] ^= 1
    (tmp_path / "b" / paths[0].name).write_bytes(changed)
    conflict = [d for d in _ingest(tmp_path).decisions if d.code == codes.UID_CONFLICT.code]
    assert len(conflict) == 2


def test_each_real_file_is_listed_once_whatever_links_lead_to_it(tmp_path):
    raw, outside = tmp_path / "raw", tmp_path / "outside"
    (raw / "inner").mkdir(parents=True)
    outside.mkdir()
    (raw / "inner" / "one").write_text("1")
    (outside / "two").write_text("2")
    (raw / "again").symlink_to(raw / "inner" / "one")
    (raw / "loop").symlink_to(raw)
    (raw / "far").symlink_to(outside)
    (raw / "far2").symlink_to(outside)
    (raw / "dangling").symlink_to(raw / "nothing")
    os.mkfifo(raw / "pipe")
    files = list_files([raw, raw / "inner"])
    assert [file.path for file in files] == [raw / "far" / "two", raw / "inner" / "one"]


def test_folder_that_does_not_exist_is_a_usage_error_that_does_not_name_it(tmp_path):
    with pytest.raises(UsageError) as caught:
        list_files([tmp_path / "CANARY"])
    assert "CANARY" not in str(caught.value)


def test_second_scan_reads_only_changed_files(tmp_path, monkeypatch):
    paths = a_ct_series().write(tmp_path)
    rows = {row.path: row for row in scan(list_files([tmp_path]), {})}
    paths[0].write_bytes(paths[0].read_bytes() + b"\0\0")
    read: list[str] = []

    def note(file):
        read.append(str(file.path))
        return read_header(file)

    monkeypatch.setattr("umd_curate.ingest.io.read_header", note)
    again = list(scan(list_files([tmp_path]), rows))
    assert read == [str(paths[0])]
    assert again[1:] == list(rows.values())[1:]


def test_siemens_dixon_channels_are_told_apart(tmp_path):
    for name, value in {"in": "IN_PHASE", "opp": "OPP_PHASE", "F": "FAT", "W": "WATER"}.items():
        an_mr_series().of(name=name).having(ImageType=["DERIVED", "PRIMARY", "DIXON", value]).write(tmp_path / name)
    plan = _ingest(tmp_path)
    assert [volume.label for session in plan.sessions for volume in session.volumes] == ["in"]
    assert _codes_in(plan, tmp_path / "W") == {codes.DIXON_NOT_SELECTED.code}


def test_real_patients_give_petct_sessions(shared_data):
    plan = _ingest(shared_data / "ibsi-sts-patients")
    kinds = Counter(session.kind for session in plan.sessions)
    assert kinds == {SessionKind.PETCT: 3, SessionKind.MR: 3}
    sizes = {tuple(len(volume.instances) for volume in s.volumes) for s in plan.sessions if s.kind is SessionKind.PETCT}
    assert sizes == {(48, 48, 1), (61, 63, 1), (52, 53, 1)}  # PET, CT, structure set on the CT


def test_real_whole_body_pet_is_selected_before_its_crop(shared_data):
    plan = _ingest(shared_data / "sts-001-petctmr")
    (session,) = [session for session in plan.sessions if session.kind is SessionKind.PETCT]
    assert [len(volume.instances) for volume in session.volumes] == [267, 59]
    # The structure set of the PET lies there whole and as its crop, both under one UID.
    aside = [d for d in plan.decisions if d.disposition is Disposition.QUARANTINED]
    assert sorted(Path(d.path).name for d in aside) == ["1-1.dcm", "RS.dcm"]
    assert {d.code for d in aside} == {codes.UID_CONFLICT.code}


def test_real_mosaics_are_volumes_of_their_own(shared_data):
    plan = _ingest(shared_data / "dcm-qa-uih/In")
    (session,) = plan.sessions
    assert [(volume.role, volume.layout, len(volume.instances)) for volume in session.volumes] == [
        ("mr", Layout.MOSAIC, 1)
    ]
    assert Counter(decision.code for decision in plan.decisions) == {"": 1, codes.MR_NOT_SELECTED.code: 16}


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("dcm-qa-ct-burned-in/S4010", codes.PAGE),
        ("dicom2nifti-odd/failing/notavolume/001", codes.SAME_PLACE),
        ("dicom2nifti-odd/failing/sliceincrement/001", codes.GAP),
        ("dicom2nifti-odd/failing/slicecount/001", codes.FEW_IMAGES),
        ("dicom2nifti-odd/failing/sliceorientation/001", codes.FEW_IMAGES),
        ("flt-pet-slice-1/SOURCE.md", codes.NOT_DICOM),
        ("pseudo-phi-body-mr/deidentified-reference", codes.NO_PATIENT_ID),
    ],
)
def test_real_odd_series_are_kept_out_by_their_code(shared_data, folder, code):
    plan = _ingest(shared_data / folder)
    assert plan.sessions == ()
    assert {decision.code for decision in plan.decisions} == {code.code}


def test_a_real_tilted_gantry_makes_a_session(shared_data):
    plan = _ingest(shared_data / "dicom2nifti-odd/failing/gantrytilting/001")
    assert [session.kind for session in plan.sessions] == [SessionKind.CT]
    assert all(decision.disposition is Disposition.USED for decision in plan.decisions)


def test_reference_objects_work_alone_and_are_refused_together(shared_data):
    objects = sorted((shared_data / "suv-reference-objects").glob("*/PT"))
    assert len(objects) == 5
    assert all([session.kind for session in _ingest(folder).sessions] == [SessionKind.PET] for folder in objects)
    together = _ingest(*objects)
    assert together.sessions == ()
    assert {decision.code for decision in together.decisions} == {codes.AMBIGUOUS.code}


def test_recompressed_copies_of_one_series_work_alone_and_collide_together(shared_data):
    folder = shared_data / "dicom2nifti-odd" / "generic"
    each = [_ingest(path / "001") for path in sorted(folder.iterdir())]
    assert [[len(s.volumes[0].instances) for s in plan.sessions] for plan in each] == [[4]] * 4
    assert {d.code for d in _ingest(folder).decisions if d.series} == {codes.UID_CONFLICT.code}


def test_all_real_images_as_one_folder_are_accounted_for(shared_data):
    files = list_files([shared_data])
    plan = _ingest(shared_data)
    assert [decision.path for decision in plan.decisions] == [str(file.path) for file in files]
    assert {Disposition.USED, Disposition.EXCLUDED, Disposition.QUARANTINED} == {d.disposition for d in plan.decisions}


def _assert_every_file_is_as_expected(cohort: Path) -> None:
    """Compare with the truth that the cohort's writer states per file, by session and series."""
    files = json.loads((cohort / "truth" / "cohort.json").read_text())["files"]
    truth = {str(cohort / "raw" / file["path"]): file for file in files}
    plan = _ingest(cohort / "raw")
    assert {decision.path for decision in plan.decisions} == set(truth)
    found = Counter((truth[d.path]["session"], truth[d.path]["series"], str(d.disposition)) for d in plan.decisions)
    assert found == Counter((file["session"], file["series"], file["disposition"]) for file in files)


def test_synthetic_cohort_is_sorted_out_as_its_truth_says(tmp_path):
    write_cohort(tmp_path / "cohort", SynthOptions(subjects=1, size=Size.TINY))
    _assert_every_file_is_as_expected(tmp_path / "cohort")


@pytest.mark.slow
def test_planted_defects_are_caught_as_their_truth_says(tmp_path):
    defects = (
        "truncated-pixels",
        "corrupt-header",
        "missing-slice",
        "duplicate-slice",
        "duplicate-slice-differing",
        "localizer-inside",
        "wrong-patient",
        "no-ct",
    )
    write_cohort(tmp_path / "cohort", SynthOptions(subjects=8, size=Size.TINY, defects=defects))
    _assert_every_file_is_as_expected(tmp_path / "cohort")


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe.dcm"])
def test_an_image_whose_name_is_no_utf_8_is_quarantined_with_what_to_do(tmp_path, name):
    a_ct_series().write(tmp_path / "sound")
    shutil.copytree(tmp_path / "sound", tmp_path / os.fsdecode(name))
    (tmp_path / os.fsdecode(name + b".txt")).write_bytes(b"a note")
    plan = _ingest(tmp_path)
    found = Counter(decision.code for decision in plan.decisions if "\\x" in decision.path)
    assert found == {codes.MISNAMED.code: len(list((tmp_path / "sound").iterdir())), codes.NOT_DICOM.code: 1}
    assert all(decision.path.encode() for decision in plan.decisions)


def test_a_file_that_could_not_be_read_is_tried_again_although_its_time_is_the_same(tmp_path):
    path = a_ct_series().write(tmp_path)[0]
    (file,) = list_files([path])
    forbidden = InstanceHeader(path=str(path), size=file.size, mtime_ns=file.mtime_ns, kind=FileKind.UNREADABLE)
    assert next(scan([file], {str(path): forbidden})).kind is FileKind.DICOM


def test_a_root_without_a_file_is_an_error_even_beside_another(tmp_path):
    a_ct_series().write(tmp_path / "ct")
    (tmp_path / "unmounted").mkdir()
    with pytest.raises(UsageError) as refused:
        list_files([tmp_path / "ct", tmp_path / "unmounted"])
    assert "mounted" in refused.value.hint
    assert "unmounted" not in refused.value.message


def test_a_scan_that_is_stopped_keeps_what_it_has_read(tmp_path, monkeypatch):
    a_ct_series().write(tmp_path / "raw")
    workspace = create_workspace(tmp_path / "study")
    files = list_files([tmp_path / "raw"])
    reads = []

    def read(file):
        reads.append(file.path)
        if len(reads) == 3:
            raise KeyboardInterrupt
        return read_header(file)

    monkeypatch.setattr("umd_curate.ingest.io.read_header", read)
    monkeypatch.setattr("umd_curate.ingest.index_io.BATCH_FILES", 1)
    key = DeidKey(b"k" * 32)
    with pytest.raises(KeyboardInterrupt):
        understand([tmp_path / "raw"], workspace, UmdConfig(), key, lambda done, total: None)
    understand([tmp_path / "raw"], workspace, UmdConfig(), key, lambda done, total: None)
    assert len(reads) == len(files) + 1  # the two that were read are not read again; the third is
