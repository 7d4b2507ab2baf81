"""Sums up the files of planned chunks by series and by study, for the tables beside the index.

Where the files of a series disagree, the first one by path stands for it. Which files make a volume is for `plan`.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from umd_curate.model.headers import FileKind, InstanceHeader
from umd_curate.model.series import SeriesRow, StudyRow
from umd_curate.model.study import Disposition, FileDecision, SessionPlan

_HAS_HEADER = {FileKind.DICOM, FileKind.UNREADABLE, FileKind.MISNAMED}


def series_rows(rows: Sequence[InstanceHeader], decisions: Mapping[str, FileDecision]) -> list[SeriesRow]:
    """One row per series or volume, by patient, study and series.

    Parameters
    ----------
    rows
        Files of whole chunks, by path.
    decisions
        What is planned for each file, by its path.
    """
    groups: dict[tuple[str, str, str, str], list[InstanceHeader]] = defaultdict(list)
    for row in rows:
        if _is_of_a_study(row):
            name = decisions[row.path].series or ""
            groups[row.patient_id or "", row.study_uid or "", row.series_uid or "", name].append(row)
    return [
        _series(name, members, [decisions[row.path] for row in members])
        for (_, _, _, name), members in sorted(groups.items())
    ]


def study_rows(
    rows: Sequence[InstanceHeader], decisions: Mapping[str, FileDecision], sessions: Sequence[SessionPlan]
) -> list[StudyRow]:
    """One row per study, by patient and study; as `series_rows`."""
    groups: dict[tuple[str, str], list[InstanceHeader]] = defaultdict(list)
    for row in rows:
        if _is_of_a_study(row):
            groups[row.patient_id or "", row.study_uid or ""].append(row)
    made = Counter(session.study_uid for session in sessions)
    return [
        StudyRow(
            patient_id=members[0].patient_id,
            study_uid=members[0].study_uid,
            date=_first(members, "study_date"),
            time=_first(members, "study_time"),
            description=_first(members, "study_description"),
            modalities=tuple(sorted({row.modality for row in members if row.modality})),
            series=len({row.series_uid for row in members}),
            files=len(members),
            bytes=sum(row.size for row in members),
            used=sum(decisions[row.path].disposition is Disposition.USED for row in members),
            sessions=made[study],
        )
        for (_, study), members in sorted(groups.items())
    ]


def _is_of_a_study(row: InstanceHeader) -> bool:
    return row.kind in _HAS_HEADER and bool(row.study_uid or row.series_uid or row.modality)


def _series(name: str, members: Sequence[InstanceHeader], decided: Sequence[FileDecision]) -> SeriesRow:
    first = members[0]
    counts = Counter(decision.disposition for decision in decided)
    return SeriesRow(
        series=name,
        patient_id=first.patient_id,
        study_uid=first.study_uid,
        series_uid=first.series_uid,
        modality=_first(members, "modality"),
        sop_class_uid=_first(members, "sop_class_uid"),
        description=_first(members, "series_description"),
        protocol_name=_first(members, "protocol_name"),
        series_number=first.series_number,
        manufacturer=_first(members, "manufacturer"),
        model=_first(members, "model"),
        date=_first(members, "series_date") or _first(members, "acquisition_date"),
        time=_first(members, "series_time") or _first(members, "acquisition_time"),
        files=len(members),
        bytes=sum(row.size for row in members),
        used=counts[Disposition.USED],
        duplicate=counts[Disposition.DUPLICATE],
        excluded=counts[Disposition.EXCLUDED],
        quarantined=counts[Disposition.QUARANTINED],
        codes=tuple(sorted({decision.code for decision in decided if decision.code})),
    )


def _first(members: Sequence[InstanceHeader], field: str) -> str | None:
    return next((value for row in members if (value := getattr(row, field))), None)
