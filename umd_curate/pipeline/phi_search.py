"""The search of the PHI gate: every file of a session, and a release, for the patients' own identifiers.

Each time, what only looks like an identifier is searched for too (`look_alikes`), since a header that was never read has no
known ones. When the gate is passed is planned in `phi_gate.py`.
"""

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import umd_curate
from umd_curate.deid.audit_io import Search, for_known, scan
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.pieces import Piece
from umd_curate.deid.rules import packaged_rules
from umd_curate.deid.telltales import Telltale
from umd_curate.errors import PhiGateRefused
from umd_curate.model.catalogue import run as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.receipts import Artifact, Receipt, State
from umd_curate.model.steps import Place, Unit, View
from umd_curate.pipeline.look_alikes import look_alikes
from umd_curate.pipeline.phi_gate import IDENTIFIERS, SEAL, identifier_files
from umd_curate.store.files import artifact, write_text
from umd_curate.store.resources import organ_table, resource_folder

_ROOMS_THAT_WRITE = ("model", "convert", "register", "label", "qa", "release")
CHANCE_DIGITS = 8  # sizes in bytes and voxel counts have up to so many; a written-out date has separators


@dataclass(frozen=True)
class Sought:
    """What is searched for.

    Parameters
    ----------
    identifiers
        Those that are known.
    stated
        What the maintainers say of themselves, which may stand in what is searched.
    """

    identifiers: IdentifierSet
    stated: tuple[str, ...] = ()

    @functools.cached_property
    def searches(self) -> tuple[Search, ...]:
        """Search for the known identifiers, and for what looks like one."""
        return for_known(self.identifiers), look_alikes(self.stated)

    def told_by(self, piece: Piece) -> list[tuple[Kind | Telltale, str]]:
        """What stands in a piece of a file, by kind and encoding."""
        return sorted(set().union(*(search(piece) for search in self.searches)))


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:  # noqa: ARG001
    """Search one session's files; a hit quarantines the session."""
    sought = Sought(_union(place, [entry for entry in unit.inputs if entry.what == IDENTIFIERS]))
    public = [entry for entry in unit.inputs if entry.what != IDENTIFIERS]
    return _searched(unit, [(entry.what, place.resolve(entry.path)) for entry in public], sought)


