"""The referee step: between ingest and deface, a second converter reads some of the series again.

Joins the work orders, which name the source files, with convert's referee. Where the two readings differ the image is
quarantined: deface does not carry it across the wall. A converter that refuses says nothing about ours; that is recorded.
"""

from collections.abc import Sequence
from pathlib import Path

from umd_curate.convert.referee import Outcome, chosen
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json, Receipt, State, What
from umd_curate.model.steps import Place, Step, Unit, View
from umd_curate.model.study import Layout
from umd_curate.pipeline.lazy import perform_of
from umd_curate.pipeline.orders import INGEST, read_order

NAME = "referee"
KNOWN = "referee-known"  # receipts of the referee's own earlier units, for its plan
FOLDER = "private/referee"
LAYOUTS = {
    Layout.STACK.value,
    Layout.MULTI_FRAME.value,
}  # one source image per slice; all others are compositions of ours
STAGED = (What.STAGED_CT, What.STAGED_MR, What.STAGED_PET)


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per series that is asked about; a series whose slices were interpolated or shifted has no second reading."""
    receipts = {receipt.unit: receipt for receipt in view.receipts(INGEST) if _is_comparable(receipt)}
    groups = {name: str(receipt.measured.get("protocol") or name) for name, receipt in receipts.items()}
    known = {receipt.unit for receipt in view.receipts(KNOWN)}
    return [_unit(receipts[name], groups[name], config) for name in chosen(groups, known, config.convert.referee)]


def _is_comparable(receipt: Receipt) -> bool:
    as_acquired = receipt.measured.get("is_as_acquired") is True
    return receipt.state is State.DONE and as_acquired and receipt.measured.get("layout") in LAYOUTS


def _unit(receipt: Receipt, group: str, config: UmdConfig) -> Unit:
    image = next(entry for entry in receipt.outputs if entry.what in set(STAGED))
    sidecar = next(entry for entry in receipt.outputs if entry.what == f"{image.what}.json")
    order = receipt.inputs[0]
    params: dict[str, Json] = {
        "engine": config.convert.referee_engine,
        "group": group,
        "overruled": config.convert.referee_overruled.get(str(receipt.measured["series"]), ""),
    }
    return Unit(NAME, receipt.unit, receipt.subject, receipt.session, (image, sidecar, order), params)


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:  # noqa: ARG001
    """Ask the second converter about one series.

    Raises
    ------
    EngineError
        It is not installed.
    """
    from umd_curate.convert.referee_io import engine_version, second_opinion  # noqa: PLC0415  (nibabel)

    staged, sidecar, order_file = unit.inputs
    order = read_order(place.resolve(order_file.path))
    engine = str(unit.params["engine"])
    opinion = second_opinion(
        [Path(name) for name, _, _ in order.files],
        place.resolve(staged.path),
        place.resolve(sidecar.path),
        order.role,
        engine,
        place.resolve(FOLDER) / unit.name,
    )
    overruled = str(unit.params["overruled"])
    said = f"{engine}: {opinion.reason}"
    findings = {
        Outcome.AGREES: (),
        Outcome.REFUSED: (codes.REFEREE_REFUSED.at(order.series, said),),
        Outcome.DIFFERS: (
            codes.REFEREE_OVERRULED.at(order.series, f"{said}; {overruled}")
            if overruled
            else codes.REFEREE_DIFFERS.at(order.series, said),
        ),
    }[opinion.outcome]
    return unit.receipt(
        findings=findings,
        measured={"engine": engine, "image": order.role.value, "group": unit.params["group"], **opinion.measured()},
        versions={engine: engine_version(engine)},
        state=State.QUARANTINED if opinion.outcome is Outcome.DIFFERS and not overruled else State.DONE,
    )


STEP = Step(NAME, 1, (), plan, perform_of("umd_curate.pipeline.referee", "perform"))
