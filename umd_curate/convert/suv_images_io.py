"""Images of further types of SUV, beside the PET: SUVbw times the one ratio that the PET's sidecar holds.

Made from the defaced PET only when `convert.suv_images` asks for it; the ratio alone is in the sidecar anyway. A type whose
ratio could not be derived has no image; the PET's sidecar says why.
"""

import numpy as np

from umd_curate.model.config import UmdConfig
from umd_curate.model.geometry import Volume
from umd_curate.model.receipts import Artifact, Json, Receipt, What
from umd_curate.model.sidecars import PetSidecar
from umd_curate.model.steps import Place, Unit
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import read_volume, write_volume


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Write the images of one session, each with a sidecar of its own."""
    image, text = unit.inputs
    sidecar = PetSidecar.model_validate_json(place.resolve(text.path).read_bytes())
    known = sidecar.suv.types if sidecar.suv is not None else {}
    wanted = [name for name in config.convert.suv_images if name in known]
    outputs: list[Artifact] = []
    pet = read_volume(place.resolve(image.path)) if wanted else None
    for name in wanted:
        assert pet is not None  # noqa: S101  (read above)
        entry = known[name]
        values = (np.asarray(pet.array_kji, np.float64) * entry.ratio).astype(np.float32)
        what = f"desc-{name.replace('-', '').lower()}_{What.PET}"
        stem = f"{unit.params['folder']}/{unit.name}_{what}"
        digest = write_volume(place.resolve(f"{stem}.nii.gz"), Volume(values, pet.affine))
        update = {"units": f"{name} ({entry.unit})", "value_rule": f"SUVbw x {entry.ratio!r}", "voxel_sha256": digest}
        document = sidecar.model_copy(update=update).model_dump(mode="json", by_alias=True)
        write_json(place.resolve(f"{stem}.json"), document)
        outputs += [
            artifact(what, f"{stem}.nii.gz", place.resolve(f"{stem}.nii.gz")),
            artifact(f"{what}.json", f"{stem}.json", place.resolve(f"{stem}.json")),
        ]
    measured: dict[str, Json] = {f"{name}_ratio": known[name].ratio for name in wanted}
    return unit.receipt(outputs=outputs, measured=measured, versions={"numpy": np.__version__})
