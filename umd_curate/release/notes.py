"""Decides the words of a comparison of two releases: for the terminal, and for the release notes."""

from collections.abc import Iterable, Sequence

from umd_curate.model.changes import Bump, LabelChange, OrganChange, ReleaseChanges
from umd_curate.release.summary import Summary

MAX_NAMED = 20  # of a kind of change; manifests/changes.json has all
_MEANING = {
    Bump.MAJOR: "a split, a column or a label id changes its meaning",
    Bump.MINOR: "something came or went",
    Bump.PATCH: "something was corrected",
    Bump.NONE: "nothing changed",
}

Section = tuple[str, Sequence[str]]


def sections_of(changes: ReleaseChanges) -> list[Section]:
    """Kinds of change that occur, each with one line per change."""
    withdrawn = set(changes.subjects_withdrawn)
    removed = [subject for subject in changes.subjects_removed if subject not in withdrawn]
    found: list[Section] = [
        ("Splits changed", [f"sub-{e.subject}: {e.before} to {e.after}" for e in changes.splits_changed]),
        ("Columns changed", [f"{e.config}/{e.column}: {_was(e.before, e.after)}" for e in changes.columns_changed]),
        ("Label values changed", [f"{e.id}: {_was(e.before, e.after)}" for e in changes.label_values_changed]),
        ("Subjects added", [f"sub-{subject}" for subject in changes.subjects_added]),
        ("Subjects withdrawn", [f"sub-{subject}" for subject in changes.subjects_withdrawn]),
        ("Subjects removed", [f"sub-{subject}" for subject in removed]),
        ("Sessions added", [entry.text for entry in changes.sessions_added]),
        ("Sessions removed", [entry.text for entry in changes.sessions_removed]),
        ("Images added", [entry.text for entry in changes.images_added]),
        ("Images removed", [entry.text for entry in changes.images_removed]),
        ("Images with other voxels", [entry.text for entry in changes.images_changed]),
        ("Images with other file bytes and equal voxels", [entry.text for entry in changes.headers_changed]),
        ("Label maps drawn anew", [_label(entry) for entry in changes.labels_changed]),
        ("Values changed", [f"{e.place} {e.cell}: {_was(e.before, e.after)}" for e in changes.cells_changed]),
    ]
    return [(title, lines) for title, lines in found if lines]


def in_words(changes: ReleaseChanges) -> list[str]:
    """Lines for a terminal."""
    lines = [f"{changes.before} to {changes.after}: {_MEANING[changes.required]}; needs {changes.required}."]
    for title, entries in sections_of(changes):
        lines.append(f"{title}: {len(entries):,}")
        lines += [f"  {entry}" for entry in _named(entries)]
    return lines


def changelog(summary: Summary, version: str, changes: ReleaseChanges | None, earlier: str) -> str:
    """``CHANGELOG.md`` of the dataset.

    Parameters
    ----------
    summary, version
        Of this release.
    changes
        Against the release before it; None where there is none, or it was not at hand.
    earlier
        The changelog of the release before it, or an empty text.
    """
    size = (
        f"{_plural(summary.subjects, 'subject')}, {_plural(summary.sessions, 'session')}, "
        f"{_plural(summary.organ_masks, 'organ mask')}"
    )
    parts = [
        (
            "# Changelog\n\n"
            "MAJOR: a column, a label id or a split changes meaning. MINOR: additions and withdrawals. PATCH: corrections.\n"
        ),
        f"## {version}\n\n{size}.\n",
    ]
    if changes is None:
        parts.append("No earlier release was compared with this one.\n")
    else:
        parts.append(f"Against {changes.before}: {_MEANING[changes.required]}.\n")
        for title, entries in sections_of(changes):
            listed = "".join(f"- {entry}\n" for entry in _named(entries))
            parts.append(f"### {title}: {len(entries):,}\n\n{listed}")
    old = earlier.find("\n## ")
    return "\n".join(parts) + (earlier[old:] if old >= 0 else "")


def _named(entries: Sequence[str]) -> Iterable[str]:
    yield from entries[:MAX_NAMED]
    if len(entries) > MAX_NAMED:
        yield f"and {len(entries) - MAX_NAMED:,} more: manifests/changes.json"


def _label(entry: LabelChange) -> str:
    return f"{entry.image.text}: {'; '.join(map(_organ, entry.organs)) or 'another grid, equal organs'}"


def _organ(entry: OrganChange) -> str:
    volumes = f"{entry.before_ml:g} to {entry.after_ml:g} mL"
    if entry.dice is None:
        return f"{entry.organ} {volumes}, on another grid"
    return f"{entry.organ} Dice {entry.dice:g}, {volumes}, {_plural(entry.voxels_changed or 0, 'voxel')}"


def _was(before: str | None, after: str | None) -> str:
    if before is None:
        return f"new, {after}"
    return f"{before}, gone" if after is None else f"{before} to {after}"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
