"""Finding codes of the label room: 1xx what an engine gave, 2xx labels on the PET grid."""

from umd_curate.model.findings import FindingCode, Severity

UNREADABLE = FindingCode(
    "LAB-101",
    Severity.FAIL,
    "A label map cannot be read",
    "The file is missing, damaged, or holds no three-dimensional NIfTI image.",
    "Write the label map of this series again, or take its row out of the table label.contours.",
)

OTHER_VOXELS = FindingCode(
    "LAB-102",
    Severity.FAIL,
    "A label map was drawn on other voxels than the image has",
    "Contours are taken over exactly: another order or direction of the axes is put right, but another grid would need a "
    "resampling that nobody has looked at.",
    "Export the label map on the grid of the series that the table names.",
)

UNNAMED_IDS = FindingCode(
    "LAB-103",
    Severity.INFO,
    "A label map holds ids that its map file does not name",
    "Only named structures are taken over.",
    "Name the ids in the map file if they are wanted.",
)

UNKNOWN_NAMES = FindingCode(
    "LAB-104",
    Severity.WARN,
    "A map file names structures that the dataset does not have",
    "A slip in a name would lose an organ, so names that match none are counted.",
    "Compare the names in the map file with the organs in the dataset's definition.",
)

FOREIGN_IDS = FindingCode(
    "LAB-105",
    Severity.FAIL,
    "A label map without names holds ids that the dataset does not have",
    "It follows another numbering, so the ids that seem to fit may mean other organs.",
    "Give the row of the table label.contours a map file that names each id.",
)

NOT_INTEGERS = FindingCode(
    "LAB-106",
    Severity.FAIL,
    "A label map holds values that are no integers",
    "Such values come from interpolation or from probabilities; which organ they mean is open.",
    "Export the label map again without resampling it.",
)

EMPTY = FindingCode(
    "LAB-107",
    Severity.FAIL,
    "A label map holds no organ of the dataset",
    "An empty map is never a result: either nothing was drawn or nothing was found.",
    "See whether contours of this series exist and name organs of the dataset.",
)

OTHER_MODALITY = FindingCode(
    "LAB-108",
    Severity.FAIL,
    "The engine does not label this modality",
    "Models give confident nonsense on images that they were not made for, so they are never asked.",
    "Choose an engine for this modality in label.engines.",
)

NOT_READY = FindingCode(
    "LAB-109",
    Severity.FAIL,
    "The engine is not ready",
    "A part that it needs, such as a file of weights, is absent or not the expected one.",
    "See `umd-curate engines check`, which names the part.",
)

WRONG_GRID = FindingCode(
    "LAB-110",
    Severity.FAIL,
    "The engine gave labels on another grid than the image's",
    "Labels that do not stand on the image's voxels cannot be compared with it.",
    "This is a fault of the engine; report it to its maintainers.",
)

TOOK_TOO_LONG = FindingCode(
    "LAB-111",
    Severity.FAIL,
    "The engine took longer than it may",
    "It was ended with all its processes. A model that hangs must not hold up the other images.",
    "Raise label.minutes if this machine is slow, or see the log of the engine in private/engines.",
)

TOOK_TOO_MUCH = FindingCode(
    "LAB-112",
    Severity.FAIL,
    "The engine took more memory than it may",
    "It was ended with all its processes before the machine ran out of memory.",
    "Raise label.memory_gib, use fewer workers, or the engine's faster setting.",
)

ENDED_BADLY = FindingCode(
    "LAB-113",
    Severity.FAIL,
    "The engine ended with an error",
    "Whatever it wrote before is not used.",
    "See the log of the engine in private/engines, and `umd-curate engines check`.",
)

NO_RESULT = FindingCode(
    "LAB-114",
    Severity.FAIL,
    "The engine ended well but left no label map, or several",
    "Which file is the result must be beyond doubt.",
    "For an engine of label.command compare its setting `labels` with what the command writes.",
)

BEYOND_VOCABULARY = FindingCode(
    "LAB-115",
    Severity.FAIL,
    "The engine gave ids that its own list of names does not hold",
    "Its weights or its version are not those for which the names were written, so no id can be trusted.",
    "Compare the version of the engine with its map file, or report it to the maintainers of the engine.",
)

TOO_FEW_ENGINES = FindingCode(
    "LAB-116",
    Severity.FAIL,
    "Fewer than two engines gave labels to agree on",
    "A consensus of one engine would hide that the others failed.",
    "See what the other engines met, or name the one engine in label.engines instead of the consensus.",
)

NO_PET_LABELS = FindingCode(
    "LAB-201",
    Severity.WARN,
    "The PET has no organ labels",
    "No engine gave labels on the PET grid; those on the CT or MR stand.",
    "See the code in the detail.",
)

TRANSFORM_UNREADABLE = FindingCode(
    "LAB-203",
    Severity.FAIL,
    "A transform by which labels are carried over cannot be read",
    "Without it the labels would stand in the wrong place.",
    "Register the session again.",
)

ORGANS_LOST = FindingCode(
    "LAB-202",
    Severity.WARN,
    "Organs of the CT or MR are not on the PET grid",
    "They lie outside the field of view of the PET, or fill less than half of every one of its voxels.",
    "Look at the figure of the session.",
)

NOT_IN_DICOM = FindingCode(
    "LAB-301",
    Severity.FAIL,
    "A label map cannot be written as DICOM SEG",
    "DICOM's rows and columns are square to each other; those of this grid are not, so its voxels would be drawn elsewhere.",
    "Export it as NIfTI or for 3D Slicer, or label the upright copy of the image.",
)
