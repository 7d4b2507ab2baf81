"""The qa steps: measure a session, judge it, draw it; then the rules over all sessions; then one report page of them."""

from collections.abc import Sequence
from importlib.metadata import version

from umd_curate import __version__
from umd_curate.errors import ConfigError
from umd_curate.model.checks import FigureEntry, FitEntry, Outcome, SessionChecks, heaviest
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json, Receipt, What
from umd_curate.model.steps import Place, SessionFiles, Step, Unit, View
from umd_curate.qa import cohort, engine, io, pairs
from umd_curate.qa.figures import Sitter, contour_colours, draw
from umd_curate.qa.fit import Fit
from umd_curate.qa.measures import Measures
from umd_curate.qa.page import render
from umd_curate.qa.pair_figures import draw_pair
from umd_curate.qa.quantities import organ_rows
from umd_curate.qa.report import Loaded, build_page
from umd_curate.qa.report_plan import PlannedReport, plan_page
from umd_curate.qa.rulebook import Limits, Rulebook, rounded
from umd_curate.qa.rules import check, findings_of
from umd_curate.store.resources import definition, organ_table

IMAGES = (What.PET, What.CT, What.MR)
READ = (*IMAGES, What.CT_ON_PET, What.MR_ON_PET, What.ORGANS, What.ORGANS_ON_PET)
REPORT_PATH = "qa/report.html"


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per session with an image."""
    book, digest = io.rulebook()
    _refuse_unknown(config, book)
    return [
        _unit(session, config, book, digest)
        for session in view.sessions()
        if any(what in session.artifacts for what in IMAGES)
    ]


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Measure, judge and draw one session. A check that fails is a finding; the release gate decides what follows."""
    book, _ = io.rulebook()
    book = book.with_fail("P7", Limits(high=config.qa.max_outside_body))
    table = organ_table(str(unit.params["definition"]))
    overlap = unit.params["overlap_part"]
    confirmations = cohort.confirmations_in(unit.params)

    images = io.read_session(unit, place)
    measured = engine.measure(images, table, book, overlap if isinstance(overlap, float) else None, confirmations)
    entries = check(measured, book, table)
    figures = draw(
        Sitter(
            anatomy_role=images.anatomy_role,
            anatomy=images.anatomy,
            organs=images.organs,
            pet=images.pet,
            is_suv=images.pet_facts is not None and images.pet_facts.is_suv,
            body_points_ras_mm=images.outline(),
            anatomy_on_pet=images.anatomy_on_pet,
        ),
        table,
    )

    outcomes = [entry.outcome for entry in entries]
    checks = SessionChecks(
        subject=unit.subject,
        session=unit.session,
        kind=str(unit.params["kind"]),
        rules_version=book.version,
        outcome=heaviest(outcomes),
        images=measured.images,
        organs=measured.labels.organs if measured.labels else (),
        checks=entries,
        fits=_fits(measured),
        confirmed=confirmations,
        figures=tuple(FigureEntry(name=f.name, caption=f.caption, width=f.width, height=f.height) for f in figures),
    )
    return unit.receipt(
        outputs=io.write_session(unit, place, checks, figures),
        findings=findings_of(entries, unit.name, confirmations),
        measured={
            "rules_version": book.version,
            "outcome": checks.outcome.value,
            **{name: outcomes.count(outcome) for name, outcome in _COUNTED},
            "organs": len(checks.organs),
            "cohort": cohort.facts_of(checks, images.anatomy_role, images.sex),
        },
        versions={name: version(name) for name in ("connected-components-3d", "numpy", "pillow", "scipy", "simpleitk")},
    )


