"""Reads a release of full-size synthetic sessions by our reader, by `datasets` streaming, and by nibabel from the plain files.

Every reader unpacks CT, PET and label map of every row, holds the three together, and sums a few voxels of each, in a process
of its own, with the files in the page cache. CPU seconds are those of the reading
alone, peak memory that of the process.

    python -m bench.load [--sessions 6] [--small]
    python -m bench.load --sessions 3 --folder FOLDER/bench-release/ws/releases/0.1.0/umd   # made by bench.release
"""

import argparse
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.readers import Meter, run
from tests.publish_builders import built
from tests.release_builders import Study, subject_ids

CT_KJI, PET_KJI = (400, 512, 512), (400, 200, 200)
SMALL_CT_KJI, SMALL_PET_KJI = (100, 256, 256), (100, 100, 100)
COLUMNS = ("ct", "pet", "organs")


def main() -> None:
    """Build the release, run every reader in a process of its own, print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sessions", type=int, default=6)
    arguments.add_argument("--small", action="store_true", help="a sixteenth of the size, to try the bench itself")
    arguments.add_argument("--folder", type=Path, help="a release in its workspace, of which so many sessions are read")
    arguments.add_argument("--reader", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.reader:
        measure(given.reader, given.folder, given.sessions)
        return
    if given.folder:
        compare(given.folder, given.sessions)
        return
    with tempfile.TemporaryDirectory() as root:
        ct, pet = (SMALL_CT_KJI, SMALL_PET_KJI) if given.small else (CT_KJI, PET_KJI)
        studies = [
            Study(subject, seed=seed, ct_shape_kji=ct, pet_shape_kji=pet, has_overlap=False)
            for seed, subject in enumerate(subject_ids(given.sessions))
        ]
        folder = built(Path(root), studies, slices=False)
        print(f"CT {ct[::-1]}, PET {pet[::-1]}")
        compare(folder, given.sessions)


def compare(folder: Path, sessions: int) -> None:
    """Run every reader and print the table."""
    readers = ("ours", "ours unverified", "ours planes", "streaming", "nibabel")
    found = [run(__file__, reader, folder, "--sessions", str(sessions)) for reader in readers]
    print(f"{sessions} sessions")
    print(f"{'reader':<18} {'CPU s':>8} {'wall s':>8} {'peak MiB':>9}  note")
    for entry in found:
        print(f"{entry['reader']:<18} {entry['cpu']:8.2f} {entry['wall']:8.2f} {entry['peak']:9.0f}  {entry['note']}")
    by = {entry["reader"]: entry for entry in found}
    print(
        f"CPU of streaming: {by['ours']['cpu'] / by['streaming']['cpu']:.2f} x; of nibabel: {by['ours']['cpu'] / by['nibabel']['cpu']:.2f} x"
    )
    print(f"memory of streaming: {by['ours']['peak'] / by['streaming']['peak']:.2f} x")
    sums = {entry["sum"] for entry in found if entry["reader"] in {"ours", "ours unverified", "streaming", "nibabel"}}
    assert len(sums) == 1, "the readers gave different voxels"


def measure(reader: str, folder: Path, sessions: int) -> None:
    """Read everything and print what it took."""
    note = ""
    if reader == "nibabel":
        import nibabel as nib  # noqa: F401
    elif reader == "streaming":
        import datasets  # noqa: F401
    else:
        import umd_curate.load  # noqa: F401
    meter = Meter()
    sums: list[float] = []
    if reader == "ours planes":
        note = planes(folder)
    else:
        for arrays in rows_of(reader, folder, sessions):
            sums += [float(array[::37, ::37, ::7].sum(dtype=np.float64)) for array in arrays]
    meter.tell(reader=reader, sum=math.fsum(sums), note=note)  # that sum is exact, so in any order


def rows_of(reader: str, folder: Path, sessions: int) -> Iterator[list[Any]]:
    """Arrays of every row, unpacked."""
    data = folder.parents[2] / "data"
    subjects = sorted(path.name.removeprefix("sub-") for path in data.iterdir())[:sessions]
    wanted = ("subject_id", "in", subjects)
    if reader.startswith("ours"):
        from umd_curate import load_dataset

        for row in load_dataset("petct", path=folder, labels=True, filters=[wanted], verify=reader == "ours"):
            yield [row[name].array for name in COLUMNS]
    elif reader == "streaming":
        from datasets import load_dataset

        images = load_dataset(str(folder), "petct", streaming=True, filters=[wanted])
        labels = load_dataset(str(folder), "labels-petct", streaming=True, filters=[("labels_subject_id", *wanted[1:])])
        for split in images:
            for image, label in zip(images[split], labels[split], strict=True):
                row = image | label
                yield [np.asarray(row[name].dataobj) for name in COLUMNS]
    else:
        import nibabel as nib

        for session in sorted(path for subject in subjects for path in (data / f"sub-{subject}").iterdir()):
            stem = "_".join(session.parts[-2:])
            names = ("ct", "pet", "desc-organs_dseg")
            yield [np.asarray(nib.load(session / f"{stem}_{name}.nii.gz").dataobj) for name in names]


def planes(folder: Path) -> str:
    """Sixty random planes of one CT: the first costs the checksum and a search for its restart, the others their block."""
    from umd_curate import load_dataset

    image = load_dataset("petct", path=folder)[0]["ct"]
    rng = np.random.default_rng(0)
    taken = []
    for index in [image.shape[2] - 1, *rng.integers(0, image.shape[2], 60)]:
        start = time.process_time()
        image.plane(int(index))
        taken.append(1000 * (time.process_time() - start))
    rest = sorted(taken[1:])
    return f"CPU of the first plane {taken[0]:.0f} ms, then median {rest[30]:.0f}, worst {rest[-1]:.0f} ms"


if __name__ == "__main__":
    main()
