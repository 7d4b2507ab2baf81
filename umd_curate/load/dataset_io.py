"""`load_dataset`: rows of a release, joined with their labels, and subjects with both PET/CT and PET/MRI.

A row is a dictionary of plain values and images. Nothing is unpacked, and of a repository nothing fetched, before it is asked
for; filters on subject, session and split look at the manifest alone, others at the shards' plain columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from umd_curate.errors import LoadError, UsageError
from umd_curate.load.filters import Condition, Filters, alternatives, columns_of, keeps, may_keep
from umd_curate.load.release_io import LABELS_PREFIX, OpenRelease, RowPlace, open_release
from umd_curate.load.source_io import source_of

if TYPE_CHECKING:
    from umd_curate.load.frames_io import Frames, Kind

Row = dict[str, Any]
_KNOWN = frozenset({"subject_id", "session_id", "split"})


@dataclass(frozen=True)
class Dataset(Sequence[Row]):
    """Rows of one configuration.

    Parameters
    ----------
    release
        The release that they are rows of.
    config
        Its configuration.
    places
        The rows.
    columns
        Columns that a row shows; all where None.
    labels
        Rows of the label configuration by subject and session; None where labels were not asked for.
    """

    release: OpenRelease
    config: str
    places: tuple[RowPlace, ...]
    columns: tuple[str, ...] | None = None
    labels: Mapping[tuple[str, str], RowPlace] | None = None

    def __len__(self) -> int:
        return len(self.places)

    def __repr__(self) -> str:
        return f"Dataset({self.release.source.name}, {self.config}: {len(self)} rows)"

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> "Dataset": ...

    def __getitem__(self, index: int | slice) -> "Row | Dataset":
        if isinstance(index, slice):
            return replace(self, places=self.places[index])
        return self._row(self.places[index])

    def __iter__(self) -> Iterator[Row]:
        return (self._row(place) for place in self.places)

    def filter(self, filters: Filters) -> "Dataset":
        """Rows that pass a filter of (column, comparison, value), as `datasets` and pyarrow take it."""
        conditions = alternatives(filters)
        return replace(self, places=tuple(place for place in self.places if self._passes(place, conditions)))

    def select(self, indices: Sequence[int]) -> "Dataset":
        """Rows by number."""
        return replace(self, places=tuple(self.places[index] for index in indices))

    def metadata(self) -> list[Row]:
        """Plain values of all rows; no image is touched."""
        return [self._plain(place) for place in self.places]

    def frames(self, *columns: str, grid: str | None = None, kind: "Kind" = "numpy") -> "Frames":
        """Rows as a map-style dataset of arrays, which PyTorch's DataLoader and MONAI's transforms take as they are.

        Parameters
        ----------
        *columns
            Images of a frame, such as ``"ct", "pet", "organs"``.
        grid
            Column of the image on whose grid all others are brought; each stays on its own where None.
        kind
            ``numpy`` arrays, ``torch`` tensors, or ``monai`` tensors, which know where their voxels are.
        """
        from umd_curate.load.frames_io import Frames  # noqa: PLC0415  (this module is its door)

        return Frames(self, columns, grid, kind)

    def _passes(self, place: RowPlace, conditions: Sequence[Sequence[Condition]]) -> bool:
        if not may_keep(conditions, place.known):
            return False
        return columns_of(conditions) <= _KNOWN or keeps(conditions, self._plain(place))

    def _plain(self, place: RowPlace) -> Row:
        values = dict(self.release.values(place))
        if self.labels is not None and (labels := self.labels.get((place.subject, place.session))):
            values |= self.release.values(labels)
        return values

    def _row(self, place: RowPlace) -> Row:
        wanted = self.columns
        needs_shard = wanted is None or any(name not in place.volumes and name not in _KNOWN for name in wanted)
        row: Row = self._plain(place) if needs_shard else dict(place.known)
        row |= {name: self.release.image(place, volume) for name, volume in place.volumes.items()}
        if self.labels is not None:
            found = self.labels.get((place.subject, place.session))
            row |= dict.fromkeys(self._label_columns())
            if found:
                row |= {name: self.release.image(found, volume) for name, volume in found.volumes.items()}
        if wanted is None:
            return row
        unknown = [name for name in wanted if name not in row and needs_shard and name not in self._image_columns()]
        if unknown:
            message = f"The configuration {self.config} has no column {', '.join(unknown)}."
            raise UsageError(message, hint=f"It has {', '.join(row)}.")
        return {name: row.get(name) for name in wanted}

    def _label_columns(self) -> set[str]:
        return {name for place in (self.labels or {}).values() for name in place.volumes}

    def _image_columns(self) -> set[str]:
        return {name for place in self.release.rows(self.config) for name in place.volumes}


@dataclass(frozen=True, slots=True)
class SubjectPair:
    """A subject with both: one PET/CT session and one PET/MRI session, each with its labels."""

    subject: str
    petct: Row
    petmri: Row


def load_dataset(
    config: str = "petct",
    *,
    version: str | None = None,
    path: str | Path | None = None,
    repo: str | None = None,
    split: str | None = None,
    labels: bool = False,
    columns: Sequence[str] | None = None,
    filters: Filters | None = None,
    verify: bool = True,
    streaming: bool = False,
    endpoint: str | None = None,
    token: str | None = None,
    cache_dir: str | Path | None = None,
) -> Dataset:
    """Rows of a release.

    Parameters
    ----------
    config
        Configuration: ``petct``, ``petmri``, ``labels-petct`` ...
    version
        Such as ``1.2.0``; the newest of a repository, and the one there is of a folder, where None. A repository's tag is
        looked up once and everything is read from its commit.
    path
        Release folder, folder of versions, or workspace; ``umd`` where neither this nor `repo` is given.
    repo
        ``ORG/NAME`` of the Hub.
    split
        ``train``, ``validation`` or ``test``; all where None.
    labels
        Join each row with its label maps (``organs``, ``organs_on_pet``) and their columns; None where a session has none.
    columns
        Columns that a row shows.
    filters
        List of (column, comparison, value), or list of such lists, of which one must hold.
    verify
        Compare the manifest with the checksums, and every image with the manifest before it is unpacked.
    streaming
        Of a repository, fetch only the bytes of the images that are unpacked, and keep none.
    endpoint, token, cache_dir
        Of the Hub; its client's own where None.

    Raises
    ------
    LoadError
        There is no such folder, repository, version or configuration, or the Hub refuses.
    SchemaError
        The release is not what its checksums say.

    Examples
    --------
    >>> rows = load_dataset("petct", path="umd", labels=True)  # doctest: +SKIP
    >>> rows[0]["pet"].array.shape  # doctest: +SKIP
    (200, 200, 400)
    """
    source = source_of(
        Path(path) if path is not None else None,
        repo,
        version,
        endpoint=endpoint,
        token=token,
        cache_dir=Path(cache_dir) if cache_dir is not None else None,
        streaming=streaming,
    )
    release = open_release(source, verify=verify)
    places = tuple(place for place in release.rows(config) if split in {None, place.split})
    joined = None
    if labels:
        found = release.configs.get(f"{LABELS_PREFIX}{config}", [])
        joined = {(place.subject, place.session): place for place in found}
    dataset = Dataset(release, config, places, tuple(columns) if columns is not None else None, joined)
    return dataset.filter(filters) if filters else dataset


def load_pairs(**arguments: Any) -> list[SubjectPair]:  # noqa: ANN401  (those of `load_dataset`)
    """Subjects who have both PET/CT and PET/MRI, the first session of each, with their labels.

    Takes the arguments of `load_dataset` but `config`; rows are joined with their labels unless ``labels=False``.
    """
    if "config" in arguments:
        message = "load_pairs takes no configuration: it reads petct and petmri."
        raise UsageError(message)
    arguments.setdefault("labels", True)
    petct = load_dataset("petct", **arguments)
    if "petmri" not in petct.release.configs:
        message = "The release has no PET/MRI sessions."
        raise LoadError(message, hint="`load_dataset` reads the configurations that it has.")
    petmri = load_dataset("petmri", **arguments)
    first: dict[str, int] = {}
    for number, place in enumerate(petmri.places):
        if place.subject not in first or place.session < petmri.places[first[place.subject]].session:
            first[place.subject] = number
    pairs: dict[str, SubjectPair] = {}
    for number, place in sorted(enumerate(petct.places), key=lambda entry: (entry[1].subject, entry[1].session)):
        if place.subject in first and place.subject not in pairs:
            pairs[place.subject] = SubjectPair(place.subject, petct[number], petmri[first[place.subject]])
    return list(pairs.values())
