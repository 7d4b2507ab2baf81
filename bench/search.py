"""How fast the search for identifiers is, and what it sees in noise: ``python -m bench.search [WORK]``.

The identifiers of so many patients are looked for in noise, in PET voxels, in a table of numbers and in JSON, beside one
alternation of Python's `re` and GNU grep with the same spellings (in one encoding and without disguises), all in one run.
Then a packed image is opened and searched as a whole, with the memory that this takes.
"""

import argparse
import gzip
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from umd_curate.deid.audit import Searcher
from umd_curate.deid.identifiers import IdentifierSet, Kind, from_date, from_name

MIB = 1 << 20
NOISE_MIB = 32
NUMBERS = 100_000
RE_LIMIT_S = 60  # an alternation that is slower is measured on a part


def identifiers(patients: int, rng: np.random.Generator) -> IdentifierSet:
    """Name, id, birth and study date, accession and UIDs of so many patients."""
    letters = list("abcdefghijklmnopqrstuvwxyzäöüéèłżş")
    entries: set[tuple[Kind, str]] = set()
    for _ in range(patients):
        family, given = ("".join(rng.choice(letters, rng.integers(4, 12))) for _ in range(2))
        entries |= {(Kind.NAME, one) for one in from_name(f"{family}^{given}", frozenset())}
        entries |= {(Kind.ID, f"{rng.integers(10**6, 10**8)}"), (Kind.ID, f"acc{rng.integers(10**6, 10**8)}")}
        for year in (rng.integers(1930, 2010), rng.integers(2015, 2026)):
            day = f"{year}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}"
            entries |= {(Kind.DATE, one) for one in from_date(day)}
        root = f"1.2.840.113619.2.55.3.{rng.integers(10**9)}.{rng.integers(10**9)}"
        entries |= {(Kind.UID, f"{root}.{number}") for number in range(300)}
    return IdentifierSet(frozenset(entries))


def data(rng: np.random.Generator) -> dict[str, bytes]:
    """What is searched, by name."""
    voxels = np.round(np.abs(rng.normal(0, 2, NOISE_MIB * MIB // 8)), 3).astype(np.float32)
    voxels[rng.random(voxels.size) < 0.5] = 0
    numbers = "\n".join(
        f"{value:.{digits}g}"
        for value, digits in zip(rng.normal(0, 1000, NUMBERS), rng.integers(3, 12, NUMBERS), strict=True)
    )
    integers = "\n".join(map(str, rng.integers(0, 10 ** rng.integers(1, 12, NUMBERS))))
    line = {"subject": "7K3QF2", "suv_max": 3.25, "uid": "2.25.123456789012345678901234567890", "organ": "liver"}
    rows = (json.dumps({**line, "volume_ml": value}) for value in rng.normal(0, 100, 60_000).tolist())
    return {
        "noise": rng.bytes(NOISE_MIB * MIB),
        "PET voxels": voxels.tobytes(),
        "random numbers": f"{numbers}\n{integers}".encode(),
        "JSON": "\n".join(rows).encode(),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "umd-bench-search")
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    searched = data(rng)
    for patients in (1, 100, 1000):
        known = identifiers(patients, rng)
        begin = time.process_time()
        searcher = Searcher(known)
        print(f"\n{patients} patients, {len(known)} spellings, made ready in {time.process_time() - begin:.1f} CPU s")
        spellings = sorted({value for kind, value in known if kind is not Kind.UID})
        for name, block in searched.items():
            ways = {"as payload": searcher.in_payload, "as text": searcher.in_text}
            if name in {"random numbers", "JSON"}:
                del ways["as payload"]
            shown = []
            for way, search in ways.items():
                begin = time.process_time()
                hits = search(block)
                shown.append(f"{way} {len(block) / 1e6 / (time.process_time() - begin):.0f} MB/s, {len(hits)} hits")
            print(
                f"{name:>15}: {'; '.join(shown)}; re {_re(spellings, block):.1f}; grep {_grep(work, spellings, block):.0f} MB/s"
            )
    _packed(work, searcher)


def _re(spellings: list[str], block: bytes) -> float:
    pattern = re.compile(b"|".join(re.escape(value.encode()) for value in spellings), re.IGNORECASE)
    size = 1 << 16
    while True:
        begin = time.process_time()
        pattern.search(block[:size])
        spent = time.process_time() - begin
        if spent > 0.5 or size >= len(block):
            return min(size, len(block)) / 1e6 / max(spent, 1e-9)
        size *= 4


def _grep(work: Path, spellings: list[str], block: bytes) -> float:
    (work / "words").write_text("\n".join(spellings), encoding="utf-8")
    (work / "block").write_bytes(block)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["grep", "-a", "-c", "-i", "-F", "-f", str(work / "words"), str(work / "block")]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return len(block) / 1e6 / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _packed(work: Path, searcher: Searcher) -> None:
    from umd_curate.deid.unpack_io import pieces

    path, rng = work / "image.nii.gz", np.random.default_rng(6)
    with gzip.open(path, "wb", 1) as stream:
        head = bytearray(352)
        head[344:348] = b"n+1\0"
        stream.write(head)
        for _ in range(64):
            stream.write(np.round(rng.normal(0, 30, MIB)).astype(np.int16).tobytes())
    begin, before, unpacked = time.process_time(), _peak_mib(), 0
    with path.open("rb") as file:
        for piece in pieces(file):
            unpacked += len(piece.data)
            searcher.in_text(piece.data) if piece.is_text else searcher.in_payload(piece.data)
    spent = time.process_time() - begin
    print(
        f"\n.nii.gz of {path.stat().st_size / 1e6:.0f} MB, {unpacked / 1e6:.0f} MB unpacked: {unpacked / 1e6 / spent:.0f} MB/s, {_peak_mib() - before:.0f} MiB more memory"
    )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
