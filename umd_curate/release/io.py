"""Reads the sessions' sidecars and grids, and writes the release folder: whole under its name, or not there at all.

What is written is decided in `compose.py`; whether it is right is judged by `scan.py` before the folder gets its name.
"""

import contextlib
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from umd_curate import __version__
from umd_curate.model.changes import ReleaseChanges
from umd_curate.model.checks import SessionChecks
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Artifact, Json, What
from umd_curate.model.release import TABLES, FileRow
from umd_curate.model.sidecars import Document, ImageSidecar, LabelSidecar, PetSidecar
from umd_curate.model.steps import Place
from umd_curate.release.cases import Case, CaseFinding, Subset, VolumeFacts
from umd_curate.release.compose import (
    Contents,
    WrittenFile,
    croissant_of,
    kind_of_file,
    manifest_of,
    paths_of,
    readme_of,
    table_path,
)
from umd_curate.release.diff_io import diff_releases
from umd_curate.release.figures_io import write_figures
from umd_curate.release.gate import refuse_small_bump
from umd_curate.release.notes import changelog
from umd_curate.release.packing import Shard
from umd_curate.release.plan import PlannedSession, ReleasePlan
from umd_curate.release.slices_io import write_slices
from umd_curate.store import schemas
from umd_curate.store.files import sha256_of, write_json, write_text
from umd_curate.store.nifti import read_grid, read_planes
from umd_curate.store.parquet import write_json_lines, write_rows
from umd_curate.store.shards import Layout, ShardWriter, read_footer
from umd_curate.store.signing import sign_file, signing_key_path

SUMS = "manifests/SHA256SUMS"
MANIFEST = "manifests/release.json"
CHANGES = "manifests/changes.json"
CHANGELOG = "CHANGELOG.md"
README = "README.md"
CROISSANT = "croissant.json"
LABEL_UNITS = "label"
FILES = "files"  # the table that is written last
JSON_LINES = ".jsonl"
_BUILDING = ".building"
_REPLACED = ".replaced"
_UNPUBLISHED_SCHEMAS = ("umd-config",)  # describes a workspace, not a release

Sidecar = TypeVar("Sidecar", bound=Document)


def read_cases(plan: ReleasePlan, inputs: Sequence[Artifact], place: Place, subsets: Sequence[Subset]) -> list[Case]:
    """Read what the gate and the rows need of every session: sidecars, grids, and the label maps' voxel counts."""
    by_path = {artifact.path: artifact for artifact in inputs}
    by_kind = {subset.session_kind: subset for subset in subsets}
    findings: dict[tuple[str, str], list[CaseFinding]] = {}
    for entry in (*plan.findings, *plan.stopped):
        found = CaseFinding(entry.step, entry.code, entry.severity, entry.detail, entry.measured, entry.limit)
        findings.setdefault((entry.subject, entry.session), []).append(found)
    return [
        _read_case(
            session, by_kind.get(session.kind), by_path, place, findings.get((session.subject, session.session), [])
        )
        for session in plan.sessions
    ]


def write_release(
    folder: Path, contents: Contents, place: Place, config: UmdConfig, definition: Mapping[str, object]
) -> dict[str, str]:
    """Write every file of a release into `folder`; return their SHA-256 by relative path, checksum file included."""
    versions = tool_versions()
    for content in contents.configs:
        for shard in content.shards:
            if content.layout.pictures:
                write_slices(folder / shard.path, shard, content.layout, place, contents.organs)
            else:
                _write_volumes(folder / shard.path, shard, content.layout, place)
    for name, table in contents.tables.items():
        _write_table(folder, name, table)
    written = {path: _describe(folder, path) for path in _parquet_files(folder)}
    digest = {name: _digest(written[path].sha256 for path in paths) for name, paths in paths_of(contents).items()}
    manifest = manifest_of(contents, written, config, versions, digest)
    write_json(folder / MANIFEST, manifest.model_dump(mode="json", by_alias=True))
    for name, schema in schemas.generate().items():
        if name not in _UNPUBLISHED_SCHEMAS:
            write_text(folder / "schemas" / f"{name}{schemas.SUFFIX}", schemas.as_text(schema))
    changes, earlier = _changes(folder, contents, place)
    write_text(folder / CHANGELOG, changelog(contents.summary, config.release.version, changes, earlier))
    figures = write_figures(folder, contents.summary)
    write_text(folder / README, readme_of(contents, written, config, versions, digest, definition, figures))
    write_json(folder / CROISSANT, croissant_of(contents, written, config, definition))
    _write_table(folder, FILES, _file_rows(folder, contents, written))
    sums = _write_sums(folder, {path: file.sha256 for path, file in written.items()})
    sign_file(folder / SUMS, signing_key_path(config.release.signing_key), place.root)
    return sums


