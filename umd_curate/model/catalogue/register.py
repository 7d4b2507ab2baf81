"""Finding codes of the register room."""

from umd_curate.model.findings import FindingCode, Severity

NO_OVERLAP = FindingCode(
    "REG-101",
    Severity.FAIL,
    "The CT or MR covers too little of the PET grid",
    "Both images name one frame of reference, but in that frame they show different parts of the body, so nothing drawn "
    "on one of them can be used on the other.",
    "See on the console whether the series belong to one examination. A lower limit is register.min_overlap in umd.toml.",
)

MEAN_CHANGED = FindingCode(
    "REG-102",
    Severity.WARN,
    "Resampling changed the mean of the image",
    "An average over footprints keeps the mean where both grids overlap; a change says that structures at the border or "
    "much larger voxels on one side have altered the values.",
    "Look at both images on the figure of the session before values of the resampled image are used.",
)

PET_MOVED = FindingCode(
    "REG-103",
    Severity.WARN,
    "PET and CT or MR do not lie on each other",
    "Head and pelvis do not breathe: where they lie apart, the patient moved between the images. Attenuation correction, labels "
    "and every value read on the other image are then off by as much.",
    'Look at the checkerboard of the session. Where head and pelvis moved together, register.motion = "correct" in umd.toml '
    "brings the CT or MR to the PET; else give a transform (register.override) or leave the session out.",
)

ACTIVITY_CHANGED = FindingCode(
    "REG-104",
    Severity.WARN,
    "Resampling changed the total activity of the PET",
    "The sum of value times volume must be the same on both grids where both see the body.",
    "Use the PET on its own grid for any sum; compare both images before values of the resampled one are used.",
)

FIT_DOUBTFUL = FindingCode(
    "REG-111",
    Severity.WARN,
    "The rigid fit of two sessions needs a look",
    "The images agree no better than before the fit, or the fit ends elsewhere when it is repeated from other starts.",
    "Look at the checkerboard of the pair. A transform of your own goes into register.override in umd.toml.",
)

FIT_REFUSED = FindingCode(
    "REG-112",
    Severity.FAIL,
    "Two sessions of a subject could not be brought together",
    "After the fit the images hardly overlap, so they may show different parts of the body, or the search found no match.",
    "See whether both sessions show one part of the body. A transform of your own goes into register.override in umd.toml.",
)

RIGID_KEPT = FindingCode(
    "REG-113",
    Severity.INFO,
    "A deformation was found and not kept",
    "It failed one of its checks: folds, inverse consistency, agreement of the images, or organs that did not drive it lie no "
    "better. The rigid transform stands.",
    "Nothing has to be done. The receipt says which check it was; better labels may help.",
)

OVERRIDDEN = FindingCode(
    "REG-121",
    Severity.INFO,
    "A reviewer's transform was used",
    "The transform in register.override stands instead of what the product would have used; the receipt holds the reason.",
    "Nothing has to be done.",
)

OVERRIDE_WORSE = FindingCode(
    "REG-122",
    Severity.WARN,
    "With the reviewer's transform the images agree less than without",
    "A transform given the wrong way round, in RAS instead of LPS, or for another pair looks like this.",
    "Look at the checkerboard. The transform must map points of the fixed image to points of the moving one.",
)
