"""Every finding code of the product, by room. Documentation pages, `status` and the report are made from this list."""

from umd_curate.model.catalogue import convert, deid, ingest, label, qa, register, release, run, sources, suv
from umd_curate.model.findings import FindingCode


def _codes(module: object) -> list[FindingCode]:
    return [value for value in vars(module).values() if isinstance(value, FindingCode)]


CATALOGUE: dict[str, FindingCode] = {
    code.code: code
    for module in (ingest, sources, deid, convert, suv, register, label, qa, release, run)
    for code in _codes(module)
}
