"""Finding codes of the release room: REL-0xx is the gate before a release, REL-1xx what reading a release back shows."""

from umd_curate.model.findings import FindingCode, Severity

NO_SUBSET = FindingCode(
    "REL-001",
    Severity.INFO,
    "The dataset has no configuration for this kind of session",
    "A PET, CT or MR without its partner is kept in the workspace but has no place in a dataset of pairs.",
    "Nothing, or add a subset to the definition in manifests/.",
)
NO_SUV = FindingCode(
    "REL-002",
    Severity.FAIL,
    "The PET has no SUV",
    "A PET in Bq/mL beside others in SUVbw makes every comparison between them wrong.",
    "Mend the input that the convert finding names, or relax this rule with a reason: the row then says Bq/mL.",
)
CHECK_FAILED = FindingCode(
    "REL-003",
    Severity.FAIL,
    "An automatic check failed",
    "A failed check means that an image, a pairing or a label is wrong in a way that a user would not see.",
    "Read the case in the report and mend it, or relax this rule or the check's own code with a reason.",
)
IMAGE_MISSING = FindingCode(
    "REL-004",
    Severity.FAIL,
    "An image of the pair is missing",
    "A row needs the PET and its CT or MR; an earlier step could not make one of them.",
    "Find the quarantined step with `umd-curate status`, mend its cause and run again.",
)
SIDECAR_UNFIT = FindingCode(
    "REL-005",
    Severity.FAIL,
    "A sidecar is missing, or does not fit its schema",
    "Without it the image's unit, its voxel checksum and how it was made are unknown.",
    "Run the steps before the release again.",
)
TOO_LARGE = FindingCode(
    "REL-006",
    Severity.FAIL,
    "An image is larger than a row can hold",
    "A page of a shard has a size of 31 bits, so an image of 2 GiB or more, compressed, cannot be stored.",
    "Split the acquisition into two sessions, or leave it out.",
)
FACE_UNKNOWN = FindingCode(
    "REL-007",
    Severity.FAIL,
    "Nothing says what was done about the face",
    "A face can be drawn from a head's skin; an image without a record of defacing must not be published.",
    "Run the steps before the release again; to keep faces, give the reason in deid.faces_retained.",
)
DUPLICATE_IMAGE = FindingCode(
    "REL-008",
    Severity.FAIL,
    "The image is another session's, voxel by voxel",
    "One body under two ids may fall into two splits, or be counted twice; one of the two pairings is wrong.",
    "Find out whose image it is; `umd-curate reveal` shows the source. Withdraw or exclude the other session.",
)

FILE_MISSING = FindingCode(
    "REL-101",
    Severity.FAIL,
    "A file of SHA256SUMS is not there",
    "The release is not whole.",
    "Fetch the release again, or build it again.",
)
FILE_UNLISTED = FindingCode(
    "REL-102",
    Severity.FAIL,
    "A file is not in SHA256SUMS",
    "What no checksum covers may have been added by anyone, and may hold anything.",
    "Remove it, or build the release again.",
)
FILE_CHANGED = FindingCode(
    "REL-103",
    Severity.FAIL,
    "A file differs from its checksum",
    "The file was damaged or changed after the release was built.",
    "Fetch the release again, or build it again.",
)
BYTES_DIFFER = FindingCode(
    "REL-104",
    Severity.FAIL,
    "An image's bytes differ from the manifest",
    "The file in the workspace is not the one that its step recorded, or the shard was changed.",
    "Run again: the step that wrote the file makes it anew.",
)
VOXELS_DIFFER = FindingCode(
    "REL-105",
    Severity.FAIL,
    "An image's voxels differ from their checksum",
    "The decoded image is not the one that was measured and checked.",
    "Run again: the step that wrote the file makes it anew.",
)
ROWS_DIFFER = FindingCode(
    "REL-106",
    Severity.FAIL,
    "The manifest and the shards do not name the same images",
    "A manifest row without bytes, or bytes without a manifest row, misleads every user.",
    "Build the release again.",
)
CARD_DIFFERS = FindingCode(
    "REL-107",
    Severity.FAIL,
    "The card's row counts are not the shards'",
    "`load_dataset` refuses a configuration whose counts are wrong.",
    "Build the release again.",
)
SPLIT_LEAK = FindingCode(
    "REL-108",
    Severity.FAIL,
    "A subject stands in two splits",
    "A model would be tested on a body that it was trained on.",
    "Build the release again.",
)
IMAGE_LEAK = FindingCode(
    "REL-112",
    Severity.FAIL,
    "One image stands in two splits",
    "A model would be tested on an image that it was trained on, whatever the subjects are called.",
    "Build the release again: the gate holds such a session back.",
)
SLICES_DIFFER = FindingCode(
    "REL-113",
    Severity.FAIL,
    "The slices of an image are not those of its volume",
    "A user of single planes would miss some, or meet planes of nothing.",
    "Build the release again.",
)
NOT_SIGNED = FindingCode(
    "REL-114",
    Severity.FAIL,
    "The checksums are not signed",
    "Whoever changes a file can change its checksum too; only a signature tells who built the release.",
    "Ask the maintainers for the signature, or build the release again.",
)
WRONG_SIGNATURE = FindingCode(
    "REL-115",
    Severity.FAIL,
    "The signature is not that of the checksums and the key",
    "The checksums were changed after they were signed, or somebody else signed them.",
    "Fetch the release again, and compare the key's fingerprint with the one that the maintainers publish.",
)
NOT_ALIGNED = FindingCode(
    "REL-109",
    Severity.FAIL,
    "Label rows do not follow the image rows",
    "Joining images and labels would give a body another body's organs.",
    "Build the release again.",
)
UNREADABLE = FindingCode(
    "REL-110",
    Severity.FAIL,
    "A file of the release cannot be read",
    "It is damaged, or it is no file of a release.",
    "Fetch the release again, or build it again.",
)
