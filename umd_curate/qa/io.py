"""The qa room's door to disk: the table of rules, a session's images and sidecars in; checks, figures, tables and page out."""

import hashlib
import tomllib
from collections.abc import Sequence
from functools import cache

from pydantic import ValidationError

from umd_curate.errors import SchemaError
from umd_curate.model.checks import ImageEntry, SessionChecks
from umd_curate.model.geometry import Volume
from umd_curate.model.ids import session_folder
from umd_curate.model.quantities import OrganQuantityRow
from umd_curate.model.receipts import Artifact, Json, What
from umd_curate.model.registration import RegistrationReceipt
from umd_curate.model.sidecars import ImageSidecar, LabelSidecar, PetSidecar
from umd_curate.model.steps import Place, Unit
from umd_curate.qa import body as bodies
from umd_curate.qa.engine import SessionImages
from umd_curate.qa.figures import Figure
from umd_curate.qa.measures import GeometryFacts, PetFacts
from umd_curate.qa.pair_figures import PairSitter
from umd_curate.qa.rulebook import Rulebook
from umd_curate.store.files import artifact, write_bytes, write_json, write_text
from umd_curate.store.nifti import read_volume
from umd_curate.store.parquet import write_rows
from umd_curate.store.resources import resource_folder

RULES_FILE = "qa_rules.toml"
ORGANS_PATH = "qa/organs.parquet"
SITE_CONTOURS = "site-contours"  # method of a label map that people drew
_MODELS = {What.PET: PetSidecar, What.CT: ImageSidecar, What.MR: ImageSidecar}


@cache
def rulebook() -> tuple[Rulebook, str]:
    """The packaged table of rules, and the SHA-256 of its file."""
    data = (resource_folder("manifests") / RULES_FILE).read_bytes()
    return Rulebook.parse(tomllib.loads(data.decode())), hashlib.sha256(data).hexdigest()


def read_sidecar(place: Place, role: What, path: str) -> ImageSidecar:
    """Sidecar of an image.

    Raises
    ------
    SchemaError
        The file is of another version or was changed by hand.
    """
    model = _MODELS[role]
    try:
        return model.model_validate_json(place.resolve(path).read_bytes())
    except ValidationError as error:
        message = f"The sidecar of an image of role {role} does not fit its schema."
        raise SchemaError(message) from error


def read_label_sidecar(place: Place, path: str) -> LabelSidecar:
    """Sidecar of a label map; `SchemaError` as for images."""
    try:
        return LabelSidecar.model_validate_json(place.resolve(path).read_bytes())
    except ValidationError as error:
        message = "The sidecar of a label map does not fit its schema."
        raise SchemaError(message) from error


def read_checks(place: Place, path: str) -> SessionChecks:
    """Checks of a session; `SchemaError` as for images."""
    try:
        return SessionChecks.model_validate_json(place.resolve(path).read_bytes())
    except ValidationError as error:
        message = "The checks of a session do not fit their schema."
        raise SchemaError(message) from error


def read_session(unit: Unit, place: Place) -> SessionImages:
    """Read the images of a unit, and what the rules need of their sidecars."""
    role = next((role for role in (What.CT, What.MR) if unit.input(role)), None)
    on_pet = {What.CT: What.CT_ON_PET, What.MR: What.MR_ON_PET}.get(role) if role else None
    roles = [What.PET, *([role] if role else []), *([on_pet] if on_pet else []), What.ORGANS, What.ORGANS_ON_PET]
    volumes = {entry: found for entry in roles if (found := _read(unit, place, entry)) is not None}
    pet_facts = None
    sex = None
    geometry = []
    for image in (entry for entry in (What.PET, role) if entry is not None):
        entry = unit.input(f"{image}.json")
        if entry is None:
            continue
        sidecar = read_sidecar(place, image, entry.path)
        sex = sex or sidecar.sex
        if isinstance(sidecar, PetSidecar):
            pet_facts = PetFacts(sidecar.units, sidecar.suv is not None, sidecar.tracer_name)
        if sidecar.geometry is not None:
            receipt = sidecar.geometry
            geometry.append(GeometryFacts(image, receipt.max_corner_error_mm, receipt.tolerance_mm))
    entry = unit.input(f"{What.ORGANS}.json")
    label = read_label_sidecar(place, entry.path) if entry is not None else None
    return SessionImages(
        entries=tuple(_entry(unit, entry, volume) for entry, volume in volumes.items()),
        anatomy_role=role or "",
        anatomy=volumes.get(role) if role else None,
        organs=volumes.get(What.ORGANS),
        pet=volumes.get(What.PET),
        anatomy_on_pet=volumes.get(on_pet) if on_pet else None,
        organs_on_pet=volumes.get(What.ORGANS_ON_PET),
        pet_facts=pet_facts,
        geometry=tuple(geometry),
        is_drawn_by_people=label is not None and label.method == SITE_CONTOURS,
        agreement=label.agreement if label is not None else {},
        sex=sex,
    )


