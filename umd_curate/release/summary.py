"""Decides the numbers of the card: every one is counted from the released rows, none is written by hand."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from umd_curate.model.release import ExclusionRow
from umd_curate.release.cases import Case
from umd_curate.release.rows import age_of, sex_of, tracer_of

UNKNOWN = "not stated"
SUV_UNITS = "SUVbw"
AGE_CLASS_YEARS = 10  # width of a bar of the age figure
FIGURES = ("age", "scanners", "suv", "volumes", "gate")  # of the card, in figures/
SPACING_DIGITS = 3  # a micrometre

Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class SubsetSummary:
    """Numbers of one configuration.

    Parameters
    ----------
    name, anatomical
        Of the configuration.
    subjects, sessions, labelled, on_pet
        How many, and how many sessions have labels, and the CT or MR on the PET grid.
    pet_slices, anatomical_slices
        Planes along k of all images.
    organ_masks
        On the CT or MR grid, by organ.
    spacing_mm
        Least and largest spacing along i, j, k by column [mm].
    """

    name: str
    anatomical: str
    subjects: int
    sessions: int
    labelled: int
    on_pet: int
    pet_slices: int
    anatomical_slices: int
    organ_masks: Counts
    spacing_mm: Mapping[str, tuple[tuple[float, float], ...]]


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of a release."""

    subsets: tuple[SubsetSummary, ...]
    subjects: int
    sessions: int
    splits: Counts
    sex: Counts
    age: tuple[int, int] | None
    tracers: Counts
    scanners: Counts
    pet_units: Counts
    faces: Counts
    face_reasons: tuple[str, ...]
    severities: Counts  # of the findings about released sessions
    checks: Counts  # of the automatic checks, by outcome
    engines: Counts  # of the label maps
    ages: tuple[tuple[int, str], ...]  # years and sex of every subject whose age is known
    organ_ml: tuple[tuple[str, tuple[float, ...]], ...]  # by organ, of every mask on the CT or MR grid [mL]
    organ_suv: tuple[tuple[str, tuple[float, ...]], ...]  # by organ, mean of every mask on a PET in SUVbw [g/mL]
    held_sessions: Counts  # by code
    stopped_units: Counts
    excluded_files: Counts
    quarantined_files: Counts

    @property
    def slices(self) -> int:
        """PET, CT and MR planes of the release."""
        return sum(subset.pet_slices + subset.anatomical_slices for subset in self.subsets)

    @property
    def organ_masks(self) -> int:
        """Organ masks on the CT and MR grids."""
        return sum(count for subset in self.subsets for _, count in subset.organ_masks)


def summarise(
    cases: Sequence[Case], splits: Mapping[str, str], exclusions: Sequence[ExclusionRow], organs: Mapping[int, str]
) -> Summary:
    """Count a release.

    Parameters
    ----------
    cases
        The released sessions, by subject and session.
    splits
        Split of each subject.
    exclusions
        What is not in the release.
    organs
        Organ names by id.
    """
    subsets = list(dict.fromkeys(case.subset for case in cases if case.subset))
    first = {case.subject: case for case in reversed(cases)}
    ages = [age for case in cases if (age := age_of(case)) is not None]
    images = [image for case in cases for image in (case.pet, case.anatomical) if image]
    faces = [image.defacing for image in images if image.defacing]
    pets = [case.pet for case in cases if case.pet]
    return Summary(
        subsets=tuple(
            _summarise_subset([case for case in cases if case.subset == subset], subset.name, subset.anatomical, organs)
            for subset in subsets
        ),
        subjects=len(splits),
        sessions=len(cases),
        splits=_count(splits.values()),
        sex=_count(sex_of(case) or UNKNOWN for _, case in sorted(first.items())),
        age=(min(ages), max(ages)) if ages else None,
        tracers=_count(tracer_of(case) or UNKNOWN for case in cases),
        scanners=_count(f"{pet.manufacturer or UNKNOWN}, {pet.manufacturers_model_name or UNKNOWN}" for pet in pets),
        pet_units=_count(pet.units for pet in pets),
        faces=_count(face.state for face in faces),
        face_reasons=tuple(sorted({face.reason for face in faces if face.reason})),
        severities=_count(entry.severity for case in cases for entry in case.findings),
        checks=_count(entry.outcome for case in cases if case.checks for entry in case.checks.checks),
        engines=_count(f"{case.organs.engine} {case.organs.engine_version}".strip() for case in cases if case.organs),
        ages=tuple(sorted(_aged(first.values()))),
        organ_ml=tuple((organ, values) for organ in organs.values() if (values := _volumes_ml(cases, organ, organs))),
        organ_suv=tuple((organ, values) for organ in organs.values() if (values := _mean_suvs(cases, organ))),
        held_sessions=_held(exclusions),
        stopped_units=_reasons(exclusions, "unit"),
        excluded_files=_reasons(exclusions, "files", "excluded"),
        quarantined_files=_reasons(exclusions, "files", "quarantined"),
    )


