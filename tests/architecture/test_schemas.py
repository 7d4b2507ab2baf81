from collections.abc import Iterator
from pathlib import Path

import pytest

from umd_curate.model.sidecars import ImageSidecar
from umd_curate.store import schemas
from umd_curate.store.resources import resource_folder

GENERATED = schemas.generate()


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_schemas_on_disk_are_those_of_the_models():
    assert schemas.check(resource_folder("schemas")) == [], "run `make schemas`"


@pytest.mark.parametrize("name", GENERATED)
def test_every_schema_names_its_dialect_and_itself_and_its_references_lead_somewhere(name):
    schema = GENERATED[name]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:umd-curate:schema:{name}:1.0"
    for reference in references(schema):
        assert reference.removeprefix("#/$defs/") in schema["$defs"]


def test_a_document_has_the_keys_that_its_schema_declares_and_no_others():
    written = ImageSidecar(modality="CT", units="HU").model_dump(mode="json", by_alias=True)
    assert GENERATED["image-sidecar"]["properties"].keys() == written.keys()
    assert GENERATED["image-sidecar"]["additionalProperties"] is False


def test_a_changed_a_missing_and_a_leftover_schema_are_named(tmp_path: Path):
    first, *_ = schemas.write(tmp_path)
    first.unlink()
    (tmp_path / "old.schema.json").write_text("{}", encoding="utf-8")
    (tmp_path / "pet-sidecar.schema.json").write_text("{}", encoding="utf-8")
    assert schemas.check(tmp_path) == ["deid-report", "old", "pet-sidecar"]
    schemas.write(tmp_path)
    assert schemas.check(tmp_path) == []
