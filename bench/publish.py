"""What a new version sends: the chunks that a real Xet client adds to a store in a folder, and what Git LFS would send.

A release of N synthetic subjects is pushed, then one with two subjects' labels redrawn, one with a subject added, and one with
a subject withdrawn. The Hub is the loopback one of the tests; `hf_xet` chunks and deduplicates as it does for the real one.

    python bench/publish.py [--subjects 20] [--mib 4]
"""

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

os.environ.update({"HF_TOKEN": "hf_writer", "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1"})

from tests.loopback_hub import cas
from tests.loopback_hub.server import served
from tests.publish_builders import built, ignore, publisher
from tests.release_builders import Study, subject_ids
from umd_curate.publish.io import read_release

MIB = 1 << 20


def main() -> None:
    """Push four versions one after another and print what each of them sent."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--subjects", type=int, default=20)
    arguments.add_argument("--mib", type=float, default=4.0, help="of each subject's PET")
    given = arguments.parse_args()
    side = round((given.mib * MIB / 4) ** (1 / 3))
    ids = subject_ids(given.subjects + 1)
    first = [Study(subject, seed=seed, pet_shape_kji=(side, side, side)) for seed, subject in enumerate(ids)]
    redrawn = [replace(study, liver_voxels=5) if number in {3, 7} else study for number, study in enumerate(first)]
    steps = {
        "1.0.0": ("first version", first[:-1]),
        "1.0.1": ("labels of two subjects redrawn", redrawn[:-1]),
        "1.1.0": ("one subject added", redrawn),
        "1.2.0": ("one subject withdrawn", redrawn[1:]),
    }
    with tempfile.TemporaryDirectory() as root:
        store = Path(root) / "cas"
        store.mkdir()
        with served(Path(root) / "hub", cas=store) as hub:
            print(
                f"{'version':<8} {'change':<32} {'release MiB':>11} {'files sent MiB':>14} {'Xet sent MiB':>12} {'of release':>10}"
            )
            for version, (change, studies) in steps.items():
                folder = built(Path(root) / version, studies, version, shard_mib=16)
                release = read_release(folder)
                before = cas.stored_bytes(store)
                done = publisher(hub.endpoint).push(release, folder, ignore)
                sent = cas.stored_bytes(store) - before
                print(
                    f"{version:<8} {change:<32} {release.size / MIB:11.1f} {done.bytes_sent / MIB:14.1f} {sent / MIB:12.2f} "
                    f"{sent / release.size:10.1%}"
                )


if __name__ == "__main__":
    main()
