"""Decides the words of the card: what a user must know before the first row, with numbers counted from the data."""

from collections.abc import Sequence
from dataclasses import dataclass

from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.config_section import Relaxation
from umd_curate.model.labels import OrganTable
from umd_curate.release.summary import Counts, SubsetSummary, Summary

_FACES = {
    "defaced": "the face was removed from the image",
    "no-head": "no head is in view",
    "retained": "the face was kept, for the reason below",
}
_NOT_STATED = "not stated"
_CAPTIONS = {
    "age": "Subjects by age and sex",
    "scanners": "Sessions by scanner",
    "suv": "Mean SUVbw by organ, one value per session; in brackets how many",
    "volumes": "Organ volumes on the CT or MR grid, one value per mask; in brackets how many",
    "gate": "Sessions that were released, and those that the gate held back by reason",
}
_ANATOMY = {"ct": "CT", "mr": "MR"}


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the card says beside the counted numbers.

    Parameters
    ----------
    title, version, site, reference
        Of the dataset.
    name
        Folder of the release.
    configs
        Names that `load_dataset` knows, default first.
    organs
        What the values of a label map mean.
    relaxed
        Rules of the gate that this release relaxes.
    made_with
        Software and versions.
    licence, consent, ethics, contact, citation
        As the settings state them.
    previous
        Version of the release before this one.
    withdrawn
        Subjects that were withdrawn so far.
    figures
        Paths of the pictures that were drawn.
    """

    title: str
    name: str
    version: str
    site: str
    reference: str
    configs: tuple[str, ...]
    organs: OrganTable
    relaxed: tuple[Relaxation, ...]
    made_with: tuple[str, ...]
    licence: str = "other"
    consent: str | None = None
    ethics: str | None = None
    contact: str | None = None
    citation: str = ""
    previous: str | None = None
    withdrawn: int = 0
    figures: tuple[str, ...] = ()


def card_body(summary: Summary, facts: CardFacts) -> str:
    """The card below its YAML head, in Markdown."""
    sections = [
        _opening(summary, facts),
        _loading(facts),
        *(_subset(subset) for subset in summary.subsets),
        _cohort(summary, facts),
        _conventions(),
        _label_values(facts),
        _protection(summary),
        _review(summary, facts),
        _left_out(summary, facts),
        _uses(),
        _rights(facts),
        _versions(facts),
        _citation(facts),
        _receipts(facts),
    ]
    return "\n".join(sections)


def _opening(summary: Summary, facts: CardFacts) -> str:
    return (
        f"# {facts.title}\n\n"
        f"Version {facts.version}. {_plural(summary.subjects, 'subject')}, {_plural(summary.sessions, 'session')}, "
        f"{summary.slices:,} slices, {_plural(summary.organ_masks, 'organ mask')}.\n\n"
        + (f"Reference: {facts.reference}.\n" if facts.reference else "")
    )


def _loading(facts: CardFacts) -> str:
    name = facts.name
    default, *others = facts.configs
    lines = [
        "from datasets import concatenate_datasets, load_dataset",
        "",
        f'images = load_dataset("{name}")  # {default}',
    ]
    lines += [f'load_dataset("{name}", "{other}")' for other in others]
    labels = f"labels-{default}"
    joined = ""
    if labels in others:
        lines += [
            "",
            f'labels = load_dataset("{name}", "{labels}")',
            "for split in images:",
            "    joined = concatenate_datasets([images[split], labels[split]], axis=1)",
        ]
        joined = "Image rows and label rows are in the same order; a session without labels has a label row of nulls.\n"
    code = "\n".join(lines)
    return (
        "## Loading\n\n"
        f"In the folder that holds `{name}/`:\n\n"
        f"```python\n{code}\n```\n\n"
        "An image column gives a nibabel image; its array is indexed (i, j, k) and its affine maps to RAS+ mm.\n"
        f"{joined}"
    )


def _subset(subset: SubsetSummary) -> str:
    anatomy = _ANATOMY.get(subset.anatomical, subset.anatomical)
    rows = [
        ("Subjects", f"{subset.subjects:,}"),
        ("Sessions", f"{subset.sessions:,}"),
        ("Sessions with labels", f"{subset.labelled:,}"),
        (f"Sessions with {anatomy} on the PET grid", f"{subset.on_pet:,}"),
        ("PET slices", f"{subset.pet_slices:,}"),
        (f"{anatomy} slices", f"{subset.anatomical_slices:,}"),
        ("Organ masks", f"{sum(count for _, count in subset.organ_masks):,}"),
        ("PET spacing i, j, k [mm]", _spacing(subset, "pet")),
        (f"{anatomy} spacing i, j, k [mm]", _spacing(subset, subset.anatomical)),
    ]
    organs = ", ".join(f"{name} {count:,}" for name, count in subset.organ_masks)
    return f"## PET and {anatomy}: `{subset.name}`\n\n{_table(('', ''), rows)}" + (
        f"\nMasks by organ: {organs}.\n" if organs else ""
    )


def _cohort(summary: Summary, facts: CardFacts) -> str:
    age = " to ".join(str(years) for years in sorted(set(summary.age))) if summary.age else "not stated"
    rows = [
        ("Site", facts.site),
        ("Subjects by split", _listed(summary.splits)),
        ("Subjects by sex", _listed(summary.sex)),
        ("Age at the scan [years]", age),
        ("Sessions by tracer", _listed(summary.tracers)),
        ("Sessions by scanner", _listed(summary.scanners)),
        ("Sessions by PET unit", _listed(summary.pet_units)),
    ]
    return (
        f"## Cohort\n\n{_table(('', ''), rows)}\n{_shown(facts, 'age', 'scanners')}An age of 90 stands for 90 and more. No subject is in two splits, and "
        "none that has a split in this version moves to another one in a later version with the same seed and shares.\n"
    )


def _conventions() -> str:
    return (
        "## Conventions\n\n"
        "PET is SUVbw [g/mL] by body weight unless `pet_units` says otherwise; the derivation of every SUV factor with its "
        "inputs stands in the column `sidecar` of `manifests/volumes.parquet`. CT is in HU, MR in arbitrary units. `ct_on_pet` and `mr_on_pet` are averaged onto the PET "
        "grid of the same session, or null where they cover too little of it; the PET itself was never resampled. `organs` lies on the CT or MR grid, "
        "`organs_on_pet` on the PET grid, carried over; the column `approximate` names organs that moved between the scans. "
        "PET voxels are float32, label maps uint8. Columns ending in `_shape` and `_spacing_mm` are in the order (i, j, k), as nibabel "
        "indexes; SimpleITK and numpy arrays made of it are indexed [k, j, i].\n"
    )


def _label_values(facts: CardFacts) -> str:
    rows = [
        (f"{organ.id}", f"`{organ.name}`", f"{organ.snomed_code} {organ.snomed_meaning}", organ.side or "")
        for organ in facts.organs
    ]
    return (
        "## Label values\n\n"
        f"{_table(('Value', 'Organ', 'SNOMED CT', 'Side'), [('0', 'background', '', ''), *rows])}\n"
        "Left and right are the patient's. An organ that a label map does not hold was not labelled there; that does not say "
        "that it is absent from the body. `manifests/labels.parquet` has one row per mask.\n"
    )


def _protection(summary: Summary) -> str:
    faces = "; ".join(f"{count:,} images: {_FACES.get(state, state)}" for state, count in summary.faces)
    reasons = "".join(f"Reason for keeping faces: {reason}\n" for reason in summary.face_reasons)
    return (
        "## De-identification\n\n"
        "Only listed header elements were kept, at every level of nesting. Names, dates, clock times, addresses and source "
        "UIDs are not in this dataset; times are seconds after the injection; subject ids are random.\n\n"
        f"Faces: {faces or 'nothing recorded'}.\n{reasons}\n"
        "Do not try to identify a person, and tell the maintainers of any identifier that you find.\n"
    )


def _review(summary: Summary, facts: CardFacts) -> str:
    relaxed = "".join(f"- {entry.rule}: {entry.reason}\n" for entry in facts.relaxed)
    return (
        "## Quality and review\n\n"
        "Review state: **unreviewed**: no physician has judged these images and labels yet. Findings of the automatic "
        f"checks and of the steps, each in the configuration `qa`: {_listed(summary.severities) or 'none'}. Checks by "
        f"outcome, passed ones too: {_listed(summary.checks) or 'none'}.\n\n"
        f"{_shown(facts, 'suv', 'volumes')}"
        + (
            f"Rules that this release relaxes:\n\n{relaxed}"
            if relaxed
            else "No rule of the release gate was relaxed.\n"
        )
    )


def _left_out(summary: Summary, facts: CardFacts) -> str:
    parts = [
        ("Sessions held back", summary.held_sessions),
        ("Quarantined work on sessions", summary.stopped_units),
        ("Raw files quarantined: wanted, but unusable", summary.quarantined_files),
        ("Raw files excluded: expected and never wanted", summary.excluded_files),
    ]
    tables = [
        f"### {title}\n\n"
        + _table(("Code", "Reason", "Count"), [(code, _title(code), f"{count:,}") for code, count in counts])
        for title, counts in parts
        if counts
    ]
    shown = _shown(facts, "gate")
    return f"## What is not in it, and why\n\n{shown}" + ("\n".join(tables) or "Nothing was left out.\n")


def _uses() -> str:
    return (
        "## Uses and limits\n\n"
        "Made for research on organ segmentation and on how models differ between the paired modalities of one body. Not "
        "made for diagnosis, and not for finding out who a person is.\n\n"
        "- One site's scanners, protocols and referrals: numbers of this dataset need not hold elsewhere.\n"
        "- Clinical patients, not a sample of any population; see the cohort above.\n"
        "- SUV is by body weight as the header states it; a wrong weight or dose in the record is a wrong SUV.\n"
        "- Breathing, the bladder and the bowel move between CT or MR and PET; `approximate` names the organs concerned.\n"
        "- Faces are removed where a head is in view, so images of heads are not whole.\n"
    )


def _rights(facts: CardFacts) -> str:
    rows = [
        ("Licence", facts.licence),
        ("Consent", facts.consent or _NOT_STATED),
        ("Ethics", facts.ethics or _NOT_STATED),
        ("Contact for withdrawals and reports", facts.contact or _NOT_STATED),
    ]
    return (
        f"## Licence, consent and contact\n\n{_table(('', ''), rows)}\n"
        "Who finds their own images here, or withdraws consent, writes to the contact above: the subject is in no later "
        "version, and the maintainers remove it from the earlier ones. Users then delete their copies.\n"
    )


def _versions(facts: CardFacts) -> str:
    against = f"Against {facts.previous}, see `CHANGELOG.md`" if facts.previous else "The first version"
    return (
        "## Versions\n\n"
        f"{against}. MAJOR: a column, a label id or a split changes meaning. MINOR: additions and withdrawals. PATCH: "
        "corrections. `manifests/changes.json` lists every change against the version before, "
        f"`manifests/withdrawals.parquet` the subjects that were withdrawn ({facts.withdrawn:,}). Pin the version that "
        "you use.\n"
    )


def _citation(facts: CardFacts) -> str:
    return f"## Citation\n\n{facts.citation}\n"


def _shown(facts: CardFacts, *names: str) -> str:
    return "".join(
        f"![{_CAPTIONS[name]}](figures/{name}.png)\n\n" for name in names if f"figures/{name}.png" in facts.figures
    )


def _receipts(facts: CardFacts) -> str:
    return (
        "## Receipts\n\n"
        "`manifests/` holds one table each of subjects, series, volumes, labels, checks, exclusions, withdrawals, files and "
        "provenance, as Parquet and as JSON Lines, and `release.json`. Check the files with `sha256sum -c "
        "manifests/SHA256SUMS` in this folder; `umd-curate release verify` also compares every image with its voxel "
        "checksum. `manifests/SHA256SUMS.sig` is an Ed25519 signature over them: "
        "compare the key's fingerprint with the one that the maintainers publish.\n\n"
        f"Made with {', '.join(facts.made_with)}. Not a medical device.\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _spacing(subset: SubsetSummary, column: str) -> str:
    return ", ".join(f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in subset.spacing_mm[column])


def _listed(counts: Counts) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _title(code: str) -> str:
    return CATALOGUE[code].title if code in CATALOGUE else ""
