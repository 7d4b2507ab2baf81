"""What became of every input file: one disposition each, with its reason; the sums must add up.

The table in ``private/accounting.csv`` leads from a keyed short id to path, series and patient, so that a person can act.
Only sums by finding code go below the PHI wall.
"""

import csv
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.ids import ShortId
from umd_curate.model.receipts import Json, Receipt, State
from umd_curate.model.series import DecidedFile
from umd_curate.model.study import Disposition
from umd_curate.store.files import atomic

NAME = "accounting"  # of the ledger's fact with the sums
COLUMNS = (
    "id", "disposition", "code", "reason", "what_to_do", "unit", "series", "patient_id", "series_uid", "path",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileAccount:
    """One input file and what became of it."""

    disposition: Disposition
    code: str
    unit: str
    file: DecidedFile


def settle(
    decided: Iterable[DecidedFile],
    units_of: Mapping[str, Sequence[str]],
    receipts: Mapping[str, Receipt],
    refused: Mapping[str, str] | None = None,
) -> Iterator[FileAccount]:
    """Give each file its final disposition: what ingest planned, and what the pixel path made of it.

    Parameters
    ----------
    decided
        Every file of the raw folder with its decision.
    units_of
        Units of each series that is used, by short id: several where the runs of a session share it. Its files are used as
        long as one of them did not fail.
    receipts
        Receipts of the pixel path and of contours, by unit name.
    refused
        Finding code of each series, by short id, that was planned and not ordered.
    """
    failed = {name for name, receipt in receipts.items() if receipt.state is not State.DONE}
    for file in decided:
        disposition, code, unit = file.disposition, file.code, ""
        if disposition is Disposition.USED and refused and (file.series or "") in refused:
            disposition, code = Disposition.QUARANTINED, refused[file.series or ""]
        if disposition is Disposition.USED:
            units = sorted(units_of.get(file.series or "", ()), key=lambda name: (name in failed, name))
            unit = units[0] if units else ""
            receipt = receipts.get(unit)
            if receipt is not None and receipt.state is not State.DONE:
                disposition, code = Disposition.QUARANTINED, receipt.findings[0].code
        yield FileAccount(disposition, code, unit, file)


def account_for(
    path: Path, accounts: Iterable[FileAccount], short_id: Callable[[str, str], ShortId], files: int
) -> dict[str, Json]:
    """Write the private table, by disposition, reason and the order of the index; sums by disposition and finding code.

    `files` is the number of files that the scan saw, against which the sums are held (`adds_up`).

    Each reason is written to a part of its own as the files come, so that no more than one file is in memory.
    """
    counts: Counter[tuple[Disposition, str]] = Counter()
    parts: dict[tuple[Disposition, str], TextIO] = {}
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, ExitStack() as opened:
        for account in accounts:
            reason = account.disposition, account.code
            if reason not in parts:
                part = Path(folder) / str(len(parts))
                parts[reason] = opened.enter_context(part.open("w+", encoding="utf-8", newline=""))
            counts[reason] += 1
            csv.writer(parts[reason], lineterminator="\n").writerow(_cells(account, short_id))
        with atomic(path, mode=0o600) as temporary, temporary.open("w", encoding="utf-8", newline="") as whole:
            csv.writer(whole, lineterminator="\n").writerow(COLUMNS)
            for reason in sorted(parts):
                parts[reason].seek(0)
                shutil.copyfileobj(parts[reason], whole)
    return {"files": files, **_sums(counts)}


def _cells(account: FileAccount, short_id: Callable[[str, str], ShortId]) -> tuple[str, ...]:
    code, file = CATALOGUE.get(account.code), account.file
    return (
        short_id("f", file.path),
        account.disposition.value,
        account.code,
        code.title if code else "",
        code.action if code else "",
        account.unit,
        file.series or "",
        file.patient_id or "",
        file.series_uid or "",
        file.path,
    )


def _sums(counts: Mapping[tuple[Disposition, str], int]) -> dict[str, Json]:
    """Sums by disposition and finding code, free of identifiers."""
    sums: dict[str, Json] = {}
    for disposition in Disposition:
        found = {code: count for (kind, code), count in sorted(counts.items()) if kind is disposition}
        sums[disposition.value] = sum(found.values()) if disposition is Disposition.USED else dict(found)
    return sums


def total(sums: Mapping[str, Json], disposition: Disposition) -> int:
    """Files of one disposition."""
    value = sums.get(disposition.value, 0)
    if isinstance(value, dict):
        return sum(count for count in value.values() if isinstance(count, int))
    return value if isinstance(value, int) else 0


def adds_up(sums: Mapping[str, Json]) -> bool:
    """Say whether the files of all dispositions together are all files of the raw folder."""
    return sums.get("files") == sum(total(sums, disposition) for disposition in Disposition)
