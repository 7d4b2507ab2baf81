"""Decides the columns of every configuration and the values of each row.

Image rows and label rows of a session pair are in the same order and their column names never clash, so that
``concatenate_datasets([images, labels], axis=1)`` joins them as they are; ``labels_subject_id`` and ``labels_session_id``
let a user check the join. A session without labels has a label row of nulls. An image row holds nothing that depends on
the labels, findings about them included, so that a corrected label moves no image shard.
"""

from collections.abc import Mapping, Sequence

from umd_curate.model.catalogue import qa as checks
from umd_curate.model.findings import Severity
from umd_curate.model.labels import OrganTable
from umd_curate.model.release import UNREVIEWED
from umd_curate.model.tables import Column, ColumnType
from umd_curate.release.cases import Case, Subset, VolumeFacts
from umd_curate.release.packing import Row
from umd_curate.store.shards import Layout

LABELS_PREFIX = "labels-"
SLICES = "slices"  # configuration of single planes
PREVIEW = "preview"  # its picture column
PLACE_DIGITS = 3  # a micrometre
LABEL_STEPS = frozenset({"contours", "label"})
LABEL_CHECKS = frozenset(
    {
        entry.code
        for entry in (
            checks.GRID_DIFFERS,
            checks.UNKNOWN_IDS,
            checks.ORGAN_ABSENT,
            checks.PIECES,
            checks.TOO_SMALL,
            checks.WRONG_SIDE,
            checks.WRONG_ORDER,
            checks.OUTSIDE_BODY,
            checks.ODD_HU,
            checks.ODD_SUV,
        )
    }
)


def image_layout(subset: Subset) -> Layout:
    """Columns of an image configuration; shapes and spacings are in the order (i, j, k)."""
    other = subset.anatomical
    plain: dict[str, ColumnType] = {
        "subject_id": "string",
        "session_id": "string",
        "split": "string",
        "site": "string",
        "sex": "string",
        "age_years": "int64",
        "tracer": "string",
        "manufacturer": "string",
        "model": "string",
        "pet_units": "string",
        "pet_shape": "list<int64>",
        "pet_spacing_mm": "list<float64>",
        f"{other}_shape": "list<int64>",
        f"{other}_spacing_mm": "list<float64>",
        **{f"{column}_voxel_sha256": "string" for column in subset.images},
        "findings": "int64",
        "review": "string",
    }
    return Layout(_columns(plain), tuple(subset.images))


def label_layout(subset: Subset) -> Layout:
    """Columns of a label configuration."""
    plain: dict[str, ColumnType] = {
        "labels_subject_id": "string",
        "labels_session_id": "string",
        "organs_present": "list<string>",
        "engine": "string",
        "engine_version": "string",
        "method": "string",
        "approximate": "list<string>",
        **{f"{column}_voxel_sha256": "string" for column in subset.labels},
        "labels_findings": "int64",
        "labels_review": "string",
    }
    return Layout(_columns(plain), tuple(subset.labels))


def image_rows(cases: Sequence[Case], subset: Subset, splits: Mapping[str, str], site: str) -> tuple[Row, ...]:
    """Rows of an image configuration."""
    return tuple(
        Row(
            case.subject,
            case.session,
            splits[case.subject],
            _image_values(case, subset, splits, site),
            _volumes(case, subset.images),
        )
        for case in cases
        if case.subset == subset
    )


def label_rows(cases: Sequence[Case], subset: Subset, splits: Mapping[str, str], organs: OrganTable) -> tuple[Row, ...]:
    """Rows of a label configuration, one per image row; none at all where no session has labels."""
    mine = [case for case in cases if case.subset == subset]
    if not any(_volumes(case, subset.labels) for case in mine):
        return ()
    return tuple(
        Row(
            case.subject,
            case.session,
            splits[case.subject],
            _label_values(case, subset, organs),
            _volumes(case, subset.labels),
        )
        for case in mine
    )


def slice_layout() -> Layout:
    """Columns of the configuration of single planes: one row per plane of each PET, CT and MR."""
    plain: dict[str, ColumnType] = {
        "subject_id": "string",
        "session_id": "string",
        "split": "string",
        "config": "string",  # where the volume stands
        "column": "string",  # pet, ct or mr
        "slice": "int64",  # k, from 0
        "n_slices": "int64",
        "position_mm": "list<float64>",  # centre of the plane, RAS+
        "organs_present": "list<string>",  # null where the session has no labels
    }
    return Layout(_columns(plain), (), (PREVIEW,))


def slice_rows(cases: Sequence[Case], splits: Mapping[str, str]) -> tuple[Row, ...]:
    """One row per session, whose images are written plane by plane; `values` hold its configuration."""
    return tuple(
        Row(
            case.subject,
            case.session,
            splits[case.subject],
            {"config": case.subset.name, "sources": {case.subset.anatomical: "organs", "pet": "organs_on_pet"}},
            _volumes(case, {**dict.fromkeys(case.subset.required, ""), **case.subset.labels}),
        )
        for case in cases
        if case.subset
    )


