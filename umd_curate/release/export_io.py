"""Writes a release in the forms that other tools read: a BIDS-like tree, nnU-Net, WebDataset, zarr; one session in memory at a time.

Images keep their bytes wherever the form holds NIfTI. A folder appears whole or not at all.
"""

import io
import itertools
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from umd_curate.errors import EngineError, UsageError
from umd_curate.model.receipts import Json
from umd_curate.model.release import LabelValue, ReleaseManifest, SubjectRow, VolumeRow
from umd_curate.release.compose import table_path
from umd_curate.release.rows import LABELS_PREFIX, SLICES
from umd_curate.store.files import write_bytes, write_json, write_text
from umd_curate.store.lazy import Lazy
from umd_curate.store.nifti import read_volume_from
from umd_curate.store.parquet import read_rows
from umd_curate.store.shards import StoredVolume, read_shard

zarr = Lazy("zarr")

CASES_PER_TAR = 64  # of a WebDataset shard: some gigabytes
ZARR_PLANES = 8  # of a chunk: one plane comes with seven neighbours, a whole image in few reads
BIDS_VERSION = "1.10.0"
NNUNET_NAME = "Dataset001_UMD"


@dataclass(frozen=True, slots=True)
class ReleasedCase:
    """A session of a release: its plain values, and its images and label maps as ``.nii.gz`` by column."""

    config: str
    split: str
    values: dict[str, object]
    images: dict[str, StoredVolume] = field(default_factory=dict)
    labels: dict[str, StoredVolume] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``sub-7K3QF2_ses-petct1``."""
        return f"sub-{self.values['subject_id']}_ses-{self.values['session_id']}"


def plan_export(folder: Path, target: Path) -> int:
    """Sessions that an export of a release would write.

    Raises
    ------
    UsageError
        The target is there already.
    """
    if target.exists():
        message = "The target of the export is there already."
        raise UsageError(message, hint="Name a folder that does not exist yet.")
    return sum(split.rows for entry in _manifest(folder).configs if is_of_images(entry.name) for split in entry.splits)


def is_of_images(config: str) -> bool:
    """Say whether a configuration has a row per session with its images: no labels, no slices."""
    return not config.startswith(LABELS_PREFIX) and config != SLICES


def export_release(folder: Path, target: Path, form: str) -> int:
    """Write a release in another form; return how many sessions were written.

    Raises
    ------
    UsageError
        The target is there already.
    EngineError
        A library that the form needs is not installed.
    """
    plan_export(folder, target)
    building = target.with_name(f".{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    try:
        count = FORMS[form](folder, building)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return count


def cases_of(folder: Path, manifest: ReleaseManifest) -> Iterator[ReleasedCase]:
    """Sessions of a release, configuration by configuration and split by split, joined with their labels."""
    names = {entry.name for entry in manifest.configs}
    for entry in manifest.configs:
        if not is_of_images(entry.name):
            continue
        for split in entry.splits:
            labels: Iterator[dict[str, object]] = itertools.repeat({})
            if f"{LABELS_PREFIX}{entry.name}" in names:
                labels = _rows(folder, f"{LABELS_PREFIX}{entry.name}", split.name)
            for row, label in zip(_rows(folder, entry.name, split.name), labels, strict=False):
                yield ReleasedCase(
                    entry.name,
                    split.name,
                    {name: value for name, value in {**label, **row}.items() if not isinstance(value, StoredVolume)},
                    {name: value for name, value in row.items() if isinstance(value, StoredVolume)},
                    {name: value for name, value in label.items() if isinstance(value, StoredVolume)},
                )


def _rows(folder: Path, config: str, split: str) -> Iterator[dict[str, object]]:
    for shard in sorted((folder / config).glob(f"{split}-*-of-*.parquet")):
        yield from read_shard(shard)


def _manifest(folder: Path) -> ReleaseManifest:
    return ReleaseManifest.model_validate_json((folder / "manifests/release.json").read_bytes())


def _bids(folder: Path, target: Path) -> int:
    """BIDS-like: PET under ``pet/``, CT and MR under ``anat/``; what was made of them under ``derivatives/``."""
    manifest = _manifest(folder)
    sidecars = {
        (row.config.removeprefix(LABELS_PREFIX), row.subject_id, row.session_id, row.column): row
        for row in read_rows(folder / table_path("volumes"), VolumeRow)
    }
    description: dict[str, Json] = {
        "Name": f"{manifest.dataset} {manifest.version}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "License": manifest.licence,
    }
    write_json(target / "dataset_description.json", description)
    derived: dict[str, Json] = {**description, "DatasetType": "derivative", "GeneratedBy": [{"Name": "umd-curate"}]}
    write_json(target / "derivatives/umd-curate/dataset_description.json", derived)
    write_text(target / ".bidsignore", "*_ct.*\n*_mr.*\n")
    for name in ("README.md", "CHANGELOG.md"):
        shutil.copyfile(folder / name, target / name.removesuffix(".md").replace("CHANGELOG", "CHANGES"))
    subjects = read_rows(folder / table_path("subjects"), SubjectRow)
    lines = ["participant_id\tsex\tage\tsplit"]
    lines += [f"sub-{row.subject_id}\t{row.sex or 'n/a'}\t{_cell(row.age_years)}\t{row.split}" for row in subjects]
    write_text(target / "participants.tsv", "\n".join(lines) + "\n")
    write_text(target / "derivatives/umd-curate/dseg.tsv", _label_table(manifest.labels))
    count = 0
    for case in cases_of(folder, manifest):
        count += 1
        subject, session = str(case.values["subject_id"]), str(case.values["session_id"])
        for column, volume in {**case.images, **case.labels}.items():
            is_raw = column in {"pet", "ct", "mr"}
            root = target if is_raw else target / "derivatives/umd-curate"
            kind = "pet" if column == "pet" or column.endswith("on_pet") else "anat"
            place = root / f"sub-{subject}/ses-{session}/{kind}"
            write_bytes(place / volume.path, bytes(volume.data))
            row = sidecars[case.config, subject, session, column]
            write_json(place / volume.path.replace(".nii.gz", ".json"), json.loads(row.sidecar))
    return count


def _cell(value: int | None) -> str:
    return "n/a" if value is None else str(value)


def _label_table(labels: tuple[LabelValue, ...]) -> str:
    return "index\tname\n" + "".join(f"{label.id}\t{label.name}\n" for label in labels)


def _nnunet(folder: Path, target: Path) -> int:
    """nnU-Net v2: CT or MR and PET as two channels on the PET grid, with the labels there; sessions without both are left out."""
    manifest = _manifest(folder)
    root = target / NNUNET_NAME
    folds: dict[str, list[str]] = {"train": [], "val": []}
    counts = {"Tr": 0, "Ts": 0}
    for case in cases_of(folder, manifest):
        other = next((column for column in case.images if column.endswith("_on_pet")), None)
        labels = case.labels.get("organs_on_pet")
        if other is None or labels is None:
            continue
        part = "Ts" if case.split == "test" else "Tr"
        counts[part] += 1
        write_bytes(root / f"images{part}/{case.name}_0000.nii.gz", bytes(case.images[other].data))
        write_bytes(root / f"images{part}/{case.name}_0001.nii.gz", bytes(case.images["pet"].data))
        write_bytes(root / f"labels{part}/{case.name}.nii.gz", bytes(labels.data))
        if part == "Tr":
            folds["val" if case.split == "validation" else "train"].append(case.name)
    described: dict[str, Json] = {
        "name": f"{manifest.dataset} {manifest.version}",
        "channel_names": {"0": "anatomy", "1": "PET"},
        "labels": {"background": 0, **{label.name: label.id for label in manifest.labels}},
        "numTraining": counts["Tr"],
        "file_ending": ".nii.gz",
        "licence": manifest.licence,
    }
    write_json(root / "dataset.json", described)
    fold: dict[str, Json] = {name: list[Json](sorted(cases)) for name, cases in folds.items()}
    write_json(root / "splits_final.json", [fold])
    return sum(counts.values())


def _webdataset(folder: Path, target: Path) -> int:
    """WebDataset: tar files of samples that share a key; no clock and no user in them."""
    count = 0
    groups = itertools.groupby(cases_of(folder, _manifest(folder)), key=lambda case: (case.config, case.split))
    for (config, split), cases in groups:
        for number in itertools.count():
            part = list(itertools.islice(cases, 1))
            if not part:
                break
            path = target / config / f"{split}-{number:06d}.tar"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as handle, tarfile.open(fileobj=handle, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                for case in itertools.chain(part, itertools.islice(cases, CASES_PER_TAR - 1)):
                    count += 1
                    values = json.dumps(case.values, sort_keys=True, ensure_ascii=False).encode()
                    _add(tar, f"{case.name}.json", io.BytesIO(values), len(values))
                    for column, volume in {**case.images, **case.labels}.items():
                        _add(tar, f"{case.name}.{column}.nii.gz", io.BytesIO(volume.data), len(volume.data))
    return count


def _add(tar: tarfile.TarFile, name: str, data: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    tar.addfile(member, data)


def _zarr(folder: Path, target: Path) -> int:
    """Zarr v3: a group per session, an array [k, j, i] per image in chunks of eight planes, the affine as an attribute."""
    if find_spec("zarr") is None:
        message = "The library zarr is not installed."
        raise EngineError(message, hint="Install umd-curate with the extra zarr.")
    count = 0
    root = zarr.open_group(str(target), mode="w", zarr_format=3)
    for case in cases_of(folder, _manifest(folder)):
        count += 1
        group = root.require_group(f"{case.config}/{case.split}/{case.name}")
        group.attrs.update({name: value for name, value in case.values.items() if not name.endswith("sha256")})
        for column, stored in {**case.images, **case.labels}.items():
            volume = read_volume_from(io.BytesIO(stored.data))
            shape = volume.array_kji.shape
            array = group.create_array(
                column, shape=shape, chunks=(min(ZARR_PLANES, shape[0]), *shape[1:]), dtype=volume.array_kji.dtype
            )
            array[...] = volume.array_kji
            array.attrs.update({"axes": "kji", "affine_ijk_to_ras_mm": volume.affine.tolist()})
    return count


FORMS: dict[str, Callable[[Path, Path], int]] = {
    "bids": _bids, "nnunet": _nnunet, "webdataset": _webdataset, "zarr": _zarr,
}  # fmt: skip
