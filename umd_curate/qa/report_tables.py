"""The rows of a session's tables in the report: rules, images, acquisition, SUV derivation, registration, organs. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from umd_curate.model.checks import CheckEntry, OrganEntry, Outcome, SessionChecks
from umd_curate.model.receipts import Json
from umd_curate.model.sidecars import ImageSidecar, LabelSidecar, PetSidecar
from umd_curate.qa.report_plan import PlannedOpinion
from umd_curate.qa.rulebook import Rule, Rulebook
from umd_curate.qa.rules import merged, organs_named
from umd_curate.qa.words import fixed, interval, key_and_unit, number, plain, sentence, times, with_unit

JITTER_PLACES = 6  # a nanometre
HASH_SHOWN = 12  # hex digits; the whole digest stands in the title


@dataclass(frozen=True, slots=True)
class Row:
    """A name, a value with its unit, and where it comes from."""

    name: str
    value: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One outcome of one rule: each warning and failure alone, all that passed together."""

    rule: str
    code: str
    what: str
    outcome: str
    measured: str
    allowed: str
    detail: str


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image file and its receipts."""

    role: str
    matrix: str
    spacing: str
    units: str
    corner_error: str
    jitter: str
    face: str
    source: str
    files: str
    sha256: str

    @property
    def sha256_short(self) -> str:
        """First digits of the digest."""
        return self.sha256[:HASH_SHOWN]


@dataclass(frozen=True, slots=True)
class OrganRow:
    """One organ; `flags` says what stands out."""

    name: str
    colour: str
    volume: str
    pieces: str
    outside: str
    image: str
    image_sd: str
    suv: str
    suv_sd: str
    suv_peak: str
    suv_max: str
    tlg: str
    flags: str


def rule_rows(checks: SessionChecks, book: Rulebook) -> tuple[RuleRow, ...]:
    """What failed and warned, one row each; then what passed, one row per rule and unit; then what does not apply, by reason."""
    rows = [_row(entry, book) for outcome in (Outcome.FAIL, Outcome.WARN) for entry in merged(_of(checks, outcome))]
    for rule in book.rules.values():
        passed = [entry for entry in _of(checks, Outcome.PASS) if entry.rule == rule.id]
        rows += [_passed([e for e in passed if e.unit == unit], rule) for unit in dict.fromkeys(e.unit for e in passed)]
    skipped = _of(checks, Outcome.NOT_APPLICABLE)
    for reason in dict.fromkeys(entry.detail for entry in skipped):
        entries = [entry for entry in skipped if entry.detail == reason]
        rules = ", ".join(dict.fromkeys(entry.rule for entry in entries))
        organs = ", ".join(dict.fromkeys(spaced(entry.organ) for entry in entries if entry.organ))
        outcome = Outcome.NOT_APPLICABLE.value
        rows.append(RuleRow(rules, entries[0].code, sentence(reason), outcome, "", "", organs))
    return tuple(rows)


def _of(checks: SessionChecks, outcome: Outcome) -> list[CheckEntry]:
    return [entry for entry in checks.checks if entry.outcome is outcome]


def _row(entry: CheckEntry, book: Rulebook) -> RuleRow:
    return RuleRow(
        rule=entry.rule,
        code=entry.code,
        what=book.rules[entry.rule].what,
        outcome=entry.outcome.value,
        measured=with_unit(entry.measured, entry.unit) if entry.measured is not None else "",
        allowed=interval(entry.low, entry.high, entry.unit),
        detail=", ".join(part for part in (spaced(entry.organ), entry.detail) if part),
    )


def _passed(entries: Sequence[CheckEntry], rule: Rule) -> RuleRow:
    """One row for all entries of a rule that passed and share a unit: the span of what was measured."""
    if len(entries) == 1:
        entry = entries[0]
        detail = ", ".join(part for part in (spaced(entry.organ), entry.detail) if part)
    else:
        detail = f"{len(entries)}\N{MULTIPLICATION SIGN}"
    values = [entry.measured for entry in entries if entry.measured is not None]
    limits = {interval(entry.low, entry.high, entry.unit) for entry in entries}
    measured = ""
    if values:
        low, high, unit = min(values), max(values), entries[0].unit
        measured = with_unit(low, unit) if low == high else f"{number(low)} to {with_unit(high, unit)}"
    allowed = limits.pop() if len(limits) == 1 else "own limits"
    return RuleRow(rule.id, rule.code, rule.what, Outcome.PASS.value, measured, allowed, detail)


def image_rows(
    checks: SessionChecks, sidecars: Mapping[str, ImageSidecar], sha256: Mapping[str, str]
) -> tuple[ImageRow, ...]:
    """Geometry, face, source and checksum of each image file."""
    rows = []
    for image in checks.images:
        sidecar = sidecars.get(image.role)
        geometry = sidecar.geometry if sidecar else None
        face = sidecar.defacing if sidecar else None
        rows.append(
            ImageRow(
                role=image.role,
                matrix=times(image.shape_ijk),
                spacing=times(image.spacing_mm),
                units=sidecar.units if sidecar else "",
                corner_error=f"{number(geometry.max_corner_error_mm, 2)} / {number(geometry.tolerance_mm, 2)}"
                if geometry
                else "",
                jitter=number(round(geometry.max_slice_jitter_mm, JITTER_PLACES), 2) if geometry else "",
                face=": ".join(part for part in (face.state, face.reason or face.method) if part) if face else "",
                source=sidecar.source.series if sidecar and sidecar.source else "",
                files=number(sidecar.source.n_files) if sidecar and sidecar.source else "",
                sha256=sha256.get(image.role, image.sha256),
            )
        )
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class OpinionRow:
    """What a second converter said of one image."""

    outcome: str
    image: str
    anchor: str
    engine: str
    voxels: str
    position: str
    value: str
    reason: str


def opinion_rows(opinions: Sequence[PlannedOpinion]) -> tuple[OpinionRow, ...]:
    """One row per image that was converted twice: those that differ first, then the refusals."""
    order = {"differs": 0, "refused": 1, "agrees": 2}
    ranked = sorted(opinions, key=lambda one: (order[one.outcome], one.subject, one.session, one.image))
    return tuple(
        OpinionRow(
            outcome=one.outcome,
            image=one.image,
            anchor=f"sub-{one.subject}_ses-{one.session}",
            engine=one.engine,
            voxels=f"{number(one.voxels_agreeing)} of {number(one.voxels_compared)}" if one.voxels_compared else "",
            position="" if one.position_error_mm is None else number(one.position_error_mm, 2),
            value="" if one.value_error is None else number(one.value_error, 2),
            reason=one.reason,
        )
        for one in ranked
    )


def acquisition_rows(sidecars: Mapping[str, ImageSidecar]) -> tuple[Row, ...]:
    """Who was scanned and how, as far as it is published."""
    rows = []
    for role, sidecar in sidecars.items():
        maker = " ".join(part for part in (sidecar.manufacturer, sidecar.manufacturers_model_name) if part)
        rows.append(Row(f"{role.upper()} scanner", maker or "not named", "(0008,0070), (0008,1090)"))
    first = next(iter(sidecars.values()), None)
    if first is not None:
        rows.append(Row("Sex", first.sex or "not given", "(0010,0040)"))
        age = first.age_years
        rows.append(
            Row("Age", "not given" if age is None else with_unit(age, "years" if age < 90 else "years and more"))
        )
    pet, ct, mr = (sidecars.get(role) for role in ("pet", "ct", "mr"))
    if ct is not None:
        contrast = "not given" if ct.contrast is None else "yes" if ct.contrast else "no"
        rows.append(Row("Tube voltage", with_unit(ct.kvp, "kV"), "(0018,0060)"))
        rows.append(Row("Contrast agent", contrast, "(0018,0010)"))
        rows.append(Row("Kernel", ct.convolution_kernel or "not given", "(0018,1210)"))
    if mr is not None:
        rows.append(Row("Field strength", with_unit(mr.magnetic_field_strength, "T"), "(0018,0087)"))
        rows.append(Row("TR / TE", f"{with_unit(mr.repetition_time, 's')} / {with_unit(mr.echo_time, 's')}"))
        rows.append(Row("Dixon channel", mr.dixon_channel or "none"))
    if isinstance(pet, PetSidecar):
        rows.append(Row("Tracer", pet.tracer_name or "not named", "(0018,0031)"))
        rows.append(Row("Scan start after injection", with_unit(pet.scan_start, "s", 6)))
        if not isinstance(pet.frame_duration, tuple):
            rows.append(Row("Frame duration", with_unit(pet.frame_duration, "s"), "(0018,1242)"))
        rows.append(Row("Corrections", ", ".join(pet.corrections) or "not given", "(0028,0051)"))
        rows.append(Row("Reconstruction", pet.recon_method_name or "not given", "(0054,1103)"))
    return tuple(rows)


def suv_rows(sidecar: ImageSidecar | None) -> tuple[str, tuple[Row, ...]]:
    """State of the SUV in a word, and its derivation: rule, inputs with tags and units, factor."""
    if not isinstance(sidecar, PetSidecar):
        return "", ()
    suv = sidecar.suv
    if suv is None:
        reasons = ", ".join(finding.code for finding in sidecar.findings) or "see the findings"
        return "refused", (Row("SUV", f"refused: {reasons}"), Row("Stored unit", sidecar.units))
    rows = [Row("Rule", suv.rule)]
    for name, entry in suv.inputs.items():
        words = sentence(key_and_unit(name)[0])
        if isinstance(entry, dict):
            rows.append(
                Row(words, plain(entry.get("value"), str(entry.get("unit") or "")), str(entry.get("tag") or ""))
            )
        else:
            rows.append(Row(words, plain(entry)))
    one = suv.factor_min == suv.factor_max
    factor = number(suv.factor_min, 7) if one else f"{number(suv.factor_min, 7)} to {number(suv.factor_max, 7)}"
    if suv.decay_reference_time is not None:
        rows.append(Row("Decay reference after injection", with_unit(suv.decay_reference_time, "s", 8), "derived"))
    if suv.decay_factor is not None:
        rows.append(Row("Activity left at the reference", number(suv.decay_factor, 7), "derived"))
    rows.append(Row("Factor to SUVbw", f"{factor} g/mL per stored unit", "derived"))
    return suv.type, tuple(rows)


def registration_rows(facts: Mapping[str, Json]) -> tuple[Row, ...]:
    """What registration measured, as its receipt says."""
    rows = []
    for key in sorted(facts):
        words, unit = key_and_unit(key)
        rows.append(Row(sentence(words), plain(facts[key], unit)))
    return tuple(rows)


def label_rows(sidecar: LabelSidecar | None) -> tuple[Row, ...]:
    """Where the labels come from."""
    if sidecar is None:
        return ()
    return (
        Row("Engine", f"{sidecar.engine} {sidecar.engine_version}".strip()),
        Row("Method", sidecar.method),
        Row("Drawn on", sidecar.reference),
        *([Row("Transform", sidecar.transform)] if sidecar.transform else []),
        Row("Approximate", spaced(", ".join(sidecar.approximate)) or "none"),
    )


def organ_rows(checks: SessionChecks, colours: Mapping[int, tuple[int, int, int]]) -> tuple[OrganRow, ...]:
    """Organs by id with their numbers."""
    flagged: dict[str, set[str]] = {}
    for entry in checks.checks:
        if entry.outcome in {Outcome.FAIL, Outcome.WARN}:
            for name in organs_named(entry.organ):
                flagged.setdefault(name, set()).add(entry.rule)
    return tuple(_organ_row(organ, colours, flagged.get(organ.name, set())) for organ in checks.organs)


def _organ_row(organ: OrganEntry, colours: Mapping[int, tuple[int, int, int]], flagged: set[str]) -> OrganRow:
    image, suv = organ.image, organ.suv
    return OrganRow(
        name=spaced(organ.name),
        colour="#{:02x}{:02x}{:02x}".format(*colours.get(organ.id, (128, 128, 128))),
        volume=fixed(organ.volume_ml, 1),
        pieces=number(organ.pieces),
        outside=fixed(organ.outside_body * 100, 2) if organ.outside_body is not None else "",
        image=fixed(image.median, 0) if image else "",
        image_sd=fixed(image.sd, 0) if image else "",
        suv=fixed(suv.mean, 2) if suv else "",
        suv_sd=fixed(suv.sd, 2) if suv else "",
        suv_peak=fixed(organ.suv_peak, 2),
        suv_max=fixed(suv.greatest, 2) if suv else "",
        tlg=fixed(organ.tlg, 0),
        flags=" ".join([*(["truncated"] if organ.truncated else []), *sorted(flagged)]),
    )


def spaced(name: str) -> str:
    """Snake case as words."""
    return name.replace("_", " ")