def _changes(folder: Path, contents: Contents, place: Place) -> tuple[ReleaseChanges | None, str]:
    """Compare with the release before this one; return what changed and that release's own notes.

    Raises
    ------
    GateRefused
        The version does not rise as far as the changes ask.
    """
    if contents.baseline is None:
        return None, ""
    baseline = place.resolve(contents.baseline.folder)
    changes = diff_releases(baseline, folder)
    refuse_small_bump(changes)
    write_json(folder / CHANGES, changes.model_dump(mode="json", by_alias=True))
    notes = baseline / CHANGELOG
    return changes, notes.read_text(encoding="utf-8") if notes.is_file() else ""


def _write_volumes(path: Path, shard: Shard, layout: Layout, place: Place) -> None:
    with ShardWriter(path, layout) as writer:
        for row in shard.rows:
            writer.write(row.values, {name: place.resolve(entry.file.path) for name, entry in row.volumes.items()})


def _write_table(folder: Path, name: str, table: Sequence[object]) -> None:
    write_rows(folder / table_path(name), table, TABLES[name])
    write_json_lines(folder / table_path(name, JSON_LINES), table, TABLES[name])


def _file_rows(folder: Path, contents: Contents, written: Mapping[str, WrittenFile]) -> list[FileRow]:
    """Every file that is there so far; a shard's voxel digest is that of its images' digests in order."""
    shards = {shard.path: shard for content in contents.configs for shard in content.shards}
    rows = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        shard, file = shards.get(name), written.get(name)
        voxels = [entry.voxel_sha256 for row in shard.rows for entry in row.volumes.values()] if shard else []
        rows.append(
            FileRow(
                path=name,
                kind=kind_of_file(name, is_shard=shard is not None),
                config=shard.config if shard else None,
                split=shard.split if shard else None,
                rows=file.footer.rows if file else None,
                size=path.stat().st_size,
                sha256=file.sha256 if file else sha256_of(path),
                voxel_sha256=_digest(iter(voxels)) if voxels else None,
            )
        )
    return rows


def tool_versions() -> dict[str, str]:
    """Software whose version shows in the bytes of a release."""
    return {"umd-curate": __version__, "pyarrow": str(pa.__version__), "matplotlib": version("matplotlib")}


