"""Writes weights.json: size and SHA-256 of every file in the zips, as they are recorded when they are taken in."""

import tempfile
from pathlib import Path

from umd_curate.label.engines.totalsegmentator import datasets
from umd_curate.label.weights_io import RECORD, take_in

HERE = Path(__file__).parent


def main() -> None:
    """Take the zips in to a temporary folder and keep the record."""
    with tempfile.TemporaryDirectory() as name:
        for path in sorted(HERE.glob("tiny-*.zip")):
            take_in(path, Path(name), datasets())
        (HERE / RECORD).write_bytes((Path(name) / RECORD).read_bytes())


if __name__ == "__main__":
    main()
