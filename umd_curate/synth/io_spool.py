"""Lays the rendered planes of a study aside until they are written: in memory while they are few, else in a file.

So a study of clinical size needs the memory of some slices, not of all its images.
"""

from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Self

from umd_curate.synth.series import Load

_IN_MEMORY_BYTES = 64 << 20  # enough for a study of demo size


class Spool:
    """A heap of planes that vanishes with its study.

    Parameters
    ----------
    folder
        Where the file lies, should one be needed; it has no name there.
    """

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115  (closed by __exit__)
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def keep(self, data: bytes) -> Load:
        """Lay bytes aside; what comes back gives them again."""
        start, size = self._end, len(data)
        self._file.seek(start)
        self._file.write(data)
        self._end += size

        def load() -> bytes:
            self._file.seek(start)
            return self._file.read(size)

        return load
