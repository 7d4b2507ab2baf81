"""The series of a study, as a hospital's archive holds them: the wanted images among what comes along.

Decides which series there are, their numbers and descriptions, and what the product should do with each.
"""

from collections.abc import Iterator

from umd_curate.model.study import Disposition
from umd_curate.synth import header_images as headers
from umd_curate.synth.header import Header, common, decimal, image, place
from umd_curate.synth.imaging import Stored
from umd_curate.synth.physics import stored_slice
from umd_curate.synth.render import CtImages, MrImages, PetImages, station_ranges
from umd_curate.synth.schedule import Kind, Placed, Study, Vendor
from umd_curate.synth.series import IMPLICIT, USED, Expected, Series, Slice, planes_of, stack
from umd_curate.synth.shapes import Floats

LOCALIZER = Expected(Disposition.EXCLUDED, "localizer")
NOT_SELECTED = Expected(Disposition.EXCLUDED, "another series of the session is wanted")
NAC = Expected(Disposition.EXCLUDED, "not corrected for attenuation")
MU_MAP = Expected(Disposition.EXCLUDED, "attenuation map")

_CHANNEL_TYPES = {"in": "IN", "opp": "OPP", "fat": "F", "water": "W"}


def series_names(study: Study) -> dict[str, int]:
    """Names of the series of a sound study, and how many files each has."""
    pet = study.grid_of("pet").grid.shape_kji[0]
    common_ones = {"pet": pet, "pet-second": pet, "pet-nac": pet, "dose": 1, "capture": 1}
    if study.kind is Kind.PETCT:
        ct = study.grid_of("ct").grid.shape_kji[0]
        return {"localizer": 1, "ct": ct, "ct-contrast": ct, **common_ones, "contours-ct": 1}
    mr = study.grid_of("mr").grid.shape_kji[0]
    stations = {f"mr-station-{n + 1}": last - first for n, (first, last) in enumerate(station_ranges(mr))}
    channels = {f"mr-{channel}": mr for channel in _CHANNEL_TYPES}
    return {"localizer": 1, **stations, **channels, **common_ones, "mu-map": pet, "contours-mr": 1}


def ct_series(study: Study, images: CtImages) -> list[Series]:
    """Topogram, low-dose CT for attenuation correction, contrast CT."""
    is_ge = study.vendor is Vendor.GE_CT
    family = study.person.family
    placed = images.placed
    low_dose = headers.ct(
        study, placed, series="ct", number=2, description=f"CT AC low dose {family}", delay_s=0, contrast=False
    )
    contrast = headers.ct(
        study,
        placed,
        series="ct-contrast",
        number=9,
        description="CT Abdomen portalvenoes KM",
        delay_s=4000,
        contrast=True,
    )
    return [
        _topogram(study, images.topogram, placed, "CT"),
        Series(
            "ct",
            low_dose,
            stack(study, "ct", placed, planes_of(images.low_dose), descending=is_ge),
            padding=study.person.insurance_id.encode("ascii") if is_ge else b"",
        ),
        Series(
            "ct-contrast",
            contrast,
            stack(study, "ct-contrast", placed, planes_of(images.contrast), descending=is_ge),
            NOT_SELECTED,
            transfer_syntax=IMPLICIT,
        ),
    ]


def mr_series(study: Study, images: MrImages) -> list[Series]:
    """Localizer, stations of the in-phase channel, composed Dixon channels."""
    placed = images.placed
    found = [_topogram(study, images.localizer, placed, "MR")]
    for number, (first, volume) in enumerate(images.stations):
        name = f"mr-station-{number + 1}"
        part = _part(placed, first, len(volume))
        header = headers.mr(
            study,
            part,
            series=name,
            number=2 + number,
            description=f"t1_vibe_dixon_tra_bh_station{number + 1}_in",
            image_type=["ORIGINAL", "PRIMARY", "DIXON", "IN"],
            delay_s=60.0 + 240 * number,
        )
        slices = stack(study, name, part, planes_of(volume), descending=False)
        found.append(Series(name, header, slices, NOT_SELECTED))
    for number, (channel, volume) in enumerate(images.channels.items()):
        name = f"mr-{channel}"
        header = headers.mr(
            study,
            placed,
            series=name,
            number=10 + number,
            description=f"t1_vibe_dixon_tra_composed_{channel}",
            image_type=["DERIVED", "PRIMARY", "DIXON", _CHANNEL_TYPES[channel], "COMPOSED"],
            delay_s=60.0,
        )
        slices = stack(study, name, placed, planes_of(volume), descending=False)
        found.append(Series(name, header, slices, USED if channel == "in" else NOT_SELECTED))
    return found


