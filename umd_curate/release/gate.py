"""Decides which sessions may be released: a table of rules, each with its code and whether a reason may relax it.

One bad session never stops the release: it is held back and listed with its reason. The release as a whole is refused only
where nothing is left.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from umd_curate.errors import ConfigError, GateRefused
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.catalogue import release as codes
from umd_curate.model.changes import ReleaseChanges
from umd_curate.model.config_section import Relaxation
from umd_curate.model.findings import Finding, FindingCode, Severity
from umd_curate.release.cases import Case
from umd_curate.release.diff import bump_of, is_enough, next_version
from umd_curate.store.shards import MAX_VOLUME_BYTES

CHECKING_STEP = "qa"
CHECK_PREFIX = "QA-"
MAX_NAMED = 10  # cases that a refusal names; the rest is counted

Relaxed = frozenset[str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason to hold a session back; `see` gives the detail of each violation, free of input values."""

    code: FindingCode
    relaxable: bool
    see: Callable[[Case, Relaxed], Sequence[str]]


def _no_subset(case: Case, _: Relaxed) -> list[str]:
    return [] if case.subset else [f"session kind {case.kind}"]


def _image_missing(case: Case, _: Relaxed) -> list[str]:
    wanted = case.subset.required if case.subset else ()
    return [f"column {column}" for column in wanted if column not in case.volumes and column not in case.unfit]


def _sidecar_unfit(case: Case, _: Relaxed) -> list[str]:
    return [f"column {column}" for column in case.unfit]


def _no_suv(case: Case, _: Relaxed) -> list[str]:
    return ["Suv is null"] if case.pet is not None and case.pet.suv is None else []


def _check_failed(case: Case, relaxed: Relaxed) -> list[str]:
    failed = [entry for entry in case.findings if entry.step == CHECKING_STEP and entry.severity == Severity.FAIL]
    return [f"{entry.code} {entry.detail}".strip() for entry in failed if entry.code not in relaxed]


def _too_large(case: Case, _: Relaxed) -> list[str]:
    return [f"column {column}" for column, volume in case.volumes.items() if volume.file.size > MAX_VOLUME_BYTES]


def _face_unknown(case: Case, _: Relaxed) -> list[str]:
    sidecars = {"pet": case.pet, "anatomical": case.anatomical}
    return [f"{name} image" for name, sidecar in sidecars.items() if sidecar is not None and sidecar.defacing is None]


def _duplicate(cases: Sequence[Case]) -> dict[str, list[str]]:
    """By case name, which of its source images another case before it has already, voxel by voxel."""
    first: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for case in cases:
        for column in case.subset.required if case.subset else ():
            volume = case.volumes.get(column)
            if volume is None:
                continue
            owner = first.setdefault(volume.voxel_sha256, case.name)
            if owner != case.name:
                found.setdefault(case.name, []).append(f"column {column} equals {owner}")
    return found


RULES = (
    Rule(codes.NO_SUBSET, relaxable=False, see=_no_subset),
    Rule(codes.IMAGE_MISSING, relaxable=False, see=_image_missing),
    Rule(codes.SIDECAR_UNFIT, relaxable=False, see=_sidecar_unfit),
    Rule(codes.TOO_LARGE, relaxable=False, see=_too_large),
    Rule(codes.FACE_UNKNOWN, relaxable=False, see=_face_unknown),
    Rule(codes.NO_SUV, relaxable=True, see=_no_suv),
    Rule(codes.CHECK_FAILED, relaxable=True, see=_check_failed),
)

GATE_CODES = (*(rule.code for rule in RULES), codes.DUPLICATE_IMAGE)  # all that a released session has passed


@dataclass(frozen=True, slots=True)
class Held:
    """A session that is held back, and why."""

    case: Case
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The gate's answer, by subject and session."""

    released: tuple[Case, ...]
    held: tuple[Held, ...]


def decide(cases: Sequence[Case], relax: Sequence[Relaxation]) -> Decision:
    """Judge every session by every rule.

    Raises
    ------
    ConfigError
        A relaxation names a rule that is unknown or may not be relaxed.
    """
    relaxed = _relaxed(relax)
    ordered = sorted(cases, key=lambda case: (case.subject, case.session))
    judged = {case.name: _judge(case, relaxed) for case in ordered}
    for name, details in _duplicate([case for case in ordered if not judged[case.name]]).items():
        judged[name] = tuple(codes.DUPLICATE_IMAGE.at(name, detail) for detail in details)
    return Decision(
        released=tuple(case for case in ordered if not judged[case.name]),
        held=tuple(Held(case, judged[case.name]) for case in ordered if judged[case.name]),
    )


def refuse_empty(decision: Decision) -> None:
    """Refuse a release without a row.

    Raises
    ------
    GateRefused
        Every session is held back; the message counts the reasons and names the first cases.
    """
    if decision.released:
        return
    reasons: dict[str, int] = {}
    for held in decision.held:
        for code in sorted({finding.code for finding in held.findings}):
            reasons[code] = reasons.get(code, 0) + 1
    counted = ", ".join(f"{code} {count} times" for code, count in sorted(reasons.items()))
    names = [held.case.name for held in decision.held]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    message = f"No session can be released ({counted or 'there is none'}): {', '.join(names[:MAX_NAMED])}{more}."
    raise GateRefused(message)


def refuse_small_bump(changes: ReleaseChanges) -> None:
    """Refuse a version that rises less than its changes ask: its number would promise what does not hold.

    Raises
    ------
    GateRefused
        The message says what part must rise, the hint the least version that will do.
    """
    if is_enough(bump_of(changes.before, changes.after), changes.required):
        return
    message = (
        f"What changed since {changes.before} needs a {changes.required} version; {changes.after} does not rise so far."
    )
    version = next_version(changes.before, changes.required)
    raise GateRefused(message, hint=f"Set release.version, or --version, to {version} or more.")


def _judge(case: Case, relaxed: Relaxed) -> tuple[Finding, ...]:
    return tuple(
        rule.code.at(case.name, detail)
        for rule in RULES
        if rule.code.code not in relaxed
        for detail in rule.see(case, relaxed)
    )


def _relaxed(relax: Sequence[Relaxation]) -> Relaxed:
    relaxable = {rule.code.code for rule in RULES if rule.relaxable}
    checks: Mapping[str, FindingCode] = {
        code: entry for code, entry in CATALOGUE.items() if code.startswith(CHECK_PREFIX)
    }
    for entry in relax:
        if entry.rule not in relaxable and entry.rule not in checks:
            message = "release.relax names a rule that is unknown or must not be relaxed."
            known = ", ".join(sorted(relaxable))
            raise ConfigError(message, hint=f"Rules that may be relaxed: {known}, and every {CHECK_PREFIX} code.")
    return frozenset(entry.rule for entry in relax)