def n_slices(row: Row) -> int:
    """Planes of a session's own images."""
    return sum(row.volumes[column].shape[2] for column in _sources(row))


def plane_centre(volume: VolumeFacts, k: int) -> tuple[float, ...]:
    """Centre of plane k [mm, RAS+]."""
    i, j, _ = volume.shape
    at = ((i - 1) / 2, (j - 1) / 2, k, 1)
    return tuple(
        round(sum(a * b for a, b in zip(volume.affine[4 * row : 4 * row + 4], at, strict=True)), PLACE_DIGITS)
        for row in range(3)
    )


def _sources(row: Row) -> Mapping[str, str]:
    sources = row.values["sources"]
    assert isinstance(sources, Mapping)  # noqa: S101  (made by slice_rows)
    return sources


def organs_present(volume: VolumeFacts, organs: OrganTable) -> tuple[str, ...]:
    """Names of the organs that a label map holds, in the order of their ids."""
    return tuple(organ.name for organ in organs if volume.label_voxels.get(organ.id))


def weighty_findings(case: Case, *, about_labels: bool) -> int:
    """Findings that a user should look at, warnings and worse: those about the labels, or those about the images."""
    return sum(
        entry.severity != Severity.INFO and (entry.step in LABEL_STEPS or entry.code in LABEL_CHECKS) == about_labels
        for entry in case.findings
    )


def approximate_organs(case: Case) -> tuple[str, ...]:
    """Organs that are approximate in any label column; those that moved between the scans are so on the PET grid alone."""
    sidecars = [label for label in (case.organs, case.organs_on_pet) if label]
    return tuple(dict.fromkeys(name for label in sidecars for name in label.approximate))


def tracer_of(case: Case) -> str | None:
    """Tracer by name, else by radionuclide."""
    return (case.pet.tracer_name or case.pet.tracer_radionuclide) if case.pet else None


def sex_of(case: Case) -> str | None:
    """(0010,0040) of the PET, else of its CT or MR."""
    return next((image.sex for image in (case.pet, case.anatomical) if image and image.sex), None)


def age_of(case: Case) -> int | None:
    """Whole years at the scan, by the PET, else by its CT or MR."""
    return next(
        (image.age_years for image in (case.pet, case.anatomical) if image and image.age_years is not None), None
    )


def _columns(plain: Mapping[str, ColumnType]) -> tuple[Column, ...]:
    return tuple(Column(name, kind, nullable=True) for name, kind in plain.items())


def _volumes(case: Case, columns: Mapping[str, str]) -> dict[str, VolumeFacts]:
    return {column: case.volumes[column] for column in columns if column in case.volumes}


def _voxel_digests(case: Case, columns: Mapping[str, str]) -> dict[str, object]:
    found = _volumes(case, columns)
    return {f"{column}_voxel_sha256": found[column].voxel_sha256 if column in found else None for column in columns}


def _image_values(case: Case, subset: Subset, splits: Mapping[str, str], site: str) -> dict[str, object]:
    other = subset.anatomical
    pet = case.pet
    return {
        "subject_id": case.subject,
        "session_id": case.session,
        "split": splits[case.subject],
        "site": site,
        "sex": sex_of(case),
        "age_years": age_of(case),
        "tracer": tracer_of(case),
        "manufacturer": pet.manufacturer if pet else None,
        "model": pet.manufacturers_model_name if pet else None,
        "pet_units": pet.units if pet else None,
        "pet_shape": case.volumes["pet"].shape,
        "pet_spacing_mm": case.volumes["pet"].spacing_mm,
        f"{other}_shape": case.volumes[other].shape,
        f"{other}_spacing_mm": case.volumes[other].spacing_mm,
        **_voxel_digests(case, subset.images),
        "findings": weighty_findings(case, about_labels=False),
        "review": UNREVIEWED,
    }


def _label_values(case: Case, subset: Subset, organs: OrganTable) -> dict[str, object]:
    found = _volumes(case, subset.labels)
    map_ = next(iter(found.values()), None)
    source = case.organs if found else None
    return {
        "labels_subject_id": case.subject,
        "labels_session_id": case.session,
        "organs_present": organs_present(map_, organs) if map_ else None,
        "engine": source.engine if source else None,
        "engine_version": source.engine_version if source else None,
        "method": source.method if source else None,
        "approximate": approximate_organs(case) if source else None,
        **_voxel_digests(case, subset.labels),
        "labels_findings": weighty_findings(case, about_labels=True) if found else None,
        "labels_review": UNREVIEWED if found else None,
    }
