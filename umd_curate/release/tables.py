"""Decides the rows of the manifest tables from the released cases, their shards and what the gate held back."""

from collections.abc import Iterable, Mapping, Sequence

from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.checks import Outcome
from umd_curate.model.labels import OrganTable
from umd_curate.model.release import (
    UNREVIEWED,
    ExclusionRow,
    LabelRow,
    ProvenanceRow,
    QaRow,
    SeriesRow,
    SubjectRow,
    VolumeRow,
    WithdrawalRow,
)
from umd_curate.model.sidecars import ImageSidecar, PetSidecar
from umd_curate.release.cases import Case, CaseFinding
from umd_curate.release.gate import CHECKING_STEP, GATE_CODES, Held
from umd_curate.release.packing import Shard
from umd_curate.release.plan import (
    KnownSeries,
    PlannedFinding,
    PlannedReceipt,
    PlannedStep,
    PlannedWithdrawal,
    ReleasePlan,
)
from umd_curate.release.rows import age_of, sex_of

INGEST = "ingest"
GATE = "release"


def subject_rows(cases: Sequence[Case], splits: Mapping[str, str], site: str) -> list[SubjectRow]:
    """One row per subject."""
    rows = []
    for subject, split in sorted(splits.items()):
        mine = [case for case in cases if case.subject == subject]
        rows.append(
            SubjectRow(
                subject_id=subject,
                split=split,
                site=site,
                sex=next((sex for case in mine if (sex := sex_of(case))), None),
                age_years=next((age for case in mine if (age := age_of(case)) is not None), None),
                sessions=tuple(case.session for case in mine),
                configs=tuple(sorted({case.subset.name for case in mine if case.subset})),
            )
        )
    return rows


def series_rows(
    cases: Sequence[Case], splits: Mapping[str, str], version: str, known: Mapping[str, KnownSeries]
) -> list[SeriesRow]:
    """One row per source series, with the releases that first held it and that last changed its voxels."""
    return [
        _series(case, column, image, splits, version, known)
        for case in cases
        if case.subset
        for column, image in (("pet", case.pet), (case.subset.anatomical, case.anatomical))
        if image
    ]


def _series(
    case: Case,
    column: str,
    image: ImageSidecar,
    splits: Mapping[str, str],
    version: str,
    known: Mapping[str, KnownSeries],
) -> SeriesRow:
    assert case.subset  # noqa: S101  (asked by the caller)
    pet = image if isinstance(image, PetSidecar) else None
    suv = pet.suv if pet else None
    digest = case.volumes[column].voxel_sha256
    old = known.get(series_name(case.subject, case.session, column))
    revised = version if old is None or old.voxel_sha256 != digest else old.revised_version
    return SeriesRow(
        subject_id=case.subject,
        session_id=case.session,
        split=splits[case.subject],
        config=case.subset.name,
        column=column,
        series=image.source.series if image.source else "",
        n_files=image.source.n_files if image.source else None,
        modality=image.modality,
        manufacturer=image.manufacturer,
        model=image.manufacturers_model_name,
        units=image.units,
        tracer=pet.tracer_name if pet else None,
        radionuclide=pet.tracer_radionuclide if pet else None,
        injected_mbq=pet.injected_radioactivity if pet else None,
        body_weight_kg=pet.body_weight if pet else None,
        uptake_s=pet.scan_start if pet else None,
        suv_rule=suv.rule if suv else None,
        suv_factor_min=suv.factor_min if suv else None,
        suv_factor_max=suv.factor_max if suv else None,
        kvp=image.kvp,
        field_strength_t=image.magnetic_field_strength,
        defacing=image.defacing.state if image.defacing else None,
        voxel_sha256=digest,
        init_version=old.init_version if old else version,
        revised_version=revised,
    )


def series_name(subject: str, session: str, column: str) -> str:
    """Name of a series in the record of a release."""
    return f"{subject}/{session}/{column}"


def volume_rows(shards: Iterable[Shard]) -> list[VolumeRow]:
    """One row per NIfTI file in a shard."""
    return [
        VolumeRow(
            subject_id=row.subject,
            session_id=row.session,
            split=row.split,
            config=shard.config,
            column=column,
            file_name=volume.file_name,
            units=volume.units,
            shape=volume.shape,
            spacing_mm=volume.spacing_mm,
            affine=volume.affine,
            size=volume.file.size,
            sha256=volume.file.sha256,
            voxel_sha256=volume.voxel_sha256,
            shard=shard.path,
            row=index,
            sidecar=volume.sidecar,
        )
        for shard in shards
        for index, row in enumerate(shard.rows)
        for column, volume in row.volumes.items()
    ]


