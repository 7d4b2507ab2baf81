"""Finding codes of the ingest room: 1xx excluded, 2xx quarantined, 3xx for a human to know."""

from umd_curate.model.findings import FindingCode, Severity


def _excluded(
    code: str, title: str, why: str, action: str = "Nothing: the file is expected and never wanted."
) -> FindingCode:
    return FindingCode(code, Severity.INFO, title, why, action)


def _refused(code: str, title: str, why: str, action: str) -> FindingCode:
    return FindingCode(code, Severity.FAIL, title, why, action)


def _record(code: str, title: str, why: str, action: str = "Nothing: it is recorded.") -> FindingCode:
    return FindingCode(code, Severity.INFO, title, why, action)


def _notice(code: str, title: str, why: str, action: str) -> FindingCode:
    return FindingCode(code, Severity.WARN, title, why, action)


NOT_DICOM = _excluded(
    "ING-101",
    "The file is not DICOM",
    "Texts, tables, archives and pictures lie beside the images of an export.",
)
DIRECTORY = _excluded(
    "ING-102",
    "The file is a DICOMDIR",
    "A media directory lists files; it holds no image.",
)
LOCALIZER = _excluded(
    "ING-103",
    "The image is a localizer",
    "Localizers, scouts and topograms plan a scan; they are no part of its volume.",
)
REPORT = _excluded(
    "ING-104",
    "The file is a report",
    "Dose reports, structured reports and key object selections hold no image.",
)
PAGE = _excluded(
    "ING-105",
    "The image is a screen capture or a page",
    "Secondary captures and colour pages show pixels for reading, often with identifiers burned in.",
)
PRESENTATION = _excluded(
    "ING-106",
    "The file is a presentation state",
    "It says how to show an image; it holds none.",
)
DOCUMENT = _excluded(
    "ING-107",
    "The file is an encapsulated document",
    "PDF and other documents in DICOM hold no image.",
)
REFORMAT = _excluded(
    "ING-108",
    "The image is a projection or a reformat",
    "Projections (MIP) and reformats (MPR) are made from a volume that the study holds itself.",
)
MU_MAP = _excluded(
    "ING-109",
    "The image is an attenuation map",
    "Mu-maps serve the PET reconstruction; they are no anatomical image.",
)
OTHER_OBJECT = _excluded(
    "ING-111",
    "The object is of a kind that is never wanted",
    "Only CT, MR and PET images and DICOM SEG are read.",
)
FEW_IMAGES = _excluded(
    "ING-112",
    "Too few images for a volume",
    "Single CT or MR images are planning, bolus-tracking or example images; a volume needs ingest.min_slices.",
    "If the series should be a volume, ask the archive for its other images.",
)
WAVEFORM = _excluded(
    "ING-113",
    "The file is a waveform",
    "ECG, respiration and other curves are no image; their annotations often hold names.",
)
RAW_DATA = _excluded(
    "ING-114",
    "The file is raw data of a scanner",
    "Raw data (list mode, sinograms, spectra) have a maker's own layout, in which nobody can say where identifiers are.",
)
OTHER_MODALITY = _excluded(
    "ING-115",
    "The image is of another modality",
    "Ultrasound, X-ray, angiography, photographs and single-photon images often show names in their pixels, and none is wanted.",
)
PRIVATE_CLASS = _excluded(
    "ING-116",
    "The object is of a maker's private class",
    "The standard does not say what such an object holds, so it cannot be known to be clean.",
    "If it is a wanted image, have it exported as CT, MR or PET Image Storage.",
)
PET_NOT_SELECTED = _excluded(
    "ING-121",
    "Another PET reconstruction ranks first",
    "A session holds one PET: attenuation corrected, static, largest, original, in Bq/mL, lowest series number.",
)
PET_NAC = _excluded(
    "ING-122",
    "PET without attenuation correction",
    "The same study has the attenuation-corrected PET; SUV is not defined without ATTN in (0028,0051).",
)
CT_NOT_SELECTED = _excluded(
    "ING-123",
    "Another CT ranks first",
    "A session holds one CT: it covers the PET, is low-dose rather than contrast-enhanced, soft-kernel, largest.",
)
MR_NOT_SELECTED = _excluded(
    "ING-124",
    "Another MR ranks first",
    "A session holds one MR: it covers the PET, is composed, in-phase, largest.",
)
MR_STATION = _excluded(
    "ING-125",
    "Station of a region that another MR covers",
    "The stations of a whole-body MR are shipped beside the series that was composed from them.",
)
DIXON_NOT_SELECTED = _excluded(
    "ING-126",
    "Another Dixon channel ranks first",
    "One acquisition makes in-phase, opposed-phase, fat and water images; a session holds one of them.",
)
CONTOURS_NOT_SELECTED = _excluded(
    "ING-127",
    "Contours of a series that is not selected",
    "A DICOM SEG goes with the CT or MR that it references in (0008,1115), an RTSTRUCT with that in (3006,0014); that series is in no session.",
    "If these contours are wanted, see why their series was not selected.",
)
DECIDED_AGAINST = _excluded(
    "ING-128",
    "Left out by a decision in umd.toml",
    "[[ingest.decide]] says never for this series or for its protocol group; the reason stands there.",
    "Take the decision out of umd.toml if the series is wanted after all.",
)
DUPLICATE = _excluded(
    "ING-130",
    "The file is a copy of another file",
    "The same SOP instance with the same bytes lies somewhere else in the folder.",
)