@contextlib.contextmanager
def building(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`; on success it takes its name and place, on failure nothing has changed."""
    fresh, old = (target.with_name(f".{target.name}{mark}") for mark in (_BUILDING, _REPLACED))
    _settle(target, fresh, old)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    finally:
        _settle(target, fresh, old)


def _settle(target: Path, fresh: Path, old: Path) -> None:
    """Bring the replaced folder back where the swap was cut short, and remove what is left over."""
    if old.exists() and not target.exists():
        old.rename(target)
    for left in (fresh, old):
        if left.exists():
            shutil.rmtree(left)
    with contextlib.suppress(OSError):
        target.parent.rmdir()  # only an empty one goes


def _read_case(
    planned: PlannedSession,
    subset: Subset | None,
    by_path: Mapping[str, Artifact],
    place: Place,
    findings: Sequence[CaseFinding],
) -> Case:
    if subset is None:
        return Case(planned.subject, planned.session, planned.kind, findings=tuple(findings))
    pet = _read_sidecar(planned, "pet", PetSidecar, place)
    anatomical = _read_sidecar(planned, subset.anatomical, ImageSidecar, place)
    organs, organs_on_pet = (_read_sidecar(planned, role, LabelSidecar, place) for role in subset.labels.values())
    other_units = anatomical.units if anatomical else ""
    units = {
        "pet": pet.units if pet else "",
        subset.anatomical: other_units,
        f"{subset.anatomical}_on_pet": other_units,
    }
    volumes: dict[str, VolumeFacts] = {}
    unfit = []
    for column, role in subset.roles.items():
        if role not in planned.files:
            continue
        facts = _read_volume(column, by_path[planned.files[role]], units.get(column, LABEL_UNITS), planned, role, place)
        if facts.voxel_sha256 and facts.units and (organs or column not in subset.labels):
            volumes[column] = facts
        else:
            unfit.append(column)
    return Case(
        planned.subject,
        planned.session,
        planned.kind,
        subset=subset,
        volumes=volumes,
        pet=pet,
        anatomical=anatomical,
        organs=organs,
        organs_on_pet=organs_on_pet,
        findings=tuple(findings),
        unfit=tuple(unfit),
        checks=_read_checks(planned, place),
    )


def _read_volume(
    column: str, file: Artifact, units: str, planned: PlannedSession, role: str, place: Place
) -> VolumeFacts:
    path = place.resolve(file.path)
    grid = read_grid(path)
    counts = _count_labels(path) if units == LABEL_UNITS else {}
    k, j, i = grid.shape_kji
    sidecar = _read_json(planned, role, place)
    return VolumeFacts(
        column=column,
        file=file,
        units=units,
        shape=(i, j, k),
        spacing_mm=grid.spacing_mm,
        affine=tuple(float(number) for number in grid.affine[:3].ravel()),
        voxel_volume_ml=grid.voxel_volume_ml,
        voxel_sha256=str(sidecar.get("VoxelSha256") or ""),
        sidecar=json.dumps(sidecar, sort_keys=True, ensure_ascii=False),
        label_voxels=counts,
    )


def _count_labels(path: Path) -> dict[int, int]:
    counts: Counter[int] = Counter()
    for plane in read_planes(path):
        values, voxels = np.unique(plane, return_counts=True)
        counts.update(dict(zip(values.tolist(), voxels.tolist(), strict=True)))
    return {int(value): count for value, count in sorted(counts.items()) if value}


def _read_sidecar(planned: PlannedSession, role: str, model: type[Sidecar], place: Place) -> Sidecar | None:
    try:
        return model.model_validate(_read_json(planned, role, place))
    except ValidationError:
        return None


def _read_checks(planned: PlannedSession, place: Place) -> SessionChecks | None:
    path = planned.files.get(What.CHECKS)
    try:
        return SessionChecks.model_validate_json(place.resolve(path).read_bytes()) if path else None
    except (OSError, ValidationError):
        return None


def _read_json(planned: PlannedSession, role: str, place: Place) -> dict[str, Json]:
    relative = planned.files.get(f"{role}.json")
    if relative is None:
        return {}
    try:
        value = json.loads(place.resolve(relative).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _parquet_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))


def _describe(folder: Path, relative: str) -> WrittenFile:
    path = folder / relative
    return WrittenFile(relative, path.stat().st_size, sha256_of(path), read_footer(path))


def _digest(digests: Iterator[str]) -> str:
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def _write_sums(folder: Path, known: Mapping[str, str]) -> dict[str, str]:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    sums = {name: known.get(name) or sha256_of(folder / name) for name in names}
    write_text(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    return {**sums, SUMS: sha256_of(folder / SUMS)}