def pet_series(study: Study, images: PetImages) -> list[Series]:
    """Attenuation-corrected PET, a second and a NAC reconstruction; for PET/MR the mu-map."""
    is_mr = study.vendor is Vendor.SIEMENS_MR
    placed = images.placed
    person = study.person
    plain, sharp = ("3D OSEM 3i21s", "PSF+TOF 2i21s") if study.vendor is Vendor.SIEMENS_CT else ("VPFX", "VPFXS")
    if is_mr:
        plain, sharp = "OP-OSEM 3i21s", "PSF 3i21s"
    wanted = [
        ("pet", 20, f"PET WB AC {person.patient_id}", images.suv, True, plain, USED),
        ("pet-second", 21, "PET WB AC PSF", images.suv_sharp, True, sharp, NOT_SELECTED),
        ("pet-nac", 22, "PET WB NAC", images.suv_nac, False, plain, NAC),
    ]
    found = []
    for name, number, description, suv, corrected, method, expected in wanted:
        header = headers.pet(
            study, placed, series=name, number=number, description=description, corrected=corrected, method=method
        )
        planes = _pet_planes(study, placed, suv)
        descending = study.vendor is not Vendor.SIEMENS_MR
        found.append(
            Series(
                name,
                header,
                stack(study, name, placed, planes, descending=descending),
                expected,
                transfer_syntax=IMPLICIT if study.vendor is Vendor.GE_CT else "1.2.840.10008.1.2.1",
                preamble=f"{person.folded} {person.patient_id}".encode("ascii") if is_mr else b"",
            )
        )
    if is_mr:
        found.append(_mu_map(study, images, placed))
    return found


def _pet_planes(study: Study, placed: Placed, suv_kji: Floats) -> Iterator[tuple[Header, bytes]]:
    for k, plane in enumerate(suv_kji):
        stored, slope = stored_slice(plane, study.injection)
        yield headers.pet_slice(study, placed, k, slope), stored.astype("<i2").tobytes()


def _mu_map(study: Study, images: PetImages, placed: Placed) -> Series:
    header = headers.mr(
        study,
        placed,
        series="mu-map",
        number=5,
        description="MRAC_PET_HiRes_UMAP umap",
        image_type=["DERIVED", "PRIMARY", "MRAC", "MUMAP"],
        delay_s=30.0,
    )
    return Series("mu-map", header, stack(study, "mu-map", placed, planes_of(images.mu_map), descending=False), MU_MAP)


def _topogram(study: Study, plane: Stored, placed: Placed, modality: str) -> Series:
    """A coronal scout in a series of its own; rows run from head to feet."""
    is_ct = modality == "CT"
    rows, columns = plane.shape
    header = common(
        study,
        modality=modality,
        sop_class=headers.CT_CLASS if is_ct else headers.MR_CLASS,
        series="localizer",
        number=1,
        description=f"Topogram {study.person.given}" if is_ct else f"localizer {study.person.given}",
        time_s=study.study_s - 60,
    )
    kinds = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    header |= image(study, rows=rows, columns=columns, image_type=kinds, bits=12, signed=False)
    header |= {
        "SliceThickness": "4",
        "ImageOrientationPatient": ["1", "0", "0", "0", "0", "-1"],
        "PixelSpacing": [decimal(placed.step_mm), decimal(placed.pixel_mm)],
        "AcquisitionNumber": 1,
        "WindowCenter": 800,
        "WindowWidth": 1600,
    }
    if is_ct:
        header |= {"KVP": 120, "RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": "US"}
    else:
        header |= {
            "ScanningSequence": "GR",
            "SequenceVariant": "SP",
            "ScanOptions": "",
            "MRAcquisitionType": "2D",
            "EchoTime": "5",
            "RepetitionTime": "8",
            "EchoTrainLength": 1,
        }
    left, _, top = placed.positions_lps[-1]
    own = place((left, -study.anatomy.offset_mm[1], top), 1, study.uid("instance", "localizer", 0))
    pixels = next(planes_of(plane[None]))[1]
    return Series("localizer", header, (Slice(own, pixels),), LOCALIZER)


def _part(placed: Placed, first: int, count: int) -> Placed:
    """Some consecutive slices of a placed grid; only positions and spacings are used further."""
    return Placed(placed.grid, placed.positions_lps[first : first + count], placed.pixel_mm, placed.step_mm)
