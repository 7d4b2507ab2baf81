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
NO_LABELS = FindingCode(
    "QA-103",
    Severity.WARN,
    "A session has no label map",
    "The dataset is for organ labels; a session without them trains and measures nothing, and no label rule looks at it.",
    "See the label findings of the session: no contours, no engine that is ready, or an engine that failed.",
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
BLUNT_END = FindingCode(
    "QA-202",
    Severity.WARN,
    "An organ ends bluntly inside the image",
    "Organs taper; a flat cut with image left above or below it is a result that broke off, or a crop that was too small.",
    "Look at the label figure. Label again with the whole image; check the engine's log for a crop.",
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
    "The volume of an organ is not plausible",
    "Less than the least plausible volume is a remnant; far more is a leak. If many organs are off alike, the spacing is wrong.",
    "Look at the label figure. Label the organ again, or let a reviewer confirm the variant (nephrectomy, hepatectomy ...).",
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
HOLES = FindingCode(
    "QA-208",
    Severity.WARN,
    "An organ has holes",
    "Background inside an organ is a part that the engine lost; volumes and mean uptake are then wrong.",
    "Look at the label figure; fill the holes with `label.tidy`, or by hand.",
)
ODD_HU = FindingCode(
    "QA-209",
    Severity.WARN,
    "The CT numbers of an organ are not plausible",
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
UNLIKE_COHORT = FindingCode(
    "QA-211",
    Severity.WARN,
    "The volume of an organ is unlike that of all others",
    "A robust outlier among the sessions of one modality and sex is a wrong label, or a rare patient; both deserve a look.",
    "Look at the label figure. Label again, or let a reviewer confirm the variant.",
)
DISAGREES = FindingCode(
    "QA-212",
    Severity.WARN,
    "Two label maps of one body disagree",
    "Labels on PET and on CT or MR, and those of a subject's PET/CT and PET/MRI, show the same organs. Where they disagree, "
    "one of them belongs to another place or is wrong.",
    "Look at both label figures; check the registration, and which engine drew each.",
)
ODD_GAP = FindingCode(
    "QA-213",
    Severity.WARN,
    "Two organs lie too far apart or too close",
    "Lung and liver meet at the diaphragm, heart and aorta at the valve; brain and liver never meet.",
    "Look at the label figure: one of the two is incomplete, shifted, or labels something else.",
)
OFF_IMAGE = FindingCode(
    "QA-214",
    Severity.FAIL,
    "The labels fit the image better in another place",
    "Every shift was tried: moved by the measured distance the labels explain the grey values better than where they lie. "
    "They were drawn on another image, or their origin was lost.",
    "Look at the label figure. Import or label again on the very image; never copy a header.",
)
OFF_PET = FindingCode(
    "QA-215",
    Severity.WARN,
    "The labels on PET fit the PET better in another place",
    "The body moved between CT or MR and PET, or the registration is wrong; uptake is then read beside the organs.",
    "Look at the fusion figure. Breathing explains some millimetres at the diaphragm; more needs a registration.",
)
CONFIRMED = FindingCode(
    "QA-290",
    Severity.INFO,
    "A reviewer confirmed a variant of anatomy",
    "The rules that it explains pass for this subject. The variant, the reviewer, the date and the reason are published.",
    "Nothing. To take it back, remove the entry under [[qa.confirm]] in umd.toml.",
)
