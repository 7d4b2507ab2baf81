"""Nothing that was planted in the input stands in any byte below the PHI wall. Own search, apart from the product's."""

import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq

from tests.hospital import Finished

PUBLIC = ("data", "qa", "releases")
DATES = ("birth_date", "study_date")


def head_of(cell: bytes) -> bytes:
    """Header of an image in a shard; of a preview all bytes."""
    return cell if cell.startswith(b"\x89PNG") else gzip.decompress(cell)[:352]


def contents_of(path: Path) -> bytes:
    """Bytes of a file as a reader would see them: unpacked, and tables as text."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data += gzip.decompress(data)
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        plain = [name for name in table.column_names if "struct" not in str(table.schema.field(name).type)]
        data += json.dumps(table.select(plain).to_pylist(), default=str).encode()
        for name in set(table.column_names) - set(plain):
            data += b"".join(head_of(cell["bytes"]) for cell in table[name].to_pylist() if cell)
    return data.lower()


def test_no_planted_identifier_is_below_the_wall(finished: Finished):
    canaries = json.loads((finished.hospital.cohort / "truth" / "canaries.json").read_text())
    values = {entry["value"]: entry["kind"] for entry in canaries}
    assert len(values) > 40
    leaks = []
    files = [path for folder in PUBLIC for path in (finished.workspace / folder).rglob("*") if path.is_file()]
    assert len(files) > 30
    for path in files:
        data = contents_of(path)
        is_text = path.suffix in {".json", ".html", ".md", ".csv", ".txt"}
        for value, kind in values.items():
            if kind in DATES and not is_text:
                continue  # eight digits are met by chance in voxels
            spellings = {value.lower().encode(), value.lower().encode("utf-16-le")}
            if any(spelling in data for spelling in spellings):
                leaks.append((path.name, kind))
            if value.lower() in str(path.relative_to(finished.workspace)).lower():
                leaks.append((path.name, f"{kind} in the path"))
    assert leaks == []


def test_the_search_itself_finds_what_is_planted(finished: Finished):
    canaries = json.loads((finished.hospital.cohort / "truth" / "canaries.json").read_text())
    raw = b"".join(path.read_bytes() for path in finished.hospital.raw.rglob("*") if path.is_file()).lower()
    planted = [entry for entry in canaries if entry["in_bytes"]]
    assert planted
    assert all(entry["value"].lower().encode(entry["encoding"]) in raw for entry in planted)


def test_log_lines_and_answers_name_no_patient(finished: Finished):
    canaries = json.loads((finished.hospital.cohort / "truth" / "canaries.json").read_text())
    said = (finished.result.stdout + finished.result.stderr).lower()
    said += finished.hospital.call("status", "-w", finished.workspace, "-v").stdout.lower()
    assert [entry["kind"] for entry in canaries if entry["value"].lower() in said] == []


def test_private_logs_hold_no_traceback(finished: Finished):
    assert list((finished.workspace / "private" / "logs").iterdir()) == []
