"""Identifiers that are planted in every kind of place of a release: each is found, each is told by its place, none by its value."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.release_builders import Folder, Ledger, Study, settings
from tests.steps.test_phi_gate_step import build, identifiers_of
from umd_curate.deid.telltales import Telltale
from umd_curate.model.catalogue import run as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Grid
from umd_curate.model.receipts import Receipt, State
from umd_curate.model.tables import Column
from umd_curate.pipeline.phi_gate import SEAL_STEP
from umd_curate.pipeline.phi_search import search_alone
from umd_curate.pipeline.table import below_the_wall
from umd_curate.store.nifti_header import header_bytes
from umd_curate.store.shards import HUB_METADATA, Layout, PictureWriter, ShardWriter

NAME = "zaleska"
UID = "1.2.826.0.1.3680043.8.498.91827364554637281"
DAY = "1954-03-17"
SHORT = "jedyk"  # a spelling of less than six letters is only met where all around is readable
PLANTED = (("name", NAME), ("name", SHORT), ("uid", UID), ("date", DAY))
SAID = "Maria Zaleska"


def in_json(folder: Path) -> None:
    path = folder / "manifests/release.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"Note": SAID}), "utf-8")


def in_json_lines(folder: Path) -> None:
    with (folder / "manifests/provenance.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"parameters": json.dumps({"uid": UID})}) + "\n")


def in_provenance_table(folder: Path) -> None:
    path = folder / "manifests/provenance.parquet"
    table = pq.read_table(path)
    pq.write_table(
        table.set_column(0, "step", pa.array([SAID] * len(table))) if len(table) else pa.table({"x": [SAID]}), path
    )


def in_a_cell_of_a_shard(folder: Path) -> None:
    layout = Layout((Column("site", "string", nullable=True),), ())
    with ShardWriter(folder / "petct/train-00000-of-00001.parquet", layout) as writer:
        writer.write({"site": SAID}, {})


def in_the_footer_of_a_shard(folder: Path) -> None:
    path = folder / "petct/train-00000-of-00001.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({HUB_METADATA: b"{}", b"source": SAID.encode()}), path)


def image_with_extension(path: Path, text: bytes) -> Path:
    """A ``.nii.gz`` with a header extension (code 6: comment) that holds a text."""
    grid = Grid((2, 2, 2), np.eye(4))
    size = -(-(8 + len(text)) // 16) * 16
    header = bytearray(header_bytes(grid, np.uint8))
    header[108:112] = np.float32(352 + size).tobytes()
    header[348] = 1
    extension = size.to_bytes(4, "little") + (6).to_bytes(4, "little") + text.ljust(size - 8, b"\0")
    path.write_bytes(gzip.compress(bytes(header) + extension + bytes(8), mtime=0))
    return path


def in_a_header_extension(folder: Path) -> None:
    image = image_with_extension(folder.parent / "x.nii.gz", f"scanned {DAY}".encode())
    with ShardWriter(folder / "petct/train-00000-of-00001.parquet", Layout((), ("pet",))) as writer:
        writer.write({}, {"pet": image})
    image.unlink()


def in_a_header_extension_among_numbers(folder: Path) -> None:
    image = image_with_extension(
        folder.parent / "x.nii.gz", bytes([1, 143]) * 12 + SHORT.encode() + bytes([1, 143]) * 12
    )
    with ShardWriter(folder / "petct/train-00000-of-00001.parquet", Layout((), ("pet",))) as writer:
        writer.write({}, {"pet": image})
    image.unlink()


def in_the_description_of_a_header(folder: Path) -> None:
    data = bytearray(header_bytes(Grid((2, 2, 2), np.eye(4)), np.uint8) + bytes(8))
    data[148 : 148 + len(SAID)] = SAID.encode()
    image = folder.parent / "x.nii.gz"
    image.write_bytes(gzip.compress(bytes(data), mtime=0))
    with ShardWriter(folder / "labels-petct/train-00000-of-00001.parquet", Layout((), ("organs",))) as writer:
        writer.write({}, {"organs": image})
    image.unlink()


def in_the_file_name_of_an_image(folder: Path) -> None:
    image = image_with_extension(folder.parent / f"{NAME}_pet.nii.gz", b"")
    with ShardWriter(folder / "petct/train-00000-of-00001.parquet", Layout((), ("pet",))) as writer:
        writer.write({}, {"pet": image})
    image.unlink()


def in_a_chunk_of_a_preview(folder: Path) -> None:
    note, target = PngInfo(), folder.parent / "x.png"
    note.add_text("Comment", SAID)
    Image.new("L", (4, 4)).save(target, pnginfo=note)
    with PictureWriter(folder / "slices/train-00000-of-00001.parquet", Layout((), (), ("preview",))) as writer:
        writer.write({}, {"preview": ("x.png", target.read_bytes())})
    target.unlink()


def in_a_chunk_of_a_figure(folder: Path) -> None:
    note = PngInfo()
    note.add_itxt("Comment", SAID, zip=True)
    Image.new("L", (4, 4)).save(folder / "figures/age.png", pnginfo=note)


def in_a_path(folder: Path) -> None:
    (folder / "figures" / f"{NAME}-2026.svg").write_text("<svg/>", "utf-8")


def in_the_folder_of_a_shard(folder: Path) -> None:
    (folder / f"petct-{NAME}").mkdir()


def in_croissant(folder: Path) -> None:
    path = folder / "croissant.json"
    path.write_text(
        path.read_text("utf-8").replace('"version"', json.dumps(f"seen {DAY}") + ': 1, "version"', 1), "utf-8"
    )


def in_the_notes(folder: Path) -> None:
    with (folder / "CHANGELOG.md").open("a", encoding="utf-8") as notes:
        notes.write(f"\nWithdrawn at the wish of Mrs {NAME.upper()}.\n")


PLACES = [
    in_json, in_json_lines, in_provenance_table, in_a_cell_of_a_shard, in_the_footer_of_a_shard, in_a_header_extension,
    in_a_header_extension_among_numbers, in_the_description_of_a_header, in_the_file_name_of_an_image, in_a_chunk_of_a_preview, in_a_chunk_of_a_figure, in_a_path,
    in_the_folder_of_a_shard, in_croissant, in_the_notes,
]  # fmt: skip


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    root = tmp_path_factory.mktemp("ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UMD_SIGNING_KEY", str(tmp_path_factory.mktemp("keys") / "signing.key"))
        return root, build(root, Study(), PLANTED)


# Of people whose headers nobody read: known to no list, and unlike what a release holds.
LOOK_ALIKES = {
    Telltale.UID: "1.2.840.113619.2.55.3.2831164355.13.77",
    Telltale.NAME: "KOWALSKA^ANNA^^DR",
    Telltale.DATE: "patient, born 12.03.1980",
    Telltale.NUMBER: "MRN: 00421337",
    Telltale.EMAIL: "anna.kowalska@klinik-nord.de",
    Telltale.PHONE: "Tel.: 030/1234567",
}
PLACES_THAT_SAY = [plant for plant in PLACES if "SAID" in plant.__code__.co_names]


@contextmanager
def planted(folder: Path, plant) -> Iterator[None]:
    """The release with something planted, as it was afterwards."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    plant(folder)
    try:
        yield
    finally:
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path not in files:
                path.unlink()
        for path, data in files.items():
            path.write_bytes(data)


