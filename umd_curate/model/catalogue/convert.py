"""Finding codes of the convert room.

CON-1xx: where the slices are; 2xx: what the pixels hold; 3xx: the written file; 4xx: contours; 5xx: multi-frame objects,
time frames and gates; 6xx: stations and mosaics. Codes of the SUV are in `suv`.
"""

from umd_curate.model.findings import FindingCode, Severity

_FAIL, _WARN, _INFO = Severity.FAIL, Severity.WARN, Severity.INFO
# --- CON-1xx: where the slices are ---------------------------------------------------------------------------------

GEOMETRY_MISSING = FindingCode(
    "CON-101",
    _FAIL,
    "An element that says where the slices are is missing",
    "Without position, orientation and spacing a voxel has no place in the patient.",
    "Export the series again from the scanner's own database.",
)
SLICES_DIFFER = FindingCode(
    "CON-102",
    _FAIL,
    "The slices do not share rows, columns, spacing or orientation",
    "They are no volume; stacking them would move anatomy.",
    "Look whether a localizer or a second reconstruction lies in the series.",
)
UNEVEN_SLICES = FindingCode(
    "CON-103",
    _FAIL,
    "The slices are not evenly spaced",
    "Two spacings are mixed or positions are wrong: no affine puts every slice where it belongs.",
    "Use another reconstruction; a stack of two spacings can be interpolated to the finer one (convert.resample_uneven).",
)
SAME_POSITION = FindingCode(
    "CON-104",
    _FAIL,
    "Several slices lie at one position",
    "The series holds several images of one place (phases, echoes, gates, mosaics) that must not be stacked.",
    "Export each phase or echo as a series of its own.",
)
NOT_AS_INDEXED = FindingCode(
    "CON-105",
    _FAIL,
    "A slice is not where the index saw it",
    "The file has changed since the scan, or the order of the slices is wrong.",
    "Run the scan again.",
)
ORIENTATION_INVALID = FindingCode(
    "CON-106",
    _FAIL,
    "The orientation is not two perpendicular unit vectors",
    "Image rows and columns cannot be placed.",
    "Export the series again from the scanner's own database.",
)
FRAMES_NOT_ONE_VOLUME = FindingCode(
    "CON-107",
    _FAIL,
    "The frames of a multi-frame object are not one volume",
    "Several frames share a position and nothing in their functional groups tells them apart.",
    "Export each echo, phase or time point as an object of its own.",
)
SHEARED = FindingCode(
    "CON-108",
    _WARN,
    "The gantry was tilted: the slices are shifted against each other",
    "Software that ignores a sheared affine shows tilted anatomy; so each slice was shifted back within its own plane "
    "(linear), and the grid is rectangular. The sheared original stays in private/staged.",
    "Nothing; the measured value is the tilt in degrees.",
)
SLICES_FILLED = FindingCode(
    "CON-109",
    _WARN,
    "Missing slices were interpolated",
    "They are linear between their neighbours and show no measurement; the sidecar lists them.",
    "Fetch the missing images from the archive if they exist.",
)
COPY_DROPPED = FindingCode(
    "CON-110",
    _WARN,
    "A slice was there twice, with equal pixels",
    "One of the two was left out; the measured value is the number of images left out.",
    "Nothing.",
)
COPIES_DIFFER = FindingCode(
    "CON-111",
    _FAIL,
    "Two images of one place have different pixels",
    "Nothing in their headers says which of them belongs to the volume.",
    "Keep the image that is right, or export each phase or echo as a series of its own.",
)
SPACINGS_RESAMPLED = FindingCode(
    "CON-112",
    _WARN,
    "A stack of two spacings was interpolated to the finer one",
    "Slices between the measured ones are linear between their neighbours; the sidecar lists them.",
    "Use a reconstruction with one spacing if there is one.",
)
SLICES_MISSING = FindingCode(
    "CON-113",
    _FAIL,
    "A slice is missing",
    "Closing the gap would shift the anatomy beyond it; the measured value is the number of slices.",
    "Export the whole series again, or run with --fill to interpolate up to two neighbouring slices.",
)

# --- CON-2xx: what the pixels hold ---------------------------------------------------------------------------------

