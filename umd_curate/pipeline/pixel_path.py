"""The one pass over the pixels: each source file is opened once, its header cleaned, its pixels staged.

Joins the rooms deid and convert. The cleaned header goes from one to the other in memory; SUV from the source header and
SUV from the cleaned one must be equal to the bit. The patient's identifiers are gathered on the way, for the gate below
the PHI wall (`phi_gate.py`).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pydicom import Dataset

from umd_curate.convert.contours import merge_contours
from umd_curate.convert.contours_io import convert_contours
from umd_curate.convert.contours_io import stage_contours as write_contours
from umd_curate.convert.geometry import SlicePlace, stack_of_places
from umd_curate.convert.header_io import pet_headers
from umd_curate.convert.private_io import PrivateFacts, private_facts
from umd_curate.convert.step import convert_series
from umd_curate.convert.suv import same_suv
from umd_curate.deid.clean_io import Deed, HeaderCleaner
from umd_curate.deid.gather_io import gather
from umd_curate.deid.identifiers import IdentifierSet, Kind
from umd_curate.deid.rules import Rules, rules_of
from umd_curate.model.catalogue import run as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.ids import PatientKey, SubjectId
from umd_curate.model.pet import PetContext
from umd_curate.model.receipts import Artifact, Receipt, What
from umd_curate.model.sidecars import SourceReceipt
from umd_curate.model.stacks import StackRules
from umd_curate.model.steps import Place, Unit
from umd_curate.model.study import Layout, Role, VolumeOrder
from umd_curate.pipeline.deeds import keep_deeds
from umd_curate.pipeline.orders import read_order
from umd_curate.pipeline.phi_search import keep_identifiers
from umd_curate.pipeline.supplement import moved
from umd_curate.store.dicom import READ_FAULTS, dataset_of, quiet
from umd_curate.store.keys import DeidKey, key_path, load_key
from umd_curate.store.nifti import read_grid
from umd_curate.store.resources import organ_table
from umd_curate.store.sources import read_unchanged

STAGED = "private/staged"


class Source:
    """The files of one order, read one after the other; remembers the identifiers that it has seen."""

    def __init__(self, order: VolumeOrder, key: DeidKey, rules: Rules) -> None:
        self.order = order
        self.key = key
        self.done: Counter[Deed] = Counter()
        self._rules = rules
        self._seen: set[tuple[Kind, str]] = set()
        self._digest = hashlib.sha256()
        self._private = PrivateFacts()

    @property
    def identifiers(self) -> IdentifierSet:
        """Identifiers of the headers read so far."""
        return IdentifierSet(frozenset(self._seen))

    def contours(self) -> Iterator[Dataset]:
        """Source datasets as they are.

        Raises
        ------
        Refused
            A file is gone, has changed since the scan, or cannot be read.
        """
        for source in self._datasets():
            self._seen |= gather(source).entries
            yield source

    def cleaned(self) -> Iterator[Dataset]:
        """De-identified datasets in slice order.

        Raises
        ------
        Refused
            As `contours`, and where the cleaned header gives another SUV than the source's.
        """
        cleaner = HeaderCleaner(self.key, PatientKey(self.order.patient), SubjectId(self.order.subject), self._rules)
        for source in self._datasets():
            cleaned = cleaner.clean(source)
            self._seen |= cleaned.identifiers.entries
            self.done.update(cleaned.actions)
            if self.order.role is Role.PET and not self._has_same_suv(source, cleaned.dataset):
                raise Refused(codes.SUV_CHANGED.at(self.order.series))
            if self.order.role is Role.MR or self.order.layout is Layout.MOSAIC:
                self._private = private_facts(source, self.order.series)
            yield cleaned.dataset

    def _datasets(self) -> Iterator[Dataset]:
        for name, size, mtime_ns in self.order.files:
            try:
                data = read_unchanged(name, size, mtime_ns)
                dataset = None if data is None else dataset_of(data)
            except READ_FAULTS as error:
                raise Refused(codes.UNREADABLE.at(self.key.short_id("f", name), type(error).__name__)) from error
            if data is None or dataset is None:
                raise Refused(codes.CHANGED.at(self.key.short_id("f", name)))
            self._digest.update(hashlib.sha256(data).digest())
            yield dataset

    def private(self) -> PrivateFacts:
        """What the private elements of the latest MR file said."""
        return self._private

    @property
    def clean_order(self) -> VolumeOrder:
        """The order as the convert room may see it: the dates that it holds are moved as those of the headers."""
        if self.order.pet is None:
            return self.order
        return replace(self.order, pet=moved(self.order.pet, self.key.shift_days(PatientKey(self.order.patient))))

    def _has_same_suv(self, source: Dataset, clean: Dataset) -> bool:
        before, after = self.order.pet or PetContext(), self.clean_order.pet or PetContext()
        frames, cleaned = pet_headers(source), pet_headers(clean)
        return len(frames) == len(cleaned) and all(
            same_suv(replace(one, context=before), replace(other, context=after))
            for one, other in zip(frames, cleaned, strict=True)
        )

    def receipt(self) -> SourceReceipt:
        """Where the image comes from, after the last file was read."""
        return SourceReceipt(series=self.order.series, n_files=len(self.order.files), sha256=self._digest.hexdigest())


@quiet()
def stage_volume(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Clean and stage one image volume."""
    order, source = _open(unit, place, config)
    rules = StackRules.of(config.convert)
    places = [SlicePlace(*entry) for entry in order.places]
    geometry = stack_of_places(places, order.series, rules) if order.layout is Layout.STACK and places else None
    converted = convert_series(
        source.cleaned(),
        source.clean_order,
        place.resolve(STAGED),
        STAGED,
        geometry,
        source=source.receipt,
        suv_types=config.convert.suv_types,
        rules=rules,
        private=source.private,
        frames=config.convert.frames,
    )
    _close(place, converted.artifacts)
    return unit.receipt(
        outputs=[
            *converted.artifacts,
            keep_identifiers(unit, place, source.identifiers),
            keep_deeds(unit.name, place, source.done, len(order.files)),
        ],
        findings=(*order.findings, *converted.findings),
        measured={
            **converted.measured,
            "role": order.role.value,
            "series": order.series,
            "kind": order.kind,
            "files": len(order.files),
            "protocol": order.protocol,
            "layout": order.layout.value,
        },
        versions=converted.versions,
    )


