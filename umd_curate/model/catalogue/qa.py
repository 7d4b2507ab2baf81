"""Finding codes of the qa room: QA-1xx about images, QA-2xx about labels. The limits are data in manifests/qa_rules.toml."""

from umd_curate.model.findings import FindingCode, Severity

GRID_DIFFERS = FindingCode(
    "QA-101",
    Severity.FAIL,
    "A label map does not stand on its image's grid",
    "Voxel (i, j, k) of the label map then names another place than voxel (i, j, k) of the image: every score is wrong.",
    "Label or import again on the grid of the image; resample with nearest neighbour, never by copying the header.",
)
UNKNOWN_IDS = FindingCode(
    "QA-102",
    Severity.FAIL,
    "A label map holds values that the dataset does not define",
    "An id without a name is read as some other organ, or is lost. Fractions come from interpolated labels.",
    "Map the engine's ids to the dataset's by name, store an integer type, and resample labels with nearest neighbour.",
)
NOT_FINITE = FindingCode(
    "QA-111",
    Severity.FAIL,
    "The PET holds voxels that are no numbers",
    "One NaN or infinite voxel makes means, losses and MIPs of the whole volume undefined.",
    "Look at the source series: a damaged file or a wrong rescale slope (0028,1053) is likely. Export it again.",
)
NEGATIVE = FindingCode(
    "QA-112",
    Severity.WARN,
    "The PET holds negative voxels",
    "Activity is not negative. Filtered backprojection leaves small negative values; many or large ones point to a wrong"
    " intercept (0028,1052).",
    "Compare with the console. Accept for filtered backprojection; else export the series again.",
)
UNITS = FindingCode(
    "QA-113",
    Severity.FAIL,
    "The PET's unit and its SUV receipt contradict each other",
    "SUVbw without its derivation cannot be trusted, and Bq/mL with one would be scaled twice.",
    "Convert the session again. Where SUV was refused, the convert finding names the missing tag (this is then a warning).",
)
OVERLAP = FindingCode(
    "QA-114",
    Severity.WARN,
    "PET and CT or MR share little space",
    "The pair may belong to different table positions, frames of reference or bodies; fused images and labels are then wrong.",
    "Look at the fusion figure. If the bodies do not coincide, check the pairing of the series and exclude the session.",
)
GEOMETRY = FindingCode(
    "QA-115",
    Severity.FAIL,
    "The written image does not lie where the DICOM says",
    "Positions, volumes and the pairing of images follow from the geometry.",
    "Convert the session again; if it repeats, report it with the geometry receipt of the sidecar.",
)
BODY_SUV = FindingCode(
    "QA-116",
    Severity.WARN,
    "The mean SUV of the body is not plausible",
    "Injected activity over weight is the unit of SUV, so the mean over the body is near 1, less what was voided or lies"
    " outside the image. Far from it, the dose, weight, decay or unit of the header is likely wrong.",
    "Read the SUV derivation in the report; compare dose (0018,1074) and weight (0010,1030) with the records.",
)
ORGAN_ABSENT = FindingCode(
    "QA-201",
    Severity.WARN,
    "An expected organ has no voxels",
    "Either the organ was removed in surgery, lies outside the image, was never drawn, or the engine lost it.",
    "Look at the label figure. Draw or label the organ, or accept with a note.",
)
PIECES = FindingCode(
    "QA-203",
    Severity.WARN,
    "An organ lies in several pieces",
    "Islands far from the organ are the commonest fault of automatic labels.",
    "Look at the label figure; remove the islands or join the pieces.",
)
TOO_SMALL = FindingCode(
    "QA-204",
    Severity.WARN,
    "An organ is too small",
    "Less than the least plausible volume is a remnant or specks, not the organ.",
    "Label the organ again or remove it from the label map.",
)
WRONG_SIDE = FindingCode(
    "QA-205",
    Severity.FAIL,
    "Organs lie on the wrong side of the patient",
    "Swapped sides come from a flipped image or from an engine fed with a flipped image; both are invisible in the volumes."
    " Situs inversus is real, but one in ten thousand.",
    "Check the orientation letters in the figure against the source. Mend the flip, or accept with a note.",
)
WRONG_ORDER = FindingCode(
    "QA-206",
    Severity.FAIL,
    "Organs lie in the wrong order from head to foot",
    "An upside-down stack, or another subject's label map, shows here first.",
    "Check the slice order of the image and the origin of the label map.",
)
OUTSIDE_BODY = FindingCode(
    "QA-207",
    Severity.WARN,
    "Part of an organ lies outside the body",
    "Labels in air or padding are shifted, from another scan, or leaked.",
    "Look at the label figure; check the registration of propagated labels.",
)
ODD_HU = FindingCode(
    "QA-209",
    Severity.WARN,
    "The median CT number of an organ is not plausible",
    "A label that lies beside its organ, a wrong rescale intercept, or metal and contrast show in the median.",
    "Look at the label figure. Dense contrast medium explains high values; else label again.",
)
ODD_SUV = FindingCode(
    "QA-210",
    Severity.WARN,
    "The uptake of an organ is not plausible for the tracer",
    "With FDG the brain and the bladder are hotter than the liver, and the liver's mean SUV lies in a narrow range."
    " Otherwise the label, the registration, the tracer or the SUV is likely wrong; high glucose and tumour load also do it.",
    "Look at the MIP and at the SUV derivation; accept with a note where the patient explains it.",
)