def plan_cohort(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per session with labels, and one for the table of all organs."""
    return cohort.plan_cohort(view, config, io.rulebook()[0], organ_table(config.dataset.definition))


def perform_cohort(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Judge one session's volumes against all others', or write the table of all organs."""
    if unit.name == cohort.TABLE_UNIT:
        return _write_organs(unit, place, config)
    entries = cohort.judge_session(unit.params, io.rulebook()[0])
    shown: list[Json] = [entry.model_dump(mode="json") for entry in entries]
    return unit.receipt(findings=findings_of(entries, unit.name), measured={"checks": shown})


def _write_organs(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    table, scores = organ_table(config.dataset.definition), unit.params["z"]
    assert isinstance(scores, dict)  # noqa: S101  (made by the plan)
    rows = []
    for entry in unit.inputs:
        checks = io.read_checks(place, entry.path)
        own = scores.get(f"sub-{checks.subject}_ses-{checks.session}", {})
        rows += organ_rows(
            checks, table, {name: float(str(z)) for name, z in own.items()} if isinstance(own, dict) else {}
        )
    return unit.receipt(outputs=(io.write_organs(place, rows),), measured={"rows": len(rows)})


def plan_pairs(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per registration between two sessions."""
    return pairs.plan_pairs(view, config.dataset.definition)


def perform_pair(unit: Unit, place: Place, config: UmdConfig) -> Receipt:  # noqa: ARG001  (all settings are in the plan)
    """Draw two sessions on each other, as registration placed them."""
    receipt = io.read_registration(place, next(e.path for e in unit.inputs if e.what == unit.params["receipt"]))
    figures = draw_pair(io.read_pair(unit, place, receipt), organ_table(str(unit.params["definition"])))
    shown: list[Json] = [
        {"name": one.name, "caption": one.caption, "width": one.width, "height": one.height} for one in figures
    ]
    moving = str(unit.params["moving_session"])
    return unit.receipt(
        outputs=io.write_figures(unit, place, figures, f"{pairs.source_of(moving)}-"),
        measured={"moving_session": moving, "figures": shown},
        versions={name: version(name) for name in ("numpy", "pillow")},
    )


def plan_report(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit for the page of all sessions that have checks."""
    title = str(definition(config.dataset.definition)["title"])
    return [plan_page(view, config, title)]


def perform_report(unit: Unit, place: Place, config: UmdConfig) -> Receipt:  # noqa: ARG001  (all settings are in the plan)
    """Read what the page shows, and write it."""
    planned = PlannedReport.model_validate(unit.params)
    loaded = []
    for session in planned.sessions:
        files = session.files
        loaded.append(
            Loaded(
                planned=session,
                checks=io.read_checks(place, files[What.CHECKS]),
                sidecars={
                    role.value: io.read_sidecar(place, role, files[f"{role}.json"])
                    for role in IMAGES
                    if f"{role}.json" in files
                },
                label=io.read_label_sidecar(place, files[_ORGANS_JSON]) if _ORGANS_JSON in files else None,
                on_pet=io.read_label_sidecar(place, files[_ON_PET_JSON]) if _ON_PET_JSON in files else None,
                registrations={
                    role: io.read_registration(place, path)
                    for role, path in sorted(files.items())
                    if role.endswith(pairs.RECEIPT)
                },
            )
        )
    book, _ = io.rulebook()
    page = build_page(planned, loaded, book, contour_colours(organ_table(planned.definition)), __version__)
    return unit.receipt(
        outputs=(io.write_page(place, REPORT_PATH, render(page)),),
        measured={"sessions": len(page.cases), **page.outcome_counts},
        versions={"jinja2": version("jinja2")},
    )


def _refuse_unknown(config: UmdConfig, book: Rulebook) -> None:
    """Refuse a confirmation of a variant that the table does not have, or of an organ that it is not about."""
    for entry in config.qa.confirm:
        variant = book.variants.get(entry.variant)
        if variant is None or not set(entry.organs) <= set(variant.organs):
            message = (
                "qa.confirm names a variant that the table of rules does not have, or an organ that it is not about."
            )
            known = "; ".join(f"{one.name} ({', '.join(one.organs) or 'no organ'})" for one in book.variants.values())
            raise ConfigError(message, hint=f"Known: {known}.")


def _fits(measured: Measures) -> tuple[FitEntry, ...]:
    on_anatomy = measured.labels.fit if measured.labels else None
    on_pet = measured.pet.fit if measured.pet else None
    found: tuple[tuple[str, Fit | None], ...] = ((measured.anatomy, on_anatomy), (What.PET.value, on_pet))
    return tuple(
        FitEntry(
            image=image,
            offset_mm=fit.offset_ras_mm,
            distance_mm=rounded(fit.distance_mm),
            explained=rounded(fit.explained),
            explained_best=rounded(fit.explained_best),
            contrast=rounded(fit.contrast),
        )
        for image, fit in found
        if fit is not None
    )


_COUNTED = (("passed", Outcome.PASS), ("warned", Outcome.WARN), ("failed", Outcome.FAIL))

STEP = Step(name="qa", version=3, sections=("dataset", "qa"), plan=plan, perform=perform)
PAIRS = Step(name=pairs.NAME, version=1, sections=("dataset",), plan=plan_pairs, perform=perform_pair)
COHORT = Step(name=cohort.NAME, version=1, sections=("dataset",), plan=plan_cohort, perform=perform_cohort)
REPORT = Step(name="report", version=5, sections=("dataset", "qa"), plan=plan_report, perform=perform_report)

_ORGANS_JSON, _ON_PET_JSON = f"{What.ORGANS}.json", f"{What.ORGANS_ON_PET}.json"


def _unit(session: SessionFiles, config: UmdConfig, book: Rulebook, rules_sha256: str) -> Unit:
    roles = [name for role in READ for name in (role.value, f"{role}.json")]
    return Unit(
        step="qa",
        name=session.stem,
        subject=session.subject,
        session=session.session,
        inputs=tuple(session.artifacts[role] for role in roles if role in session.artifacts),
        params={
            "kind": session.kind,
            "definition": config.dataset.definition,
            "rules_sha256": rules_sha256,
            "overlap_part": session.facts.get("register", {}).get("overlap_part"),
            "confirmed": cohort.confirmations_of(session, config, book),
        },
    )