UNREADABLE = _refused(
    "ING-201",
    "The file cannot be read to the end of its header",
    "It begins like DICOM or is named so, or this account may not read it; whether it is a wanted image cannot be known.",
    "See that this account may read the file; else fetch it again from the archive.",
)
TRUNCATED = _refused(
    "ING-202",
    "The pixel data is cut off",
    "The file is shorter than (7FE0,0010) says, or than rows, columns and bits need.",
    "Fetch the file again from the archive.",
)
NO_PATIENT_ID = _refused(
    "ING-203",
    "PatientID (0010,0020) is missing",
    "Without it images cannot be told to be of one patient, and subjects would mix.",
    "Fetch the study with its PatientID, or give each patient an own one before ingest.",
)
NO_UIDS = _refused(
    "ING-204",
    "Nothing tells the study or the series of the image",
    "Study (0020,000D) or Series Instance UID (0020,000E) is missing, and so is what could stand for it: date, time, number,"
    " description and frame of reference.",
    "Fetch the study again from the archive; a foreign de-identification may have emptied the UIDs.",
)
BURNED_IN = _refused(
    "ING-205",
    "Identifiers are burned into the image",
    "BurnedInAnnotation (0028,0301) is YES.",
    "Take the series out, or clean its pixels and set (0028,0301) to NO.",
)
TWO_PATIENTS = _refused(
    "ING-206",
    "One study under two patients",
    "Images of one Study Instance UID have different PatientIDs: one of them is of the wrong patient.",
    "Correct the PatientID in the archive and fetch the study again.",
)
UID_CONFLICT = _refused(
    "ING-207",
    "Different files with one SOP Instance UID",
    "(0008,0018) names one image in the world; these files differ, so one of them was changed.",
    "Keep the file that is right and remove the other from the folder.",
)
MISNAMED = _refused(
    "ING-208",
    "The name of the file or of its folder is not UTF-8",
    "Old archives name files in Latin-1; such a name cannot stand in a table, and the file would not be found again.",
    "Copy the files under other names, for example with `convmv -f latin1 -t utf8 -r --notest RAW`, and run again.",
)
SERIES_OF_TWO_PATIENTS = _refused(
    "ING-209",
    "One series under two patients",
    "Images of one Series Instance UID (0020,000E) have different PatientIDs: UIDs were made twice, or one patient is wrong.",
    "Correct the PatientID or the UIDs in the archive and fetch the series again.",
)
CONTRADICTORY_PATIENT = _refused(
    "ING-210",
    "Two birth dates or two sexes in one study",
    "PatientBirthDate (0010,0030) or PatientSex (0010,0040) differ between the images of one study: a series of another"
    " person may be among them.",
    "See in the archive whose study it is, correct it, and fetch it again.",
)
GAP = _refused(
    "ING-211",
    "A slice is missing",
    "A gap is a whole multiple of the slice spacing; closing it would shift the anatomy.",
    "Fetch the missing images from the archive, or run with --fill to interpolate up to two neighbouring slices.",
)
UNEVEN = _refused(
    "ING-212",
    "The slices are not evenly spaced",
    "No affine can describe the stack.",
    "Use another reconstruction of the series; a stack of two spacings can be interpolated (convert.resample_uneven).",
)
SAME_PLACE = _refused(
    "ING-213",
    "Several images at one place",
    "Neither acquisition, echo, Dixon channel nor time tells which images form a volume.",
    "Separate the images into series of their own.",
)
NO_GEOMETRY = _refused(
    "ING-215",
    "The image does not say where it is",
    "Position (0020,0032), orientation (0020,0037), pixel spacing (0028,0030), rows or columns are missing or no numbers.",
    "Fetch the original images from the archive.",
)
FEW_PET_IMAGES = _refused(
    "ING-216",
    "Too few images for a PET volume",
    "A PET is what a session is made for; this one has fewer slices than ingest.min_slices.",
    "Fetch the other images of the series from the archive.",
)
INCOMPLETE = _refused(
    "ING-217",
    "Other files of the series are unusable",
    "The volume would be cut or have a hole where they belong.",
    "See the findings of the series' other files.",
)
STATIONS = _refused(
    "ING-218",
    "The MR stations do not join",
    "Stations are composed into one volume where they lie on each other by at least two slices along the body.",
    "Compose the stations on the console and send the composed series too.",
)
STATION_FRAMES = _refused(
    "ING-219",
    "The MR stations have different frames of reference",
    "Positions in different frames of reference (0020,0052) cannot be compared, so the stations cannot be composed.",
    "Compose the stations on the console and send the composed series too.",
)
DYNAMIC = _refused(
    "ING-220",
    "The frames of a dynamic or gated PET cannot be told apart",
    "Time (0054,1300), (0008,0032) or trigger time (0018,1060) must give each place as many images as there are frames.",
    "Send the static reconstruction of the acquisition, or fetch the missing images.",
)
AMBIGUOUS = _refused(
    "ING-221",
    "Nothing says which PET is meant",
    "Several PET volumes of one study and frame of reference are equal by every criterion, series number included.",
    "Keep the one that is meant, or give each object UIDs of its own.",
)

