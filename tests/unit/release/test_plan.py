from tests.release_builders import Ledger, receipt_of, settings
from umd_curate.model.findings import Finding, Severity
from umd_curate.model.receipts import Artifact, Receipt, State
from umd_curate.model.steps import SessionFiles
from umd_curate.release.cases import subsets_of
from umd_curate.release.plan import KnownSeries, ReleasePlan, plan_release, release_record

SUBSETS = subsets_of({"subsets": [{"name": "petct", "session_kind": "petct", "anatomical": "ct", "default": True}]})
SETTINGS = settings(version="1.0.0").release


def a_session(kind: str = "petct", **extra: str) -> SessionFiles:
    paths = {"pet": "data/x_pet.nii.gz", "pet.json": "data/x_pet.json", "figure": "qa/x.png", **extra}
    found = {role: Artifact(role, path, "1" * 64, 10) for role, path in paths.items()}
    return SessionFiles("7K3QF2", f"{kind}1", kind, found)


def plan_of(ledger: Ledger) -> ReleasePlan:
    unit = plan_release(ledger, SETTINGS, SUBSETS)
    assert unit is not None
    return ReleasePlan.model_validate(unit.params)


def record_of(splits: dict[str, str]):
    return release_record(SETTINGS, {"splits": splits})


def fact(name: str, measured) -> Receipt:
    return Receipt(name, name, "", State.DONE, measured=measured)


def test_nothing_is_planned_without_a_file_below_the_wall():
    staged = SessionFiles("7K3QF2", "petct1", "petct", {"staged-ct": Artifact("staged-ct", "private/x.nii.gz", "0", 1)})
    assert plan_release(Ledger([]), SETTINGS, SUBSETS) is None
    assert plan_release(Ledger([staged]), SETTINGS, SUBSETS) is None


def test_only_files_that_a_release_reads_are_its_inputs():
    unit = plan_release(Ledger([a_session(ct="private/staged/x.nii.gz")]), SETTINGS, SUBSETS)
    assert unit is not None
    assert unit.name == "release-1.0.0"
    assert [artifact.what for artifact in unit.inputs] == ["pet", "pet.json"]


def test_a_session_without_a_subset_is_planned_without_its_files():
    plan = plan_of(Ledger([a_session("pet")]))
    assert [(session.kind, session.files) for session in plan.sessions] == [("pet", {})]


def test_findings_of_quarantined_units_are_kept_apart():
    session = a_session()
    done = receipt_of("qa", session, Finding("QA-113", Severity.WARN, "x"))
    stopped = receipt_of("label", session, Finding("LAB-101", Severity.FAIL, "x"), state=State.QUARANTINED)
    plan = plan_of(Ledger([session], [done, stopped]))
    assert [entry.code for entry in plan.findings] == ["QA-113"]
    assert [(entry.step, entry.code) for entry in plan.stopped] == [("label", "LAB-101")]


def test_no_digest_of_a_private_file_is_published():
    private = Artifact("identifiers", "private/identifiers/u.json", "9" * 64, 1)
    receipt = Receipt(step="ingest", unit="u", key="k", state=State.DONE, inputs=(private,), outputs=(private,))
    plan = plan_of(Ledger([a_session()], [receipt]))
    assert (plan.receipts[0].inputs, plan.receipts[0].outputs) == ((), ())


def test_counts_of_raw_files_come_from_the_accounting():
    measured = {"excluded": {"ING-101": 3}, "quarantined": {"ING-301": 2}, "used": 9, "duplicate": {}}
    plan = plan_of(Ledger([a_session()], [Receipt("accounting", "a", "", State.DONE, measured=measured)]))
    assert plan.excluded_files == {"ING-101": 3}
    assert plan.quarantined_files == {"ING-301": 2}


def test_splits_come_from_earlier_versions_that_were_made_with_the_same_seed_and_shares():
    record = record_of({"AAAAAA": "test", "BBBBBB": "train"})
    newer = record_of({"AAAAAA": "train"})
    other_seed = release_record(settings(split_seed="other").release, {"splits": {"CCCCCC": "test"}})
    versions = {"0.10.0": newer, "0.9.0": record, "0.11.0": other_seed, "1.0.0": record, "1.1.0": record}
    plan = plan_of(Ledger([a_session()], [fact("releases", versions)]))
    assert plan.kept_splits == {"AAAAAA": "train", "BBBBBB": "train"}


def test_where_the_raw_files_lay_shows_in_no_receipt():
    def receipts(key: str) -> list[Receipt]:
        return [Receipt(step=step, unit=step, key=key, state=State.DONE) for step in ("ingest", "contours")]

    here, there = (plan_of(Ledger([a_session()], receipts(key))) for key in ("1" * 64, "2" * 64))
    assert len(here.receipts) == 2
    assert here.receipts == there.receipts


def test_a_withdrawn_subject_leaves_nothing_in_the_plan_but_its_tombstone():
    session = a_session()
    other = SessionFiles("BBBBBB", "petct1", "petct", dict(session.artifacts))
    seen = [receipt_of("qa", entry, Finding("QA-113", Severity.WARN, "x")) for entry in (session, other)]
    withdrawn = fact("withdrawals", {"7K3QF2": {"reason": "consent was withdrawn"}})
    plan = plan_of(Ledger([session, other], [*seen, withdrawn]))
    assert {entry.subject for entry in (*plan.sessions, *plan.findings, *plan.receipts)} == {"BBBBBB"}
    assert [(entry.subject, entry.reason) for entry in plan.withdrawn] == [("7K3QF2", "consent was withdrawn")]
    gone = plan_of(Ledger([other], [receipt_of("qa", other, Finding("QA-113", Severity.WARN, "x")), withdrawn]))
    assert gone == plan


def test_a_tombstone_says_in_which_versions_the_subject_was():
    withdrawn = fact("withdrawals", {"AAAAAA": {"reason": "r"}, "BBBBBB": {"reason": "r"}, "CCCCCC": {"reason": "r"}})
    versions = {"0.9.0": record_of({"AAAAAA": "test", "BBBBBB": "test"}), "0.10.0": record_of({"BBBBBB": "test"})}
    plan = plan_of(Ledger([a_session()], [withdrawn, fact("releases", versions)]))
    assert [(entry.subject, entry.last_version, entry.since_version) for entry in plan.withdrawn] == [
        ("AAAAAA", "0.9.0", "0.10.0"),
        ("BBBBBB", "0.10.0", "1.0.0"),
        ("CCCCCC", None, "1.0.0"),
    ]


def test_what_is_known_of_a_series_comes_from_the_newest_earlier_version():
    def record(digest: str, revised: str):
        entry = {"voxel_sha256": digest, "init_version": "0.1.0", "revised_version": revised}
        return release_record(SETTINGS, {"series": {"AAAAAA/petct1/pet": entry}})

    versions = {"0.2.0": record("2", "0.2.0"), "0.1.0": record("1", "0.1.0"), "1.1.0": record("3", "1.1.0")}
    plan = plan_of(Ledger([a_session()], [fact("releases", versions)]))
    known = KnownSeries(voxel_sha256="2", init_version="0.1.0", revised_version="0.2.0")
    assert plan.known_series == {"AAAAAA/petct1/pet": known}
