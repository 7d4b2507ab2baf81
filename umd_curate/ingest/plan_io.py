"""Plans an index chunk by chunk, and keeps the plan beside it: what is in memory is one part of the index.

`plan_index` makes, `read_parts` and `read_decisions` read again. A plan is good as long as its stamp holds, which the caller
makes of all that decides it. The files lie in the folder of the index: ``decisions.parquet`` (one row per row of the index),
``series.parquet``, ``studies.parquet``, ``sessions.jsonl`` (one part per line) and ``plan.json`` (stamp and sums).
"""

import functools
import json
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from umd_curate.ingest.bystanders import decide, is_bystander
from umd_curate.ingest.chunks import KEYS, MISSING, Int64, Part, chunk_of_rows, parts_of
from umd_curate.ingest.summaries import series_rows, study_rows
from umd_curate.model.headers import FileKind, InstanceHeader, row_of
from umd_curate.model.ids import ShortId
from umd_curate.model.receipts import Json
from umd_curate.model.series import DecidedFile, DecisionRow, SeriesRow, StudyRow
from umd_curate.model.study import Disposition, FileDecision, IngestPlan, SessionPlan
from umd_curate.store.files import atomic, write_json
from umd_curate.store.parquet import GROUP_ROWS, GroupedRows, array_of, batch_of, read_batches, rows_of, table_writer

UNIT_ROWS = 4096  # of the parts that are loaded in one go
_MODE = 0o600

NameOf = Callable[[str, str], ShortId]
Planner = Callable[[Sequence[InstanceHeader]], IngestPlan]


@dataclass(frozen=True, slots=True)
class Place:
    """An index, and the folder of its plan."""

    index: Path
    folder: Path


def plan_index(
    place: Place, planner: Planner, short_id: NameOf, stamp: str, persons: Mapping[str, str] | None = None
) -> Iterator[IngestPlan]:
    """Plan all chunks of an index, and keep the plan when the last one has been taken.

    Parameters
    ----------
    place
        An index that `refresh` wrote, and where its plan shall lie.
    planner
        Plans the images of whole chunks; `plan_ingest` with the settings.
    short_id
        Keyed name of a kind and a value.
    stamp
        Over all that decides the plan.
    persons
        Person of a PatientID where several IDs are one person; their files are planned together.

    Yields
    ------
    IngestPlan
        One part: whole chunks, without its decisions. Parts come by their first file.
    """
    folder = place.folder
    (folder / "plan.json").unlink(missing_ok=True)
    rows = GroupedRows(place.index)
    sums = _Sums(rows.count)
    with ExitStack() as stack:
        stack.callback(rows.close)
        series = stack.enter_context(table_writer(folder / "series.parquet", SeriesRow, mode=_MODE))
        studies = stack.enter_context(table_writer(folder / "studies.parquet", StudyRow, mode=_MODE))
        lines = stack.enter_context(atomic(folder / "sessions.jsonl", mode=_MODE))
        output = stack.enter_context(lines.open("w", encoding="utf-8"))
        for numbers, headers in _loaded(rows, parts_of(chunk_of_rows(key_columns(place.index, persons or {})))):
            plan = _planned(headers, planner, short_id)
            decisions = {decision.path: decision for decision in plan.decisions}
            series.add(batch_of(series_rows(headers, decisions), SeriesRow))
            studies.add(batch_of(study_rows(headers, decisions, plan.sessions), StudyRow))
            at = {header.path: number for header, number in zip(headers, numbers, strict=True)}
            sums.enter(plan.decisions, at)
            output.write(_line(plan, at) + "\n")
            yield replace(plan, decisions=())
    with table_writer(folder / "decisions.parquet", DecisionRow, mode=_MODE) as writer:
        for batch in sums.batches():
            writer.add(batch)
    write_json(folder / "plan.json", {"stamp": stamp, "files": sums.totals()}, mode=_MODE)


