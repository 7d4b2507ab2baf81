"""Sums over an understood folder for a person: files, kinds, patients, studies, series per modality, sessions to make."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from umd_curate.model.receipts import Json
from umd_curate.pipeline.understood import Understood
from umd_curate.store.parquet import read_batches


@dataclass(frozen=True, slots=True)
class Overview:
    """What a folder holds, free of identifiers; bytes are those of all files, members of archives as unpacked."""

    files: int
    bytes: int
    kinds: Mapping[str, int]
    patients: int
    studies: int
    series: Mapping[str, int]  # per modality
    sessions: Mapping[str, int]  # to make, per kind

    def as_json(self) -> dict[str, Json]:
        """The sums as a JSON object."""
        return asdict(self)


def overview_of(understood: Understood) -> Overview:
    """Sum up an index, its tables and its plan."""
    kinds: Counter[str] = Counter()
    size = 0
    for batch in read_batches(understood.place.index, ("kind", "size")):
        kinds.update(batch.column("kind").to_pylist())
        size += sum(batch.column("size").to_pylist())
    sessions = Counter(session.kind.value for part in understood.parts(with_files=False) for session in part.sessions)
    series: dict[str, set[tuple[str | None, str | None]]] = {}
    for batch in read_batches(understood.place.folder / "series.parquet", ("modality", "study_uid", "series_uid")):
        for modality, *uids in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            series.setdefault(modality or "none", set()).add((uids[0], uids[1]))
    patients: set[str] = set()
    studies: set[str] = set()
    for batch in read_batches(understood.place.folder / "studies.parquet", ("patient_id", "study_uid")):
        patients.update(filter(None, batch.column("patient_id").to_pylist()))
        studies.update(filter(None, batch.column("study_uid").to_pylist()))
    return Overview(
        files=understood.files,
        bytes=size,
        kinds=dict(sorted(kinds.items())),
        patients=len(patients),
        studies=len(studies),
        series={modality: len(uids) for modality, uids in sorted(series.items())},
        sessions=dict(sorted(sessions.items())),
    )
