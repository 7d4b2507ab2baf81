"""The gate below the PHI wall: every file of a session, and the release, is searched for the patients' own identifiers.

Step ``audit`` searches one session with the identifiers of its subject. Before a release the report, and after it every
file that is not a shard (whose images are the audited bytes), is searched with the identifiers of all.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from umd_curate.deid.audit_io import scan_file
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.errors import PhiGateRefused
from umd_curate.model.catalogue import run as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Artifact, Receipt, State
from umd_curate.model.steps import Place, SessionFiles, Step, Unit, View
from umd_curate.store.files import artifact, write_text

AUDIT = "audit"
IDENTIFIERS = "identifiers"  # role of the private file of one volume's identifiers
_PUBLIC = ("data/", "qa/")


def plan(view: View, config: UmdConfig) -> list[Unit]:  # noqa: ARG001
    """One unit per session that has files below the wall, with the identifiers of its subject."""
    known: dict[str, list[Artifact]] = {}
    for step in ("ingest", "contours"):
        for receipt in view.receipts(step):
            known.setdefault(receipt.subject, []).extend(
                entry for entry in receipt.outputs if entry.what == IDENTIFIERS
            )
    units = []
    for session in view.sessions():
        public = _public_files(view, session)
        if public:
            inputs = (*public, *known.get(session.subject, ()))
            units.append(Unit(AUDIT, session.stem, session.subject, session.session, inputs))
    return units


def _public_files(view: View, session: SessionFiles) -> list[Artifact]:
    made = [
        entry
        for step in ("deface", "register", "label", "qa")
        for receipt in view.receipts(step)
        if (receipt.subject, receipt.session) == (session.subject, session.session) and receipt.state is State.DONE
        for entry in receipt.outputs
        if entry.path.startswith(_PUBLIC)
    ]
    return sorted(made, key=lambda entry: entry.path)


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:  # noqa: ARG001
    """Search one session's files; a hit quarantines the session."""
    identifiers = _union(place, [entry for entry in unit.inputs if entry.what == IDENTIFIERS])
    public = [entry for entry in unit.inputs if entry.what != IDENTIFIERS]
    findings = [
        codes.IDENTIFIER_FOUND.at(unit.name, f"{entry.what}: {hit.kind} as {hit.encoding}")
        for entry in public
        for hit in scan_file(place.resolve(entry.path), identifiers)
    ]
    return unit.receipt(
        findings=findings,
        state=State.QUARANTINED if findings else State.DONE,
        measured={"files_searched": len(public), "identifiers": len(identifiers), "hits": len(findings)},
    )


STEP = Step(AUDIT, 1, (), plan, perform)


def search_release(folder: Path, report: Path, receipts: Sequence[Receipt], place: Place) -> int:
    """Search the report and every text and table of a release with the identifiers of all patients; return the files.

    Raises
    ------
    PhiGateRefused
        An identifier was found; the message says of which kind and where.
    """
    entries = [entry for receipt in receipts for entry in receipt.outputs if entry.what == IDENTIFIERS]
    identifiers = _union(place, entries)
    shards = {path for path in folder.glob("*/*.parquet") if path.parent.name != "manifests"}
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path not in shards)
    if report.is_file():
        paths.append(report)
    for path in paths:
        for hit in scan_file(path, identifiers):
            message = f"An identifier ({hit.kind}, as {hit.encoding}) stands in {path.name}."
            raise PhiGateRefused(message)
    return len(paths)


def _union(place: Place, entries: Sequence[Artifact]) -> IdentifierSet:
    union = IdentifierSet()
    for path in sorted({entry.path for entry in entries}):
        union |= _read(place.resolve(path))
    return union


def keep_identifiers(unit: Unit, place: Place, identifiers: IdentifierSet) -> Artifact:
    """Write the identifiers of one volume's source headers on the private side."""
    relative = f"private/identifiers/{unit.name}.json"
    text = json.dumps([[kind.value, value] for kind, value in identifiers], ensure_ascii=False)
    write_text(place.resolve(relative), text, mode=0o600)
    return artifact(IDENTIFIERS, relative, place.resolve(relative))


def _read(path: Path) -> IdentifierSet:
    entries = json.loads(path.read_text(encoding="utf-8"))
    return IdentifierSet(frozenset((Kind(kind), value) for kind, value in entries))
