"""Every document and every table of the product by name, so that their JSON Schemas are made from one list.

A document is a versioned JSON file; a part of a document has no version and stands inside its document's schema.
"""

from pydantic import BaseModel

from umd_curate.model import checks, deid_report, registration, release, sidecars
from umd_curate.model.changes import ReleaseChanges
from umd_curate.model.config import UmdConfig


def all_documents() -> dict[str, type[BaseModel]]:
    """Every versioned JSON document and umd.toml, by its name in ``schemas/``."""
    documents: dict[str, type[BaseModel]] = {"release-changes": ReleaseChanges, "umd-config": UmdConfig}
    for module in (sidecars, checks, deid_report, registration, release):
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, sidecars.Document)
                and "schema_version" in value.model_fields
            ):
                documents[_kebab(value.__name__)] = value
    return dict(sorted(documents.items()))


def all_tables() -> dict[str, type]:
    """Every published table by its name in ``schemas/``: the frozen dataclass of one row."""
    return {f"table-{name}": row for name, row in sorted(release.TABLES.items())}


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
