"""Reads PS3.15 Table E.1-1 and says what it demands of an element under the options that this product applies.

The table is data (``manifests/deid/ps3.15-e1-1.csv``): a row per attribute with its action under the Basic profile and
under each option. Which elements may stay at all is the keep list's to say (`rules`); this file says whether the standard
allows it, and by which of its rows an element went.
"""

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from umd_curate.deid.rules import Action, Rule
from umd_curate.store.resources import resource_bytes

EDITION = "2026d"
BASIC = "113100"
OPTION_NAMES: Mapping[str, str] = {
    "113100": "Basic Application Confidentiality Profile",
    "113103": "Clean Graphics Option",
    "113105": "Clean Descriptors Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113111": "Retain Safe Private Option",
}  # PS3.16 CID 7050
_PATTERN_ROWS = {0x50: "50xx,xxxx", 0x60: "60xx,{element:04X}"}

# Letters of the table (PS3.15 E.3) that allow what this product does; of options chosen, K and C as well.
_ALLOWING: Mapping[Action, frozenset[str]] = {
    Action.KEEP: frozenset("K"),
    Action.TERM: frozenset("KC"),
    Action.CODE: frozenset("KC"),
    Action.AGE: frozenset("KC"),
    Action.TEXT: frozenset("KC"),
    Action.SEQUENCE: frozenset({"K", "C", "U*"}),
    Action.UID: frozenset({"U", "K", "C"}),
    Action.DATE: frozenset("C"),
    Action.DATETIME: frozenset("C"),
    Action.SUBJECT: frozenset("ZD"),
    Action.EMPTY: frozenset("ZX"),
    Action.PIXELS: frozenset("KC"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: name, letters of the Basic profile, and letters by option (CID 7050 code)."""

    name: str
    basic: frozenset[str]
    options: Mapping[str, str]

    def letters(self) -> frozenset[str]:
        """What the row allows under the Basic profile with the options of `OPTION_NAMES`."""
        return self.basic | {letter for code, letter in self.options.items() if code in OPTION_NAMES}


@dataclass(frozen=True, slots=True)
class Table:
    """Table E.1-1; rows by tag as ``gggg,eeee`` in upper case, with those of repeating groups and private elements."""

    rows: Mapping[str, Row]
    sha256: str
    edition: str = EDITION
    _by_tag: dict[int, Row | None] = field(default_factory=dict, repr=False, compare=False)

    def row_of(self, tag: int) -> Row | None:
        """Row of an element; None where the table does not list it."""
        if tag not in self._by_tag:
            self._by_tag[tag] = self.rows.get(_name_of(tag))
        return self._by_tag[tag]

    def allows(self, tag: int, rule: Rule) -> bool:
        """Say whether the table allows what a rule of the keep list does to an element, or does not list the element.

        The times of day are kept as they are under Modified Dates: dates move by whole days, so no interval changes.
        """
        row = self.row_of(tag)
        if row is None:
            return True
        allowing = _ALLOWING[rule.action]
        if rule.action is Action.KEEP and rule.vrs <= {"TM", "SH"}:
            allowing = allowing | {"C"} if "113107" in row.options else allowing
        return bool(row.letters() & allowing)

    def reason(self, tag: int) -> str:
        """Why an element that is not on the keep list went: the table's row, or the list itself."""
        row = self.row_of(tag)
        if row is None:
            return "not on the keep list"
        return f"E.1-1 {'/'.join(sorted(row.basic))}"


def _name_of(tag: int) -> str:
    group, element = tag >> 16, tag & 0xFFFF
    if group % 2:
        return "private"
    pattern = _PATTERN_ROWS.get(group >> 8)
    return pattern.format(element=element) if pattern else f"{group:04X},{element:04X}"


def parse_table(data: bytes) -> Table:
    """Read the table.

    Raises
    ------
    KeyError, ValueError
        A row is malformed; the packaged table is tested.
    """
    rows = {}
    for row in csv.DictReader(data.decode().splitlines()):
        options = {code: letter for code, letter in row.items() if code.isdigit() and letter}
        rows[row["tag"]] = Row(row["name"], frozenset(row["basic"].split("/")), options)
    return Table(rows, hashlib.sha256(data).hexdigest())


@cache
def confidentiality_table() -> Table:
    """The packaged table.

    Raises
    ------
    ConfigError
        The installation is incomplete.
    """
    return parse_table(resource_bytes("manifests/deid/ps3.15-e1-1.csv"))
