"""CPU seconds and memory of one pass of the label checks at 512 x 512 x 600: ``python -m bench.qa_pass``.

A synthetic CT of the fault battery, brought to clinical size, with the 13 organs, and with each organ cut into nine for 117
structures. The whole of `qa.engine.measure` and `qa.rules.check` is measured, in a process of its own, without reading files,
and the same with PET and its labels.
"""

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from umd_curate.model.geometry import Volume
from umd_curate.model.labels import OrganTable
from umd_curate.qa.engine import SessionImages, measure
from umd_curate.qa.io import rulebook
from umd_curate.qa.measures import PetFacts
from umd_curate.qa.rules import check
from umd_curate.store.resources import organ_table

SHAPE = (600, 512, 512)
PET_SHAPE = (400, 200, 200)
PARTS = 9
CASES = ("13", "117", "13 with PET")
MIB = 1024


def _enlarged(array: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    index = [np.arange(new) * old // new for new, old in zip(shape, array.shape, strict=True)]
    return np.ascontiguousarray(array[np.ix_(*index)])


def _affine(affine: np.ndarray, old: tuple[int, ...], new: tuple[int, ...]) -> np.ndarray:
    changed = affine.copy()
    changed[:3, :3] = affine[:3, :3] * (np.array(old[::-1]) / np.array(new[::-1]))
    return changed


def session(case: str, path: Path) -> tuple[SessionImages, OrganTable]:
    """The images of one case."""
    kept = np.load(path)
    table = organ_table()
    labels = _enlarged(kept["labels"], SHAPE)
    affine = _affine(kept["affine"], kept["labels"].shape, SHAPE)
    noise = np.random.default_rng(1).normal(0, 20, (1, 512, 512)).astype(np.int16)
    ct = _enlarged(kept["anatomy"], SHAPE) + noise
    if case == "117":
        organs = []
        for organ in table:
            rows = np.flatnonzero((labels == organ.id).any((1, 2)))
            for part, block in enumerate(np.array_split(rows, PARTS)):
                number = organ.id if part == 0 else 13 * part + organ.id
                organs.append(
                    replace(organ, id=number, name=f"{organ.name}_{part}" if part else organ.name, aliases=())
                )
                if part and len(block):
                    piece = labels[block[0] : block[-1] + 1]
                    piece[piece == organ.id] = number
        table = OrganTable(tuple(sorted(organs, key=lambda organ: organ.id)))
    images = SessionImages(anatomy_role="ct", anatomy=Volume(ct, affine), organs=Volume(labels, affine))
    if "PET" in case:
        pet_affine = _affine(kept["pet_affine"], kept["pet"].shape, PET_SHAPE)
        images = replace(
            images,
            pet=Volume(_enlarged(kept["pet"], PET_SHAPE), pet_affine),
            organs_on_pet=Volume(_enlarged(kept["pet_labels"], PET_SHAPE), pet_affine),
            pet_facts=PetFacts("SUVbw", has_suv=True, tracer="FDG"),
        )
    return images, table


def main() -> None:
    """Print CPU seconds and peak memory of each case, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument(
        "--images", type=Path, default=Path("build/fault-battery/1-petct.npz"), help="of bench.fault_battery"
    )
    arguments = parser.parse_args()
    if arguments.case is None:
        print("| Structures | CPU s | Peak MiB | of it the images |\n| --- | ---: | ---: | ---: |", flush=True)
        for case in CASES:
            command = [sys.executable, "-m", "bench.qa_pass", "--case", case, "--images", str(arguments.images)]
            subprocess.run(command, check=True)
        return
    images, table = session(arguments.case, arguments.images)
    book = rulebook()[0]
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    started = time.process_time()
    entries = check(measure(images, table, book), book, table)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    assert entries
    print(f"| {arguments.case} | {seconds:.1f} | {peak:.0f} | {loaded:.0f} |", flush=True)


if __name__ == "__main__":
    main()
