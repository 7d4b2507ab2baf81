"""Weights of an engine: taken in from a zip or a folder, recorded by size and SHA-256, and checked before each use.

A checkpoint of PyTorch can run code when it is loaded, so a file that is not the recorded one is never given to an engine.
Nothing is downloaded.
"""

import functools
import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from umd_curate.errors import EngineError
from umd_curate.model.receipts import Json
from umd_curate.store.files import sha256_of, write_json

RECORD: Final = "weights.json"
_MAX_BYTES: Final = 32 << 30  # of what a zip may unpack to; the largest published set has 8 GiB
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class WeightRecord:
    """One file as it was taken in."""

    size: int
    sha256: str


def take_in(source: Path, folder: Path, wanted: Iterable[str]) -> list[str]:
    """Copy the data sets of a zip or a folder below `folder` and record their files; return the names of the data sets.

    Parameters
    ----------
    source
        A zip that holds folders of data sets, or a folder of them, or the folder of one data set.
    folder
        Where the engine reads its weights.
    wanted
        Names of the data sets that the engine knows.

    Raises
    ------
    EngineError
        The source cannot be read, or holds none of the data sets.
    """
    known = set(wanted)
    try:
        files = _zipped(source) if source.is_file() else _in_folder(source)
        found = {name: data for name, data in files.items() if PurePosixPath(name).parts[0] in known}
        if not found:
            message = "The source holds no weights that this engine knows."
            hint = f"It knows folders such as {min(known)}."
            raise EngineError(message, hint=hint)
        record = dict(read_record(folder))
        for name, (archive, path) in sorted(found.items()):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            record[name] = _copied(archive, path, target)
    except (OSError, zipfile.BadZipFile) as error:
        message = "The weights cannot be read or written."
        raise EngineError(message, hint="Give the zip as it was published, or the unpacked folder.") from error
    plain: dict[str, Json] = {n: {"size": entry.size, "sha256": entry.sha256} for n, entry in sorted(record.items())}
    write_json(folder / RECORD, {"files": plain})
    return sorted({PurePosixPath(name).parts[0] for name in found})


def read_record(folder: Path) -> Mapping[str, WeightRecord]:
    """What was taken in, by name relative to the folder; empty where nothing was."""
    try:
        files = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        return {name: WeightRecord(int(entry["size"]), str(entry["sha256"])) for name, entry in files.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def problems(folder: Path, datasets: Iterable[str]) -> list[str]:
    """What is wrong with the weights of some data sets; sizes are compared before checksums, so most answers are instant."""
    record = read_record(folder)
    found = []
    for dataset in datasets:
        files = {name: entry for name, entry in record.items() if PurePosixPath(name).parts[0] == dataset}
        if not any(name.endswith(".pth") for name in files):
            found.append(f"the weights {dataset} are not there")
        found += [said for name, entry in sorted(files.items()) if (said := file_problem(folder / name, name, entry))]
    return found


def file_problem(path: Path, name: str, entry: WeightRecord) -> str:
    """What is wrong with one file; empty where nothing is."""
    try:
        seen = path.stat()
    except OSError:
        return f"the file {name} is missing"
    if seen.st_size != entry.size:
        return f"the file {name} has {seen.st_size} bytes, not {entry.size}"
    if _hashed(str(path), seen.st_size, seen.st_mtime_ns, seen.st_ino) != entry.sha256:
        return f"the file {name} is not the one that was taken in: its SHA-256 differs"
    return ""


@functools.lru_cache(maxsize=256)
def _hashed(path: str, size: int, changed_ns: int, inode: int) -> str:  # noqa: ARG001  (they tell one state of a file)
    return sha256_of(Path(path))


def _zipped(source: Path) -> dict[str, tuple[Path | None, str]]:
    """Files of a zip by name, each with the archive."""
    with zipfile.ZipFile(source) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if sum(entry.file_size for entry in entries) > _MAX_BYTES:
        message = "The zip unpacks to more than 32 GiB."
        raise EngineError(message, hint="Give the zip as it was published.")
    names: dict[str, tuple[Path | None, str]] = {}
    for entry in entries:
        parts = PurePosixPath(entry.filename).parts
        if not parts or ".." in parts or PurePosixPath(entry.filename).is_absolute():
            message = "The zip holds a name that leads out of its folder."
            raise EngineError(message, hint="Give the zip as it was published.")
        names[str(PurePosixPath(*parts))] = (source, entry.filename)
    return names


def _in_folder(source: Path) -> dict[str, tuple[Path | None, str]]:
    """Files below a folder, named from the data set on."""
    root = source.parent if source.name.startswith("Dataset") else source
    return {
        path.relative_to(root).as_posix(): (None, str(path)) for path in sorted(source.rglob("*")) if path.is_file()
    }


def _copied(archive: Path | None, name: str, target: Path) -> WeightRecord:
    """Copy one file and hash it on the way."""
    digest, size = hashlib.sha256(), 0
    temporary = target.with_name(f".{target.name}.part")
    if archive is None:
        shutil.copyfile(name, temporary)
        digest_of, size = sha256_of(temporary), temporary.stat().st_size
    else:
        with zipfile.ZipFile(archive) as opened, opened.open(name) as handle, temporary.open("wb") as out:
            while block := handle.read(_BLOCK):
                digest.update(block)
                size += len(block)
                out.write(block)
        digest_of = digest.hexdigest()
    temporary.replace(target)
    return WeightRecord(size, digest_of)