def has_plan(place: Place, stamp: str) -> bool:
    """Say whether the plan of an index is the one of this stamp."""
    try:
        found = json.loads((place.folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(found.get("stamp") == stamp)


def read_totals(place: Place) -> dict[tuple[Disposition, str], int]:
    """Files of a plan by disposition and finding code."""
    found = json.loads((place.folder / "plan.json").read_text(encoding="utf-8"))["files"]
    return {(Disposition(name), code): int(count) for name, code, count in found}


def read_parts(place: Place, *, with_files: bool = True) -> Iterator[IngestPlan]:
    """Read the parts of a plan again, without decisions; without files, volumes have their number of instances only.

    A volume without files holds the same empty row as often as it has instances.
    """
    rows = GroupedRows(place.index) if with_files else None
    with (place.folder / "sessions.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield _part(json.loads(line), rows)
    if rows is not None:
        rows.close()


def read_decisions(place: Place) -> Iterator[DecidedFile]:
    """Every file of the index with its decision, in the order of the index."""
    dispositions = {entry.value: entry for entry in Disposition}
    files = read_batches(place.index, ("patient_id", "series_uid", "path"))
    decided = read_batches(place.folder / "decisions.parquet")
    for batch, decisions in zip(files, decided, strict=True):
        columns = [*(decisions.column(name).to_pylist() for name in ("disposition", "code", "series"))]
        columns += [batch.column(name).to_pylist() for name in ("patient_id", "series_uid", "path")]
        for disposition, *rest in zip(*columns, strict=True):
            yield DecidedFile(dispositions[disposition], *rest)


def key_columns(index: Path, persons: Mapping[str, str]) -> list[Int64]:
    """Codes of the values that connect files, one array per key: equal values have equal codes, in this process only.

    A PatientID counts as its person where `persons` has it.
    """
    columns = [array("q") for _ in KEYS]
    for batch in read_batches(index, KEYS):
        for codes, name in zip(columns, KEYS, strict=True):
            values = batch.column(name).to_pylist()
            if name == "patient_id":
                values = [persons.get(value, value) for value in values]
            codes.extend([(hash(value) or 1) if value is not None else MISSING for value in values])
    return [np.frombuffer(codes, np.int64) if codes else np.empty(0, np.int64) for codes in columns]


def _loaded(rows: GroupedRows, parts: Iterator[Part]) -> Iterator[tuple[list[int], list[InstanceHeader]]]:
    """Numbers and headers of the rows of each part; several parts are loaded in one go, part by part made into headers."""
    waiting: list[Part] = []

    def load() -> Iterator[tuple[list[int], list[InstanceHeader]]]:
        numbers = np.sort(np.concatenate([part.rows for part in waiting]))
        table = rows.take(numbers.tolist())
        for part in waiting:
            places = array_of(np.searchsorted(numbers, part.rows), pa.int64())
            yield part.rows.tolist(), rows_of(table.take(places), InstanceHeader, row_of)

    count = 0
    for part in parts:
        waiting.append(part)
        count += len(part.rows)
        if count >= UNIT_ROWS:
            yield from load()
            waiting, count = [], 0
    if waiting:
        yield from load()


def _planned(headers: Sequence[InstanceHeader], planner: Planner, short_id: NameOf) -> IngestPlan:
    """Plan of whole chunks, bystanders included.

    Raises
    ------
    ValueError
        Not every file was decided exactly once.
    """
    aside = decide((header for header in headers if is_bystander(header)), short_id)
    plan = planner([header for header in headers if not is_bystander(header)])
    decisions = (*plan.decisions, *aside.decisions)
    if Counter(decision.path for decision in decisions) != Counter(header.path for header in headers):
        message = "ingest did not decide every file exactly once"
        raise ValueError(message)
    return replace(
        plan,
        sessions=as_indexed(plan.sessions, {header.path: header for header in headers}),
        decisions=decisions,
        findings=(*plan.findings, *aside.findings),
    )


def as_indexed(sessions: Iterable[SessionPlan], rows: Mapping[str, InstanceHeader]) -> tuple[SessionPlan, ...]:
    """Sessions whose instances are the rows of the index, without what the plan put in place of missing elements."""
    return tuple(
        replace(
            session,
            volumes=tuple(
                replace(volume, instances=tuple(rows[image.path] for image in volume.instances))
                for volume in session.volumes
            ),
        )
        for session in sessions
    )


class _Sums:
    """Decisions by row of the index: eight bytes each, and the names of series."""

    def __init__(self, count: int) -> None:
        self._outcomes: dict[tuple[str, str], int] = {}
        self._series: dict[str | None, int] = {None: 0}
        self._outcome_of = np.zeros(count, np.int32)
        self._series_of = np.zeros(count, np.int32)

    def enter(self, decisions: Sequence[FileDecision], at: Mapping[str, int]) -> None:
        """Enter the decisions of some files, whose rows `at` tells."""
        for decision in decisions:
            row = at[decision.path]
            outcome = decision.disposition.value, decision.code
            self._outcome_of[row] = self._outcomes.setdefault(outcome, len(self._outcomes))
            self._series_of[row] = self._series.setdefault(decision.series, len(self._series))

    def totals(self) -> list[Json]:
        """Disposition, finding code and number of files."""
        counts = np.bincount(self._outcome_of, minlength=len(self._outcomes))
        found = zip(self._outcomes, counts.tolist(), strict=bool(self._outcomes))
        return [[disposition, code, count] for (disposition, code), count in sorted(found)]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Rows of `DecisionRow`, in the order of the index."""
        outcomes, names = list(self._outcomes), list(self._series)
        dispositions, codes = (array_of([outcome[part] for outcome in outcomes], pa.string()) for part in (0, 1))
        series = array_of(names, pa.string())
        for start in range(0, len(self._outcome_of), GROUP_ROWS):
            outcome = array_of(self._outcome_of[start : start + GROUP_ROWS], pa.int32())
            name = array_of(self._series_of[start : start + GROUP_ROWS], pa.int32())
            columns = [dispositions.take(outcome), codes.take(outcome), series.take(name)]
            yield pa.RecordBatch.from_arrays(columns, names=["disposition", "code", "series"])


@functools.cache
def _adapter() -> TypeAdapter[IngestPlan]:
    return TypeAdapter(IngestPlan)


def _line(plan: IngestPlan, at: Mapping[str, int]) -> str:
    """One part as a line: instances are numbers of rows of the index."""
    numbers = [[[at[row.path] for row in volume.instances] for volume in session.volumes] for session in plan.sessions]
    sessions = tuple(
        replace(session, volumes=tuple(replace(volume, instances=()) for volume in session.volumes))
        for session in plan.sessions
    )
    light = replace(plan, sessions=sessions, decisions=())
    return json.dumps({"plan": _adapter().dump_python(light, mode="json"), "rows": numbers})


def _part(entry: Any, rows: GroupedRows | None) -> IngestPlan:  # noqa: ANN401  (a JSON document)
    plan = _adapter().validate_python(entry["plan"])
    sessions = tuple(
        replace(
            session,
            volumes=tuple(
                replace(volume, instances=_instances(numbers, rows))
                for volume, numbers in zip(session.volumes, of_volumes, strict=True)
            ),
        )
        for session, of_volumes in zip(plan.sessions, entry["rows"], strict=True)
    )
    return replace(plan, sessions=sessions)


def _instances(numbers: Sequence[int], rows: GroupedRows | None) -> tuple[InstanceHeader, ...]:
    if rows is None:
        return (_NO_ROW,) * len(numbers)
    ascending = sorted(numbers)
    headers = dict(zip(ascending, rows_of(rows.take(ascending), InstanceHeader, row_of), strict=True))
    return tuple(headers[number] for number in numbers)


_NO_ROW = InstanceHeader(path="", size=0, mtime_ns=0, kind=FileKind.NOT_DICOM)
