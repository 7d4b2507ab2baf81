"""The register steps: PET and CT or MR of a scan on one grid; and, where asked, the sessions of a subject on each other.

Within a scan both images name one frame of reference, so the transform is the identity and nothing is fitted to them; the
motion gate measures whether that is true. A correction is made only where the gate and the settings both say so.
"""

from collections.abc import Sequence
from importlib.metadata import version

from umd_curate.model.catalogue.register import (
    FIT_DOUBTFUL,
    FIT_REFUSED,
    OVERRIDDEN,
    OVERRIDE_WORSE,
    PET_MOVED,
    RIGID_KEPT,
)
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.receipts import Receipt, What
from umd_curate.model.steps import Place, Step, Unit, View
from umd_curate.register import io
from umd_curate.register.engine import STORED, measure_overlap
from umd_curate.register.fit_io import Fitted, fit_pair
from umd_curate.register.motion import Motion
from umd_curate.register.overlap import refusal
from umd_curate.register.overrides_io import overrides, rigid_from
from umd_curate.register.plan import BETWEEN, NAME, PAIRS, plan_between, plan_pairs
from umd_curate.register.registry import load_engine
from umd_curate.register.scan_io import correct_motion, motion_receipt, place_scan
from umd_curate.store.resources import organ_table

STILL = "still"


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per session with a PET and a CT or MR."""
    load_engine(config.register_.engine)
    return plan_pairs(view.sessions(), overrides(view, config))


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Bring the CT or MR of a session to the grid of its PET, and the PET to theirs on request.

    Raises
    ------
    Refused
        The images overlap too little (REG-101).
    """
    role = next(role for role, _ in PAIRS if unit.input(role))
    files = io.ScanFiles(unit.name, role, io.given(unit, What.PET), io.given(unit, role))
    overlap = measure_overlap(io.grid_of(place, files.anatomy), io.grid_of(place, files.pet))
    refused = refusal(unit.name, overlap, config.register_.min_overlap)
    if refused:
        raise Refused(refused)
    override = unit.params.get("override")
    motion = io.motion_of(place, files, config) if config.register_.motion != "off" else None
    if isinstance(override, dict):
        rigid, method, reason = rigid_from(override), "override", str(override["reason"])
    else:
        rigid, method = correct_motion(motion, config.register_.motion)
        reason = ""
    findings = _of_motion(unit, motion, corrected=method != "identity")
    if reason:
        findings.append(OVERRIDDEN.at(unit.name))
    placed = place_scan(unit, place, config, files, rigid, STORED[role])
    receipt = motion_receipt(
        unit,
        place,
        files,
        rigid,
        method,
        placed,
        motion,
        reason,
        tuple(findings),
        load_engine(config.register_.engine).describe(),
    )
    outputs = (*placed.outputs, *io.write_receipt(place, files.pet, unit.name, str(What.TO_ANATOMY), receipt))
    return unit.receipt(
        outputs=outputs,
        findings=(*placed.findings, *findings),
        measured={
            "transform": "identity" if rigid.is_identity() else method,
            "motion": motion.verdict if motion else "not measured",
            "verdict": receipt.verdict,
            **placed.measured,
        },
        versions={name: version(name) for name in ("numpy", "simpleitk")},
    )


def plan_sessions(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per session that is brought onto another one of its subject; none unless register.between asks for it."""
    settings = config.register_
    if settings.between == "off":
        return []
    return plan_between(view.sessions(), settings.between, config.dataset.definition, overrides(view, config))


def perform_between(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Bring one session of a subject onto another one: transform, receipt, and its image on the other's PET grid.

    Raises
    ------
    Refused
        The images hardly overlap after the fit (REG-112).
    """
    engine = load_engine(config.register_.engine)
    table = organ_table(str(unit.params["definition"]))
    override = unit.params.get("override")
    given = rigid_from(override) if isinstance(override, dict) else None
    fixed, moving = (io.read_side(unit, place, side) for side in ("fixed", "moving"))
    fitted = fit_pair(
        fixed,
        moving,
        engine,
        deforms=unit.params["mode"] == "deformable",
        names={organ.id: organ.name for organ in table},
        min_overlap=config.register_.min_overlap,
        given=given,
    )
    if fitted.verdict == "refused":
        raise Refused(FIT_REFUSED.at(unit.name, "covered part of the fixed body", measured=round(fitted.overlap, 4)))
    reason = str(override["reason"]) if isinstance(override, dict) else ""
    findings = _of_fit(unit, fitted, is_given=bool(reason))
    outputs, receipt = io.write_pair(unit, place, fitted, fixed, reason, tuple(findings), engine.describe())
    return unit.receipt(
        outputs=outputs,
        findings=findings,
        measured={
            "moving_session": unit.params["moving_session"],
            "method": receipt.method,
            "verdict": receipt.verdict,
            "angle_deg": receipt.angle_deg,
            "shift_mm": receipt.shift_mm,
            "agreement_before": fitted.agreement.before,
            "agreement_after": fitted.agreement.after,
            "overlap_part": round(fitted.overlap, 4),
        },
        versions={name: version(name) for name in ("numpy", "simpleitk")},
    )


def _of_motion(unit: Unit, motion: Motion | None, *, corrected: bool) -> list[Finding]:
    if motion is None or motion.verdict in {STILL, "not measured"} or corrected:
        return []
    worst = max((entry.shift_mm for name, entry in motion.regions.items() if name != "diaphragm"), default=0.0)
    return [PET_MOVED.at(unit.name, f"greatest shift of head or pelvis, mm ({motion.verdict})", measured=worst)]


def _of_fit(unit: Unit, fitted: Fitted, *, is_given: bool) -> list[Finding]:
    findings = []
    if is_given:
        findings.append(OVERRIDDEN.at(unit.name))
        if fitted.agreement.after <= fitted.agreement.before:
            detail = "normalised mutual information, 1 to 2"
            worse = OVERRIDE_WORSE.at(unit.name, detail, measured=fitted.agreement.after, limit=fitted.agreement.before)
            findings.append(worse)
    elif fitted.verdict != "accepted":
        findings.append(FIT_DOUBTFUL.at(unit.name, "; ".join(fitted.reasons)))
    if fitted.deformed is not None and not fitted.deformed.kept:
        findings.append(RIGID_KEPT.at(unit.name, fitted.deformed.reason))
    return findings


STEP = Step(name=NAME, version=4, sections=("register",), plan=plan, perform=perform)
STEP_BETWEEN = Step(name=BETWEEN, version=2, sections=(), plan=plan_sessions, perform=perform_between)
