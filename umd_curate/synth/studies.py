"""The series of a study, as a hospital's archive holds them: the wanted images among what comes along.

Decides which series there are, their numbers and descriptions, and what the product should do with each.
"""

from umd_curate.model.study import Disposition
from umd_curate.synth import header_images as headers
from umd_curate.synth.header import common, cosine, decimal, image, place
from umd_curate.synth.imaging import Stored
from umd_curate.synth.placing import Placed
from umd_curate.synth.render import CtImages, MrImages, PetImages, station_ranges
from umd_curate.synth.scanners import Kind, Maker
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import USED, Expected, Series, Slice, Syntax, bare, held, plane_bytes, stack

LOCALIZER = Expected(Disposition.EXCLUDED, "localizer")
NOT_SELECTED = Expected(Disposition.EXCLUDED, "another series of the session is wanted")
NAC = Expected(Disposition.EXCLUDED, "not corrected for attenuation")
MU_MAP = Expected(Disposition.EXCLUDED, "attenuation map")

# ImageType (0008,0008) value 4 of a Dixon channel, by maker; what each writes where the others write letters.
_CHANNEL_TYPES = {
    Maker.SIEMENS: {"in": "IN", "opp": "OPP", "fat": "F", "water": "W"},
    Maker.GE: {"in": "IN_PHASE", "opp": "OUT_PHASE", "fat": "FAT", "water": "WATER"},
    Maker.UIH: {"in": "IN_PHASE", "opp": "OUT_PHASE", "fat": "FAT", "water": "WATER"},
}
_CHANNELS = ("in", "opp", "fat", "water")


def series_names(study: Study) -> dict[str, int]:
    """Names of the series of a sound study, and how many files each has."""
    pet = study.grid_of("pet").grid.shape_kji[0]
    common_ones = {"pet": pet, "pet-second": pet, "pet-nac": pet, "dose": 1, "capture": 1}
    if study.kind is Kind.PETCT:
        ct = study.grid_of("ct").grid.shape_kji[0]
        return {"localizer": 1, "ct": ct, "ct-contrast": ct, **common_ones, "contours-ct": 1}
    mr = study.grid_of("mr").grid.shape_kji[0]
    stations = {
        f"mr-station-{n + 1}": last - first for n, (first, last) in enumerate(station_ranges(mr, study.stations))
    }
    channels = {f"mr-{channel}": mr for channel in _CHANNELS}
    return {"localizer": 1, **stations, **channels, **common_ones, "mu-map": pet, "contours-mr": 1}


def ct_series(study: Study, images: CtImages) -> list[Series]:
    """Topogram, low-dose CT for attenuation correction, contrast CT."""
    descending = study.scanner.descending
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
            stack(study, "ct", placed, bare(images.low_dose), descending=descending),
            padding=study.person.insurance_id.encode("ascii") if study.scanner.maker is Maker.GE else b"",
        ),
        Series(
            "ct-contrast",
            contrast,
            stack(study, "ct-contrast", placed, bare(images.contrast), descending=descending),
            NOT_SELECTED,
            transfer_syntax=Syntax.IMPLICIT,
        ),
    ]


def mr_series(study: Study, images: MrImages) -> list[Series]:
    """Localizer, stations of the in-phase channel, composed Dixon channels."""
    placed = images.placed
    types = _CHANNEL_TYPES[study.scanner.maker]
    found = [_topogram(study, images.localizer, placed, "MR")]
    for number, (first, volume) in enumerate(images.stations):
        name = f"mr-station-{number + 1}"
        part = placed.part(first, len(volume))
        header = headers.mr(
            study,
            part,
            series=name,
            number=2 + number,
            description=f"t1_vibe_dixon_tra_bh_station{number + 1}_in",
            image_type=["ORIGINAL", "PRIMARY", "DIXON", types["in"]],
            delay_s=60.0 + 240 * number,
        )
        slices = stack(study, name, part, bare(volume), descending=False)
        found.append(Series(name, header, slices, NOT_SELECTED))
    for number, (channel, volume) in enumerate(images.channels.items()):
        name = f"mr-{channel}"
        header = headers.mr(
            study,
            placed,
            series=name,
            number=10 + number,
            description=f"t1_vibe_dixon_tra_composed_{channel}",
            image_type=["DERIVED", "PRIMARY", "DIXON", types[channel], "COMPOSED"],
            delay_s=60.0,
        )
        slices = stack(study, name, placed, bare(volume), descending=False)
        found.append(Series(name, header, slices, USED if channel == "in" else NOT_SELECTED))
    return found


def pet_series(study: Study, images: PetImages) -> list[Series]:
    """Attenuation-corrected PET, a second and a NAC reconstruction; for PET/MR the mu-map."""
    is_mr = study.kind is Kind.PETMRI
    placed, person = images.placed, study.person
    plain, sharp = study.scanner.methods
    wanted = [
        ("pet", 20, f"PET WB AC {person.patient_id}", images.plain, True, plain, USED),
        ("pet-second", 21, "PET WB AC PSF", images.sharp, True, sharp, NOT_SELECTED),
        ("pet-nac", 22, "PET WB NAC", images.uncorrected, False, plain, NAC),
    ]
    found = []
    for name, number, description, volume, corrected, method, expected in wanted:
        header = headers.pet(
            study, placed, series=name, number=number, description=description, corrected=corrected, method=method
        )
        planes = ((headers.pet_slice(study, placed, k, slope), load) for k, (slope, load) in enumerate(volume.planes))
        found.append(
            Series(
                name,
                header,
                stack(study, name, placed, planes, descending=not is_mr),
                expected,
                transfer_syntax=Syntax.IMPLICIT if study.scanner.maker is Maker.GE else Syntax.EXPLICIT,
                preamble=f"{person.folded} {person.patient_id}".encode("ascii") if is_mr else b"",
            )
        )
    if is_mr:
        found.append(_mu_map(study, images, placed))
    return found


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
    return Series("mu-map", header, stack(study, "mu-map", placed, bare(images.mu_map), descending=False), MU_MAP)


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
        "ImageOrientationPatient": [cosine(value) for value in (1, 0, 0, 0, 0, -1)],
        "PixelSpacing": [decimal(value) for value in _scout_spacing(study, placed)],
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
    left, top = placed.positions_lps[0][0], max(position[2] for position in placed.positions_lps)
    own = place((left, -study.anatomy.offset_mm[1], top), 1, study.uid("instance", "localizer", 0))
    return Series("localizer", header, (Slice(own, held(plane_bytes(plane))),), LOCALIZER)


def _scout_spacing(study: Study, placed: Placed) -> tuple[float, float]:
    """Distance of rows and of columns of a coronal scout [mm]."""
    return placed.spacing_mm if study.form.is_upright else (placed.step_mm, placed.spacing_mm[1])