def stage_contours(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Put the site's contours (one or more DICOM SEG or RTSTRUCT) on the grid of the staged image on which they were drawn."""
    image = unit.input(What.STAGED_CT) or unit.input(What.STAGED_MR)
    if image is None:
        raise Refused(codes.NO_IMAGE_FOR_CONTOURS.at(unit.name))
    order, source = _open(unit, place, config)
    grid = read_grid(place.resolve(image.path))
    organs = organ_table(config.dataset.definition)
    aliases = config.convert.contour_names
    parts = [convert_contours(dataset, grid, organs, order.series, aliases) for dataset in source.contours()]
    contours = merge_contours(parts, order.series)
    identifiers = keep_identifiers(unit, place, source.identifiers)
    if not contours.labels:
        return unit.receipt(outputs=[identifiers], findings=contours.findings)
    reference = "ct" if image.what == What.STAGED_CT else "mr"
    staged = write_contours(contours, grid, order, place.resolve(STAGED), STAGED, reference)
    _close(place, staged.artifacts)
    return unit.receipt(
        outputs=[*staged.artifacts, identifiers],
        findings=staged.findings,
        measured=staged.measured,
        versions=staged.versions,
    )


def _close(place: Place, staged: Iterable[Artifact]) -> None:
    """Leave staged files, which still show faces, to their owner alone."""
    for entry in staged:
        place.resolve(entry.path).chmod(0o600)


def _open(unit: Unit, place: Place, config: UmdConfig) -> tuple[VolumeOrder, Source]:
    order = read_order(place.resolve(unit.inputs[0].path))
    return order, Source(order, load_key(key_path(config.deid.key_file)), rules_of(config.deid))