PIXELS_UNREADABLE = FindingCode(
    "CON-201",
    _FAIL,
    "The pixels cannot be decoded",
    "The file is cut short or damaged, or its compression is not known.",
    "Export the series again, uncompressed if possible.",
)
PIXEL_LENGTH = FindingCode(
    "CON-202",
    _FAIL,
    "The pixel data are shorter or longer than the header says",
    "The file is cut short, or the header describes another image.",
    "Export the series again; the measured value and the limit are numbers of bytes.",
)
NOT_GREY = FindingCode(
    "CON-203",
    _FAIL,
    "The image is not one grey value per pixel",
    "A screen capture or a fused colour image holds no measurement.",
    "Exclude the series.",
)
RESCALE_MISSING = FindingCode(
    "CON-204",
    _FAIL,
    "The rescale slope or intercept is missing, or the slope is 0",
    "Stored numbers cannot be turned into values without them.",
    "Export the series again from the scanner's own database.",
)
SLICE_COUNT = FindingCode(
    "CON-205",
    _FAIL,
    "Fewer or more slices came than were indexed",
    "The volume would end early or not fit its grid.",
    "Run the scan again.",
)
MOSAIC = FindingCode(
    "CON-206",
    _FAIL,
    "A mosaic of slices stands in a stack of single slices",
    "Its tiles are slices of their own; as one plane it is no anatomy.",
    "Run the scan again, so that the series is taken apart as a mosaic.",
)
NOT_HU = FindingCode(
    "CON-207",
    _WARN,
    "The rescale type of the CT is not HU",
    "The values may not be Hounsfield units (0028,1054); the sidecar says arbitrary.",
    "Check air and water in the image.",
)
CONSTANT = FindingCode(
    "CON-208",
    _WARN,
    "All voxels of the image are equal",
    "An empty image is a fault of the export or of the reconstruction.",
    "Look at the series at the scanner.",
)
PADDING = FindingCode(
    "CON-209",
    _INFO,
    "Padding of the CT was turned into air",
    "Pixels outside the reconstruction circle held a mark far below air (0028,0120); they are -1024 HU now.",
    "Nothing.",
)
LOSSY = FindingCode(
    "CON-210",
    _WARN,
    "The pixels went through a lossy compression",
    "(0028,2110) or the transfer syntax says so: values and small structures may have changed before they came here.",
    "Export the series again from an archive that keeps it lossless; measurements on it carry the loss.",
)
SCALES_DIFFER = FindingCode(
    "CON-211",
    _WARN,
    "The slices of a Philips MR are scaled differently",
    "The displayed values of one tissue differ between slices, since (2005,100E) times (0028,1053) is not one number.",
    "Use the precise values of the scanner; the measured value is the largest ratio between two slices.",
)

# --- CON-3xx: the written file -------------------------------------------------------------------------------------

AFFINE_WRONG = FindingCode(
    "CON-301",
    _FAIL,
    "The written image does not lie where the DICOM lies",
    "Read back, a corner or the centre is off by more than the tolerance in mm.",
    "This is a fault of the program or of the disk; report it.",
)

REFEREE_DIFFERS = FindingCode(
    "CON-311",
    _FAIL,
    "A second converter puts other values, or puts them elsewhere",
    "One of two independent readings of the series is wrong; until a human knows which, its image stays behind the wall.",
    "Compare both on site; --referee all looks at every series of the protocol. If the other converter is wrong, say so in "
    "convert.referee_overruled; report it when this program is.",
)
REFEREE_REFUSED = FindingCode(
    "CON-312",
    _INFO,
    "The second converter could not convert the series",
    "There is no second opinion on this protocol; the image stands on its own receipt.",
    "Nothing; the detail names the converter's own reason. Another one can be asked: --referee dcm2niix.",
)

REFEREE_OVERRULED = FindingCode(
    "CON-313",
    _WARN,
    "A second converter differs, and a human has decided that it is wrong",
    "convert.referee_overruled gives the reason, and the release repeats it.",
    "Remove the series from convert.referee_overruled to set it aside.",
)

# --- CON-4xx: contours ---------------------------------------------------------------------------------------------

CONTOURS_UNREADABLE = FindingCode(
    "CON-401",
    _FAIL,
    "The segmentation cannot be read",
    "An element that places or names its frames is missing, or the pixels cannot be decoded.",
    "Export the segmentation again; the detail names the element.",
)
CONTOURS_OFF_GRID = FindingCode(
    "CON-402",
    _FAIL,
    "The segmentation does not stand on the image's grid",
    "Resampling would change the expert's contours; they are kept exactly or not at all.",
    "Export the segmentation on the grid of its CT or MR; the measured value is the distance in voxels.",
)
SEGMENTS_UNMAPPED = FindingCode(
    "CON-403",
    _INFO,
    "Segments are none of the dataset's organs",
    "They carry no code or name of the organ table and are left out.",
    "Nothing, or add an alias to the definition; the measured value is their number.",
)
SEGMENTS_OVERLAP = FindingCode(
    "CON-404",
    _WARN,
    "Organs overlap",
    "A label map holds one organ per voxel: the structure with fewer voxels keeps the shared ones.",
    "Look at the border; the measured value is the number of shared voxels.",
)
NO_ORGAN = FindingCode(
    "CON-405",
    _WARN,
    "The segmentation holds no voxel of any organ of the dataset",
    "Its label map is empty.",
    "Check the codes of its segments.",
)
FRACTIONAL = FindingCode(
    "CON-406",
    _INFO,
    "A fractional segmentation was cut at one half",
    "A label map holds no probabilities.",
    "Nothing.",
)