NOT_A_PET = _refused(
    "ING-222",
    "Stored as PET, but not a PET",
    "Modality (0008,0060), ImageType (0008,0008) or the radiopharmaceutical (0018,0031) say that it is a single-photon image.",
    "Leave the series out with [[ingest.decide]], or have its SOP class corrected in the archive.",
)
CHANGES = _refused(
    "ING-223",
    "The slices of one stack differ in orientation, spacing, matrix or frame of reference",
    "Together they stand on one even line; each part by itself would be a cut body, and no grid holds them all.",
    "Reconstruct the series again on the console, or send each part as a series of its own.",
)

ISSUER_IN_DOUBT = _refused(
    "ING-224",
    "The crosswalk may know this patient under another name",
    "The same PatientID (0010,0020) has a subject id already, and one of both names no issuer (0010,0021); or ingest.patients"
    " names first what the crosswalk does not have. An id that is allotted stays for good, so none is until it is clear.",
    "If both are one person, say so in the table of ingest.patients, the issuer and id that the crosswalk has in the first row."
    " If they are two, give this one an id with `umd-curate crosswalk import`, its issuer in the row. Then run again.",
)
PART_MISSING = _refused(
    "ING-225",
    "A part of a multi-frame object is missing",
    "The object was sent in parts (0020,9161); the others by themselves would be a cut body or have a hole.",
    "Fetch the other parts from the archive; numbers (0020,9162) run from 1, and each part says how many frames precede it.",
)
MIXED_CONTRASTS = _refused(
    "ING-226",
    "The slices of one stack are images of different kinds",
    "Echoes, b-values, Dixon channels or parts of complex images that stand between or behind each other are no volume.",
    "Separate the images into series of their own; the detail names the element that differs.",
)

