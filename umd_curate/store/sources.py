"""One door to the bytes of a source."""

import io
from typing import BinaryIO, cast


def open_source(name: str) -> BinaryIO:
    return cast(BinaryIO, io.FileIO(name))
