"""Reads the site's own contours and writes label maps with their sidecars.

The table label.contours and what it names are input: their paths and UIDs are kept out of every message. A series is found
by its keyed short id, so no UID enters a unit of work.
"""

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from umd_curate.errors import ConfigError, SchemaError
from umd_curate.label.engine import LabelSource
from umd_curate.model.catalogue.label import UNREADABLE
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Volume
from umd_curate.model.ids import ShortId
from umd_curate.model.receipts import Artifact
from umd_curate.model.sidecars import LabelSidecar
from umd_curate.store.files import artifact, sha256_of, write_json
from umd_curate.store.keys import key_path, load_key
from umd_curate.store.nifti import read_volume, write_volume

COLUMNS = ("series_uid", "path")
MAP_COLUMN = "map"
ABSENT = "absent"  # stands for the checksum of a file that is not there
_THREE = 3


@dataclass(frozen=True, slots=True)
class ContourRow:
    """One row of the table label.contours: the label map of one series, and the file that names its ids."""

    labels: Path = field(repr=False)
    names: Path | None = field(repr=False)

    def checksums(self) -> dict[str, str]:
        """SHA-256 of both files, for a unit's key."""
        found = {"contours_sha256": _checksum(self.labels)}
        return found | ({"names_sha256": _checksum(self.names)} if self.names else {})

    def source(self) -> LabelSource:
        """The label map with its names.

        Raises
        ------
        ConfigError
            The file of names is no TOML of ids and names.
        """
        return LabelSource("contours", self.labels, _checksum(self.labels), read_names(self.names))


def read_contour_table(config: UmdConfig) -> dict[ShortId, ContourRow]:
    """Rows of the table label.contours by the keyed short id of their series; empty where none is set.

    Raises
    ------
    ConfigError
        The table cannot be read, lacks a column, or names a series twice.
    WorkspaceError
        The key cannot be read.
    """
    if config.label.contours is None:
        return {}
    table = Path(config.label.contours).expanduser()
    key = load_key(key_path(config.deid.key_file))
    try:
        with table.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            records = list(reader)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = "The table that label.contours names cannot be read."
        raise ConfigError(message, hint="It is a CSV in UTF-8 with the columns series_uid, path and map.") from error
    if missing:
        message = f"The table that label.contours names has no column {missing[0]!r}."
        raise ConfigError(message)
    rows: dict[ShortId, ContourRow] = {}
    for number, record in enumerate(records, start=2):
        uid, labels, names = (_cell(record, name) for name in (*COLUMNS, MAP_COLUMN))
        if not uid or not labels:
            message = f"Row {number} of the table that label.contours names lacks a value."
            raise ConfigError(message)
        series = key.short_id("s", uid)
        if series in rows:
            message = f"Row {number} of the table that label.contours names has a series that an earlier row has."
            raise ConfigError(message)
        rows[series] = ContourRow(table.parent / labels, table.parent / names if names else None)
    return rows


def read_names(path: Path | None) -> dict[int, str] | None:
    """Organ name of each id, from a TOML file of lines ``5 = "liver"``; None where the ids are the dataset's own.

    Raises
    ------
    ConfigError
        The file cannot be read, or a line is no id and name.
    """
    if path is None:
        return None
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        names = {int(number): name for number, name in entries.items()}
    except (OSError, ValueError) as error:
        message = "A map file of the table that label.contours names cannot be read."
        raise ConfigError(message, hint='It is a TOML file with one line per id, such as 5 = "liver".') from error
    if not all(isinstance(name, str) for name in names.values()):
        message = "A map file of the table that label.contours names holds a name that is no text."
        raise ConfigError(message)
    return names


def read_label_map(path: Path, place: str) -> Volume:
    """Read a NIfTI label map as it is stored.

    Raises
    ------
    Refused
        The file is absent, damaged, or not three-dimensional (LAB-101).
    """
    try:
        volume = read_volume(path)
    except (OSError, ValueError) as error:
        raise Refused(UNREADABLE.at(place)) from error
    if volume.array_kji.ndim != _THREE or volume.array_kji.dtype.kind not in "iuf":
        raise Refused(UNREADABLE.at(place))
    return volume


def read_label_sidecar(path: Path) -> LabelSidecar:
    """Sidecar of a label map.

    Raises
    ------
    SchemaError
        The file is of another version or was changed by hand.
    """
    try:
        return LabelSidecar.model_validate_json(path.read_bytes())
    except ValidationError as error:
        message = "The sidecar of a label map does not fit its schema."
        raise SchemaError(message) from error


def write_labels(image: Path, relative: str, what: str, volume: Volume, sidecar: LabelSidecar) -> tuple[Artifact, ...]:
    """Write a label map and its sidecar; return both artifacts.

    Parameters
    ----------
    image, relative
        Absolute and relative path of the ``.nii.gz``.
    what
        Role of the label map.
    volume
        uint8 label map.
    sidecar
        Its provenance; the voxel checksum is filled in here.
    """
    digest = write_volume(image, volume, intent="label")
    text = sidecar.model_copy(update={"voxel_sha256": digest}).model_dump(mode="json", by_alias=True)
    beside = image.with_name(image.name.removesuffix(".nii.gz") + ".json")
    write_json(beside, text)
    return (
        artifact(what, relative, image),
        artifact(f"{what}.json", relative.removesuffix(".nii.gz") + ".json", beside),
    )


def _cell(record: Mapping[str, str | None], column: str) -> str:
    return (record.get(column) or "").strip()


def _checksum(path: Path) -> str:
    return sha256_of(path) if path.is_file() else ABSENT
