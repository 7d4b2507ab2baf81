"""Rows as dictionaries of arrays, in the form that PyTorch's DataLoader and MONAI's dictionary transforms take.

torch and MONAI are imported only where their tensors are asked for; a map-style dataset needs no base class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from umd_curate.errors import EngineError, UsageError
from umd_curate.load.image_io import Image
from umd_curate.store.lazy import Lazy

if TYPE_CHECKING:
    from umd_curate.load.dataset_io import Dataset

torch = Lazy("torch")
torch_data = Lazy("torch.utils.data")
monai_data = Lazy("monai.data")

Kind = Literal["numpy", "torch", "monai"]

_TENSOR_TYPES = {np.dtype("uint16"): np.int32, np.dtype("uint32"): np.int64}  # torch works with few unsigned types


@dataclass(frozen=True)
class Frames:
    """A map-style dataset.

    An item holds per column an array with a channel axis, shape (1, i, j, k), and ``<column>_meta_dict`` with ``affine``
    (4 x 4, RAS+ mm), ``spacing_mm``, ``units`` and ``filename_or_obj``; beside them ``subject_id`` and ``session_id``.
    MONAI looks for a place nowhere but in a tensor itself, so for it that is where this stands. An image that a session
    lacks is None.
    """

    dataset: "Dataset"
    columns: tuple[str, ...]
    grid: str | None = None
    kind: Kind = "numpy"

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            message = f"There are no frames of that kind; there are {', '.join(get_args(Kind))}."
            raise UsageError(message)
        if not self.columns or (self.grid is not None and self.grid not in self.columns):
            message = "Name the images of a frame, and among them the one whose grid is shared."
            raise UsageError(message)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.dataset[index]
        place = self.dataset.places[index]
        frame: dict[str, Any] = {"subject_id": place.subject, "session_id": place.session}
        shared: Image | None = row.get(self.grid) if self.grid else None
        for column in self.columns:
            image: Image | None = row.get(column)
            if image is not None and shared is not None:
                image = image.on_grid_of(shared)
            if image is None:
                frame[column] = None
                continue
            meta = {"spacing_mm": image.spacing_mm, "units": image.units, "filename_or_obj": image.file_name}
            frame[column] = self._array(image, meta)
            if self.kind != "monai":
                frame[f"{column}_meta_dict"] = {"affine": image.affine, **meta}
        return frame

    @staticmethod
    def collate(frames: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """A batch: stacked as PyTorch does it, or a list where a session lacks the image or shapes differ.

        PyTorch's own function stops at the first session without labels. Give this one as ``collate_fn``.
        """
        batch: dict[str, Any] = {}
        for name in dict.fromkeys(name for frame in frames for name in frame):
            values = [frame.get(name) for frame in frames]
            shapes = {getattr(value, "shape", ()) for value in values}
            is_whole = len(shapes) == 1 and not any(value is None for value in values)
            batch[name] = torch_data.default_collate(values) if is_whole else values
        return batch

    def _array(self, image: Image, meta: dict[str, Any]) -> Any:  # noqa: ANN401  (an array or a tensor)
        array: NDArray[np.generic] = np.ascontiguousarray(image.array)[None]
        if self.kind == "numpy":
            return array
        wanted = _TENSOR_TYPES.get(array.dtype, array.dtype)
        try:
            tensor = torch.from_numpy(np.array(array, wanted))
            if self.kind == "torch":
                return tensor
            return monai_data.MetaTensor(
                tensor, affine=torch.from_numpy(image.affine.copy()), meta={**meta, "space": "RAS"}
            )
        except ImportError as error:
            message = f"Frames for {self.kind} were asked for, and it is not installed."
            raise EngineError(message, hint="Install it for this machine, or take numpy arrays.") from error
