"""The supplement table: what the site's records know of an injection and the headers lack, one row per series or study.

Decides what a row may say and whose it is. A row becomes part of the work orders of its series, so that a change makes
anew just what depends on it. The table holds source UIDs and stays on the private side; its dates are moved as the
header's are. What a value is good for is decided in convert/supplement.py.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NoReturn

from umd_curate.deid.dates import shift_dt
from umd_curate.errors import ConfigError
from umd_curate.model.dicom_time import parse_datetime
from umd_curate.model.pet import PetContext, Supplement

KEYS: Final = ("series_uid", "study_uid")
NUMBERS: Final = {  # column: least and greatest value that a person or an injection can have
    "weight_kg": (0.3, 650.0),
    "height_m": (0.2, 2.8),
    "injected_bq": (1e5, 1e12),
    "half_life_s": (1.0, 1e9),
}
COLUMNS: Final = (*KEYS, *NUMBERS, "sex", "injection_datetime", "source", "override", "reason")
MIN_REASON: Final = 10  # characters, as for every relaxed rule

_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,6})?)?")
_FLAGS: Final = {"": False, "false": False, "0": False, "no": False, "true": True, "1": True, "yes": True}


@dataclass(frozen=True, slots=True, repr=False)
class SupplementTable:
    """Rows by Series or Study Instance UID; a series' own row goes before its study's."""

    rows: Mapping[str, Supplement]
    sha256: str  # of the table's text

    def of(self, series_uid: str | None, study_uid: str | None) -> Supplement | None:
        """Row of a series; None where the table has none."""
        return self.rows.get(series_uid or "") or self.rows.get(study_uid or "")


def read_supplement(path: Path) -> SupplementTable:
    """Read the table.

    Raises
    ------
    ConfigError
        It cannot be read, lacks or has unknown columns, or a cell does not fit. The message names row and column and no value.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = "The supplement table cannot be read as UTF-8 text."
        raise ConfigError(message, hint="See that the file is there, and save it as CSV in UTF-8.") from error
    return parse_supplement(text)


def parse_supplement(text: str) -> SupplementTable:
    """Rows of the table's text; raises as `read_supplement`."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    names = reader.fieldnames or []
    unknown = [place for place, name in enumerate(names, 1) if name not in COLUMNS]
    if unknown or len(set(names)) != len(names) or not set(KEYS) & set(names) or "source" not in names:
        _refuse("the header", f"columns are series_uid or study_uid, source, and any of {', '.join(COLUMNS[2:])}")
    rows: dict[str, Supplement] = {}
    for number, row in enumerate(reader, 2):
        if None in row or None in row.values():
            _refuse(f"row {number}", "it has more or fewer cells than the header")
        cells = {name: (cell or "").strip() for name, cell in row.items()}
        uids = [cells[key] for key in KEYS if cells.get(key)]
        if len(uids) != 1 or uids[0] in rows:
            _refuse(f"row {number}", "name one series_uid or one study_uid, and each once")
        rows[uids[0]] = _row(cells, number)
    return SupplementTable(rows, hashlib.sha256(text.encode()).hexdigest())


def _row(cells: Mapping[str, str], number: int) -> Supplement:
    if not _SOURCE.fullmatch(cells["source"]):
        _refuse(f"row {number}, source", "a plain word is needed, such as ris; it is published")
    sex = cells.get("sex", "").upper() or None
    if sex not in {None, "M", "F", "O"}:
        _refuse(f"row {number}, sex", "M, F or O")
    flag = cells.get("override", "").lower()
    if flag not in _FLAGS:
        _refuse(f"row {number}, override", "true or false")
    if _FLAGS[flag] and len(cells.get("reason", "")) < MIN_REASON:
        _refuse(f"row {number}, reason", f"an override needs a reason of at least {MIN_REASON} characters")
    return Supplement(
        source=cells["source"],
        weight_kg=_number(cells, "weight_kg", number),
        height_m=_number(cells, "height_m", number),
        sex=sex,
        injected_bq=_number(cells, "injected_bq", number),
        injection_datetime=_datetime(cells.get("injection_datetime", ""), number),
        half_life_s=_number(cells, "half_life_s", number),
        override=_FLAGS[flag],
    )


def _number(cells: Mapping[str, str], name: str, number: int) -> float | None:
    text = cells.get(name, "")
    if not text:
        return None
    least, greatest = NUMBERS[name]
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= greatest:
        _refuse(f"row {number}, {name}", f"a number from {least:g} to {greatest:g} with a decimal point")
    return value


def _datetime(text: str, number: int) -> str | None:
    """A DT of the scanner's local time from a DT or from ``2026-03-02T09:15``."""
    if not text:
        return None
    iso = _ISO.fullmatch(text)
    written = "".join([*iso.groups("00")[:6], iso.group(7) or ""]) if iso else text
    parsed = parse_datetime(written)
    if parsed is None or parsed[1] is not None:
        _refuse(f"row {number}, injection_datetime", "YYYYMMDDHHMMSS or YYYY-MM-DDTHH:MM, in the scanner's local time")
    return written


def _refuse(place: str, needed: str) -> NoReturn:
    message = f"The supplement table does not fit, {place}: {needed}."
    raise ConfigError(message, hint="See the how-to page on missing SUV inputs.")


def moved(context: PetContext, days: int) -> PetContext:
    """Context whose dates are moved by whole days, as those of the cleaned header are."""
    supplement = context.supplement
    if supplement is None or supplement.injection_datetime is None:
        return context
    shifted = shift_dt(supplement.injection_datetime, days)
    return replace(context, supplement=replace(supplement, injection_datetime=shifted))


def strange_rows(table: SupplementTable, uids: Iterable[tuple[str | None, str | None]]) -> int:
    """How many rows belong to none of the PET series, each given as series and study UID."""
    known = {uid for pair in uids for uid in pair}
    return sum(uid not in known for uid in table.rows)
