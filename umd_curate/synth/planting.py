"""What a defect is, how one is ordered by name, into which series it goes, and what becomes of the study around it.

The defects themselves are rows of the tables in ``defects_*.py``; `defects` joins them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from umd_curate.model.study import Disposition
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Expected, RawFile, Series


class Verdict(StrEnum):
    """What a sound program does with a defect; the machine-readable answer in the truth."""

    ACCEPTED = (
        "accepted"  # the image is sound, or sound enough to be used as it is, with a notice where it deserves one
    )
    REPAIRED = "repaired"  # made usable, and flagged
    REFUSED = "refused"  # set aside by name
    SPLIT = "split"  # what does not belong to the volume is told from it
    EXCLUDED = "excluded"  # never wanted: counted and left out


Alter = Callable[[Study], Study]
EditSeries = Callable[[Series, Study], Sequence[Series]]
EditFiles = Callable[[list[RawFile]], list[RawFile]]


@dataclass(frozen=True, slots=True)
class Defect:
    """One kind of defect.

    Parameters
    ----------
    sentence
        What is planted.
    expect
        What a sound program does with it.
    series
        Names of the series it may go into, in order of preference.
    alters
        Changes the plan of the study, before anything is rendered.
    edit
        Changes the series before encoding; may add others behind it.
    files
        Changes the encoded files.
    drops
        Names of series that the study then lacks.
    elsewhere
        What should become of other series of the study, by name.
    abroad
        What should become of series of other studies, by label of the study and name.
    from_subject
        Least number of a patient who can have it.
    """

    sentence: str
    expect: Verdict
    series: tuple[str, ...]
    alters: Alter | None = None
    edit: EditSeries | None = None
    files: EditFiles | None = None
    drops: tuple[str, ...] = ()
    elsewhere: Mapping[str, Expected] = field(default_factory=dict)
    abroad: Mapping[tuple[str, str], Expected] = field(default_factory=dict)
    from_subject: int = 1


@dataclass(frozen=True, slots=True)
class Planting:
    """A defect and where it goes."""

    name: str
    study: str  # label of the study
    series: str
    defect: Defect = field(repr=False)


def bad(reason: str) -> Expected:
    """What is set aside."""
    return Expected(Disposition.QUARANTINED, reason)


INCOMPLETE = bad("a slice of the series is missing or unusable")
NO_SUV = Expected(Disposition.USED, "the image is sound, but it has no SUV")
# Without its low-dose CT the session falls back on the contrast CT, and nobody drew on that one.
SECOND_CHOICE: Mapping[str, Expected] = {
    "ct-contrast": Expected(Disposition.USED),
    "contours-ct": Expected(Disposition.EXCLUDED, "drawn on an image that is not used"),
}


def orders(texts: Sequence[str], table: Mapping[str, Defect]) -> list[tuple[str, int | None]]:
    """Name and patient of every wanted defect; None for any patient.

    Parameters
    ----------
    texts
        ``NAME`` or ``NAME@SUBJECT,SUBJECT``.
    table
        Defects by name.

    Raises
    ------
    KeyError
        There is no defect of that name.
    ValueError
        What stands behind the @ is no number.
    """
    found: list[tuple[str, int | None]] = []
    for text in texts:
        name, at, subjects = text.partition("@")
        if name not in table:
            raise KeyError(name)
        found += [(name, int(subject)) for subject in subjects.split(",")] if at else [(name, None)]
    return found


def plant(
    texts: Sequence[str], studies: Sequence[tuple[Study, Sequence[str]]], table: Mapping[str, Defect]
) -> tuple[Planting, ...]:
    """Choose the first suitable series for each defect; two defects share a study only where they must.

    Parameters
    ----------
    texts
        Defects as `orders` reads them.
    studies
        Every study with the names of its series.
    table
        Defects by name.

    Raises
    ------
    KeyError, ValueError
        As of `orders`.
    LookupError
        No series of the cohort is suitable.
    """
    found: list[Planting] = []
    for name, subject in orders(texts, table):
        defect = table[name]
        places = [
            (study.label, series)
            for series in defect.series
            for study, present in studies
            if series in present
            and subject in {None, study.person.index}
            and study.person.index >= defect.from_subject
            and study.label not in {label for label, _ in defect.abroad}
        ]
        gone = {(p.study, series) for p in found for series in p.defect.drops}
        places = [place for place in places if place not in gone]
        if not places:
            message = f"no series of this cohort can hold the defect {name}"
            raise LookupError(message)
        free = [place for place in places if place[0] not in {p.study for p in found}]
        apart = [place for place in places if place not in {(p.study, p.series) for p in found}]
        label, series = (free or apart or places)[0]
        found.append(Planting(name, label, series, defect))
    return tuple(found)


def altered(study: Study, plantings: Sequence[Planting]) -> Study:
    """The study as its defects change its plan."""
    for planting in plantings:
        if planting.study == study.label and planting.defect.alters:
            study = planting.defect.alters(study)
    return study


def edited(series: Series, study: Study, plantings: Sequence[Planting]) -> tuple[Series, ...]:
    """The series with its defects and what they add; empty where the study lacks it."""
    expected = expectation(series.name, series.expected, study, plantings)
    if expected is None:
        return ()
    found: tuple[Series, ...] = (series if expected is series.expected else replace(series, expected=expected),)
    for planting in plantings:
        if (planting.study, planting.series) == (study.label, series.name) and planting.defect.edit:
            found = (*planting.defect.edit(found[0], study), *found[1:])
    return found


def expectation(name: str, sound: Expected, study: Study, plantings: Sequence[Planting]) -> Expected | None:
    """What should become of a series beside the defects of its study; None where the study lacks it."""
    for planting in plantings:
        defect = planting.defect
        if planting.study == study.label:
            if name in defect.drops:
                return None
            sound = defect.elsewhere.get(name, sound)
        sound = defect.abroad.get((study.label, name), sound)
    return sound


def is_damaged(name: str, study: Study, plantings: Sequence[Planting]) -> bool:
    """Whether a defect goes into the encoded files of a series."""
    places = {(planting.study, planting.series) for planting in plantings if planting.defect.files}
    return (study.label, name) in places


def damaged(files: list[RawFile], name: str, study: Study, plantings: Sequence[Planting]) -> list[RawFile]:
    """The files of a series with their defects."""
    for planting in plantings:
        if (planting.study, planting.series) == (study.label, name) and planting.defect.files:
            files = planting.defect.files(files)
    return files
