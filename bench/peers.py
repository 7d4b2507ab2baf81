"""The series, the tools and the table that `bench.convert` and `bench.pixel_path` share.

The peers live in a virtual environment of their own (``bench/requirements.txt``); each run is a process of its own.
"""

import argparse
import compileall
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import umd_curate
from bench.measure import Cost, cost_of

FORMS = {"ct": (600, 512), "pet": (300, 400)}  # slices, rows and columns
_DICOM2NIFTI = "import sys, dicom2nifti; dicom2nifti.convert_directory(*sys.argv[1:3])"


@dataclass(frozen=True)
class Series:
    """A series on the disk with its work orders; two, since two runs must not write the same files."""

    raw: Path
    work: Path
    copy: Path
    out: Path


def arguments() -> tuple[Path, Path, int]:
    """Folder to work in, the peers' environment, and how often to measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "umd-bench")
    parser.add_argument("--peers", type=Path, default=Path(__file__).with_name(".venv"))
    parser.add_argument("--turns", type=int, default=1)
    given = parser.parse_args()
    return given.work.resolve(), given.peers.resolve(), given.turns


def made(work: Path, modality: str) -> Series:
    """Make a series and scan it, where that has not been done."""
    compileall.compile_dir(Path(umd_curate.__file__).parent, quiet=1)  # as pip does with the peers' packages
    series = Series(work / modality, work / f"{modality}-work", work / f"{modality}-copy", work / f"{modality}-out")
    if not series.copy.exists():
        shutil.rmtree(series.raw, ignore_errors=True)
        shutil.rmtree(series.work, ignore_errors=True)
        n_slices, size = FORMS[modality]
        _run("-m", "bench.objects", modality, series.raw, n_slices, size)
        for place in (series.work, series.copy):
            _run("-m", "bench.ours", "prepare", series.raw, place)
    return series


def command(series: Series, verb: str, name: str = "one", *, copy: bool = False) -> list[str]:
    """Command of one of our runs."""
    out = _fresh(series, f"ours-{name}")
    return [sys.executable, "-m", "bench.ours", verb, str(series.copy if copy else series.work), str(out)]


def ours(series: Series, verb: str, *more: object) -> Cost:
    """Cost of one of our runs."""
    run = command(series, verb)
    return cost_of([[*run, *map(str, more)]], Path(run[5]))


def ours_of_several(series: Series, count: int) -> Cost:
    """Cost of one volume where a run converts several: the program starts once."""
    cost = ours(series, "convert", count)
    return replace(cost, cpu_s=cost.cpu_s / count)


def dcm2niix(series: Series, peers: Path) -> Cost:
    """Cost of dcm2niix with its internal compression, level 6."""
    out = _fresh(series, "dcm2niix")
    return cost_of([[str(peers / "bin/dcm2niix"), "-z", "i", "-o", str(out), str(series.raw)]], out)


def dicom2nifti(series: Series, peers: Path) -> Cost:
    """Cost of dicom2nifti."""
    out = _fresh(series, "dicom2nifti")
    return cost_of([[str(peers / "bin/python"), "-c", _DICOM2NIFTI, str(series.raw), str(out)]], out)


def dicognito_and_dicom2nifti(series: Series, peers: Path) -> Cost:
    """Cost of dicognito and of dicom2nifti on what it wrote."""
    clean, out = _fresh(series, "dicognito"), _fresh(series, "dicognito-dicom2nifti")
    commands = [
        [str(peers / "bin/python"), "-m", "dicognito", "-o", str(clean), str(series.raw)],
        [str(peers / "bin/python"), "-c", _DICOM2NIFTI, str(clean), str(out)],
    ]
    cost = cost_of(commands, out)
    shutil.rmtree(clean)
    return cost


def table(title: str, costs: dict[str, Cost]) -> None:
    """Print costs, and each tool's CPU as a multiple of the first's inverse: how much the first needs of it."""
    first = next(iter(costs.values()))
    print(f"\n{title}\n{'':34}{'CPU s':>8}{'peak MiB':>10}{'MB':>8}{'first / this':>14}")
    for name, cost in costs.items():
        print(f"{name:34}{cost.cpu_s:8.2f}{cost.peak_mib:10.0f}{cost.megabytes:8.1f}{first.cpu_s / cost.cpu_s:14.2f}")


def again(series: Series, peers: Path, turns: int, verb: str, *more: object) -> None:
    """Where several turns are asked for, let our run and dcm2niix follow each other so often, and print the ratio with its range."""
    if turns < 2:
        return
    pairs = [(ours(series, verb, *more).cpu_s, dcm2niix(series, peers).cpu_s) for _ in range(turns)]
    ratios = sorted(one / other for one, other in pairs)
    total = sum(one for one, _ in pairs) / sum(other for _, other in pairs)
    print(f"\n{verb} / dcm2niix -z i, {turns} turns: {total:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def _fresh(series: Series, name: str) -> Path:
    folder = series.out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _run(*words: object) -> None:
    subprocess.run([sys.executable, *map(str, words)], check=True)
