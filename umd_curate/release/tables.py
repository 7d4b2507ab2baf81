"""Decides the rows of the manifest tables from the released cases, their shards and what the gate held back."""

from collections.abc import Iterable, Mapping, Sequence

from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.labels import OrganTable
from umd_curate.model.release import (
    UNREVIEWED,
    ExclusionRow,
    LabelRow,
    ProvenanceRow,
    QaRow,
    SubjectRow,
    VolumeRow,
)
from umd_curate.release.cases import Case
from umd_curate.release.gate import Held
from umd_curate.release.packing import Shard
from umd_curate.release.plan import PlannedFinding, PlannedReceipt, ReleasePlan
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


def qa_rows(cases: Sequence[Case], splits: Mapping[str, str]) -> list[QaRow]:
    """One row per finding about a released session, of all steps."""
    return [
        QaRow(
            subject_id=case.subject,
            session_id=case.session,
            split=splits[case.subject],
            step=entry.step,
            code=entry.code,
            severity=entry.severity,
            title=_title(entry.code),
            detail=entry.detail,
            measured=entry.measured,
            limit=entry.limit,
            review=UNREVIEWED,
        )
        for case in cases
        for entry in case.findings
    ]


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


def provenance_rows(receipts: Sequence[PlannedReceipt]) -> list[ProvenanceRow]:
    """One row per receipt behind the release."""
    return [
        ProvenanceRow(
            step=entry.step,
            unit=entry.unit,
            key=entry.key,
            subject_id=entry.subject or None,
            session_id=entry.session or None,
            inputs=entry.inputs,
            outputs=entry.outputs,
            versions=entry.versions,
        )
        for entry in receipts
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
