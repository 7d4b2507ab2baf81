"""The qa steps: measure a session, judge it, draw it; then one report page of all sessions."""

from collections.abc import Sequence
from importlib.metadata import version

from umd_curate import __version__
from umd_curate.model.checks import FigureEntry, Outcome, SessionChecks, heaviest
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Receipt, What
from umd_curate.model.steps import Place, SessionFiles, Step, Unit, View
from umd_curate.qa import engine, io
from umd_curate.qa.figures import Sitter, contour_colours, draw
from umd_curate.qa.page import render
from umd_curate.qa.report import Loaded, build_page
from umd_curate.qa.report_plan import PlannedReport, plan_page
from umd_curate.qa.rulebook import Limits
from umd_curate.qa.rules import check, findings_of
from umd_curate.store.resources import definition, organ_table

IMAGES = (What.PET, What.CT, What.MR)
READ = (*IMAGES, What.CT_ON_PET, What.MR_ON_PET, What.ORGANS, What.ORGANS_ON_PET)
REPORT_PATH = "qa/report.html"


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per session with an image."""
    _, digest = io.rulebook()
    return [
        _unit(session, config, digest) for session in view.sessions() if any(w in session.artifacts for w in IMAGES)
    ]


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Measure, judge and draw one session. A check that fails is a finding; the release gate decides what follows."""
    book, _ = io.rulebook()
    book = book.with_fail("P7", Limits(high=config.qa.max_outside_body))
    table = organ_table(str(unit.params["definition"]))
    overlap = unit.params["overlap_part"]

    images = io.read_session(unit, place)
    pieces = {organ.name: book.norms(organ.name).pieces for organ in table}
    measured = engine.measure(images, table, overlap if isinstance(overlap, float) else None, pieces)
    entries = check(measured, book, table)
    figures = draw(
        Sitter(
            anatomy_role=images.anatomy_role,
            anatomy=images.anatomy,
            organs=images.organs,
            pet=images.pet,
            is_suv=images.pet_facts is not None and images.pet_facts.is_suv,
            body_points_ras_mm=engine.outline(images),
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
        figures=tuple(FigureEntry(name=f.name, caption=f.caption, width=f.width, height=f.height) for f in figures),
    )
    return unit.receipt(
        outputs=io.write_session(unit, place, checks, figures),
        findings=findings_of(entries, unit.name),
        measured={
            "rules_version": book.version,
            "outcome": checks.outcome.value,
            **{name: outcomes.count(outcome) for name, outcome in _COUNTED},
            "organs": len(checks.organs),
        },
        versions={name: version(name) for name in ("numpy", "pillow", "simpleitk")},
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
            )
        )
    book, _ = io.rulebook()
    page = build_page(planned, loaded, book, contour_colours(organ_table(planned.definition)), __version__)
    return unit.receipt(
        outputs=(io.write_page(place, REPORT_PATH, render(page)),),
        measured={"sessions": len(page.cases), **page.outcome_counts},
        versions={"jinja2": version("jinja2")},
    )


_COUNTED = (("passed", Outcome.PASS), ("warned", Outcome.WARN), ("failed", Outcome.FAIL))

STEP = Step(name="qa", version=3, sections=("dataset", "qa"), plan=plan, perform=perform)
REPORT = Step(name="report", version=3, sections=("dataset", "qa"), plan=plan_report, perform=perform_report)

_ORGANS_JSON = f"{What.ORGANS}.json"


def _unit(session: SessionFiles, config: UmdConfig, rules_sha256: str) -> Unit:
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
        },
    )