# --- CON-5xx: multi-frame objects, time frames and gates -------------------------------------------------------------

FRAMES_LEFT_OUT = FindingCode(
    "CON-501",
    _INFO,
    "Other volumes of a multi-frame object were left out",
    "It holds several volumes of one place; one is the image that is wanted.",
    "Nothing; the sidecar names the rule. The measured value is the number of frames that were left out.",
)
SEVERAL_VOLUMES = FindingCode(
    "CON-502",
    _FAIL,
    "A multi-frame object holds several volumes, and no rule chooses one",
    "Echoes, b-values, stacks or channels must not be stacked or mixed; the detail names what tells them apart.",
    "Export the wanted one as an object of its own; the measured value is the number of volumes.",
)
TIME_SERIES = FindingCode(
    "CON-503",
    _FAIL,
    "The MR shows one place at several times",
    "The mean of MR time points, diffusion directions or phases is no anatomical image.",
    "Select a static series; the measured value is the number of time points.",
)
AVERAGED = FindingCode(
    "CON-504",
    _INFO,
    "The static PET is the mean of several frames",
    "Time frames or gates were averaged, each weighted by its duration; the sidecar lists them.",
    "Nothing, or set `convert.frames` to `4d` to keep the frames too. The measured value is their number.",
)
CT_AVERAGED = FindingCode(
    "CON-505",
    _WARN,
    "The CT is the mean of several phases",
    "Phases of a breathing or beating body were averaged; moving borders are blurred.",
    "Nothing, if the average is what the attenuation correction used. The measured value is the number of phases.",
)
DURATION_MISSING = FindingCode(
    "CON-506",
    _FAIL,
    "The duration of a PET frame is missing",
    "Frames of unknown duration cannot be averaged.",
    "Export the series again from the scanner's own database; the detail names the element.",
)
NOT_ONE_DECAY_TIME = FindingCode(
    "CON-507",
    _FAIL,
    "The frames are not decay-corrected to one time",
    "Without an SUV of each frame their activities belong to different times and have no mean.",
    "Supply what the SUV lacks; the finding of the SUV names it.",
)
FRAMES_DIFFER = FindingCode(
    "CON-508",
    _FAIL,
    "The frames, gates or phases do not share one grid",
    "Voxels of different places cannot be averaged.",
    "Export the series again; the measured value is the distance in mm.",
)

# --- CON-6xx: stations and mosaics -----------------------------------------------------------------------------------

STATIONS_DIFFER = FindingCode(
    "CON-601",
    _FAIL,
    "The stations do not share a frame of reference, orientation, matrix or spacing",
    "They cannot be put together without guessing how they lie to each other.",
    "Export the series that the scanner composed; the detail names the element.",
)
STATIONS_APART = FindingCode(
    "CON-602",
    _FAIL,
    "Two stations overlap by fewer than two slices",
    "Their gain cannot be compared, and a gap between them would be silent.",
    "Export the missing station, or the composed series; the measured value is the overlap in slices.",
)
STATIONS_SHIFTED = FindingCode(
    "CON-603",
    _FAIL,
    "The stations are shifted against each other within the slice plane",
    "Composing them would break the anatomy at the seam.",
    "Export the composed series; the measured value is the shift in mm.",
)
STATION_SIGNAL = FindingCode(
    "CON-604",
    _FAIL,
    "The overlap of two stations shows too little signal",
    "Their gain cannot be estimated from it, and it is never assumed.",
    "Export the composed series; the measured value is the number of voxels with signal in both.",
)
STATIONS_COMPOSED = FindingCode(
    "CON-605",
    _INFO,
    "The image was composed of several stations",
    "Each was scaled by the gain that its overlap tells and blended over the overlap; the sidecar lists them.",
    "Nothing; the measured value is the number of stations.",
)
SEAM_STEP = FindingCode(
    "CON-606",
    _WARN,
    "A seam between two stations is visible",
    "The signal steps by more than the limit from slice to slice where one station passes into the next.",
    "Look at the seam; the measured value is the step as part of the local mean.",
)
STATION_RESAMPLED = FindingCode(
    "CON-607",
    _INFO,
    "A station was resampled along the slice direction",
    "Its slices stood between those of the common grid; they were interpolated linearly.",
    "Nothing; the measured value is the shift as part of the slice step.",
)
MOSAIC_UNKNOWN = FindingCode(
    "CON-610",
    _FAIL,
    "The mosaic does not say how many slices it holds or where they are",
    "The makers keep this in private elements; without them the tiles have no place.",
    "Export the series again with its private elements, or as single slices; the detail names the element.",
)