def sealed(root: Path, done: Receipt, config: UmdConfig | None = None) -> Receipt:
    config = config or settings()
    (unit,) = SEAL_STEP.plan(Ledger([], [identifiers_of(root, PLANTED), done]), config)
    return SEAL_STEP.perform(unit, Folder(root), config)


def test_a_clean_release_tells_nothing(released):
    root, done = released
    assert sealed(root, done).findings == ()


@pytest.mark.parametrize("plant", PLACES, ids=lambda plant: plant.__name__)
def test_a_planted_identifier_is_found_and_not_told(released, plant):
    root, done = released
    with planted(root / "releases/0.1.0/umd", plant):
        found = sealed(root, done)
    assert found.state is State.QUARANTINED
    said = " ".join(finding.detail for finding in found.findings).lower()
    assert not [value for _, value in PLANTED if value in said]


@pytest.mark.parametrize(("kind", "plant"), list(zip(LOOK_ALIKES, PLACES_THAT_SAY, strict=False)))
def test_what_looks_like_an_identifier_is_found_though_nobody_knows_it(released, monkeypatch, plant, kind):
    root, done = released
    monkeypatch.setitem(plant.__globals__, "SAID", LOOK_ALIKES[kind])
    with planted(root / "releases/0.1.0/umd", plant):
        found = sealed(root, done)
    assert found.state is State.QUARANTINED
    assert {finding.code for finding in found.findings} == {codes.LOOKS_LIKE_IDENTIFIER.code}
    details = [finding.detail for finding in found.findings]
    assert [detail for detail in details if detail.endswith(f": {kind} as pattern")]
    assert LOOK_ALIKES[kind] not in " ".join(details)


STATED = {
    "contact": 'Datenbüro "Nord" <privacy@klinik-nord.de>, Tel.: 030/1234567',
    "ethics": "Vote of 2020-01-02 on patient data, Dr. Kowalska",
    "authors": ("Anna Kowalska <anna@klinik-nord.de>",),
}


def test_what_the_maintainers_say_of_themselves_holds_nothing_back(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("UMD_SIGNING_KEY", str(tmp_path_factory.mktemp("keys") / "signing.key"))
    config = UmdConfig.model_validate({"dataset": STATED})
    step = below_the_wall()["release"]
    (unit,) = step.plan(Ledger([Study().write(tmp_path)], [identifiers_of(tmp_path, PLANTED)]), config)
    done = step.perform(unit, Folder(tmp_path), config)
    folder = tmp_path / "releases/0.1.0/umd"
    assert "privacy@klinik-nord.de" in (folder / "README.md").read_text("utf-8")
    assert sealed(tmp_path, done, config).findings == ()
    assert search_alone(folder) == []
    told = {finding.detail for finding in sealed(tmp_path, done).findings}  # by settings that do not state it
    assert {detail.split(": ")[0] for detail in told} >= {"README.md", "croissant.json", "release.json"}
    assert "klinik-nord" not in " ".join(told)


def test_what_would_be_built_with_an_identifier_in_a_sidecar_never_gets_its_name(tmp_path):
    with pytest.raises(Refused):
        build(tmp_path, Study(tracer=f"FDG {NAME}"), PLANTED)
    assert not (tmp_path / "releases").exists() or not list((tmp_path / "releases").iterdir())


def test_what_would_be_built_with_a_stranger_in_a_sidecar_never_gets_its_name(tmp_path):
    with pytest.raises(Refused) as refused:
        build(tmp_path, Study(tracer="FDG for KOWALSKA^ANNA"), PLANTED)
    assert refused.value.finding.code == codes.LOOKS_LIKE_IDENTIFIER.code
    assert not (tmp_path / "releases").exists() or not list((tmp_path / "releases").iterdir())