def write_session(unit: Unit, place: Place, checks: SessionChecks, figures: Sequence[Figure]) -> tuple[Artifact, ...]:
    """Write figures and checks under ``qa/sub-X/ses-Y/``."""
    written = write_figures(unit, place, figures)
    path = f"qa/{session_folder(unit.subject, unit.session)}/{unit.name}_checks.json"
    write_json(place.resolve(path), as_json(checks))
    return (*written, artifact(What.CHECKS, path, place.resolve(path)))


def write_figures(unit: Unit, place: Place, figures: Sequence[Figure], prefix: str = "") -> tuple[Artifact, ...]:
    """Write figures under ``qa/sub-X/ses-Y/``; their roles are told apart by a prefix."""
    written = []
    for figure in figures:
        path = f"qa/{session_folder(unit.subject, unit.session)}/{unit.name}_figure-{figure.name}.png"
        write_bytes(place.resolve(path), figure.png)
        written.append(artifact(f"{What.FIGURE}-{prefix}{figure.name}", path, place.resolve(path)))
    return tuple(written)


def read_registration(place: Place, path: str) -> RegistrationReceipt:
    """Receipt of a registration; `SchemaError` as for images."""
    try:
        return RegistrationReceipt.model_validate_json(place.resolve(path).read_bytes())
    except ValidationError as error:
        message = "The receipt of a registration does not fit its schema."
        raise SchemaError(message) from error


def read_pair(unit: Unit, place: Place, receipt: RegistrationReceipt) -> PairSitter:
    """Read what is drawn of two sessions."""
    role = str(unit.params["role"])
    fixed, moving = _read(unit, place, role), _read(unit, place, str(unit.params["moved"]))
    assert fixed is not None  # noqa: S101  (the plan gives both)
    assert moving is not None  # noqa: S101
    points = bodies.outline(fixed, bodies.body_mask(fixed, role))
    return PairSitter(receipt.fixed, receipt.moving, fixed, moving, _read(unit, place, What.ORGANS), points)


def write_organs(place: Place, rows: Sequence[OrganQuantityRow]) -> Artifact:
    """Write the table of all organs."""
    write_rows(place.resolve(ORGANS_PATH), rows, OrganQuantityRow)
    return artifact("organs-table", ORGANS_PATH, place.resolve(ORGANS_PATH))


def write_page(place: Place, path: str, html: str) -> Artifact:
    """Write the report."""
    write_text(place.resolve(path), html)
    return artifact("report", path, place.resolve(path))


def as_json(checks: SessionChecks) -> Json:
    """Document as JSON values, keys in PascalCase."""
    values: Json = checks.model_dump(mode="json", by_alias=True)
    return values


def _read(unit: Unit, place: Place, role: str) -> Volume | None:
    entry = unit.input(role)
    return read_volume(place.resolve(entry.path)) if entry is not None else None


def _entry(unit: Unit, role: What, volume: Volume) -> ImageEntry:
    entry = unit.input(role)
    k, j, i = volume.grid.shape_kji
    x, y, z = (round(step, 4) for step in volume.grid.spacing_mm)
    return ImageEntry(
        role=role, shape_ijk=(i, j, k), spacing_mm=(x, y, z), sha256=entry.sha256 if entry is not None else ""
    )
