"""Writes what others keep of a release: its record for the repository's ``manifests/releases/``, and its provenance in two standards."""

from pathlib import Path

from umd_curate.model.receipts import Json
from umd_curate.model.release import FileRow, ProvenanceRow, ReleaseManifest, ReleaseRecord
from umd_curate.release.compose import table_path
from umd_curate.release.io import MANIFEST, SUMS
from umd_curate.release.provenance import prov, ro_crate
from umd_curate.store.files import sha256_of, write_json
from umd_curate.store.parquet import read_rows
from umd_curate.store.signing import PUBLIC_SUFFIX, fingerprint


def record_release(folder: Path, target: Path, *, keep: bool = True) -> Path:
    """Write the record of a release into a folder; return its path. Without `keep` it is only made, not written.

    The record is small, and reviewed like code: it pins the release by the checksum of its checksums and by the key that signed them.
    """
    manifest = _manifest(folder)
    files = read_rows(folder / table_path("files"), FileRow)
    sums = folder / SUMS
    record = ReleaseRecord(
        dataset=manifest.dataset,
        version=manifest.version,
        previous_version=manifest.previous_version,
        licence=manifest.licence,
        sums_sha256=sha256_of(sums),
        signed_by=fingerprint(sums.with_name(sums.name + PUBLIC_SUFFIX).read_bytes()),
        subjects=manifest.subjects,
        sessions=manifest.sessions,
        excluded_sessions=manifest.excluded_sessions,
        rows={entry.name: sum(split.rows for split in entry.splits) for entry in manifest.configs},
        files=len(files),
        size=sum(row.size for row in files),
        relaxed=manifest.relaxed,
        made_with=manifest.made_with,
    )
    path = target / f"{manifest.dataset}-{manifest.version}.json"
    if keep:
        write_json(path, record.model_dump(mode="json", by_alias=True))
    return path


def provenance_of(folder: Path, standard: str) -> dict[str, Json]:
    """Provenance of a release, in ``prov`` (PROV-JSON) or as ``ro-crate``."""
    rows = read_rows(folder / table_path("provenance"), ProvenanceRow)
    if standard == "prov":
        return prov(rows)
    return ro_crate(_manifest(folder), read_rows(folder / table_path("files"), FileRow), rows)


def _manifest(folder: Path) -> ReleaseManifest:
    return ReleaseManifest.model_validate_json((folder / MANIFEST).read_bytes())
