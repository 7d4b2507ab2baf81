"""Reads the hospital's mapping of patients to persons: the CSV that ingest.patients names.

The file is input: no value of it enters a message. What a mapping means is said in `patients`.
"""

import csv
import hashlib
import io
from pathlib import Path

from umd_curate.errors import ConfigError
from umd_curate.ingest.patients import Persons, patient_key, plain
from umd_curate.model.ids import PatientKey

COLUMNS = ("issuer", "id", "person")


def read_persons(path: str | None) -> Persons:
    """The mapping of a CSV in UTF-8 with the columns issuer, id and person; an empty one where no file is named.

    Raises
    ------
    ConfigError
        The file cannot be read, lacks a column or a value, or gives one patient to two persons.
    """
    if path is None:
        return Persons()
    try:
        data = Path(path).expanduser().read_bytes()
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        records = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = "The table that ingest.patients names cannot be read."
        raise ConfigError(message, hint="It is a CSV in UTF-8 with the columns issuer, id and person.") from error
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        message = f"The table that ingest.patients names has no column {missing[0]!r}."
        raise ConfigError(message)
    first: dict[str, PatientKey] = {}
    keys: dict[tuple[str, str], PatientKey] = {}
    persons: dict[tuple[str, str], str] = {}
    for number, record in enumerate(records, start=2):
        issuer, patient_id, person = (plain(record[name]) for name in COLUMNS)
        if not patient_id or not person:
            message = f"Row {number} of the table that ingest.patients names lacks an id or a person."
            raise ConfigError(message)
        if persons.setdefault((issuer, patient_id), person) != person:
            message = f"Row {number} of the table that ingest.patients names gives a patient to a second person."
            raise ConfigError(message)
        keys[issuer, patient_id] = first.setdefault(person, patient_key(issuer, patient_id))
    return Persons(keys, hashlib.sha256(data).hexdigest())