def label_rows(cases: Sequence[Case], splits: Mapping[str, str], organs: OrganTable, prefix: str) -> list[LabelRow]:
    """One row per organ mask: an organ that has at least one voxel."""
    return [
        LabelRow(
            subject_id=case.subject,
            session_id=case.session,
            split=splits[case.subject],
            config=f"{prefix}{case.subset.name}",
            column=column,
            organ=organ.name,
            organ_id=organ.id,
            snomed_code=organ.snomed_code,
            voxels=voxels,
            volume_ml=round(voxels * case.volumes[column].voxel_volume_ml, 3),
            engine=case.organs.engine,
            method=case.organs.method,
            review=UNREVIEWED,
        )
        for case in cases
        if case.subset and case.organs
        for column in case.subset.labels
        if column in case.volumes
        for organ in organs
        if (voxels := case.volumes[column].label_voxels.get(organ.id, 0))
    ]


def qa_rows(cases: Sequence[Case], splits: Mapping[str, str], relaxed: Iterable[str] = ()) -> list[QaRow]:
    """Every check of the released sessions, passed ones too; the gate's rules; and what the other steps found."""
    passed = [code.code for code in GATE_CODES if code.code not in set(relaxed)]
    return [
        row
        for case in cases
        for row in (
            *(_found(case, splits, entry) for entry in case.findings if entry.step != CHECKING_STEP or not case.checks),
            *_checked(case, splits),
            *(_row(case, splits, step=GATE, code=code, outcome=Outcome.PASS) for code in passed),
        )
    ]


def _checked(case: Case, splits: Mapping[str, str]) -> list[QaRow]:
    return [
        _row(
            case,
            splits,
            step=CHECKING_STEP,
            code=entry.code,
            outcome=entry.outcome,
            rule=entry.rule,
            organ=entry.organ,
            detail=entry.detail,
            measured=entry.measured,
            unit=entry.unit,
            low=entry.low,
            high=entry.high,
        )
        for entry in (case.checks.checks if case.checks else ())
    ]


def _found(case: Case, splits: Mapping[str, str], entry: CaseFinding) -> QaRow:
    return _row(
        case,
        splits,
        step=entry.step,
        code=entry.code,
        outcome=entry.severity,
        detail=entry.detail,
        measured=entry.measured,
        high=entry.limit,
    )


def _row(  # one call per row of the table: its fields by name
    case: Case,
    splits: Mapping[str, str],
    *,
    step: str,
    code: str,
    outcome: str,
    rule: str = "",
    organ: str = "",
    detail: str = "",
    measured: float | None = None,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
) -> QaRow:
    return QaRow(
        subject_id=case.subject,
        session_id=case.session,
        split=splits[case.subject],
        step=step,
        rule=rule,
        code=code,
        outcome=str(outcome),
        organ=organ,
        title=_title(code),
        detail=detail,
        measured=measured,
        unit=unit,
        low=low,
        high=high,
        review=UNREVIEWED,
    )


def exclusion_rows(held: Sequence[Held], plan: ReleasePlan) -> list[ExclusionRow]:
    """What is not in the release: sessions that the gate held back, quarantined work, and raw files by reason."""
    sessions = [
        _excluded("session", GATE, finding.code, finding.detail, case.subject, case.session)
        for case, findings in ((entry.case, entry.findings) for entry in held)
        for finding in findings
    ]
    units = [_stopped(entry) for entry in plan.stopped]
    files = [
        _excluded("files", INGEST, code, what, count=count)
        for what, counts in (("excluded", plan.excluded_files), ("quarantined", plan.quarantined_files))
        for code, count in sorted(counts.items())
    ]
    return sessions + units + files


def provenance_rows(receipts: Sequence[PlannedReceipt], steps: Mapping[str, PlannedStep]) -> list[ProvenanceRow]:
    """One row per receipt behind the release."""
    return [
        ProvenanceRow(
            step=entry.step,
            step_version=steps[entry.step].version if entry.step in steps else None,
            unit=entry.unit,
            key=entry.key,
            parameters=steps[entry.step].parameters if entry.step in steps else "{}",
            subject_id=entry.subject or None,
            session_id=entry.session or None,
            inputs=entry.inputs,
            outputs=entry.outputs,
            versions=entry.versions,
        )
        for entry in receipts
    ]


def withdrawal_rows(withdrawn: Sequence[PlannedWithdrawal]) -> list[WithdrawalRow]:
    """The tombstones."""
    return [
        WithdrawalRow(
            subject_id=entry.subject,
            since_version=entry.since_version,
            last_version=entry.last_version,
            reason=entry.reason,
        )
        for entry in withdrawn
    ]


def _stopped(entry: PlannedFinding) -> ExclusionRow:
    return _excluded("unit", entry.step, entry.code, entry.detail, entry.subject, entry.session)


def _excluded(
    scope: str, step: str, code: str, detail: str, subject: str = "", session: str = "", *, count: int = 1
) -> ExclusionRow:
    return ExclusionRow(
        scope=scope,
        subject_id=subject or None,
        session_id=session or None,
        step=step,
        code=code,
        title=_title(code),
        detail=detail,
        count=count,
    )


def _title(code: str) -> str:
    return CATALOGUE[code].title if code in CATALOGUE else ""
