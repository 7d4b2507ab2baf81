"""The index of a raw folder: every file once, read once, planned patient by patient, whatever the folder is packed in."""

import io
import json
import os
import shutil
import tarfile
import zipfile
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.builders import a_ct_series, a_page, a_pet_series, an_mr_series
from tests.unit.ingest.rows import series
from umd_curate.deid.rules import rules_of
from umd_curate.deid.vault import Vault
from umd_curate.ingest import index_io, plan_io
from umd_curate.ingest.chunks import parts_of
from umd_curate.ingest.plan import plan_ingest
from umd_curate.ingest.scan import list_files, read_batch, scan, settle_copies
from umd_curate.model.catalogue import sources as codes
from umd_curate.model.config import IngestConfig, UmdConfig
from umd_curate.model.headers import FileKind, InstanceHeader
from umd_curate.model.series import SeriesRow, StudyRow
from umd_curate.model.study import Disposition
from umd_curate.pipeline.orders import make_orders
from umd_curate.pipeline.pixel_path import Source
from umd_curate.pipeline.raw import order_volumes
from umd_curate.pipeline.understood import Understood, understand
from umd_curate.store.keys import DeidKey
from umd_curate.store.parquet import iterate_rows, write_rows
from umd_curate.store.workspace import Workspace, create_workspace

KEY = DeidKey(b"k" * 32)


def _understand(workspace: Workspace | None, *roots: Path, **options) -> Understood:
    return understand(list(roots), workspace, UmdConfig(), KEY, lambda done, total: None, **options)


@pytest.fixture
def workspace(tmp_path):
    return create_workspace(tmp_path / "study")


@pytest.fixture
def raw(tmp_path):
    """One patient with PET/CT, one with MR, a page and a note."""
    folder = tmp_path / "raw"
    a_pet_series().write(folder / "a" / "pet")
    a_ct_series().write(folder / "a" / "ct")
    an_mr_series().having(PatientID="OTHER", StudyInstanceUID="1.2.9").write(folder / "b" / "mr")
    a_page().write(folder / "a" / "page")
    (folder / "notes.txt").write_text("not an image")
    return folder


def _facts(understood: Understood, root: str):
    """Dispositions and volumes of a plan, without the path under which the files lie."""
    plan = understood.plan
    decisions = {(d.path.removeprefix(root).lstrip("/"), d.disposition, d.code, d.series) for d in plan.decisions}
    volumes = [
        [(v.role, [Path(row.path).name for row in v.instances]) for v in session.volumes] for session in plan.sessions
    ]
    return decisions, volumes


def test_index_and_plan_are_those_of_the_files(workspace, raw):
    understood = _understand(workspace, raw)
    rows = settle_copies(list(scan(list_files([raw]), {})))
    assert list(understood.rows()) == rows
    whole = plan_ingest(rows, IngestConfig(), KEY.short_id)
    assert understood.plan == replace(whole, findings=understood.plan.findings)
    assert Counter(understood.plan.findings) == Counter(whole.findings)
    assert (understood.files, understood.opened) == (len(rows), len(rows))


def test_second_scan_opens_nothing_and_writes_nothing(workspace, raw):
    _understand(workspace, raw).totals()
    before = {path.name: path.stat().st_mtime_ns for path in workspace.index_path.parent.iterdir()}
    understood = _understand(workspace, raw)
    totals = understood.totals()
    assert understood.opened == 0
    assert sum(totals.values()) == understood.files
    assert {path.name: path.stat().st_mtime_ns for path in workspace.index_path.parent.iterdir()} == before


@pytest.mark.parametrize("change", ["changed", "added", "removed", "renamed"])
def test_only_what_is_new_is_opened_and_the_index_is_as_if_made_anew(workspace, raw, tmp_path, change):
    _understand(workspace, raw)
    path = sorted((raw / "a" / "ct").iterdir())[2]
    match change:
        case "changed":
            path.write_bytes(path.read_bytes() + b"\0\0")
        case "added":
            shutil.copy(path, raw / "a" / "ct" / "zzz.dcm")
        case "removed":
            path.unlink()
        case _:
            (raw / "b").rename(raw / "0")
    understood = _understand(workspace, raw)
    anew = _understand(create_workspace(tmp_path / "anew"), raw)
    assert understood.opened == {"changed": 1, "added": 1, "removed": 0, "renamed": 5}[change]
    assert list(understood.rows()) == list(anew.rows())
    assert understood.plan == anew.plan


def test_a_look_uses_the_index_and_leaves_the_workspace_as_it_is(workspace, raw):
    _understand(workspace, raw)
    (raw / "new.dcm").write_bytes(next((raw / "b" / "mr").iterdir()).read_bytes())
    before = {path: path.stat().st_mtime_ns for path in workspace.private.rglob("*")}  # all but private/ itself
    look = _understand(workspace, raw, keep=False)
    assert look.opened == 1
    assert look.totals()[Disposition.DUPLICATE, "ING-130"] == 1
    folder = look.place.folder
    assert folder.is_dir()
    del look
    assert not folder.exists()
    assert {path: path.stat().st_mtime_ns for path in workspace.private.rglob("*")} == before


