"""Step ``deid-report``: counts what was done to the headers and writes ``qa/deid-report.json`` and ``.html``, and their private twin."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import umd_curate
from umd_curate.deid.profile import confidentiality_table
from umd_curate.deid.report import Counted, report_of
from umd_curate.deid.rules import rules_of
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json, Receipt, State
from umd_curate.model.steps import Place, Step, Unit, View
from umd_curate.pipeline.deeds import deeds_in, deeds_of
from umd_curate.store.files import artifact
from umd_curate.store.keys import key_path, load_key

NAME = "deid-report"
_CLEANING = ("ingest", "contours", "dicom-out")


def plan(view: View, config: UmdConfig) -> list[Unit]:
    """One unit, once headers have been cleaned or files set aside."""
    receipts = [receipt for step in _CLEANING for receipt in view.receipts(step)]
    sums = next((dict(receipt.measured) for receipt in view.receipts("accounting")), {})
    if not receipts and not sums:
        return []
    params: dict[str, Json] = {
        "sums": sums,
        "refused": _refused(receipts),
        "faces": _faces(view.receipts("deface")),
        "searched": _searched(view.receipts("audit")),
        "dicom": _dicom(view.receipts("dicom-out")),
        "made": _made(receipts),
        "site": config.dataset.site,
        "version": umd_curate.__version__,
    }
    return [Unit(NAME, NAME, inputs=tuple(deeds_in(receipts)), params=params)]


def _made(receipts: Sequence[Receipt]) -> str:
    """Digest of the keys of the units that are reported on: the report names the key that they were made under."""
    return hashlib.sha256("".join(sorted(receipt.key for receipt in receipts)).encode()).hexdigest()


def _refused(receipts: Sequence[Receipt]) -> dict[str, Json]:
    codes = (entry.findings[0].code for entry in receipts if entry.state is not State.DONE and entry.findings)
    return dict(sorted(Counter(codes).items()))


def _faces(receipts: Sequence[Receipt]) -> dict[str, Json]:
    return dict(sorted(Counter(_face(receipt) for receipt in receipts).items()))


def _face(receipt: Receipt) -> str:
    if receipt.state is not State.DONE:
        return "held back"
    if not receipt.measured.get("head_found"):
        return "no head in view"
    return "face kept on purpose" if receipt.measured.get("faces_retained") else "face cut"


def _searched(receipts: Sequence[Receipt]) -> dict[str, Json]:
    return {
        "files": _sum(receipts, "files_searched"),
        "identifiers": _sum(receipts, "identifiers"),
        "hits": _sum(receipts, "hits"),
    }


def _dicom(receipts: Sequence[Receipt]) -> dict[str, Json]:
    done = [receipt for receipt in receipts if receipt.state is State.DONE]
    if not receipts:
        return {}
    return {
        "series": len(done),
        "files": _sum(done, "files"),
        "files_with_face_cut": _sum(done, "files_with_face_cut"),
        "series_compared": sum(receipt.measured.get("dciodvfy") == "0 new errors" for receipt in done),
        "series_held_back": len(receipts) - len(done),
    }


def _sum(receipts: Sequence[Receipt], name: str) -> int:
    return sum(value for receipt in receipts if isinstance(value := receipt.measured.get(name), int))


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Write the report."""
    from umd_curate.deid.report_io import write_report  # noqa: PLC0415  (jinja2, and only where a report is written)

    done, headers = deeds_of(unit.inputs, place)
    counted = Counted(
        done,
        headers,
        _object(unit, "sums"),
        **{name: _numbers(unit, name) for name in ("refused", "faces", "searched", "dicom")},
    )
    report = report_of(
        counted,
        rules_of(config.deid),
        confidentiality_table(),
        config,
        load_key(key_path(config.deid.key_file)).fingerprint,
        f"umd-curate {umd_curate.__version__}",
    )
    accounting = place.resolve("private/accounting.csv")
    paths = write_report(report, place.resolve("qa"), place.resolve("private"), accounting)
    outputs = [artifact(f"{NAME}{path.suffix}", f"qa/{path.name}", path) for path in paths]
    return unit.receipt(outputs=outputs, measured={"headers": headers, "actions": sum(done.values())})


def _object(unit: Unit, name: str) -> dict[str, Json]:
    value = unit.params[name]
    return value if isinstance(value, dict) else {}


def _numbers(unit: Unit, name: str) -> dict[str, int]:
    return {key: value for key, value in _object(unit, name).items() if isinstance(value, int)}


STEP = Step(NAME, 1, ("deid",), plan, perform)
