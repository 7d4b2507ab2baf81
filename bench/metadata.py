"""Reads the plain columns of a release of 954 sessions, without an image: our reader, `datasets`, and pyarrow alone.

The release has the layout of a real one, with small images in place of large ones: a reader that touches no image never learns
the difference, and one that does is found out by `--kib`, the size of an image.

    python -m bench.metadata [--sessions 954] [--kib 256]
"""

import argparse
import hashlib
import tempfile
from pathlib import Path

import numpy as np

from bench.readers import Meter, run
from umd_curate.model.geometry import Grid
from umd_curate.model.release import VolumeRow
from umd_curate.release.cases import Subset
from umd_curate.release.rows import image_layout
from umd_curate.store.nifti import NiftiWriter
from umd_curate.store.parquet import write_rows
from umd_curate.store.shards import ShardWriter

SHARDS = 60
SUBSET = Subset("petct", "petct", "ct", default=True)


def main() -> None:
    """Write the release, run every reader in a process of its own, print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sessions", type=int, default=954)
    arguments.add_argument("--kib", type=int, default=256)
    arguments.add_argument("--reader", help=argparse.SUPPRESS)
    arguments.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.reader:
        measure(given.reader, given.folder)
        return
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "umd"
        write(folder, given.sessions, given.kib)
        size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 2**20
        print(f"{given.sessions} sessions in {SHARDS} shards, {size:.0f} MiB")
        print(f"{'reader':<22} {'CPU s':>7} {'wall s':>7} {'peak MiB':>9}")
        for reader in ("ours", "ours", "datasets streaming", "pyarrow"):
            found = run(__file__, reader, folder)
            print(f"{reader:<22} {found['cpu']:7.2f} {found['wall']:7.2f} {found['peak']:9.0f}")
            assert found["rows"] == given.sessions


def write(folder: Path, sessions: int, kib: int) -> None:
    """A release folder that holds what a reader of plain columns looks at."""
    side = round((kib * 1024) ** (1 / 3))
    image = folder.parent / "image.nii.gz"
    with NiftiWriter(image, Grid((side, side, side), np.eye(4)), "u1") as writer:
        for plane in np.random.default_rng(0).integers(0, 255, (side, side, side), np.uint8):
            writer.write(plane)
    layout = image_layout(SUBSET)
    empty = {column.name: [1] if column.type.startswith("list<int") else None for column in layout.columns}
    volumes = []
    for shard in range(SHARDS):
        path = f"petct/train-{shard:05d}-of-{SHARDS:05d}.parquet"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with ShardWriter(folder / path, layout) as out:
            for row, session in enumerate(range(shard, sessions, SHARDS)):
                name = f"{session:06d}"
                out.write(
                    {
                        **empty,
                        "subject_id": name,
                        "session_id": "petct1",
                        "split": "train",
                        "tracer": "FDG",
                        "pet_units": "SUVbw",
                    },
                    dict.fromkeys(layout.volumes, image),
                )
                volumes += [volume_row(name, column, path, row, side, image, writer) for column in layout.volumes]
    write_rows(folder / "manifests/volumes.parquet", volumes, VolumeRow)
    digest = hashlib.sha256((folder / "manifests/volumes.parquet").read_bytes()).hexdigest()
    (folder / "manifests/SHA256SUMS").write_text(f"{digest}  manifests/volumes.parquet\n", encoding="ascii")


def volume_row(
    subject: str, column: str, shard: str, row: int, side: int, image: Path, writer: NiftiWriter
) -> VolumeRow:
    """What the manifest says of an image."""
    return VolumeRow(
        subject_id=subject, session_id="petct1", split="train", config="petct", column=column, file_name=image.name,
        units="SUVbw", shape=(side, side, side), spacing_mm=(1.0, 1.0, 1.0),
        affine=tuple(map(float, np.eye(4)[:3].ravel())), size=writer.size, sha256=writer.sha256,
        voxel_sha256=writer.voxel_sha256, shard=shard, row=row, sidecar="{}",
    )  # fmt: skip


def measure(reader: str, folder: Path) -> None:
    """Read all plain values, imports included, and print what it took."""
    meter = Meter()
    if reader == "ours":
        from umd_curate import load_dataset

        rows = len(load_dataset("petct", path=folder).metadata())
    elif reader == "pyarrow":
        import pyarrow.dataset as ds

        rows = ds.dataset(folder / "petct").to_table(columns=["subject_id", "tracer", "pet_units"]).num_rows
    else:
        from datasets import load_dataset as theirs

        wanted = ["subject_id", "tracer", "pet_units"]
        rows = sum(
            1 for _ in theirs("parquet", data_dir=str(folder / "petct"), split="train", streaming=True, columns=wanted)
        )
    meter.tell(rows=rows)


if __name__ == "__main__":
    main()