NO_PARTNER = _notice(
    "ING-301",
    "The PET has no CT or MR in its frame of reference",
    "A pair needs one Frame of Reference UID (0020,0052) and a place in common.",
    "See whether the CT or MR was sent, and under which frame of reference.",
)
FEWER_THAN_SAID = _notice(
    "ING-302",
    "The series has fewer images than its header says",
    "(0054,0081) or (0020,1002) is larger than the number of images: the end of the volume may be missing.",
    "Compare the number of images with the archive.",
)
NO_FRAME = _notice(
    "ING-303",
    "The image has no Frame of Reference UID",
    "Without (0020,0052) no other image is known to be in the same place.",
    "Fetch the original images from the archive.",
)
SECOND_BEST = _notice(
    "ING-304",
    "A better series was set aside",
    "The series that ranks first is quarantined; the session holds the next one or none.",
    "See the findings of the quarantined series.",
)
PARTNER_TOO_SHORT = _notice(
    "ING-305",
    "The CT or MR covers only a part of the PET",
    "Beyond its ends the PET has no anatomy and no organ labels; slices may be missing.",
    "Compare the number of images with the archive, or prefer a longer series with [[ingest.decide]].",
)
FIELD_OF_VIEW = _notice(
    "ING-306",
    "The CT or MR is much narrower than the PET",
    "A reconstruction of a small field of view cuts off the arms or the body wall.",
    "Prefer the reconstruction with the full field of view with [[ingest.decide]].",
)
WEIGHTS_DIFFER = _notice(
    "ING-308",
    "The weights of one study differ",
    "PatientWeight (0010,1030) enters SUV; the largest and the smallest weight of the study's images are far apart.",
    "See which weight is right; a series of another patient may be in the study.",
)
PATIENT_DIFFERS = _notice(
    "ING-309",
    "The studies of one patient contradict each other",
    "PatientBirthDate (0010,0030) or PatientSex (0010,0040) differ between studies under one PatientID or one person of"
    " ingest.patients.",
    "See whether the studies are of one person; else correct the PatientID or the mapping.",
)
IDENTITY_COMPLETED = _notice(
    "ING-310",
    "A missing identifier was completed from the other images",
    "PatientID (0010,0020) was taken from the study's other images, or images without Study or Series Instance UID were"
    " grouped by date, time, number and description.",
    "Compare the number of images with the archive.",
)

OTHER_TRACER = _record(
    "ING-321",
    "The tracer is not FDG",
    "Uptake norms and models are made for FDG; the tracer stands in the sidecar and in the release's rows.",
)
DECIDED = _record(
    "ING-322",
    "A decision in umd.toml took part in the choice",
    "[[ingest.decide]] put a series or a protocol group before or after others, or left it out, for the reason given.",
)
LATE_PHASE = _record(
    "ING-323",
    "A later phase of the same study",
    "The PET was acquired again over the same region after the first one had ended; it is a run of the session.",
)
SHARED_PARTNER = _record(
    "ING-324",
    "The CT or MR is shared with another phase",
    "The study has one CT or MR for several PET phases in one frame of reference; the patient may have moved in between.",
)
TIED = _record(
    "ING-325",
    "Several series rank the same",
    "Every criterion before the series number sees them as equal; the number decided.",
    "See `umd-curate scan groups` and decide once for the protocol group with [[ingest.decide]].",
)
