"""Builds a release of full-size synthetic sessions, and writes the same rows with the loop of `datasets.Dataset.push_to_hub`.

Each way runs in a process of its own, in one run: CPU seconds, wall seconds, peak memory.

    python bench/release.py --sessions 20 100 --folder FOLDER
"""
# ruff: noqa: SLF001  (the makers of the tests write the sessions)

import argparse
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

CT_KJI, PET_KJI = (400, 512, 512), (400, 200, 200)
CT_AFFINE = np.diag([-0.98, -0.98, 1.5, 1.0])
PET_AFFINE = np.diag([-2.5, -2.5, 1.5, 1.0])
EMBED_AT_MOST = 20  # sessions: the loop of `push_to_hub` holds them all, 3.3 times their size


def make(root: Path, sessions: int) -> None:
    """Write sessions into ``data/``: noise over a body, so that they compress as real ones do; each differs from all others."""
    from tests.release_builders import Study
    from umd_curate.model.geometry import Volume

    rng = np.random.default_rng(0)
    body = np.zeros(CT_KJI[1:], np.float32)
    body[100:412, 60:452] = 1
    noise = rng.normal(0, 12, (8, *CT_KJI[1:])).astype(np.float32)
    ct = np.concatenate([(-1000 + body * (1040 + noise)).astype(np.int16)] * (CT_KJI[0] // 8))
    pet = rng.gamma(1.2, 0.8, (PET_KJI[0] // 8, *PET_KJI[1:])).astype(np.float32).repeat(8, axis=0) * rng.uniform(
        0.99, 1.01, PET_KJI
    ).astype(np.float32)
    on_pet = np.ascontiguousarray(ct[:, ::2, ::2][:, 28:228, 28:228])
    organs = np.zeros(CT_KJI, np.uint8)
    for organ in range(1, 14):
        organs[20 * organ : 20 * organ + 40, 150 + 10 * organ : 220 + 10 * organ, 150:300] = organ
    organs_on_pet = np.ascontiguousarray(organs[:, ::2, ::2][:, 28:228, 28:228])
    listed = []
    for number in range(sessions):
        study = Study(subject=f"{number:06d}")
        for image in (ct, pet, on_pet):
            image[number % len(image), 0, number // len(image)] += 1
        found: dict[str, object] = {}
        study._put(found, root, "pet", Volume(pet, PET_AFFINE), study._pet_sidecar())
        study._put(found, root, "ct", Volume(ct, CT_AFFINE), study._image_sidecar("ct"))
        study._put(found, root, "space-pet_ct", Volume(on_pet, PET_AFFINE), study._image_sidecar("ct"))
        study._put(found, root, "desc-organs_dseg", Volume(organs, CT_AFFINE), study._label_sidecar("ct"))
        study._put(
            found, root, "space-pet_desc-organs_dseg", Volume(organs_on_pet, PET_AFFINE), study._label_sidecar("ct")
        )
        study._put_checks(found, root)
        listed.append({role: entry.path for role, entry in found.items()})
    (root / "sessions.json").write_text(json.dumps(listed))


def listed_in(root: Path, sessions: int) -> list[dict[str, str]]:
    """Files of the first so many sessions, by role; none where none were made."""
    path = root / "sessions.json"
    return json.loads(path.read_text())[:sessions] if path.is_file() else []


def sessions_of(root: Path, sessions: int) -> list:
    """The written sessions as the release reads them from the ledger."""
    from umd_curate.model.steps import SessionFiles
    from umd_curate.store.files import artifact

    return [
        SessionFiles(
            f"{n:06d}", "petct1", "petct", {role: artifact(role, path, root / path) for role, path in files.items()}
        )
        for n, files in enumerate(listed_in(root, sessions))
    ]


def build(root: Path, sessions: int, *, slices: bool) -> None:
    """The whole release step: read, write, read back, sign."""
    from tests.release_builders import Folder, Ledger
    from umd_curate.model.config import UmdConfig
    from umd_curate.release import STEP

    config = UmdConfig.model_validate({"release": {"slices": slices, "signing_key": str(root.parent / "bench.key")}})
    (unit,) = STEP.plan(Ledger(sessions_of(root, sessions)), config)
    STEP.perform(unit, Folder(root), config)


def ours(root: Path, sessions: int) -> None:
    """The writing of the image shards alone."""
    from umd_curate.model.tables import Column
    from umd_curate.store.shards import Layout, ShardWriter

    layout = Layout((Column("subject_id", "string", nullable=True),), ("pet", "ct", "ct_on_pet"))
    with ShardWriter(root / "out/ours.parquet", layout) as writer:
        for n, files in enumerate(listed_in(root, sessions)):
            paths = {"pet": files["pet"], "ct": files["ct"], "ct_on_pet": files["space-pet_ct"]}
            writer.write({"subject_id": f"{n:06d}"}, {column: root / path for column, path in paths.items()})


def embed(root: Path, sessions: int) -> None:
    """The inner loop of `push_to_hub`: path columns, embedded and written."""
    from datasets import Dataset, Features, Nifti, Value
    from datasets.table import embed_table_storage

    listed = listed_in(root, sessions)
    rows = {
        "subject_id": [f"{n:06d}" for n in range(len(listed))],
        "pet": [str(root / files["pet"]) for files in listed],
        "ct": [str(root / files["ct"]) for files in listed],
        "ct_on_pet": [str(root / files["space-pet_ct"]) for files in listed],
    }
    features = Features({"subject_id": Value("string"), **dict.fromkeys(("pet", "ct", "ct_on_pet"), Nifti())})
    shard = Dataset.from_dict(rows, features=features).with_format("arrow")
    shard = shard.map(embed_table_storage, batched=True, batch_size=1000, keep_in_memory=True)
    (root / "out").mkdir(exist_ok=True)
    shard.to_parquet(root / "out/embed.parquet")


WAYS = {
    "make": make,
    "ours": ours,
    "embed": embed,
    "build-without-slices": functools.partial(build, slices=False),
    "build": functools.partial(build, slices=True),
}


def main() -> None:
    """Run every way in a process of its own and print what it cost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, nargs="+", default=[3])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--ways", nargs="*", default=["ours", "embed", "build-without-slices", "build"])
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    root = options.folder / "bench-release" / "ws"
    if options.way:
        WAYS[options.way](root, options.sessions[0])
        return
    root.mkdir(parents=True, exist_ok=True)
    most = max(options.sessions)
    if len(listed_in(root, most)) < most:
        told(options.folder, "make", most)
    row = sum(path.stat().st_size for path in (root / "data/sub-000000").rglob("*.gz")) / 1e6
    print(f"a session {row:.0f} MB")
    for sessions in sorted(options.sessions):
        for way in options.ways:
            if way != "embed" or sessions <= EMBED_AT_MOST:
                told(options.folder, way, sessions)
            shutil.rmtree(root / "out", ignore_errors=True)


def told(folder: Path, way: str, sessions: int) -> None:
    """Run one way and print what it cost."""
    command = [sys.executable, __file__, "--way", way, "--folder", str(folder), "--sessions", str(sessions)]
    started = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    print(
        f"{sessions} sessions, {way}: status {status}, {usage.ru_utime + usage.ru_stime:.1f} CPU s, "
        f"{time.perf_counter() - started:.1f} s, peak {usage.ru_maxrss / 1024:.0f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()
