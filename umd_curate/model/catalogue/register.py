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