@pytest.mark.parametrize("settings_change", [True, False])
def test_a_plan_is_made_again_where_settings_or_key_change(workspace, raw, settings_change):
    first = _understand(workspace, raw)
    first.totals()
    config = UmdConfig(ingest=IngestConfig(min_slices=6)) if settings_change else UmdConfig()
    key = KEY if settings_change else DeidKey(b"o" * 32)
    again = understand([raw], workspace, config, key, lambda done, total: None)
    assert again.opened == 0
    assert again.stamp != first.stamp
    assert again.plan != first.plan


def test_an_index_of_another_reader_is_made_anew(workspace, raw, monkeypatch):
    _understand(workspace, raw)
    monkeypatch.setattr(index_io, "READER", {"umd_reader": "next"})
    assert _understand(workspace, raw).opened == 17


def test_a_damaged_index_is_made_anew(workspace, raw):
    _understand(workspace, raw)
    workspace.index_path.write_bytes(b"PAR1 and nothing more")
    assert _understand(workspace, raw).opened == 17


def test_series_and_studies_are_summed_up_beside_the_index(workspace, raw):
    understood = _understand(workspace, raw)
    understood.totals()
    folder = workspace.index_path.parent
    series = {row.modality: row for row in iterate_rows(folder / "series.parquet", SeriesRow)}
    studies = list(iterate_rows(folder / "studies.parquet", StudyRow))
    assert set(series) == {"CT", "MR", "SC", "PT"}
    assert (series["CT"].files, series["CT"].used, series["SC"].excluded, series["SC"].codes) == (5, 5, 1, ("ING-105",))
    assert series["CT"].bytes == sum(path.stat().st_size for path in (raw / "a" / "ct").iterdir())
    assert {(study.modalities, study.files, study.used, study.sessions) for study in studies} == {
        (("CT", "PT", "SC"), 11, 10, 1),
        (("MR",), 5, 5, 1),
    }
    assert (folder / "series.parquet").stat().st_mode & 0o777 == 0o600


def test_unchanged_orders_are_not_made_again(workspace, raw, monkeypatch):
    first = order_volumes(_understand(workspace, raw), workspace, KEY)
    monkeypatch.setattr("umd_curate.pipeline.raw.make_orders", None)
    assert order_volumes(_understand(workspace, raw), workspace, KEY) == first
    monkeypatch.undo()
    next((workspace.private / "orders").iterdir()).unlink()
    assert order_volumes(_understand(workspace, raw), workspace, KEY) == first


def _pack(raw: Path, path: Path) -> Path:
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(raw.rglob("*")):
                archive.write(file, file.relative_to(raw))
    else:
        with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
            archive.add(raw, "")
    return path


@pytest.mark.parametrize("name", ["export.zip", "export.tar", "export.tar.gz"])
def test_an_archive_is_planned_as_its_folder_and_its_pixels_are_the_same(workspace, raw, tmp_path, name):
    packed = tmp_path / "packed"
    packed.mkdir()
    path = _pack(raw, packed / name)
    folder, archive = _understand(None, raw), _understand(workspace, packed)
    decisions, volumes = _facts(archive, f"{path}!")
    aside = {entry for entry in decisions if entry[2] == codes.ARCHIVE.code}
    assert len(aside) == 1
    assert (decisions - aside, volumes) == _facts(folder, str(raw))
    with Vault(workspace.vault_path, KEY) as vault:
        of_folder, of_archive = (make_orders(one.plan, vault) for one in (folder, archive))
    rules = rules_of(UmdConfig().deid)
    for one, other in zip(of_folder, of_archive, strict=True):
        pixels, packed_pixels = ([d.PixelData for d in Source(order, KEY, rules).cleaned()] for order in (one, other))
        assert pixels == packed_pixels
    assert _understand(workspace, packed).opened == 0


