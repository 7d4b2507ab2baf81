"""What became of every input file: one disposition each, with its reason; the sums must add up.

The table in ``private/accounting.csv`` leads from a keyed short id to path, series and patient, so that a person can act.
Only sums by finding code go below the PHI wall.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.ids import ShortId
from umd_curate.model.receipts import Json, Receipt, State
from umd_curate.model.study import Disposition, IngestPlan, VolumeOrder
from umd_curate.store.files import write_text

COLUMNS = (
    "id", "disposition", "code", "reason", "what_to_do", "unit", "series", "patient_id", "series_uid", "path",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileAccount:
    """One input file and what became of it."""

    id: ShortId
    disposition: Disposition
    code: str
    unit: str
    series: str
    header: InstanceHeader


def settle(
    plan: IngestPlan,
    orders: Sequence[VolumeOrder],
    receipts: Mapping[str, Receipt],
    index: Mapping[str, InstanceHeader],
    short_id: Callable[[str, str], ShortId],
) -> list[FileAccount]:
    """Give each file its final disposition: what ingest planned, and what the pixel path made of it.

    Parameters
    ----------
    plan, orders
        What was planned.
    receipts
        Receipts of the pixel path and of contours, by unit name.
    index
        Header by path; every file of the raw folder.
    short_id
        Keyed short id of a kind and a value.

    Raises
    ------
    ValueError
        The plan does not decide every file exactly once.
    """
    decided = Counter(decision.path for decision in plan.decisions)
    if decided.keys() != index.keys() or max(decided.values(), default=1) > 1:
        message = "ingest did not decide every file exactly once"
        raise ValueError(message)
    units = _units_of(orders, receipts)
    accounts = []
    for decision in plan.decisions:
        disposition, code, unit = decision.disposition, decision.code, units.get(decision.path, "")
        receipt = receipts.get(unit)
        if disposition is Disposition.USED and receipt is not None and receipt.state is not State.DONE:
            disposition, code = Disposition.QUARANTINED, receipt.findings[0].code
        name = short_id("f", decision.path)
        header = index[decision.path]
        accounts.append(FileAccount(name, disposition, code, unit, decision.series or "", header))
    return accounts


def _units_of(orders: Sequence[VolumeOrder], receipts: Mapping[str, Receipt]) -> dict[str, str]:
    """Unit of each file that is wanted; of a file that two runs share, the first that did not fail."""
    found: dict[str, str] = {}
    failed = {name for name, receipt in receipts.items() if receipt.state is not State.DONE}
    for order in sorted(orders, key=lambda order: order.unit in failed):
        for path, _, _ in order.files:
            found.setdefault(path, order.unit)
    return found


def write_accounting(path: Path, accounts: Sequence[FileAccount]) -> None:
    """Write the private table, by disposition, reason and path."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for account in sorted(accounts, key=lambda entry: (entry.disposition, entry.code, entry.header.path)):
        code = CATALOGUE.get(account.code)
        writer.writerow([
            account.id,
            account.disposition.value,
            account.code,
            code.title if code else "",
            code.action if code else "",
            account.unit,
            account.series,
            account.header.patient_id or "",
            account.header.series_uid or "",
            account.header.path,
        ])  # fmt: skip
    write_text(path, text.getvalue(), mode=0o600)


def sums_of(accounts: Sequence[FileAccount]) -> dict[str, Json]:
    """Sums by disposition and finding code, free of identifiers."""
    sums: dict[str, Json] = {"files": len(accounts)}
    for disposition in Disposition:
        found = [account for account in accounts if account.disposition is disposition]
        if disposition is Disposition.USED:
            sums[disposition.value] = len(found)
        else:
            counts = Counter(account.code for account in found)
            sums[disposition.value] = {code: counts[code] for code in sorted(counts)}
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
