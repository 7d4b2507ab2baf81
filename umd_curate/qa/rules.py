"""The automatic checks: which measured number each rule looks at, and when a rule does not apply. Pure.

Limits stand in the rulebook. No rule changes anything: a reviewer or the release gate decides what follows.
"""

from collections.abc import Iterable, Iterator

from umd_curate.model.checks import CheckEntry, Outcome
from umd_curate.model.findings import Finding, Severity
from umd_curate.model.labels import OrganTable
from umd_curate.qa.measures import LabelMeasure, Measures
from umd_curate.qa.rulebook import Limits, Rulebook, Uptake

_SEVERITY = {Outcome.WARN: Severity.WARN, Outcome.FAIL: Severity.FAIL}


def check(measures: Measures, book: Rulebook, table: OrganTable) -> tuple[CheckEntry, ...]:
    """Apply every rule of the book to one session, images before labels."""
    entries = [*_pet_rules(measures, book), *_pair_rules(measures, book)]
    if measures.labels is None:
        why = "no label map"
        return (*entries, *(book.skip(rule, why) for rule in book.rules if rule[0] in "GP"))
    labels = measures.labels
    entries += [*_grid_rules(measures, labels, book), *_presence(labels, book, table)]
    entries += [*_shape_rules(labels, book), *_place_rules(labels, book)]
    entries += [*_hu_rules(measures, labels, book), *_uptake_rules(measures, labels, book)]
    return tuple(entries)


def merged(entries: Iterable[CheckEntry]) -> list[CheckEntry]:
    """Entries that differ in nothing but the organ become one that names all of them."""
    groups: dict[CheckEntry, list[str]] = {}
    for entry in entries:
        groups.setdefault(entry.model_copy(update={"organ": ""}), []).append(entry.organ)
    return [entry.model_copy(update={"organ": ", ".join(filter(None, organs))}) for entry, organs in groups.items()]


def findings_of(entries: Iterable[CheckEntry], place: str) -> tuple[Finding, ...]:
    """One finding per entry that warns or fails; organs with one and the same fault share a finding."""
    found = []
    for entry in merged(entries):
        if entry.outcome in _SEVERITY:
            detail = ": ".join(part for part in (f"{entry.rule} {entry.organ}".strip(), entry.detail) if part)
            limit = _crossed(entry)
            found.append(Finding(entry.code, _SEVERITY[entry.outcome], place, detail, entry.measured, limit))
    return tuple(found)


def _crossed(entry: CheckEntry) -> float | None:
    if entry.measured is None:
        return None
    return entry.low if entry.low is not None and entry.measured < entry.low else entry.high


def _pet_rules(measures: Measures, book: Rulebook) -> Iterator[CheckEntry]:
    pet, facts = measures.pet, measures.pet_facts
    if pet is None:
        yield from (book.skip(rule, "no PET image") for rule in ("I1", "I2", "I3", "I6"))
        return
    yield book.judge("I1", pet.not_finite)
    yield book.judge("I2", pet.negative)
    if facts is None:
        yield book.state("I3", Outcome.FAIL, "the PET has no sidecar")
    elif facts.is_suv:
        yield book.state("I3", Outcome.PASS, "SUVbw with its receipt")
    elif facts.units == "Bq/mL" and not facts.has_suv:
        yield book.state("I3", Outcome.WARN, "Bq/mL: SUV was refused")
    else:
        yield book.state("I3", Outcome.FAIL, "unit and SUV receipt contradict each other")
    if facts is None or not facts.is_suv:
        yield book.skip("I6", "PET is not in SUV")
    elif pet.body_mean is None:
        yield book.skip("I6", "no CT or MR on the PET grid")
    else:
        yield book.judge("I6", pet.body_mean)


def _pair_rules(measures: Measures, book: Rulebook) -> Iterator[CheckEntry]:
    if measures.overlap is None:
        yield book.skip("I4", "no pair, or its overlap was not measured")
    else:
        yield book.judge("I4", measures.overlap)
    if not measures.geometry:
        yield book.skip("I5", "no geometry receipt")
    for facts in measures.geometry:
        limits = Limits(high=facts.tolerance_mm)
        yield book.judge("I5", facts.max_corner_error_mm, organ=facts.role, fail=limits)


