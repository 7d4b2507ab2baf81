"""What a release must know that no unit of work made: earlier releases, withdrawals, and how each step was set.

It enters the release's plan as receipts, so that a release is stale when any of it changes.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from umd_curate.errors import ConfigError
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json, Receipt, State
from umd_curate.model.release import ReleaseManifest, SeriesRow, SubjectRow
from umd_curate.model.steps import Step
from umd_curate.release.plan import (
    BASELINE,
    EARLIER_STEPS,
    RELEASES,
    SERIES,
    SPLITS,
    STEPS,
    WITHDRAWALS,
    in_order,
)
from umd_curate.store.files import sha256_of
from umd_curate.store.ledger import Ledger
from umd_curate.store.parquet import read_rows
from umd_curate.store.withdrawals import read_withdrawals
from umd_curate.store.workspace import Workspace

SUMS = "manifests/SHA256SUMS"
WITHHELD = "withheld"  # stands for a text that a person wrote: a path, a reason, a name


def release_receipts(
    workspace: Workspace, config: UmdConfig, ledger: Ledger, steps: Mapping[str, Step]
) -> dict[str, Sequence[Receipt]]:
    """Receipts for the release's plan, by name."""
    known = ledger.fact(RELEASES)
    records: dict[str, Json] = dict(known) if isinstance(known, dict) else {}
    baseline = _baseline(workspace, config, records)
    if config.release.baseline:
        version, record = _record_of(Path(config.release.baseline).expanduser())
        records.setdefault(version, record)
    withdrawals: dict[str, Json] = {
        entry.subject: {"reason": entry.reason} for entry in read_withdrawals(workspace.root)
    }
    facts: dict[str, dict[str, Json]] = {
        RELEASES: records,
        WITHDRAWALS: withdrawals,
        BASELINE: baseline,
        STEPS: {name: _described(step, config) for name, step in steps.items() if name in EARLIER_STEPS},
    }
    return {name: [Receipt(name, name, "", State.DONE, measured=measured)] for name, measured in facts.items()}


def published_settings(section: Json, schema: Json, root: Mapping[str, Json]) -> Json:
    """Settings as a release may show them: numbers, switches, and words that the schema lists; all other text is withheld.

    Parameters
    ----------
    section
        Settings as JSON values.
    schema
        Their JSON Schema.
    root
        The schema in which its references are resolved.
    """
    variants = _variants(schema, root)
    if isinstance(section, dict):
        known = {name: part for variant in variants for name, part in _parts(variant, "properties").items()}
        others: Json = next((_parts(variant, "additionalProperties") for variant in variants), {})
        return {
            name if name in known else f"{WITHHELD} {number}": published_settings(value, known.get(name, others), root)
            for number, (name, value) in enumerate(section.items())
        }
    if isinstance(section, list):
        items: Json = next((part for variant in variants if (part := _parts(variant, "items"))), {})
        return [published_settings(value, items, root) for value in section]
    is_listed = any("enum" in variant or "const" in variant for variant in variants)
    return WITHHELD if isinstance(section, str) and not is_listed else section


def _parts(schema: Mapping[str, Json], name: str) -> dict[str, Json]:
    part = schema.get(name)
    return part if isinstance(part, dict) else {}


def _variants(schema: Json, root: Mapping[str, Json]) -> list[dict[str, Json]]:
    if not isinstance(schema, dict):
        return []
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _variants(_parts(root, "$defs").get(reference.rpartition("/")[2]), root)
    options = schema.get("anyOf")
    if isinstance(options, list):
        return [variant for option in options for variant in _variants(option, root)]
    return [schema]


def _described(step: Step, config: UmdConfig) -> dict[str, Json]:
    schema = config.model_json_schema(by_alias=True)
    sections = {
        name: published_settings(config.section(name), _parts(_parts(schema, "properties"), name), schema)
        for name in step.sections
        if name != "dataset"
    }
    return {"version": step.version, "parameters": json.dumps(sections, sort_keys=True, ensure_ascii=False)}


def _baseline(workspace: Workspace, config: UmdConfig, records: Mapping[str, Json]) -> dict[str, Json]:
    """The newest release before this one whose manifests can be read; empty where there is none."""
    if config.release.baseline:
        folder = Path(config.release.baseline).expanduser().resolve()
        version, _ = _record_of(folder)
        return {"version": version, "folder": str(folder), "sums_sha256": sha256_of(folder / SUMS)}
    this = in_order(config.release.version)
    for version in sorted(records, key=in_order, reverse=True):
        relative = f"releases/{version}/{config.dataset.definition}"
        sums = workspace.resolve(relative) / SUMS
        if in_order(version) < this and sums.is_file():
            return {"version": version, "folder": relative, "sums_sha256": sha256_of(sums)}
    return {}


def _record_of(folder: Path) -> tuple[str, dict[str, Json]]:
    """Version of a release folder, and its record as `release.plan.release_record` makes it."""
    try:
        manifest = ReleaseManifest.model_validate_json((folder / "manifests/release.json").read_bytes())
        subjects = read_rows(folder / "manifests/subjects.parquet", SubjectRow)
        series = read_rows(folder / "manifests/series.parquet", SeriesRow)
    except (OSError, ValueError, KeyError) as error:
        message = "release.baseline is not the folder of a release."
        raise ConfigError(message, hint="Name the folder that holds README.md, with its manifests/.") from error
    return manifest.version, {
        "seed": manifest.split_seed,
        "shares": dict(manifest.split_shares),
        SPLITS: {row.subject_id: row.split for row in subjects},
        SERIES: {
            f"{row.subject_id}/{row.session_id}/{row.column}": {
                "voxel_sha256": row.voxel_sha256,
                "init_version": row.init_version,
                "revised_version": row.revised_version,
            }
            for row in series
        },
    }
