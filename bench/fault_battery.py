"""Which planted label faults the automatic checks find, and how often they cry wolf: ``python -m bench.fault_battery``.

Twenty synthetic subjects (PET/CT, or PET/MRI where a subject has no PET/CT) with their true labels at 5 mm. Each fault is
planted into each subject's label map alone. A fault counts as found where a rule warns or fails, and as named where one of
the rules that are meant for it does. The clean sessions, with PET and its own labels, give the false alarms.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from umd_curate.model.checks import CheckEntry, Outcome, heaviest
from umd_curate.model.geometry import Volume
from umd_curate.qa.engine import SessionImages, measure
from umd_curate.qa.io import rulebook
from umd_curate.qa.measures import PetFacts
from umd_curate.qa.rules import check
from umd_curate.store.resources import organ_table
from umd_curate.synth.imaging import CT_OFFSET_HU
from umd_curate.synth.options import Matrices, Matrix, SynthOptions
from umd_curate.synth.render import render_ct, render_mr, render_pet
from umd_curate.synth.schedule import Study, studies_of

SUBJECTS = 20
VOXEL_MM = 5.0
SHIFT_MM = 15.0
TABLE, BOOK = organ_table(), rulebook()[0]
IDS = {organ.name: organ.id for organ in TABLE}
ROUNDED = ("liver", "spleen", "brain", "heart")  # organs with room for a hole


@dataclass(frozen=True)
class Case:
    """A clean session; `random` draws the faults of this subject."""

    role: str
    anatomy: Volume
    labels: Volume
    pet: Volume
    pet_labels: Volume
    random: np.random.Generator


def cases(cache: Path) -> list[Case]:
    """The clean sessions, rendered or taken from `cache`."""
    matrix = Matrix(round(520 / VOXEL_MM), round(1050 / VOXEL_MM), 520.0, 1050.0)
    wide = Matrix(round(560 / VOXEL_MM), round(1050 / VOXEL_MM), 560.0, 1050.0)
    first: dict[int, Study] = {}
    for study in studies_of(SynthOptions(subjects=SUBJECTS, seed=11)):
        first.setdefault(study.person.index, replace(study, matrices=Matrices(matrix, wide, matrix, wide)))
    found = []
    for index, study in first.items():
        path = cache / f"{index}-{study.kind}.npz"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(path, **_rendered(study))
        kept = np.load(path)
        role = "ct" if str(study.kind) == "petct" else "mr"
        found.append(
            Case(
                role,
                Volume(kept["anatomy"], kept["affine"]),
                Volume(kept["labels"], kept["affine"]),
                Volume(kept["pet"], kept["pet_affine"]),
                Volume(kept["pet_labels"], kept["pet_affine"]),
                np.random.default_rng([11, index]),
            )
        )
    return found


def _rendered(study: Study) -> dict[str, np.ndarray]:
    def keep(data: bytes) -> Callable[[], bytes]:
        return lambda: data

    if str(study.kind) == "petct":
        images = render_ct(study, IDS, keep)
        planes, offset = images.low_dose, CT_OFFSET_HU
    else:
        images = render_mr(study, IDS, keep)
        planes, offset = images.channels["in"], 0
    shape = images.labels.shape[1:]
    anatomy = np.stack([np.frombuffer(load(), "<u2").reshape(shape).astype(np.int16) - offset for load in planes])
    pet = render_pet(study, IDS, keep)
    return {
        "anatomy": anatomy,
        "labels": images.labels,
        "affine": images.placed.grid.affine,
        "pet": pet.plain.suv_kji,
        "pet_labels": pet.labels,
        "pet_affine": pet.placed.grid.affine,
    }


Fault = Callable[[Case, list[Case]], Volume]


def _changed(case: Case, array: np.ndarray) -> Volume:
    return Volume(np.ascontiguousarray(array), case.labels.affine)


def swap_kidneys(case: Case, _: list[Case]) -> Volume:
    """Left and right kidney exchange their ids."""
    array, source = case.labels.array_kji.copy(), case.labels.array_kji
    array[source == IDS["kidney_left"]], array[source == IDS["kidney_right"]] = IDS["kidney_right"], IDS["kidney_left"]
    return _changed(case, array)


def flip_x(case: Case, _: list[Case]) -> Volume:
    """The label map is mirrored."""
    return _changed(case, case.labels.array_kji[:, :, ::-1])


def flip_z(case: Case, _: list[Case]) -> Volume:
    """The label map is upside down."""
    return _changed(case, case.labels.array_kji[::-1])


def drop_organ(case: Case, _: list[Case]) -> Volume:
    """One organ is lost."""
    array = case.labels.array_kji.copy()
    array[array == case.random.choice(list(IDS.values()))] = 0
    return _changed(case, array)


def specks(case: Case, _: list[Case]) -> Volume:
    """Thirty specks of one voxel of an organ lie about in the body."""
    array = case.labels.array_kji.copy()
    body = np.argwhere((case.labels.array_kji == 0) & (_body(case)))
    organ = IDS[str(case.random.choice(("liver", "spleen", "kidney_left", "pancreas", "heart")))]
    for k, j, i in body[case.random.choice(len(body), 30, replace=False)]:
        array[k, j, i] = organ
    return _changed(case, array)


def truncate(case: Case, _: list[Case]) -> Volume:
    """All above a plane through one organ is lost."""
    array = case.labels.array_kji.copy()
    rows = np.flatnonzero((array == IDS[str(case.random.choice(("liver", "spleen", "heart", "brain")))]).any((1, 2)))
    array[int(rows[len(rows) // 2]) :] = 0
    return _changed(case, array)


def shift(case: Case, _: list[Case]) -> Volume:
    """The whole label map is moved by 15 mm in any direction."""
    direction = case.random.normal(size=3)
    direction *= SHIFT_MM / np.linalg.norm(direction)
    steps = np.rint(direction / VOXEL_MM).astype(int)
    while abs(np.linalg.norm(steps) * VOXEL_MM - SHIFT_MM) > VOXEL_MM / 2:  # whole voxels, about 15 mm
        direction = case.random.normal(size=3)
        steps = np.rint(direction * SHIFT_MM / np.linalg.norm(direction) / VOXEL_MM).astype(int)
    return _changed(case, np.roll(case.labels.array_kji, tuple(steps), (0, 1, 2)))


def hole(case: Case, _: list[Case]) -> Volume:
    """A ball around an organ's innermost voxel is missing: as large as fits below its surface, a tenth of it at most."""
    array = case.labels.array_kji.copy()
    mask = array == IDS[str(case.random.choice(ROUNDED))]
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    centre = np.unravel_index(int(depth.argmax()), mask.shape)
    places = np.argwhere(mask)
    distance = np.linalg.norm(places - np.array(centre), axis=1)
    taken = places[distance < depth.max() - 1.5]
    taken = taken[np.argsort(np.linalg.norm(taken - np.array(centre), axis=1))[: len(places) // 10]]
    array[tuple(taken.T)] = 0
    return _changed(case, array)


def merge(case: Case, _: list[Case]) -> Volume:
    """One organ bears the id of its neighbour."""
    pairs = (("stomach", "spleen"), ("kidney_right", "liver"), ("kidney_left", "spleen"), ("heart", "aorta"))
    lost, kept = pairs[int(case.random.integers(len(pairs)))]
    array = case.labels.array_kji.copy()
    array[array == IDS[lost]] = IDS[kept]
    return _changed(case, array)


def padding(case: Case, _: list[Case]) -> Volume:
    """A tenth of an organ's voxels lie in the air beside the patient."""
    array = case.labels.array_kji.copy()
    organ = IDS[str(case.random.choice(("liver", "spleen", "stomach", "kidney_right")))]
    air = np.argwhere(~_body(case))
    corner = air[air[:, 2] < array.shape[2] // 8]
    count = max(20, np.count_nonzero(array == organ) // 10)
    array[tuple(corner[:count].T)] = organ
    return _changed(case, array)


def other_subject(case: Case, everyone: list[Case]) -> Volume:
    """The label map is another subject's, with the header of this one."""
    alike = [other for other in everyone if other.role == case.role]
    place = next(number for number, other in enumerate(alike) if other is case)
    return _changed(case, alike[(place + 1) % len(alike)].labels.array_kji)


def halved_header(case: Case, _: list[Case]) -> Volume:
    """The label map's header says half the spacing."""
    affine = case.labels.affine.copy()
    affine[:3, :3] /= 2
    return Volume(case.labels.array_kji, affine)


FAULTS: dict[str, tuple[Fault, frozenset[str]]] = {
    "swap kidneys": (swap_kidneys, frozenset({"P5"})),
    "flip x": (flip_x, frozenset({"P5"})),
    "flip z": (flip_z, frozenset({"P6"})),
    "drop organ": (drop_organ, frozenset({"P1"})),
    "specks": (specks, frozenset({"P3", "P3s"})),
    "truncate": (truncate, frozenset({"P1", "P2"})),
    "shift 15 mm": (shift, frozenset({"P14"})),
    "hole": (hole, frozenset({"P8"})),
    "merge two organs": (merge, frozenset({"P1", "P3"})),
    "labels in padding": (padding, frozenset({"P7"})),
    "other subject's label": (other_subject, frozenset({"P7", "P9", "P9p", "P12", "P13", "P14"})),
    "halved spacing, labels": (halved_header, frozenset({"G1"})),
}
BOTH_HALVED = "halved spacing, image too"


def _body(case: Case) -> np.ndarray:
    return case.anatomy.array_kji > (-300 if case.role == "ct" else 60)


def outcomes(case: Case, labels: Volume | None, *, with_pet: bool, scale: float = 1.0) -> list[CheckEntry]:
    """Entries that warn or fail."""

    def scaled(volume: Volume) -> Volume:
        affine = volume.affine.copy()
        affine[:3] *= scale
        return Volume(volume.array_kji, affine)

    images = SessionImages(
        anatomy_role=case.role,
        anatomy=scaled(case.anatomy),
        organs=scaled(labels or case.labels),
        pet=case.pet if with_pet else None,
        organs_on_pet=case.pet_labels if with_pet else None,
        pet_facts=PetFacts("SUVbw", has_suv=True, tracer="FDG") if with_pet else None,
    )
    entries = check(measure(images, TABLE, BOOK), BOOK, TABLE)
    return [entry for entry in entries if entry.outcome in {Outcome.WARN, Outcome.FAIL}]


def main() -> None:
    """Print the table of faults, the false alarms and the CPU seconds of one session."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=Path("build/fault-battery"), help="folder of rendered sessions")
    everyone = cases(parser.parse_args().cases)
    kinds = Counter(case.role for case in everyone)
    print(f"{len(everyone)} subjects: {kinds['ct']} PET/CT, {kinds['mr']} PET/MRI")
    started, runs = time.process_time(), 0
    clean = [outcomes(case, None, with_pet=True) for case in everyone]
    failed = sum(heaviest([entry.outcome for entry in entries]) is Outcome.FAIL for entries in clean)
    print(f"clean: {failed} with a fail, {sum(bool(entries) for entries in clean)} with any warning")
    for case, entries in zip(everyone, clean, strict=True):
        for entry in entries:
            print(
                f"    {case.role} {entry.rule} {entry.organ} {entry.measured} [{entry.low}, {entry.high}] {entry.detail}"
            )
    found_all = named_all = 0
    print("| Fault | Found | By the right rule | As a fail | Rules |\n| --- | ---: | ---: | ---: | --- |")
    planted = [
        (name, right, [(case, plant(case, everyone), 1.0) for case in everyone])
        for name, (plant, right) in FAULTS.items()
    ]
    planted.append((BOTH_HALVED, frozenset({"P4"}), [(case, case.labels, 0.5) for case in everyone]))
    for name, right, spoilt in planted:
        rules: Counter[str] = Counter()
        found = named = hard = 0
        for case, labels, scale in spoilt:
            entries = outcomes(case, labels, with_pet=False, scale=scale)
            runs += 1
            seen = {entry.rule for entry in entries}
            rules.update(seen)
            found, named = found + bool(seen), named + bool(seen & right)
            hard += any(entry.outcome is Outcome.FAIL for entry in entries)
        if name != BOTH_HALVED:
            found_all, named_all = found_all + found, named_all + named
        listed = ", ".join(f"{rule} {count}" for rule, count in rules.most_common(5))
        print(f"| {name} | {found} of {len(everyone)} | {named} | {hard} | {listed} |", flush=True)
    total = len(FAULTS) * len(everyone)
    print(f"all twelve: {found_all} of {total} found, {named_all} by the right rule ({100 * named_all / total:.1f} %)")
    print(f"{(time.process_time() - started) / (runs + len(everyone)):.2f} CPU s a session")


if __name__ == "__main__":
    main()