def perform_release(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Build the release and search its folder before that gets its name."""
    from umd_curate.release.step import perform as build  # noqa: PLC0415  (only where a release is built)

    sought = _sought_in_release(unit, place, config)

    def search(folder: Path) -> None:
        findings = _searched_release(unit, folder, _reports(place), sought).findings
        if findings:
            detail = "; ".join(dict.fromkeys(finding.detail for finding in findings))
            raise Refused(replace(findings[0], detail=detail))

    return build(unit, place, config, search)


def _sought_in_release(unit: Unit, place: Place, config: UmdConfig) -> Sought:
    known = _union(place, [entry for entry in unit.inputs if entry.what == IDENTIFIERS])
    return Sought(of_all(known), tuple(config.dataset.stated.values()))


def perform_seal(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Search the release that got its name, and the report."""
    sought = _sought_in_release(unit, place, config)
    folder = place.resolve(f"releases/{config.release.version}/{config.dataset.definition}")
    return _searched_release(unit, folder, _reports(place), sought)


def _searched_release(unit: Unit, folder: Path, beside: Sequence[Path], sought: Sought) -> Receipt:
    """Search the texts of a release: files, paths, and of its shards all but the voxels, which step ``audit`` searched."""
    from umd_curate.pipeline.shard_texts import texts_of_shard  # noqa: PLC0415  (only where files are searched)

    shards = _shards(folder)
    paths = sorted(folder.rglob("*"))
    found: dict[Finding, None] = {}
    for number, path in enumerate(paths):
        told = sought.told_by(Piece(path.relative_to(folder).as_posix().encode()))
        found |= {_finding(unit, f"path {number}", kind, "path"): None for kind, _ in told}  # its name is not told
    for shard in shards:
        where = f"{shard.parent.name}/{shard.name}"
        for piece in texts_of_shard(shard):
            found |= {_finding(unit, where, kind, encoding): None for kind, encoding in sought.told_by(piece)}
    files = [path for path in paths if path.is_file() and path not in set(shards)]
    known = _searched(unit, [("", path) for path in (*files, *beside)], sought)
    hits = tuple(found)
    if not hits:
        return known
    findings = (*known.findings, *hits)
    measured = {**known.measured, "hits": len(findings)}
    return replace(known, findings=findings, state=State.QUARANTINED, measured=measured)


def _shards(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/*.parquet") if path.parent.name != "manifests")


def search_alone(folder: Path) -> list[str]:
    """Search a release of which no workspace is at hand for what looks like an identifier; what was found and where."""
    found = _searched_release(Unit(SEAL, folder.name), folder, (), Sought(IdentifierSet(), _stated_in(folder)))
    return list(dict.fromkeys(finding.detail for finding in found.findings))


def search_again(folder: Path, view: View, place: Place) -> list[str]:
    """Search a built release once more, as before a push; what was found and where, without the value.

    Parameters
    ----------
    folder
        The release.
    view, place
        Of the workspace whose patients' identifiers are looked for.

    Raises
    ------
    PhiGateRefused
        The workspace knows no identifiers, so that its search would find nothing in anything.
    """
    unit, known = Unit(SEAL, folder.name), identifier_files(view)
    if not known:
        message = "This workspace knows no patients' identifiers to search for."
        raise PhiGateRefused(message, hint="Nothing was published. Name the workspace in which the release was made.")
    sought = Sought(of_all(_union(place, known)), _stated_in(folder))
    findings = _searched_release(unit, folder, _reports(place), sought).findings
    return list(dict.fromkeys(finding.detail for finding in findings))


def _stated_in(folder: Path) -> tuple[str, ...]:
    """What the maintainers say of themselves in a release, as its signed manifest has it."""
    manifest = json.loads((folder / "manifests/release.json").read_text("utf-8"))
    return tuple(manifest.get("Stated", {}).values())


def _reports(place: Place) -> list[Path]:
    """Reports and table of organs, which are published beside a release."""
    names = ("organs.parquet", "report.html", "deid-report.html", "deid-report.json")
    return [path for name in names if (path := place.resolve(f"qa/{name}")).is_file()]


def _searched(unit: Unit, files: Sequence[tuple[str, Path]], sought: Sought) -> Receipt:
    findings = [
        _finding(unit, what or hit.place, hit.kind, hit.encoding)
        for what, path in files
        for hit in scan(path, path.name, sought.searches)
    ]
    return unit.receipt(
        findings=findings,
        state=State.QUARANTINED if findings else State.DONE,
        measured={"files_searched": len(files), "identifiers": len(sought.identifiers), "hits": len(findings)},
    )


def _finding(unit: Unit, where: str, kind: Kind | Telltale, encoding: str) -> Finding:
    code = codes.LOOKS_LIKE_IDENTIFIER if isinstance(kind, Telltale) else codes.IDENTIFIER_FOUND
    return code.at(unit.name, f"{where}: {kind} as {encoding}")


def _union(place: Place, entries: Sequence[Artifact]) -> IdentifierSet:
    found: set[tuple[Kind, str]] = set()
    for path in sorted({entry.path for entry in entries}):
        found |= read_identifiers(place.resolve(path)).entries
    ours = our_words()
    return IdentifierSet(frozenset(entry for entry in found if entry[1] not in ours))


def of_all(identifiers: IdentifierSet) -> IdentifierSet:
    """Identifiers of all patients without those that a release of many shows by chance; step ``audit`` looks for them too.

    Among the sizes and counts of a thousand volumes there is always someone's six-digit number or birthday, and a patient
    called Philips Discovery must not hold back everybody who was scanned on one; nor one called Timing, since reports name the
    elements of the headers and the tools.
    """
    common = packaged_rules().common | our_words() | _names_of_tools() | _words_of_elements()

    def is_met_by_chance(value: str) -> bool:
        words = [word for word in re.split(r"[\W_]+", value) if word]
        return (value.isdigit() and len(value) <= CHANCE_DIGITS) or all(word in common for word in words)

    return IdentifierSet(frozenset(entry for entry in identifiers.entries if not is_met_by_chance(entry[1])))


@functools.cache
def our_words() -> frozenset[str]:
    """Words that the product itself writes below the wall: those of the rooms' own texts, and the names of organs.

    A patient may be called Mask or Page; alone, such a word in a report tells nothing. With a second word of the name it is
    still found.
    """
    words = set(re.findall(r"[^\W\d_]+", _own_texts()))
    organs = [
        name.lower().replace("_", joint)
        for organ in organ_table()
        for name in (organ.name, organ.snomed_meaning, *organ.aliases)
        for joint in ("_", " ", "-", "")
    ]
    return frozenset(words | set(organs))


@functools.cache
def _own_texts() -> str:
    """Texts of the rooms that write below the wall, of manifests and schemas, in lower case."""
    package = Path(umd_curate.__file__).parent
    texts = [
        path
        for room in _ROOMS_THAT_WRITE
        for pattern in ("*.py", "*.html.j2", "*.css", "*.js")
        for path in (package / room).rglob(pattern)
    ]
    texts += [path for name in ("manifests", "schemas") for path in resource_folder(name).glob("*.*")]
    return "\n".join(path.read_text(encoding="utf-8").lower() for path in texts)


@functools.cache
def _names_of_tools() -> frozenset[str]:
    """Words with digits among letters in the product's own texts, such as the name of a converter."""
    return frozenset(word for word in re.findall(r"[^\W_]+", _own_texts()) if not word.isdigit())


@functools.cache
def _words_of_elements() -> frozenset[str]:
    """Words of which the keywords of DICOM elements are made (PS3.6)."""
    from pydicom.datadict import DicomDictionary  # noqa: PLC0415  (only where files are searched)

    keywords = (entry[4] for entry in DicomDictionary.values())
    pattern = r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+"
    return frozenset(word.lower() for keyword in keywords for word in re.findall(pattern, keyword))


def keep_identifiers(unit: Unit, place: Place, identifiers: IdentifierSet) -> Artifact:
    """Write the identifiers of one volume's source headers on the private side."""
    relative = f"private/identifiers/{unit.name}.json"
    text = json.dumps([[kind.value, value] for kind, value in identifiers], ensure_ascii=False)
    write_text(place.resolve(relative), text, mode=0o600)
    return artifact(IDENTIFIERS, relative, place.resolve(relative))


def read_identifiers(path: Path) -> IdentifierSet:
    """Read back what `keep_identifiers` wrote."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    return IdentifierSet(frozenset((Kind(kind), value) for kind, value in entries))
