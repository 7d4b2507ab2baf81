"""What raw folders hold and what is to be made of it: the index brought up to date, and its plan, made or read again.

Only new and changed files are opened. A plan is made again where the index, the settings, the key or the code that plans has
changed. Nothing here holds all rows: callers take parts, decisions and rows as they come.
"""

import functools
import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import umd_curate
from umd_curate.ingest.index_io import refresh
from umd_curate.ingest.persons_io import read_persons
from umd_curate.ingest.plan import plan_ingest
from umd_curate.ingest.plan_io import Place, has_plan, plan_index, read_decisions, read_parts, read_totals
from umd_curate.ingest.scan import Map
from umd_curate.model.config import UmdConfig
from umd_curate.model.headers import InstanceHeader, row_of
from umd_curate.model.series import DecidedFile
from umd_curate.model.stacks import StackRules
from umd_curate.model.study import Disposition, FileDecision, IngestPlan, merge_plans
from umd_curate.store.keys import DeidKey
from umd_curate.store.parquet import read_batches, rows_of
from umd_curate.store.workspace import Workspace

_DECIDING = (
    "ingest",
    "model",
    "pipeline/orders.py",
    "pipeline/pet_context.py",
    "deid/vault.py",
)  # code whose change makes another plan
_LOOK = ".look-"  # begins the name of a folder that is removed at the end


class Understood:
    """An index and its plan.

    Parameters
    ----------
    place
        Where both lie.
    stamp
        Over all that decides the plan.
    config, key
        Settings, and the key that names things.
    files, opened
        Files of the folders, and how many of them were opened.
    """

    def __init__(self, place: Place, stamp: str, config: UmdConfig, key: DeidKey, files: int, opened: int) -> None:
        self.place, self.stamp, self.files, self.opened = place, stamp, files, opened
        self._config, self._key = config, key

    def parts(self, *, with_files: bool = True) -> Iterator[IngestPlan]:
        """Parts of the plan, without decisions; as `read_parts`."""
        if has_plan(self.place, self.stamp):
            yield from read_parts(self.place, with_files=with_files)
        else:
            persons = read_persons(self._config.ingest.patients)
            planner = functools.partial(
                plan_ingest,
                config=self._config.ingest,
                short_id=self._key.short_id,
                persons=persons,
                stacks=StackRules.of(self._config.convert),
            )
            same = {patient_id: person for (_, patient_id), person in sorted(persons.key_of.items())}
            yield from plan_index(self.place, planner, self._key.short_id, self.stamp, same)

    def decisions(self) -> Iterator[DecidedFile]:
        """Every file with its decision, in the order of the index."""
        self._complete()
        return read_decisions(self.place)

    def totals(self) -> dict[tuple[Disposition, str], int]:
        """Files by disposition and finding code."""
        self._complete()
        return read_totals(self.place)

    def rows(self) -> Iterator[InstanceHeader]:
        """Every row of the index."""
        for batch in read_batches(self.place.index):
            yield from rows_of(batch, InstanceHeader, row_of)

    @property
    def plan(self) -> IngestPlan:
        """The plan as a whole. It holds all rows that are used: for a look at a folder of some patients, not for a run."""
        whole = merge_plans(self.parts())
        sessions = sorted(whole.sessions, key=lambda s: (s.patient, s.study_date, s.study_uid, s.volumes[0].series))
        decided = (FileDecision(file.path, file.disposition, file.code, file.series) for file in self.decisions())
        decisions = sorted(decided, key=lambda decision: decision.path)
        return replace(whole, sessions=tuple(sessions), decisions=tuple(decisions))

    def _complete(self) -> None:
        """Make the plan where it is not made yet."""
        if not has_plan(self.place, self.stamp):
            for _ in self.parts():
                pass


def understand(
    roots: Sequence[Path],
    workspace: Workspace | None,
    config: UmdConfig,
    key: DeidKey,
    scanning: Callable[[int, int], None],
    run: Map = map,
    *,
    keep: bool = True,
) -> Understood:
    """Scan raw folders; the index and its plan are kept in the workspace where one is given.

    Parameters
    ----------
    roots
        Folders, archives or single files.
    workspace
        Whose index is brought up to date. Without one, or where `keep` is False, what is new goes to a folder that is
        removed at the end; rows of the workspace's index are used all the same.
    config, key
        Settings, and the key that names things.
    scanning
        Told how many files have been seen, and how many there may be.
    run
        As the built-in `map`; may spread the reading over processes.
    keep
        Whether the workspace may be written.

    Raises
    ------
    UsageError
        A folder does not exist, is empty or cannot be listed.
    """
    if workspace is not None and keep:
        found = refresh(workspace.index_path, roots, run, scanning)
        place = Place(found.index, found.index.parent)
        return Understood(place, _stamp(found.index, config, key), config, key, found.files, found.opened)
    private = workspace.private if workspace is not None and workspace.private.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix=_LOOK, dir=private))
    try:
        target = folder / "instances.parquet"
        found = refresh(workspace.index_path if workspace else target, roots, run, scanning, target=target)
        stamp = _stamp(found.index, config, key)
        kept = Place(found.index, found.index.parent)
        place = kept if has_plan(kept, stamp) else Place(found.index, folder)
        understood = Understood(place, stamp, config, key, found.files, found.opened)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(understood, shutil.rmtree, folder, ignore_errors=True)
    return understood


def _stamp(index: Path, config: UmdConfig, key: DeidKey) -> str:
    """Digest over all that decides a plan: the index file, the settings, the key, the code."""
    status = index.stat()
    text = json.dumps(
        [
            *(status.st_size, status.st_mtime_ns, status.st_ino),
            config.section("ingest"),
            read_persons(config.ingest.patients).sha256,
            asdict(StackRules.of(config.convert)),
            key.fingerprint,
            _code(),
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _code() -> str:
    digest = hashlib.sha256(umd_curate.__version__.encode())
    package = Path(umd_curate.__file__).parent
    for name in _DECIDING:
        path = package / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()