def _summarise_subset(cases: Sequence[Case], name: str, anatomical: str, organs: Mapping[int, str]) -> SubsetSummary:
    masks = Counter(
        organs[value]
        for case in cases
        if (found := case.volumes.get("organs"))
        for value in found.label_voxels
        if value in organs
    )
    ordered = tuple((organ, masks[organ]) for organ in organs.values() if masks[organ])
    return SubsetSummary(
        name=name,
        anatomical=anatomical,
        subjects=len({case.subject for case in cases}),
        sessions=len(cases),
        labelled=sum("organs" in case.volumes for case in cases),
        on_pet=sum(f"{anatomical}_on_pet" in case.volumes for case in cases),
        pet_slices=sum(case.volumes["pet"].shape[2] for case in cases),
        anatomical_slices=sum(case.volumes[anatomical].shape[2] for case in cases),
        organ_masks=ordered,
        spacing_mm={column: _range(cases, column) for column in ("pet", anatomical)},
    )


def _aged(cases: Iterable[Case]) -> Iterable[tuple[int, str]]:
    for case in cases:
        age = age_of(case)
        if age is not None:
            yield age, sex_of(case) or UNKNOWN


def _volumes_ml(cases: Sequence[Case], organ: str, organs: Mapping[int, str]) -> tuple[float, ...]:
    value = next(key for key, name in organs.items() if name == organ)
    found = [volume for case in cases if (volume := case.volumes.get("organs"))]
    return tuple(
        volume.label_voxels[value] * volume.voxel_volume_ml for volume in found if volume.label_voxels.get(value)
    )


def _mean_suvs(cases: Sequence[Case], organ: str) -> tuple[float, ...]:
    return tuple(
        entry.suv.mean
        for case in cases
        if case.checks and case.pet and case.pet.units == SUV_UNITS
        for entry in case.checks.organs
        if entry.name == organ and entry.suv is not None
    )


def _range(cases: Sequence[Case], column: str) -> tuple[tuple[float, float], ...]:
    axes = zip(*(case.volumes[column].spacing_mm for case in cases), strict=True)
    return tuple((round(min(axis), SPACING_DIGITS), round(max(axis), SPACING_DIGITS)) for axis in axes)


def _count(values: Iterable[str]) -> Counts:
    return tuple(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _held(rows: Sequence[ExclusionRow]) -> Counts:
    held = {(row.code, row.subject_id, row.session_id) for row in rows if row.scope == "session"}
    return tuple(sorted(Counter(code for code, _, _ in held).items()))


def _reasons(rows: Sequence[ExclusionRow], scope: str, detail: str | None = None) -> Counts:
    totals: Counter[str] = Counter()
    for row in rows:
        if row.scope == scope and detail in {None, row.detail}:
            totals[row.code] += row.count
    return tuple(sorted(totals.items()))