def test_odd_members_and_other_archives_end_as_findings(workspace, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    with tarfile.open(raw / "x.tar", "w") as archive:
        for name in ("../up.dcm", "inner.zip"):
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("link.dcm")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (raw / "cut.zip").write_bytes(b"PK\3\4 and no more")
    (raw / "old.7z").write_bytes(b"7z")
    totals = _understand(workspace, raw).totals()
    assert totals == {
        (Disposition.EXCLUDED, codes.ARCHIVE.code): 1,
        (Disposition.EXCLUDED, codes.LINK.code): 1,
        (Disposition.QUARANTINED, codes.OUTSIDE.code): 1,
        (Disposition.QUARANTINED, codes.OTHER_ARCHIVE.code): 2,
        (Disposition.QUARANTINED, codes.BROKEN_ARCHIVE.code): 1,
    }


def _write_dicomdir(path: Path, file_ids: list[list[str]]) -> None:
    """A media directory (PS3.3 F.3) of the given Referenced File IDs."""
    directory = Dataset()
    directory.DirectoryRecordSequence = [Dataset() for _ in file_ids]
    for record, file_id in zip(directory.DirectoryRecordSequence, file_ids, strict=True):
        record.DirectoryRecordType, record.SpecificCharacterSet, record.ReferencedFileID = (
            "IMAGE",
            "ISO_IR 100",
            file_id,
        )
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    directory.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(path, directory, enforce_file_format=True)


@pytest.mark.parametrize("is_packed", [False, True])
def test_files_that_a_dicomdir_lists_and_that_are_not_there_are_found(workspace, tmp_path, is_packed):
    medium = tmp_path / "medium"
    images = [path.rename(path.with_name(f"IM{k}")) for k, path in enumerate(a_ct_series().write(medium / "DICOM"))]
    _write_dicomdir(medium / "DICOMDIR", [["DICOM", path.name] for path in images])
    images[1].unlink()
    images[2].rename(images[2].with_name(images[2].name.lower()))
    root = _pack(medium, tmp_path / "medium.zip") if is_packed else medium
    understood = _understand(workspace, root)
    missing = [row.path for row in understood.rows() if row.kind is FileKind.MISSING]
    inside = f"{root}!/" if is_packed else f"{medium}/"
    assert missing == [inside + str(images[1].relative_to(medium))]
    assert understood.totals()[Disposition.QUARANTINED, codes.MISSING.code] == 1
    assert understood.totals()[Disposition.EXCLUDED, "ING-102"] == 1
    assert sum(understood.totals().values()) == understood.files


def test_a_list_of_files_is_read_file_by_file(workspace, raw):
    files = sorted((raw / "a" / "ct").iterdir())
    understood = _understand(workspace, *files, raw / "a" / "pet", files[0])
    assert understood.files == 10


def test_a_map_may_spread_the_reading(workspace, raw, tmp_path, monkeypatch):
    monkeypatch.setattr(index_io, "BATCH_FILES", 3)
    batches = []

    def run(function, items):
        assert function is read_batch
        for item in list(items):  # all at once: rows come in order all the same
            batches.append(len(item))
            yield function(item)

    spread = _understand(workspace, raw, run=run)
    assert max(batches) == 3
    assert list(spread.rows()) == list(_understand(create_workspace(tmp_path / "other"), raw).rows())


_faces = st.lists(
    st.tuples(st.sampled_from("PQR"), st.sampled_from(["1", "2", ""]), st.sampled_from(["a", "b", "c"]), st.booleans()),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faces=_faces, noise=st.randoms(use_true_random=False))
def test_planning_by_chunks_is_planning_as_a_whole(tmp_path, monkeypatch, faces, noise):
    """Patients, studies and series that share identifiers in any way, in any order: one chunk at a time gives the same."""
    monkeypatch.setattr(plan_io, "UNIT_ROWS", 5)
    monkeypatch.setattr(plan_io, "parts_of", lambda chunks: parts_of(chunks, 4))
    rows: list[InstanceHeader] = []
    for number, (patient, study, uid, is_pet) in enumerate(faces):
        made = series("PT" if is_pet else "CT", uid, n=4, patient=patient, study=study)
        rows += [replace(row, path=f"/raw/{number}/{k}", study_uid=study or None) for k, row in enumerate(made)]
    noise.shuffle(rows)
    index = tmp_path / "instances.parquet"
    write_rows(index, rows, InstanceHeader)
    place = plan_io.Place(index, tmp_path)
    planner = partial(plan_ingest, config=IngestConfig(), short_id=KEY.short_id)
    parts = list(plan_io.plan_index(place, planner, KEY.short_id, "stamp"))
    whole = plan_ingest(rows, IngestConfig(), KEY.short_id)
    sessions = plan_io.as_indexed(whole.sessions, {row.path: row for row in rows})
    assert Counter(session for part in parts for session in part.sessions) == Counter(sessions)
    assert Counter(finding for part in parts for finding in part.findings) == Counter(whole.findings)
    decided = {file.path: (file.disposition, file.code, file.series) for file in plan_io.read_decisions(place)}
    assert decided == {d.path: (d.disposition, d.code, d.series) for d in whole.decisions}
    again = list(plan_io.read_parts(place))
    assert [part.sessions for part in again] == [part.sessions for part in parts]
    assert [part.findings for part in again] == [part.findings for part in parts]


def test_nothing_of_the_index_can_be_read_by_others(workspace, raw):
    order_volumes(_understand(workspace, raw), workspace, KEY)
    modes = {path.name: path.stat().st_mode & 0o777 for path in workspace.index_path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert json.loads((workspace.index_path.with_name("plan.json")).read_text())["files"]


def test_a_file_that_cannot_be_read_is_tried_again(workspace, raw):
    path = raw / "broken.dcm"
    path.write_bytes(bytes(128) + b"DICM" + b"\xff" * 40)
    time = path.stat().st_mtime_ns
    _understand(workspace, raw)
    assert _understand(workspace, raw).opened == 1
    data = io.BytesIO()
    a_ct_series().datasets()[0].save_as(data, enforce_file_format=True)
    path.write_bytes(data.getvalue()[:172].ljust(172, b"\0"))
    os.utime(path, ns=(time, time))
    assert _understand(workspace, raw).opened == 1
