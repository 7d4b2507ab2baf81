"""JSON Schemas (2020-12) of every document and table, generated from the models; ``schemas/`` is never edited by hand."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from umd_curate.model.documents import all_documents, all_tables
from umd_curate.model.receipts import Json
from umd_curate.store.files import write_text

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SUFFIX = ".schema.json"

Schema = dict[str, Json]


def generate() -> dict[str, Schema]:
    """Schema of every document and table, by name."""
    schemas = {name: model.model_json_schema(by_alias=True) for name, model in all_documents().items()}
    schemas |= {name: TypeAdapter(row).json_schema() for name, row in all_tables().items()}
    return {
        name: {"$schema": DIALECT, "$id": f"urn:umd-curate:schema:{name}:{_version(schema)}", **schema}
        for name, schema in sorted(schemas.items())
    }


def as_text(schema: Mapping[str, Json]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write all schemas anew and remove those that no model has; return the files, sorted."""
    wanted = {folder / f"{name}{SUFFIX}": as_text(schema) for name, schema in generate().items()}
    for stale in set(folder.glob(f"*{SUFFIX}")) - set(wanted):
        stale.unlink()
    for path, text in wanted.items():
        write_text(path, text)
    return sorted(wanted)


def check(folder: Path) -> list[str]:
    """Names of the schemas that are missing, changed by hand or left over in `folder`; empty when all fit the models."""
    wanted = {name: as_text(schema) for name, schema in generate().items()}
    found = {path.name.removesuffix(SUFFIX): path.read_text(encoding="utf-8") for path in folder.glob(f"*{SUFFIX}")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def _version(schema: Mapping[str, Json]) -> str:
    properties = schema.get("properties")
    entry = properties.get("SchemaVersion") if isinstance(properties, dict) else None
    return str(entry["const"]) if isinstance(entry, dict) and "const" in entry else "1.0"
