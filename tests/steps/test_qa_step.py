"""The qa steps on real files: a phantom session is measured, judged, drawn and reported."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from tests.unit.qa.phantom import ORGANS, FakeView, Folder, grid, pet_sidecar, render, with_outputs, write_session
from umd_curate.errors import ConfigError
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.checks import SessionChecks
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Finding, Severity
from umd_curate.model.geometry import Volume
from umd_curate.model.quantities import OrganQuantityRow
from umd_curate.model.receipts import Receipt, State, What
from umd_curate.model.steps import SessionFiles, unit_key
from umd_curate.qa import COHORT, REPORT, STEP
from umd_curate.qa.io import rulebook
from umd_curate.store.files import sha256_of
from umd_curate.store.parquet import read_rows
from umd_curate.store.resources import organ_table, resource_folder

CONFIG = UmdConfig()
CT_GRID, PET_GRID = grid(5.0), grid(10.0)
CT, _, LABELS = render(CT_GRID)
CT_ON_PET, PET, LABELS_ON_PET = render(PET_GRID)
VOLUMES = {
    What.PET: PET,
    What.CT: CT,
    What.CT_ON_PET: CT_ON_PET,
    What.ORGANS: LABELS,
    What.ORGANS_ON_PET: LABELS_ON_PET,
}


def perform(place: Folder, session: SessionFiles) -> Receipt:
    (unit,) = STEP.plan(FakeView([session]), CONFIG)
    return STEP.perform(unit, place, CONFIG)


def checks_of(place: Folder, receipt: Receipt) -> SessionChecks:
    path = next(entry.path for entry in receipt.outputs if entry.what == What.CHECKS)
    return SessionChecks.model_validate_json(place.resolve(path).read_bytes())


def altered(change: dict[int, int]) -> Volume:
    array = LABELS.array_kji.copy()
    for old, new in change.items():
        array[LABELS.array_kji == old] = new
    return Volume(array, LABELS.affine)


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "ws")


def test_a_clean_session_passes_and_its_numbers_are_the_phantoms(place: Folder) -> None:
    receipt = perform(place, write_session(place, VOLUMES))
    checks = checks_of(place, receipt)
    assert receipt.findings == ()
    assert receipt.state is State.DONE
    assert len(checks.organs) == 13
    spheres = {name: (axes, len(centres), hu, suv) for name, centres, axes, hu, suv in ORGANS}
    for organ in checks.organs:
        (a, b, c), pieces, hu, suv = spheres[organ.name]
        assert organ.image is not None
        assert organ.suv is not None
        assert organ.image.median == pytest.approx(hu, abs=2)
        assert organ.suv.mean == pytest.approx(suv, rel=0.05)
        if organ.name in {"brain", "kidney_left", "kidney_right", "urinary_bladder", "spleen"}:  # nothing overlaps them
            assert organ.volume_ml == pytest.approx(4 / 3 * np.pi * a * b * c * pieces / 1000, rel=0.03)
    centre = next(organ.centroid_ras_mm for organ in checks.organs if organ.name == "kidney_left")
    assert centre == pytest.approx((-65, -55, -110), abs=1.0)


def test_swapped_kidneys_are_caught_by_p5_and_by_nothing_else(place: Folder) -> None:
    receipt = perform(place, write_session(place, VOLUMES | {What.ORGANS: altered({2: 3, 3: 2})}))
    assert [finding.code for finding in receipt.findings] == ["QA-205"]
    assert receipt.findings[0].severity is Severity.FAIL
    assert receipt.findings[0].measured == pytest.approx(-130, abs=2)


def test_a_label_map_flipped_head_to_foot_is_caught_by_p6(place: Folder) -> None:
    flipped = Volume(np.ascontiguousarray(LABELS.array_kji[::-1]), LABELS.affine)
    receipt = perform(place, write_session(place, VOLUMES | {What.ORGANS: flipped}))
    assert "QA-206" in {finding.code for finding in receipt.findings}


def test_islands_and_labels_in_air_are_caught(place: Folder) -> None:
    spoilt = LABELS.array_kji.copy()
    spoilt[90:110, 2:12, 2:12] = 6  # 250 mL of spleen in the corner of the image
    receipt = perform(place, write_session(place, VOLUMES | {What.ORGANS: Volume(spoilt, LABELS.affine)}))
    found = {(finding.code, finding.severity) for finding in receipt.findings}
    assert {("QA-203", Severity.FAIL), ("QA-207", Severity.FAIL)} <= found


def test_a_label_map_of_another_shape_is_a_finding_and_no_crash(place: Folder) -> None:
    other = Volume(LABELS.array_kji[:-1].copy(), LABELS.affine)
    receipt = perform(place, write_session(place, VOLUMES | {What.ORGANS: other}))
    assert "QA-101" in {finding.code for finding in receipt.findings}


def test_a_nan_and_an_unknown_label_value_are_counted(place: Folder) -> None:
    broken = PET.array_kji.copy()
    broken[0, 0, :3] = np.nan
    volumes = VOLUMES | {What.PET: Volume(broken, PET.affine), What.ORGANS: altered({1: 77})}
    receipt = perform(place, write_session(place, volumes))
    measured = {finding.code: finding.measured for finding in receipt.findings}
    assert measured["QA-111"] == 3
    assert measured["QA-102"] == 1


def test_a_refused_suv_is_a_warning_and_no_suv_is_reported(place: Folder) -> None:
    sidecar = pet_sidecar(units="Bq/mL", suv=None)
    receipt = perform(place, write_session(place, VOLUMES, pet=sidecar))
    checks = checks_of(place, receipt)
    assert [(f.code, f.severity) for f in receipt.findings] == [("QA-113", Severity.WARN)]
    assert {organ.suv for organ in checks.organs} == {None}


def test_sessions_without_labels_or_without_partner_are_drawn_too(place: Folder) -> None:
    receipt = perform(place, write_session(place, {What.PET: PET}))
    names = {entry.what for entry in receipt.outputs}
    assert names == {"figure-mip", What.CHECKS}
    assert [(f.code, f.severity) for f in receipt.findings] == [("QA-103", Severity.WARN)]
    receipt = perform(place, write_session(place, {What.CT: CT}, subject="2QH8ZV", session="ct1"))
    assert {entry.what for entry in receipt.outputs} == {"figure-anatomy", What.CHECKS}


def test_a_second_run_gives_the_same_bytes(place: Folder) -> None:
    session = write_session(place, VOLUMES)
    assert perform(place, session) == perform(place, session)


def test_a_confirmed_nephrectomy_passes_and_measures_this_subject_alone_anew(place: Folder) -> None:
    session = write_session(place, VOLUMES | {What.ORGANS: altered({2: 0})}, drawn_by="model")
    other = write_session(place, {What.PET: PET}, subject="2QH8ZV", session="pet1")
    assert "QA-201" in {finding.code for finding in perform(place, session).findings}
    confirm = {
        "subject": "7K3QF2",
        "variant": "nephrectomy",
        "organs": ["kidney_left"],
        "reviewer": "r1",
        "reason": "left kidney was removed",
        "date": "2026-11-20",
    }
    config = UmdConfig.model_validate({"qa": {"confirm": [confirm]}})
    before, after = STEP.plan(FakeView([session, other]), CONFIG), STEP.plan(FakeView([session, other]), config)
    keys = [
        [unit_key(unit, STEP, settings) for unit in units] for units, settings in ((before, CONFIG), (after, config))
    ]
    assert keys[0][0] != keys[1][0]
    assert keys[0][1] == keys[1][1]
    receipt = STEP.perform(after[0], place, config)
    assert [(f.code, f.severity) for f in receipt.findings if f.code.startswith("QA-2")] == [("QA-290", Severity.INFO)]
    assert checks_of(place, receipt).confirmed[0].reviewer == "r1"


@pytest.mark.parametrize("change", [{"variant": "nephrektomie"}, {"organs": ["liver"]}])
def test_a_confirmation_that_the_table_does_not_know_is_an_error_of_the_settings(
    place: Folder, change: dict[str, object]
) -> None:
    confirm = {
        "subject": "7K3QF2",
        "variant": "nephrectomy",
        "organs": ["kidney_left"],
        "reviewer": "r1",
        "reason": "left kidney was removed",
        "date": "2026-11-20",
    }
    config = UmdConfig.model_validate({"qa": {"confirm": [confirm | change]}})
    with pytest.raises(ConfigError):
        STEP.plan(FakeView([write_session(place, {What.PET: PET})]), config)


def test_the_table_of_organs_holds_every_organ_of_every_session(place: Folder) -> None:
    sessions = [write_session(place, VOLUMES), write_session(place, {What.PET: PET}, subject="2QH8ZV", session="pet1")]
    receipts = [perform(place, session) for session in sessions]
    measured = [
        SessionFiles(s.subject, s.session, s.kind, with_outputs(s, r).artifacts, {**s.facts, "qa": r.measured})
        for s, r in zip(sessions, receipts, strict=True)
    ]
    units = COHORT.plan(FakeView(measured), CONFIG)
    results = {unit.name: COHORT.perform(unit, place, CONFIG) for unit in units}
    rows = read_rows(place.resolve("qa/organs.parquet"), OrganQuantityRow)
    assert [row.organ for row in rows] == [organ.name for organ in organ_table()]
    liver = rows[0]
    assert (liver.subject_id, liver.session_id) == ("7K3QF2", "petct1")
    values = PET.array_kji[LABELS_ON_PET.array_kji == 1].astype(np.float64)
    assert liver.suv_mean == pytest.approx(values.mean(), rel=1e-6)
    assert liver.tlg == pytest.approx(values.sum(), rel=1e-6)  # voxels of 1 mL
    assert liver.volume_robust_z is None  # one session is no cohort
    assert results["organs"].outputs[0].path == "qa/organs.parquet"
    assert set(results) == {"sub-7K3QF2_ses-petct1", "organs"}


def test_an_mr_session_is_measured_without_hounsfield_units(place: Folder) -> None:
    mr = Volume(np.clip((CT.array_kji.astype(np.float32) + 1000) / 4, 0, 400), CT.affine)
    volumes = {What.MR: mr, What.ORGANS: LABELS, What.PET: PET, What.ORGANS_ON_PET: LABELS_ON_PET}
    receipt = perform(place, write_session(place, volumes, session="petmri1"))
    checks = checks_of(place, receipt)
    assert {organ.tissue_part for organ in checks.organs} == {None}
    assert max(organ.outside_body or 0 for organ in checks.organs) < 0.01


class Page(HTMLParser):
    """Collects what a page refers to, and sees that tags close."""

    VOID = frozenset({"meta", "img", "br", "input", "link", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in {"href", "src", "action", "poster", "data"}:
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, str, Page]:
    place = Folder(tmp_path_factory.mktemp("report"))
    sessions = [
        write_session(place, VOLUMES, subject="7K3QF2"),
        write_session(place, VOLUMES | {What.ORGANS: altered({2: 3, 3: 2})}, subject="2QH8ZV"),
        write_session(place, VOLUMES | {What.ORGANS: altered({6: 0})}, subject="3M1XW0"),
        write_session(
            place, {role: volume for role, volume in VOLUMES.items() if "organs" not in role}, subject="9NQ4WX"
        ),
    ]
    receipts = [perform(place, session) for session in sessions]
    sessions = [with_outputs(session, receipt) for session, receipt in zip(sessions, receipts, strict=True)]
    lost = Finding("RUN-901", Severity.FAIL, "s-9K2QMZ7A", "<b>(0018,1074)</b> & more")
    view = FakeView(
        sessions,
        {
            "qa": receipts,
            "ingest": [Receipt("ingest", "x", "", State.QUARANTINED, findings=(lost,))],
            "accounting": [
                Receipt(
                    "accounting",
                    "all",
                    "",
                    State.DONE,
                    measured={"files": 12, "used": 5, "excluded": {"RUN-901": 4}, "quarantined": {"QA-205": 3}},
                )
            ],
        },
    )
    (unit,) = REPORT.plan(view, CONFIG)
    first = REPORT.perform(unit, place, CONFIG)
    again = REPORT.perform(unit, place, CONFIG)
    assert first == again
    html = place.resolve("qa/report.html").read_text(encoding="utf-8")
    assert first.outputs[0].sha256 == sha256_of(place.resolve("qa/report.html"))
    page = Page()
    page.feed(html)
    assert not page.open
    return place, html, page


def test_every_figure_and_anchor_of_the_report_exists(report: tuple[Folder, str, Page]) -> None:
    place, _, page = report
    files = [link for link in page.links if not link.startswith("#")]
    # per session: anatomy, labels, fusion, checkerboard, mip; one has no labels
    assert len({link for link in files if link.endswith(".png")}) == 5 + 5 + 5 + 4
    for link in files:
        assert place.resolve("qa").joinpath(unquote(link)).is_file()
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_the_report_asks_for_nothing_from_outside(report: tuple[Folder, str, Page]) -> None:
    _, html, page = report
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html)
    assert all(not link.startswith(("/", "data:")) and ":" not in link for link in page.links)
    assert "default-src 'none'" in html


def test_the_worst_session_comes_first_and_one_without_labels_before_all_that_only_warn(
    report: tuple[Folder, str, Page],
) -> None:
    _, _, page = report
    cases = [name for name in page.ids if name.startswith("sub-")]
    assert cases == [f"sub-{name}_ses-petct1" for name in ("2QH8ZV", "9NQ4WX", "3M1XW0", "7K3QF2")]


def test_the_report_shows_the_table_of_rules_with_their_reasons(report: tuple[Folder, str, Page]) -> None:
    _, _, page = report
    text = " ".join(" ".join(page.text).split())
    for rule in rulebook()[0].rules.values():
        assert rule.what in text
        assert rule.why in text
        assert rule.source in text


def test_the_report_shows_the_receipts_and_escapes_all_text(report: tuple[Folder, str, Page]) -> None:
    _, html, page = report
    text = " ".join(page.text)
    for expected in (
        "BQML/START/SeriesTime",
        "(0018,1074)",
        "3.1e\N{MINUS SIGN}5",
        "defaced",
        "s-3M1XW0PB",
        "kidney left",
    ):
        assert expected in text
    assert CATALOGUE["QA-205"].why in text
    assert CATALOGUE["RUN-901"].action in text
    assert "<b>" not in html


def test_a_long_rule_breaks_within_its_cell_and_a_tag_never_does(report: tuple[Folder, str, Page]) -> None:
    _, html, _ = report
    # "anywhere" lets a cell become narrower than its longest word; "break-word" does not, and the next table is overprinted
    assert ".pairs td { overflow-wrap: anywhere; }" in html
    assert ".pairs td.source { overflow-wrap: normal; }" in html


def test_an_empty_workspace_still_has_a_report(place: Folder) -> None:
    (unit,) = REPORT.plan(FakeView(), CONFIG)
    REPORT.perform(unit, place, CONFIG)
    assert "no session with images" in place.resolve("qa/report.html").read_text(encoding="utf-8")


def test_the_table_of_rules_enters_the_key_of_a_unit(place: Folder) -> None:
    (unit,) = STEP.plan(FakeView([write_session(place, {What.PET: PET})]), CONFIG)
    assert unit.params["rules_sha256"] == sha256_of(resource_folder("manifests") / "qa_rules.toml")
