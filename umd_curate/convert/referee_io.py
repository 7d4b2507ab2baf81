"""Asks an independent converter for its reading of a series: in a process and a private folder of its own.

The converter prints, keeps settings for its whole process and copies files to the system's temporary folder, so it runs
apart, with links to the source files, its output thrown away and time and memory limited. What it wrote is compared and
removed at once: it holds the face and the header's text. What agreement means is decided in `referee.py`.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import numpy as np

from umd_curate.convert import referee_child_io
from umd_curate.convert.referee import Opinion, Outcome, Scale, compare
from umd_curate.convert.referee_child_io import DONE, REASON, REFUSED
from umd_curate.errors import EngineError
from umd_curate.model.geometry import Volume
from umd_curate.model.sidecars import PetSidecar
from umd_curate.model.study import Role
from umd_curate.store.lazy import Lazy
from umd_curate.store.nifti import read_grid, read_volume

nib = Lazy("nibabel")

WALL_SECONDS: Final = 1800  # a CT of 600 slices takes dicom2nifti 13 s; ten times that on a busy disk, and room
BASE_BYTES: Final = 3 << 30  # address space of Python with its libraries
BYTES_PER_VOXEL: Final = 48  # dicom2nifti holds datasets, pixels and a float64 copy at once
_WORD: Final = re.compile(r"[A-Za-z_/]{3,60}")  # a reason is one word: a class, or a converter's own constant


def second_opinion(
    sources: Sequence[Path], staged: Path, sidecar: Path, role: Role, engine: str, folder: Path
) -> Opinion:
    """Convert the source files with a second converter and compare the result with the staged image.

    Parameters
    ----------
    sources
        Source files of the series.
    staged, sidecar
        Our ``.nii.gz`` and, for a PET, its JSON, which holds the SUV factor.
    role
        Kind of image.
    engine
        ``dicom2nifti`` or ``dcm2niix``.
    folder
        Private folder to work in; it is made, and gone afterwards.

    Raises
    ------
    EngineError
        The converter is not installed.
    """
    command = _command(engine)
    if not all(path.is_file() for path in sources):
        return Opinion(Outcome.REFUSED, "the source is no plain file")
    with _private(folder):
        links, made = folder / "in", folder / "out"
        links.mkdir(mode=0o700)
        made.mkdir(mode=0o700)
        for number, path in enumerate(sources):
            (links / f"{number:06d}.dcm").symlink_to(path.resolve())
        reason = _convert(command, folder, int(np.prod(read_grid(staged).shape_kji)))
        if reason:
            return Opinion(Outcome.REFUSED, reason)
        volumes = [volume for volume in map(_read, sorted(made.glob("*.nii"))) if volume is not None]
        if len(volumes) != 1:
            return Opinion(Outcome.REFUSED, "it made several images or none")
        return compare(read_volume(staged), volumes[0], _scale(role, sidecar))


def engine_version(engine: str) -> str:
    """Version of a converter; ``found`` where it does not say, empty where it is not installed."""
    with contextlib.suppress(PackageNotFoundError):
        return version(engine)
    return "found" if shutil.which(engine) else ""


def _command(engine: str) -> list[str]:
    if not engine_version(engine):
        message = f"The second converter {engine} is not installed."
        hint = f"Install it, for example with `pip install {engine}`, or run with --referee dicom2nifti or none."
        raise EngineError(message, hint=hint)
    return [sys.executable, "-P", referee_child_io.__file__, engine]  # as a file: it needs none of our own libraries


@contextlib.contextmanager
def _private(folder: Path) -> Iterator[None]:
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()  # of the last unit


def _convert(command: Sequence[str], folder: Path, voxels: int) -> str:
    """Run the converter; the reason why it made nothing, empty where it did."""
    memory = BASE_BYTES + BYTES_PER_VOXEL * voxels
    names = ("PATH", "PYTHONPATH", "HOME", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment |= {"TMPDIR": str(folder), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(  # noqa: S603  (our own module, in our own interpreter)
        [*command, "in", "out", str(memory), str(WALL_SECONDS)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = process.wait(WALL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it took more than {WALL_SECONDS} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code == DONE:
        return ""
    if code == REFUSED:
        words = _WORD.fullmatch((folder / "out" / REASON).read_text(encoding="utf-8"))
        return words.group() if words else "it gave no reason"
    return "it ended on its own"


def _read(path: Path) -> Volume | None:
    """Image as a view of the file [k, j, i]; None where it is not one volume of numbers."""
    image = nib.load(path)
    array = np.asanyarray(image.dataobj)
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 3 or array.dtype.kind not in "iuf":
        return None
    return Volume(array.T, np.asarray(image.affine, np.float64))


def _scale(role: Role, sidecar: Path) -> Scale:
    if role is not Role.PET:
        return Scale(role)
    suv = PetSidecar.model_validate_json(sidecar.read_bytes()).suv
    return Scale(role, suv.factor_min, suv.factor_max) if suv else Scale(role)