def _grid_rules(measures: Measures, labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
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


def _presence(labels: LabelMeasure, book: Rulebook, table: OrganTable) -> Iterator[CheckEntry]:
    """P1: an absent organ warns, unless the image does not reach as far."""
    reaches = {reach.organ: reach for reach in book.reaches}
    for organ in table:
        found = labels.organ(organ.name)
        if found is not None:
            yield book.state("P1", Outcome.PASS, "", organ=organ.name)
            continue
        reach = reaches.get(organ.name)
        edge = labels.organ_z_mm.get(reach.beyond) if reach else None
        if reach is not None and edge is not None:
            up = reach.direction == "up"
            beyond = labels.extent_z_mm[1] - edge[1] if up else edge[0] - labels.extent_z_mm[0]
            if beyond < reach.reach_mm:
                yield book.skip("P1", "outside the image", organ=organ.name)
                continue
        yield book.judge("P1", 0, organ=organ.name)


def _shape_rules(labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    """P3, P4, P7: pieces, volume, part outside the body."""
    for organ in labels.organs:
        if book.norms(organ.name).pieces == 0:
            yield book.skip("P3", "may lie in any number of pieces", organ=organ.name)
        else:
            detail = f"{organ.pieces} pieces" if organ.pieces > 1 else ""
            yield book.judge("P3", organ.largest_piece, organ=organ.name, detail=detail)
        if organ.truncated:
            yield book.skip("P4", "cut off by the edge of the image", organ=organ.name)
        else:
            least = book.norms(organ.name).min_volume_ml
            warn = Limits(low=least) if least is not None else None
            yield book.judge("P4", organ.volume_ml, organ=organ.name, warn=warn)
        if organ.outside_body is None:
            yield book.skip("P7", "the body's outline is not known", organ=organ.name)
        else:
            yield book.judge("P7", organ.outside_body, organ=organ.name)


def _place_rules(labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    """P5, P6: sides along x and order along z of the centres of mass, in patient coordinates (RAS+)."""
    pairs = [("P5", pair.right, pair.left, 0, f"{pair.right} to the right of {pair.left}") for pair in book.sides]
    pairs += [("P6", pair.upper, pair.lower, 2, f"{pair.upper} above {pair.lower}") for pair in book.orders]
    for rule, further, nearer, axis, name in pairs:
        a, b = labels.organ(further), labels.organ(nearer)
        if a is None or b is None:
            yield book.skip(rule, "an organ of the pair is absent", organ=name)
        else:
            yield book.judge(rule, a.centroid_ras_mm[axis] - b.centroid_ras_mm[axis], organ=name)


def _hu_rules(measures: Measures, labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    if measures.anatomy != "ct":
        yield book.skip("P9", "MR has no absolute unit")
        return
    for organ in labels.organs:
        allowed = book.norms(organ.name).median_hu
        if allowed is not None and organ.median_hu is not None:
            yield book.judge("P9", organ.median_hu, organ=organ.name, warn=Limits(low=allowed[0], high=allowed[1]))


def _uptake_rules(measures: Measures, labels: LabelMeasure, book: Rulebook) -> Iterator[CheckEntry]:
    facts = measures.pet_facts
    if facts is None or not facts.is_suv:
        yield book.skip("P10", "no PET in SUV")
        return
    known = [norm for norm in book.uptakes if _is_tracer(facts.tracer, norm)]
    if not known:
        yield book.skip("P10", "no norms for this tracer, or the tracer is not named")
    for norm in known:
        organ, over = labels.organ(norm.organ), labels.organ(norm.over)
        value = organ.mean_suv if organ is not None else None
        base = over.mean_suv if over is not None else None
        name = f"{norm.organ} over {norm.over}" if norm.over else norm.organ
        if value is None or (norm.over and not base):
            yield book.skip("P10", "an organ of the norm is absent on the PET grid", organ=name)
        elif norm.over and base:
            yield book.judge("P10", value / base, organ=name, warn=norm.limits)
        else:
            yield book.judge("P10", value, organ=name, warn=norm.limits, unit="g/mL")


def _is_tracer(tracer: str | None, norm: Uptake) -> bool:
    return tracer is not None and any(name in tracer.lower() for name in norm.tracers)
