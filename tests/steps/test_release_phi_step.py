"""Identifiers that are planted in every kind of place of a release: each is found, each is told by its place, none by its value."""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.release_builders import Folder, Ledger, Study, settings
from tests.steps.test_phi_gate_step import build, identifiers_of
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Grid
from umd_curate.model.receipts import State
from umd_curate.model.tables import Column
from umd_curate.pipeline.phi_gate import SEAL_STEP
from umd_curate.store.nifti_header import header_bytes
from umd_curate.store.shards import HUB_METADATA, Layout, PictureWriter, ShardWriter

NAME = "zaleska"
UID = "1.2.826.0.1.3680043.8.498.91827364554637281"
DAY = "1954-03-17"
PLANTED = (("name", NAME), ("uid", UID), ("date", DAY))
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
    in_the_description_of_a_header, in_the_file_name_of_an_image, in_a_chunk_of_a_preview, in_a_chunk_of_a_figure, in_a_path,
    in_the_folder_of_a_shard, in_croissant, in_the_notes,
]  # fmt: skip


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    root = tmp_path_factory.mktemp("ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UMD_SIGNING_KEY", str(tmp_path_factory.mktemp("keys") / "signing.key"))
        return root, build(root, Study(), PLANTED)


@pytest.mark.parametrize("plant", PLACES, ids=lambda plant: plant.__name__)
def test_a_planted_identifier_is_found_and_not_told(released, plant):
    root, done = released
    folder = root / "releases/0.1.0/umd"
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (unit,) = SEAL_STEP.plan(Ledger([], [identifiers_of(root, PLANTED), done]), settings())
    assert SEAL_STEP.perform(unit, Folder(root), settings()).state is State.DONE
    plant(folder)
    sealed = SEAL_STEP.perform(unit, Folder(root), settings())
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in files:
            path.unlink()
    for path, data in files.items():
        path.write_bytes(data)
    assert sealed.state is State.QUARANTINED
    said = " ".join(finding.detail for finding in sealed.findings).lower()
    assert not [value for _, value in PLANTED if value in said]


def test_what_would_be_built_with_an_identifier_in_a_sidecar_never_gets_its_name(tmp_path):
    with pytest.raises(Refused):
        build(tmp_path, Study(tracer=f"FDG {NAME}"), PLANTED)
    assert not (tmp_path / "releases").exists() or not list((tmp_path / "releases").iterdir())
