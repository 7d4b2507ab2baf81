"""One measured run of our de-identification alone: ``python -m bench.deid_ours RAW OUT``: clean, write, read back, search."""

import sys
from collections import defaultdict
from pathlib import Path

from umd_curate.deid.clean_io import HeaderCleaner
from umd_curate.deid.dicom_out_io import refuse_hidden, refuse_identifiers, write_checked
from umd_curate.deid.encode_io import SeriesWriter
from umd_curate.deid.identifiers import IdentifierSet
from umd_curate.model.findings import Refused
from umd_curate.model.ids import PatientKey, SubjectId
from umd_curate.store.dicom import dataset_of, quiet
from umd_curate.store.keys import DeidKey

KEY = DeidKey(b"benchmark".ljust(32, b"."))


def main(raw: Path, out: Path) -> None:
    """Every file of a tree, by series, as the pipeline does it."""
    series: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(raw.rglob("*.dcm")):
        series[str(path)[:-7]].append(path)
    with quiet():
        for n, paths in enumerate(series.values()):
            _series(paths, out / f"{n:04d}")


def _series(paths: list[Path], folder: Path) -> None:
    writer = SeriesWriter()
    seen, moved = set(), frozenset[str]()
    cleaner: HeaderCleaner | None = None
    for n, path in enumerate(paths):
        source = dataset_of(path.read_bytes())
        if cleaner is None:
            patient = str(source.PatientID)
            cleaner = HeaderCleaner(KEY, PatientKey(patient), SubjectId(KEY.letters("bench", patient, 6)))
        try:
            cleaned = cleaner.clean(source)
            refuse_hidden(source, "f-BENCH")
        except Refused:
            continue
        write_checked(cleaned, folder / f"{n:05d}.dcm", "f-BENCH", writer)
        seen |= cleaned.identifiers.entries
        moved = cleaned.moved
    refuse_identifiers(sorted(folder.glob("*.dcm")), "f-BENCH", IdentifierSet(frozenset(seen)), moved)


if __name__ == "__main__":
    main(*(Path(name) for name in sys.argv[1:3]))
