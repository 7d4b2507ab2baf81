"""`umd-curate crosswalk`: what a data manager does with the link between patients and published ids."""

import csv
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.candidates import matches
from umd_curate.cli.crosswalk import crosswalk
from umd_curate.cli.workspace import init as init_workspace
from umd_curate.deid.vault import Vault
from umd_curate.errors import ConfigError, CurateError, UsageError, WorkspaceError
from umd_curate.ingest.patients import patient_key
from umd_curate.model.config import DeidConfig
from umd_curate.model.ids import PatientKey
from umd_curate.store.keys import DeidKey, load_key, make_key

STUDY = "1.2.840.113619.2.55.3.42424242"


class Site:
    """A workspace with its key, and the command line on it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.key_file = folder / "study", folder / "keys" / "deid.key"
        self._monkeypatch = monkeypatch
        self.said = ""  # on stderr by the last command

    @property
    def vault_path(self) -> Path:
        return self.root / "private" / "vault.sqlite"

    def vault(self) -> Vault:
        return Vault(self.vault_path, load_key(self.key_file))

    def call(self, *arguments: object, typed: str = "") -> str:
        self._monkeypatch.setenv("UMD_KEY_FILE", str(self.key_file))
        result = CliRunner().invoke(crosswalk, [*map(str, arguments), "-w", str(self.root)], input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        self.said = result.stderr
        return result.stdout

    def take(self, *rows: tuple[str, str, str], header: str = "issuer,id,subject") -> None:
        path = self.root.parent / "table.csv"
        path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
        self.call("import", path)


@pytest.fixture
def site(tmp_path, monkeypatch):
    one = Site(tmp_path / "a", monkeypatch)
    one.root.parent.mkdir()
    return one


def test_init_makes_key_and_vault_and_says_the_fingerprint(site):
    said = json.loads(site.call("init", "--json"))
    assert said["key"] == load_key(site.key_file).fingerprint
    assert stat.S_IMODE(site.vault_path.stat().st_mode) == 0o600


def test_ids_of_a_trial_are_taken_and_kept(site):
    site.take(("HOSP-A", "00123456", "TRIAL01"), ("HOSP-B", "00123456", "TRIAL02"), ("", "X-9/77", "TRIAL03"))
    site.take(("HOSP-A", "00123456", "TRIAL01"))
    with site.vault() as vault:
        assert [
            vault.subject_of(patient_key(*one)) for one in (("HOSP-A", "00123456"), ("HOSP-B", "00123456"), ("", "X-9/77"))
        ] == ["TRIAL01", "TRIAL02", "TRIAL03"]  # fmt: skip
        assert len(vault.subject_of(patient_key("HOSP-A", "77"))) == 6


def test_an_issuer_can_be_named_for_a_table_without_one(site):
    path = site.root.parent / "ids.csv"
    path.write_text("id,subject\n4711,T1\n", encoding="utf-8-sig")
    site.call("import", path, "--issuer", "HOSP-A")
    with site.vault() as vault:
        assert vault.known_subject(patient_key("HOSP-A", "4711")) == "T1"


def test_patients_that_are_one_person_share_the_id_of_the_person(site):
    site.call("init")
    (site.root / "persons.csv").write_text("issuer,id,person\nA,1234,p\nB,9876,p\n", encoding="utf-8")
    with (site.root / "umd.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[ingest]\npatients = "persons.csv"\n')
    site.take(("B", "9876", "TRIAL09"))
    with site.vault() as vault:
        assert vault.known_subject(patient_key("A", "1234")) == "TRIAL09"


@pytest.mark.parametrize(
    "row",
    [
        ("A", "", "T1"), ("A", "4711", ""), ("A", "4711", "T 1"), ("A", "4711", "T-1"), ("A", "4711", "T" * 17), ("A", "MRN-4711", "mrn4711"),
        ("A", "0012345", "S12345"), ("A", "7", "007"), ("A", "4711", "Süd1"), ("A", "4711", "../x"),
    ],
)  # fmt: skip
def test_a_row_that_is_not_sound_takes_nothing_and_is_named_by_its_number(site, row):
    with pytest.raises(UsageError, match=r"Row 3 of the table") as refused:
        site.take(("A", "55555", "GOOD01"), row)
    assert not site.vault_path.exists()
    assert "4711" not in refused.value.message


@pytest.mark.parametrize(
    "rows",
    [
        [("A", "1111", "T1"), ("A", "2222", "T1")],
        [("A", "1111", "T1"), ("A", "2222", "t1")],
        [("A", "1111", "T1"), ("A", "1111", "T2")],
        [("A", "8811", "T2")],
        [("A", "1111", "TRIALX")],
    ],
)
def test_a_table_that_contradicts_takes_nothing(site, rows):
    site.take(("A", "8811", "TRIALX"))
    with pytest.raises(UsageError, match="nothing was taken"):
        site.take(*rows)
    with site.vault() as vault:
        assert [link.subject for link in vault.links()] == ["TRIALX"]


@pytest.mark.parametrize("text", ["issuer;id;subject\nA;1;T1\n", "id,who\n1,T1\n", ""])
def test_a_table_without_its_columns_is_refused(site, text):
    path = site.root.parent / "table.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="no column"):
        site.call("import", path)


def test_lookup_goes_both_ways_and_only_to_who_may_see_it(site):
    site.take(("HOSP-A", "00123456", "TRIAL01"))
    with pytest.raises(UsageError, match="terminal only"):
        site.call("lookup", "TRIAL01")
    told = {"subject": "TRIAL01", "issuer": "HOSP-A", "id": "00123456"}
    assert json.loads(site.call("lookup", "sub-trial01", "--to-pipe", "--json")) == told
    asked = site.call("lookup", "--issuer", "HOSP-A", "--to-pipe", "--json", typed="00123456\n")
    assert json.loads(asked) == told
    with pytest.raises(UsageError, match="does not hold it"):
        site.call("lookup", "--to-pipe", typed="00123456\n")


def test_two_vaults_of_one_key_become_one(site, tmp_path, monkeypatch):
    other = Site(tmp_path / "b", monkeypatch)
    other.root.parent.mkdir()
    other.key_file = site.key_file
    site.call("init")
    other.call("init")
    with other.vault() as vault:
        theirs = {name: vault.subject_of(PatientKey(name)) for name in ("p", "q")}
        assert vault.session_number(PatientKey("p"), "petct", STUDY) == 1
    said = json.loads(site.call("merge", other.vault_path, "--key", site.key_file, "--json"))
    assert said == {"new": 2, "patients": 2, "numbers": 1, "same_key": True}
    with site.vault() as vault:
        assert {name: vault.subject_of(PatientKey(name)) for name in ("p", "q")} == theirs
        assert vault.session_number(PatientKey("p"), "petct", "1.2.3") == 2


def test_two_vaults_that_know_one_patient_by_two_ids_are_not_merged(site, tmp_path, monkeypatch):
    other = Site(tmp_path / "b", monkeypatch)
    other.root.parent.mkdir()
    for one in (site, other):
        one.call("init")
        with one.vault() as vault:
            vault.subject_of(PatientKey("SECRET"))
    with pytest.raises(UsageError, match="contradict each other; nothing was taken") as refused:
        site.call("merge", other.vault_path, "--key", other.key_file)
    assert "SECRET" not in refused.value.message
    with pytest.raises(WorkspaceError, match="another key"):
        site.call("merge", other.vault_path, "--key", site.key_file)


def test_export_is_plain_private_and_can_be_imported_elsewhere(site, tmp_path, monkeypatch):
    site.take(("HOSP-A", "00123456", "TRIAL01"))
    target = tmp_path / "crosswalk.csv"
    site.call("export", "--to-file", target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    (row,) = csv.DictReader(target.read_text(encoding="utf-8").splitlines())
    shift = load_key(site.key_file).shift_days(patient_key("HOSP-A", "00123456"))
    assert row == {"issuer": "HOSP-A", "id": "00123456", "subject": "TRIAL01", "shift_days": str(shift)}
    other = Site(tmp_path / "b", monkeypatch)
    other.root.parent.mkdir()
    other.call("import", target)
    with other.vault() as vault:
        assert vault.known_subject(patient_key("HOSP-A", "00123456")) == "TRIAL01"


def test_a_dry_run_says_what_would_come_and_changes_nothing(site, tmp_path, monkeypatch):
    assert "would be made" in site.call("init", "-n") + site.said
    assert not site.root.exists()
    assert not site.key_file.exists()
    site.take(("", "00123456", "TRIAL01"))
    other = Site(tmp_path / "b", monkeypatch)
    other.root.parent.mkdir()
    other.take(("", "00999999", "TRIAL09"))
    table = tmp_path / "more.csv"
    table.write_text("issuer,id,subject\n,00123456,TRIAL01\n,00777777,TRIAL07\n", encoding="utf-8")
    for command in (["import", table], ["merge", other.vault_path, "--key", other.key_file]):
        assert json.loads(site.call(*command, "-n", "--json"))["new"] == 1
        assert json.loads(site.call(*command, "-n", "--json")) == json.loads(site.call(*command, "-n", "--json"))
    target = tmp_path / "crosswalk.csv"
    assert json.loads(site.call("export", "--to-file", target, "-n", "--json")) == {"patients": 1}
    assert not target.exists()
    with site.vault() as vault:
        assert [link.subject for link in vault.links()] == ["TRIAL01"]
    table.write_text("issuer,id,subject\n,00777777,TRIAL01\n", encoding="utf-8")
    with pytest.raises(UsageError, match="another patient"):
        site.call("import", table, "-n")


@pytest.mark.parametrize("place", ["data/x.csv", "releases/x.csv", "x.csv", "qa/../qa/x.csv"])
def test_export_into_the_output_is_refused(site, place):
    site.call("init")
    with pytest.raises(UsageError, match="in the workspace"):
        site.call("export", "--to-file", site.root / place)


def test_export_never_overwrites(site, tmp_path):
    site.call("init")
    (tmp_path / "old.csv").write_text("old", encoding="utf-8")
    with pytest.raises(UsageError, match="exists already"):
        site.call("export", "--to-file", tmp_path / "old.csv")


def test_rotation_keeps_ids_and_numbers_and_the_old_key_opens_nothing(site, tmp_path):
    site.call("init")
    with site.vault() as vault:
        subject = vault.subject_of(PatientKey("p"))
        vault.session_number(PatientKey("p"), "petct", STUDY)
        vault.run_number(PatientKey("p"), "petct", STUDY, "late")
    old = load_key(site.key_file)
    new_file = tmp_path / "new.key"
    said = json.loads(site.call("rotate", "--new-key", new_file, "--json"))
    assert said == {"key": load_key(new_file).fingerprint, "patients": 1, "numbers": 2}
    with pytest.raises(WorkspaceError, match="another key"), Vault(site.vault_path, old):
        pass
    with Vault(site.vault_path, load_key(new_file)) as vault:
        assert vault.subject_of(PatientKey("p")) == subject
        assert vault.session_number(PatientKey("p"), "petct", STUDY) == 1
        assert vault.session_number(PatientKey("p"), "petct", "1.2.3") == 2
        assert vault.run_number(PatientKey("p"), "petct", STUDY, "later") == 2
    assert stat.S_IMODE(site.vault_path.stat().st_mode) == 0o600
    assert [path.name for path in site.vault_path.parent.glob("*vault*")] == ["vault.sqlite"]


def test_rotation_to_the_same_key_or_into_the_workspace_is_refused(site):
    site.call("init")
    with pytest.raises(UsageError, match="is the old one"):
        site.call("rotate", "--new-key", site.key_file)
    with pytest.raises(UsageError, match="must not lie in the workspace"):
        site.call("rotate", "--new-key", site.root / "private" / "k.key")
    with site.vault() as vault:
        assert len(vault) == 0


def test_a_rotation_that_another_reader_disturbs_leaves_the_old_vault(site, tmp_path):
    site.call("init")
    with site.vault(), pytest.raises(WorkspaceError, match="Another process has the vault open"):
        site.call("rotate", "--new-key", tmp_path / "new.key")
    with site.vault() as vault:
        assert len(vault) == 0


@pytest.mark.parametrize("with_key", [False, True])
def test_destroy_asks_for_the_fingerprint_and_leaves_nothing_in_private(site, with_key):
    site.take(("A", "4711", "T1"))
    (site.root / "private" / "orders" / "x.json").write_text("{}", encoding="utf-8")
    (site.root / "data").mkdir()
    (site.root / "data" / "kept.txt").write_text("kept", encoding="utf-8")
    wanted = load_key(site.key_file).fingerprint
    flags = ["--with-key"] if with_key else []
    with pytest.raises(UsageError, match="nothing was removed"):
        site.call("destroy", *flags, typed="yes\n")
    assert site.vault_path.exists()
    site.call("destroy", *flags, typed=f"{wanted}\n")
    left = [path.name for path in (site.root / "private").rglob("*") if path.is_file()]
    assert left == ["lock"]
    assert site.key_file.exists() is not with_key
    assert (site.root / "data" / "kept.txt").exists()


def test_a_crosswalk_that_is_not_there_is_not_made_by_asking(site, tmp_path, monkeypatch):
    monkeypatch.setenv("UMD_KEY_FILE", str(site.key_file))
    CliRunner().invoke(init_workspace, [str(site.root)])
    for words in (
        ["lookup", "T1", "--to-pipe"],
        ["export", "--to-file", tmp_path / "x.csv"],
        ["rotate", "--new-key", tmp_path / "k"],
        ["destroy", "--confirm", "x"],
    ):
        with pytest.raises(WorkspaceError, match="no crosswalk yet"):
            site.call(*words)
    assert not site.vault_path.exists()


class TestUnlinkable:
    """A workspace with a key of its own."""

    @pytest.fixture(autouse=True)
    def _home(self, tmp_path, monkeypatch):
        monkeypatch.delenv("UMD_KEY_FILE", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))

    def call(self, *arguments: object) -> str:
        result = CliRunner().invoke(crosswalk, [str(argument) for argument in arguments])
        if isinstance(result.exception, CurateError):
            raise result.exception
        return result.stdout

    def test_two_of_them_share_no_key_and_keep_their_own(self, tmp_path):
        keys = []
        for name in ("a", "b", "a"):
            said = self.call("init", "--unlinkable", "--json", "-w", tmp_path / name)
            keys.append(json.loads(said)["key"])
        common = make_key(tmp_path / ".config" / "umd-curate" / "deid.key").fingerprint
        assert keys[0] == keys[2]
        assert len({*keys, common}) == 3

    def test_one_that_shares_a_key_cannot_become_unlinkable(self, tmp_path):
        self.call("init", "-w", tmp_path / "a")
        with pytest.raises(WorkspaceError, match="cannot become unlinkable"):
            self.call("init", "--unlinkable", "-w", tmp_path / "a")

    def test_a_key_in_the_environment_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setenv("UMD_KEY_FILE", str(tmp_path / "shared.key"))
        with pytest.raises(WorkspaceError, match="names a key"):
            self.call("init", "--unlinkable", "-w", tmp_path / "a")
        assert not (tmp_path / "a").exists()

    def test_its_last_tie_is_cut_with_its_key(self, tmp_path):
        said = json.loads(self.call("init", "--unlinkable", "--json", "-w", tmp_path / "a"))
        assert len(list((tmp_path / ".config" / "umd-curate").glob("unlinkable-*.key"))) == 1
        self.call("destroy", "--with-key", "--confirm", said["key"], "-w", tmp_path / "a")
        assert list((tmp_path / ".config" / "umd-curate").glob("*.key")) == []


def test_no_candidate_of_a_list_of_patients_is_recognised_without_the_key(tmp_path):
    key, candidates = DeidKey(bytes(range(32))), [f"{n:08d}" for n in range(5000)]
    with Vault(tmp_path / "vault.sqlite", key) as vault:
        found = matches(candidates, candidates[::50], vault, key)
    assert (found["id"], found["uid"]) == (0, 0)
    assert found["shift"] <= 3 * found["shift by chance"] + 3


def test_the_guesses_would_find_an_unkeyed_id(tmp_path, monkeypatch):
    """The attack is a real one: against UIDs that are md5 of the patient it succeeds."""
    import hashlib

    def unkeyed(_, value):
        return f"2.25.{int.from_bytes(hashlib.md5(value.encode(), usedforsecurity=False).digest(), 'big')}"

    monkeypatch.setattr(DeidKey, "uid", unkeyed)
    key = DeidKey(bytes(range(32)))
    with Vault(tmp_path / "vault.sqlite", key) as vault:
        assert matches(["00000001", "00000002"], [], vault, key)["uid"] == 2


def test_without_a_preassigned_id_a_run_that_wants_one_stops(site, tmp_path, monkeypatch):
    from umd_curate.pipeline.raw import order_volumes

    class Part:
        sessions = (type("Session", (), {"patient": patient_key("A", "SECRET")})(),)

    class Seen:
        stamp = "x"

        def parts(self, *, with_files=True):
            return [Part()]

    site.call("init")
    workspace = type("W", (), {"vault_path": site.vault_path, "private": site.root / "private", "index_path": tmp_path / "i" / "x"})()  # fmt: skip
    with pytest.raises(ConfigError, match="1 of 1 patients have no pre-assigned id") as refused:
        order_volumes(Seen(), workspace, load_key(site.key_file), None, DeidConfig(subjects="preassigned"))
    assert "SECRET" not in refused.value.message
