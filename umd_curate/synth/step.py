"""Writes a synthetic cohort: for every study of the plan render, dress in DICOM, damage, write; then the truth."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from umd_curate.model.labels import OrganTable
from umd_curate.model.receipts import Json
from umd_curate.store.resources import organ_table
from umd_curate.synth import clutter, io, truth
from umd_curate.synth.contours import contours
from umd_curate.synth.defects import DEFECT_TABLE
from umd_curate.synth.io_dicom import encode_series
from umd_curate.synth.io_picture import picture
from umd_curate.synth.io_shapes import shape_of
from umd_curate.synth.io_spool import Spool
from umd_curate.synth.observer import drawn
from umd_curate.synth.options import SynthOptions
from umd_curate.synth.paint import Labels
from umd_curate.synth.placing import Placed
from umd_curate.synth.planting import Planting, altered, damaged, edited, expectation, is_damaged, plant
from umd_curate.synth.render import render_ct, render_mr, render_pet
from umd_curate.synth.scanners import Kind
from umd_curate.synth.schedule import Study, studies_of
from umd_curate.synth.series import USED, Keep, RawFile, Series
from umd_curate.synth.studies import ct_series, mr_series, pet_series, series_names

if TYPE_CHECKING:
    from umd_curate.model.geometry import Grid

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Cohort:
    """What was written.

    Parameters
    ----------
    raw, truth
        Folders of the DICOM files and of the exact answers.
    subjects, sessions, files
        How many of each.
    plantings
        Where each defect went.
    """

    raw: Path
    truth: Path
    subjects: int
    sessions: int
    files: int
    plantings: tuple[Planting, ...]


def write_cohort(out: Path, options: SynthOptions, on_progress: Progress | None = None) -> Cohort:
    """Write a cohort below `out`: ``raw/`` as a PACS exports it, ``truth/`` with the exact answers.

    Parameters
    ----------
    out
        Folder; an earlier cohort in it is replaced.
    options
        What to write; equal options give equal bytes.
    on_progress
        Called with files written and files planned.

    Raises
    ------
    UsageError
        `out` holds something else.
    KeyError, LookupError
        A defect is unknown, or no series can hold it.
    """
    planned = studies_of(options)
    plantings = plant(options.defects, [(study, tuple(series_names(study))) for study in planned], DEFECT_TABLE)
    studies = [altered(study, plantings) for study in planned]
    organs = organ_table()
    strays = clutter.strays(studies)
    total = sum(sum(series_names(study).values()) for study in studies) + len(strays)
    io.prepare(out)
    people = list({(study.person.index, study.person.patient_id): study.person for study in studies}.values())
    io.write_canaries(out, truth.canaries(people, studies))
    written = 0

    def count() -> None:
        nonlocal written
        written += 1
        if on_progress:
            on_progress(min(written, total), total)

    raw = io.RawFolder(out / "raw", shape_of(options.layout, out / "raw", options.seed), count)
    sessions = {study.label: _write_study(study, raw, out, plantings, organs) for study in studies}
    for name, data in strays:
        raw.add_stray(name, data, clutter.STRAY)
    raw.close(clutter.DIRECTORY)
    io.write_cohort_file(out, _index(options, studies, sessions, raw.files, plantings))
    return Cohort(out / "raw", out / "truth", options.subjects, len(studies), len(raw.files), plantings)


def _write_study(
    study: Study, raw: io.RawFolder, out: Path, plantings: tuple[Planting, ...], organs: OrganTable
) -> dict[str, Json]:
    """One study: images, clutter, contours and truth."""
    ids = {organ.name: organ.id for organ in organs}
    with Spool(out) as spool:
        series, labels, placed, drawn_on = _anatomical(study, ids, spool.keep)
        pet = render_pet(study, ids, spool.keep)
        series += [*pet_series(study, pet), clutter.dose_report(study)]
        series.append(clutter.screen_capture(study, picture(clutter.capture_lines(study))))
        kept = _write_series(study, series, raw, plantings)
    name = f"contours-{drawn_on.split('-', maxsplit=1)[0]}"
    expected = expectation(name, USED, study, plantings)
    if expected is not None:
        outlines = drawn(labels, study.draw("observer"))
        kept += _write_series(study, [contours(study, outlines, placed, drawn_on, organs, expected)], raw, plantings)
    anatomical = "ct" if study.kind is Kind.PETCT else "mr"
    grids: dict[str, tuple[Labels, Grid]] = {anatomical: (labels, placed.grid), "pet": (pet.labels, pet.placed.grid)}
    io.write_truth_images(out / "truth" / study.label, grids, (pet.plain.suv_kji, pet.placed.grid))
    return truth.session(study, {anatomical: (labels, placed), "pet": (pet.labels, pet.placed)}, kept, organs)


def _anatomical(study: Study, ids: dict[str, int], keep: Keep) -> tuple[list[Series], Labels, Placed, str]:
    """Series of the CT or MR, its labels, its grid, and the series on which contours are drawn."""
    if study.kind is Kind.PETCT:
        ct = render_ct(study, ids, keep)
        return ct_series(study, ct), ct.labels, ct.placed, "ct"
    mr = render_mr(study, ids, keep)
    return mr_series(study, mr), mr.labels, mr.placed, "mr-in"


def _write_series(
    study: Study, series: Iterable[Series], raw: io.RawFolder, plantings: tuple[Planting, ...]
) -> list[tuple[Series, int]]:
    """Write every series with its defects; return them with their numbers of files."""
    kept = []
    for sound in series:
        for one in edited(sound, study, plantings):
            files: Iterable[RawFile] = _encoded(study, one)
            if is_damaged(one.name, study, plantings):
                files = damaged(list(files), one.name, study, plantings)
            kept.append((one, raw.add_series(study, one, files)))
    return kept


def _encoded(study: Study, series: Series) -> Iterator[RawFile]:
    """Files of a series with what should become of each."""
    encoded = encode_series(series, study.person.application_entity, study.names["private"])
    for place, (sop_uid, data) in enumerate(encoded):
        yield RawFile(place + 1, sop_uid, data, series.odd.get(place, series.expected))


def _index(
    options: SynthOptions,
    studies: list[Study],
    sessions: dict[str, dict[str, Json]],
    files: list[truth.FileTruth],
    plantings: tuple[Planting, ...],
) -> Json:
    """The truth's index of the whole cohort."""
    patients: dict[int, list[Study]] = {}
    for study in studies:
        patients.setdefault(study.person.index, []).append(study)
    return {
        "schema": "umd-synth-cohort/1",
        "options": {
            "subjects": options.subjects,
            "seed": options.seed,
            "size": str(options.size),
            "layout": str(options.layout),
            "defects": list(options.defects),
            "scanners": list(options.scanners),
            "mixed": options.mixed,
        },
        "patients": [
            truth.patient(own[0].person, own, [sessions[study.label] for study in own]) for own in patients.values()
        ],
        "defects": [
            {
                "name": one.name,
                "session": one.study,
                "series": one.series,
                "sentence": one.defect.sentence,
                "expect": str(one.defect.expect),
            }
            for one in plantings
        ],
        "files": truth.files_json(files),
    }
