"""Kitware's dicom-anonymizer on a tree, which it does not walk itself: ``python -m bench.deid_kitware RAW OUT [--keepPrivateTags]``; runs in the peers' environment."""

import sys
from pathlib import Path

from dicomanonymizer import anonymize_dicom_file


def main(raw: Path, out: Path, *, keep_private: bool) -> None:
    """Every file of the tree."""
    for n, path in enumerate(sorted(raw.rglob("*.dcm"))):
        target = out / f"{n:05d}.dcm"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            anonymize_dicom_file(str(path), str(target), None, not keep_private)
        except Exception as fault:  # noqa: BLE001  (a file that it cannot do is not written)
            print(type(fault).__name__, file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), keep_private="--keepPrivateTags" in sys.argv)
