"""Rules about the label map: grid, presence, shape, CT numbers, uptake, fit to the image. Pure; limits stand in the rulebook."""

from collections.abc import Iterator

from umd_curate.model.checks import CheckEntry, Outcome
from umd_curate.model.labels import OrganTable
from umd_curate.qa.fit import Fit
from umd_curate.qa.measures import LabelMeasure, Measures
from umd_curate.qa.place import EDGE_VOXELS
from umd_curate.qa.rulebook import Limits, Reach, Rulebook, Uptake

WHOLE_BODY_MM = 900.0  # from the vertex to the thighs; an image of this length should show every organ
LEAST_CONTRAST = 0.02  # explained variance must change by this over the shifts; else the image has no edges to judge by
LEAST_GAIN = 0.02  # of that change, for a shift to count as better


def grid_rules(measures: Measures, labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    """G1, G2: the label map's grid and values."""
    if labels.corner_error_mm is None:
        yield book.state("G1", Outcome.FAIL, "label map and image differ in shape", organ=measures.anatomy)
    else:
        yield book.judge("G1", labels.corner_error_mm, organ=measures.anatomy)
    if measures.pet is not None and measures.pet.has_labels:
        if measures.pet.label_corner_error_mm is None:
            yield book.state("G1", Outcome.FAIL, "label map and image differ in shape", organ="pet")
        else:
            yield book.judge("G1", measures.pet.label_corner_error_mm, organ="pet")
    if not labels.is_integer:
        yield book.state("G2", Outcome.FAIL, "the label map does not store an integer type")
    yield book.judge("G2", labels.unknown_values)


def presence(labels: LabelMeasure, book: Rulebook, table: OrganTable) -> Iterator[CheckEntry]:
    """P1: an absent organ counts where the image must show it; it fails where an engine lost it."""
    for organ in table:
        if labels.organ(organ.name) is not None:
            yield book.state("P1", Outcome.PASS, "", organ=organ.name)
            continue
        shown = [_is_shown(reach, labels) for reach in book.reaches if reach.organ == organ.name]
        if True in shown or not shown:
            limits = Limits() if labels.is_drawn_by_people else None
            detail = "not drawn, or removed" if labels.is_drawn_by_people else ""
            yield book.judge("P1", 0, organ=organ.name, fail=limits, detail=detail)
        elif False in shown:
            yield book.skip("P1", "outside the image", organ=organ.name)
        else:
            yield book.judge("P1", 0, organ=organ.name, fail=Limits(), detail="should be in the image")


def _is_shown(reach: Reach, labels: LabelMeasure) -> bool | None:
    """Say whether an image must show an organ; None where it should, but what is there does not prove it."""
    is_whole_body = labels.extent_z_mm[1] - labels.extent_z_mm[0] >= WHOLE_BODY_MM
    unproved = None if is_whole_body else False
    if reach.within:
        near = [labels.organ(name) for name in reach.within]
        if any(entry is None for entry in near):
            return unproved
        if all(entry is not None and entry.is_complete for entry in near):
            return True
        shown = [labels.organ_z_mm[name] for name in reach.within]
        return None if min(top - bottom for bottom, top in shown) >= reach.reach_mm else False
    edge = labels.organ_z_mm.get(reach.beyond)
    if edge is None:
        return unproved
    is_up = reach.direction == "up"
    beyond = labels.extent_z_mm[1] - edge[1] if is_up else edge[0] - labels.extent_z_mm[0]
    return beyond >= reach.reach_mm


def shape_rules(labels: LabelMeasure, book: Rulebook, table: OrganTable) -> Iterator[CheckEntry]:
    """P2, P3, P4, P7, P8: ends, pieces, volume, part outside the body, holes."""
    many = {organ.name for organ in table if organ.pieces == 0}
    for organ in labels.organs:
        norms = book.norms(organ.name)
        if organ.truncated:
            yield book.skip("P2", "cut off by the edge of the image", organ=organ.name)
        elif not norms.tapers:
            yield book.skip("P2", "does not taper", organ=organ.name)
        else:
            yield book.judge("P2", organ.blunt_end, organ=organ.name)
        if organ.name in many:
            yield book.skip("P3", "may lie in any number of pieces", organ=organ.name)
        else:
            detail = f"{organ.pieces} pieces" if organ.pieces > 1 else ""
            fail = Limits() if norms.may_break else None
            yield book.judge("P3", organ.largest_piece, organ=organ.name, fail=fail, detail=detail)
            yield book.judge("P3s", organ.specks, organ=organ.name)
        if organ.truncated or organ.margin_voxels < EDGE_VOXELS:
            yield book.skip("P4", "cut off by the edge of the image, or within three voxels of it", organ=organ.name)
        else:
            warn = Limits(low=norms.volume_ml[0], high=norms.volume_ml[1]) if norms.volume_ml else None
            yield book.judge("P4", organ.volume_ml, organ=organ.name, warn=warn)
        if organ.outside_body is None:
            yield book.skip("P7", "the body's outline is not known", organ=organ.name)
        else:
            yield book.judge("P7", organ.outside_body, organ=organ.name)
        yield book.judge("P8", organ.hole_part, organ=organ.name)


def hu_rules(measures: Measures, labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    """P9: CT numbers of each organ."""
    if measures.anatomy != "ct":
        yield book.skip("P9", "MR has no absolute unit")
        yield book.skip("P9p", "MR has no absolute unit")
        return
    for organ in labels.organs:
        allowed = book.norms(organ.name).median_hu
        if allowed is not None and organ.image is not None:
            limits = Limits(low=allowed[0], high=allowed[1])
            yield book.judge("P9", organ.image.median, organ=organ.name, warn=limits)
        if organ.tissue_part is not None:
            yield book.judge("P9p", organ.tissue_part, organ=organ.name)


def uptake_rules(measures: Measures, labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    """P10: uptake of the organs that the tracer is known for."""
    facts = measures.pet_facts
    if facts is None or not facts.is_suv:
        yield book.skip("P10", "no PET in SUV")
        return
    known = [norm for norm in book.uptakes if _is_tracer(facts.tracer, norm)]
    if not known:
        yield book.skip("P10", "no norms for this tracer, or the tracer is not named")
    for norm in known:
        organ, over = labels.organ(norm.organ), labels.organ(norm.over)
        value = organ.suv.mean if organ is not None and organ.suv is not None else None
        base = over.suv.mean if over is not None and over.suv is not None else None
        name = f"{norm.organ} over {norm.over}" if norm.over else norm.organ
        if value is None or (norm.over and not base):
            yield book.skip("P10", "an organ of the norm is absent on the PET grid", organ=name)
        elif norm.over and base:
            yield book.judge("P10", value / base, organ=name, warn=norm.limits)
        else:
            yield book.judge("P10", value, organ=name, warn=norm.limits, unit="g/mL")


def _is_tracer(tracer: str | None, norm: Uptake) -> bool:
    return tracer is not None and any(name in tracer.lower() for name in norm.tracers)


def fit_rules(labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    """P14: where the labels fit the CT or MR best."""
    yield _fit("P14", labels.fit, book)


def agreement_rules(measures: Measures, labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    """P12: two label maps of one body, by two engines or on two images of the session."""
    for organ, dice in labels.agreement.items():
        yield book.judge("P12", dice, organ=organ, detail="least of any two engines")
    if measures.pet is not None and measures.pet.agreement is not None:
        yield book.judge("P12", measures.pet.agreement, detail=f"on PET against {measures.anatomy.upper()}, all organs")
    elif not labels.agreement:
        yield book.skip("P12", "no second label map")


def on_pet_rules(measures: Measures, book: Rulebook) -> Iterator[CheckEntry]:
    """R1: the labels on PET against the PET."""
    if measures.pet is None or not measures.pet.has_labels:
        yield book.skip("R1", "no labels on PET")
    else:
        yield _fit("R1", measures.pet.fit, book)


def _fit(rule: str, fit: Fit | None, book: Rulebook) -> CheckEntry:
    if fit is None:
        return book.skip(rule, "too few labelled voxels, or another grid")
    if fit.contrast < LEAST_CONTRAST:
        return book.skip(rule, "the image shows no edges of the labelled organs")
    is_better = fit.explained_best - fit.explained >= LEAST_GAIN * fit.contrast
    x, y, z = fit.offset_ras_mm
    detail = f"x {x:+g}, y {y:+g}, z {z:+g} mm (RAS)" if is_better else ""
    return book.judge(rule, fit.distance_mm if is_better else 0.0, detail=detail)
