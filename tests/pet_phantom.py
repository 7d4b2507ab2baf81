"""A PET phantom from physics: what was injected, when each bed was measured, and what each maker would have written of it.

A rod of SUV 0.20, 1.00 and 4.00. The activity concentration at any time follows from the injected activity and the weight by
decay alone; what a scanner stores is worked out from it here, by closed formulas that share nothing with the convert room.
"""

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from tests.convert_builders import a_slice

SUV_KJI = np.array([[[0.20, 1.00, 4.00, 1.00], [1.00, 0.20, 1.00, 4.00], [4.00, 1.00, 1.00, 0.20]]] * 6)
STORED_PER_SUV = 1000.0  # so that all stored numbers are whole
STEPS = 20_000  # of the frame, for its mean


@dataclass(frozen=True)
class Phantom:
    """A patient, an injection and a scan of three beds of two slices."""

    weight_kg: float = 70.0
    size_m: float = 1.75
    sex: str = "M"
    dose_bq: float = 368.08e6
    half_life_s: float = 6586.2
    injected: dt.datetime = dt.datetime(2025, 3, 4, 10, 0, 0)  # noqa: DTZ001  (DICOM's local time)
    scan: dt.datetime = dt.datetime(2025, 3, 4, 11, 0, 0)  # noqa: DTZ001
    frame_s: float = 120.0
    bed_step_s: float = 128.0
    units: str = "BQML"
    decay: str = "START"
    per_suv: float | None = None  # stored unit per SUVbw, where it is no activity
    elements: dict[str, Any] = field(default_factory=dict)
    drug: dict[str, Any] = field(default_factory=dict)
    kept: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    is_head_first: bool = False  # the table's last bed, with the greatest k, was measured first

    def but(self, **changes: Any) -> "Phantom":
        """The same with changed set-up."""
        return replace(self, **changes)

    def having(self, **elements: Any) -> "Phantom":
        """Set elements by keyword in all slices; None leaves one out."""
        return replace(self, elements={**self.elements, **elements})

    def given(self, **drug: Any) -> "Phantom":
        """Set elements of the radiopharmaceutical; None leaves one out."""
        return replace(self, drug={**self.drug, **drug})

    def suv_kji(self) -> np.ndarray:
        """The truth."""
        return SUV_KJI[list(self.kept)]

    def bed_start(self, k: int) -> dt.datetime:
        """Start of the bed that shows slice k, two slices per bed."""
        bed = k // 2 if not self.is_head_first else 2 - k // 2
        return self.scan + dt.timedelta(seconds=bed * self.bed_step_s)

    def concentration(self, at: dt.datetime) -> float:
        """Activity concentration [Bq/mL] of SUV 1 at a time."""
        left = self.dose_bq * 2.0 ** (-(at - self.injected).total_seconds() / self.half_life_s)
        return left / (self.weight_kg * 1000.0)

    def mean_concentration(self, k: int) -> float:
        """Mean [Bq/mL] of SUV 1 over the frame of slice k, by Simpson's rule."""
        since = np.linspace(0.0, self.frame_s, STEPS + 1)
        values = self.concentration(self.bed_start(k)) * 2.0 ** (-since / self.half_life_s)
        weights = np.ones(STEPS + 1)
        weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
        return float((values * weights).sum() / weights.sum())

    def frame_reference_s(self, k: int) -> float:
        """Time after the scan's start [s] at which the activity equals the mean over the frame of slice k."""
        return -self.half_life_s * float(np.log2(self.mean_concentration(k) / self.concentration(self.scan)))

    def stored_unit(self, k: int) -> float:
        """What one SUV is in the units of the image."""
        if self.per_suv is not None:
            return self.per_suv
        if self.decay == "ADMIN":
            return self.concentration(self.injected)
        return self.mean_concentration(k) if self.decay == "NONE" else self.concentration(self.scan)

    def datasets(self) -> list[FileDataset]:
        """The slices in ascending k."""
        return [self._slice(k) for k in self.kept]

    def _slice(self, k: int) -> FileDataset:
        stored = np.rint(SUV_KJI[k] * STORED_PER_SUV).astype("<i2")
        stored = stored * np.int16(1 + k)  # a slope of its own for every slice
        start = self.bed_start(k)
        values = {
            "Units": self.units,
            "DecayCorrection": self.decay,
            "CorrectedImage": ["NORM", "ATTN", "SCAT", "RAN", *(["DECY"] if self.decay != "NONE" else [])],
            "PatientWeight": f"{self.weight_kg:g}",
            "PatientSize": f"{self.size_m:g}",
            "PatientSex": self.sex,
            "SeriesDate": day(self.scan),
            "SeriesTime": clock(self.scan),
            "AcquisitionDate": day(start),
            "AcquisitionTime": clock(start),
            "FrameReferenceTime": f"{1000.0 * self.frame_reference_s(k):.10g}",
            "ActualFrameDuration": f"{1000.0 * self.frame_s:.0f}",
            "RescaleSlope": f"{self.stored_unit(k) / STORED_PER_SUV / (1 + k):.10g}",
            "RescaleIntercept": "0",
            "RadiopharmaceuticalInformationSequence": Sequence([self._item()]),
        }
        return a_slice("PT", stored, (-100.0, -80.0, -300.0 + 5.0 * k), **{**values, **self.elements})

    def _item(self) -> Dataset:
        item = Dataset()
        values = {
            "RadionuclideTotalDose": f"{self.dose_bq:.10g}",
            "RadionuclideHalfLife": f"{self.half_life_s:.10g}",
            "RadiopharmaceuticalStartTime": clock(self.injected),
            "RadiopharmaceuticalStartDateTime": day(self.injected) + clock(self.injected),
            **self.drug,
        }
        for keyword, value in values.items():
            if value is not None:
                setattr(item, keyword, value)
        return item


def day(at: dt.datetime) -> str:
    """DA."""
    return at.strftime("%Y%m%d")


def clock(at: dt.datetime) -> str:
    """TM with microseconds."""
    return at.strftime("%H%M%S.%f")


def nuclide(code: str, scheme: str, meaning: str) -> Sequence:
    """RadionuclideCodeSequence (0054,0300)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, scheme, meaning
    return Sequence([item])


def with_private(datasets: list[FileDataset], group: int, creator: str, elements: dict[int, tuple[str, Any]]) -> None:
    """Add a maker's private block to all slices: element number to VR and value."""
    for dataset in datasets:
        block = dataset.private_block(group, creator, create=True)
        for number, (vr, value) in elements.items():
            block.add_new(number, vr, value)
