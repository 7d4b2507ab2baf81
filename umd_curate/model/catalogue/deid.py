"""Finding codes of the deid room."""

from umd_curate.model.findings import FindingCode, Severity

NOT_AN_IMAGE = FindingCode(
    "DEI-101",
    Severity.FAIL,
    "The SOP class is not an image of CT, MR or PET",
    "Only the headers of these images have a reviewed keep list; any other object may hold identifiers anywhere.",
    "Nothing, if it is a report, a dose page or a capture. Otherwise export the series again as CT, MR or PET image.",
)
BURNED_IN = FindingCode(
    "DEI-102",
    Severity.FAIL,
    "The image says that it holds burned-in annotation, or it is a colour image",
    "Text in the pixels is not removed by cleaning the header, and screen captures show names.",
    "Look at it on site; export the original image series instead of a capture.",
)
ENCRYPTED = FindingCode(
    "DEI-103",
    Severity.FAIL,
    "The header holds encrypted attributes",
    "What was removed by another site can be put back by whoever has its key, so it must not leave the hospital.",
    "Export the series from the source archive, not from a de-identified copy.",
)
NO_PIXELS = FindingCode(
    "DEI-104",
    Severity.FAIL,
    "An element without which the image cannot be kept is missing or unreadable",
    "A header without SOP class, SOP instance or pixel data cannot be carried over rightly.",
    "Export the series again; the file is truncated or was damaged.",
)
TEXT_IN_PIXELS = FindingCode(
    "DEI-105",
    Severity.FAIL,
    "Something in the pixels looks like text",
    "A name that is burned into a slice stays in the image whatever is done to the header.",
    "Look at the page in private/review, and decide in umd.toml, [[deid.burned_in]]: clean, redact or exclude, with a reason.",
)
TEXT_DECIDED = FindingCode(
    "DEI-106",
    Severity.WARN,
    "Something in the pixels looks like text, and a person decided about it",
    "The decision and its reason stand in umd.toml; nothing is blacked out without one.",
    "Nothing; take the decision out of umd.toml to have the image set aside again.",
)
HIDDEN_BITS = FindingCode(
    "DEI-110",
    Severity.FAIL,
    "Something is stored in the unused bits of the pixels",
    "Old scanners keep overlays, often with the patient's name, in the bits above (0028,0101); cleaning the header leaves them.",
    "Export the series again without overlays in its pixels.",
)
UNDECODABLE = FindingCode(
    "DEI-111",
    Severity.FAIL,
    "The pixels cannot be decoded",
    "What cannot be looked at cannot be known to be clean, and nobody could use it.",
    "Fetch the file again from the archive, or have it sent uncompressed.",
)
NOT_WRITTEN_BACK = FindingCode(
    "DEI-107",
    Severity.FAIL,
    "The DICOM file that was written is not the cleaned image",
    "Read back from disk, its header, its pixels or its file meta differ from what was cleaned.",
    "This is a fault of the disk or of the program; check the disk, run again, and report it.",
)
NEW_NONCONFORMANCE = FindingCode(
    "DEI-108",
    Severity.FAIL,
    "De-identification made an error of conformance that the source did not have",
    "dciodvfy finds in the cleaned file what it does not find in the source: other programs may refuse the file.",
    "Report it with the message, which holds no value of the header.",
)
FACE_IN_FRAMES = FindingCode(
    "DEI-109",
    Severity.FAIL,
    "A head is in view of an image from which no face can be cut as DICOM",
    "Faces are cut from single slices with a position; this image holds frames, or its slices do not say where they are.",
    "Use the NIfTI image, which has no face, or give a reason in deid.faces_retained.",
)
NOT_CROSSED = FindingCode(
    "DEI-112",
    Severity.FAIL,
    "The image of this series has not crossed the PHI wall",
    "A check before the wall set it aside, so its DICOM is not written either.",
    "See what `umd-curate status` says of the session, and mend that first.",
)
ECHO = FindingCode(
    "DEI-201",
    Severity.FAIL,
    "An identifier of the input was found in an output",
    "Nothing that identifies a patient may lie below the PHI wall.",
    "Keep the output on site and report the place and kind of the hit to the maintainers; the value is never shown.",
)
HEAD_UNSURE = FindingCode(
    "DEI-301",
    Severity.WARN,
    "It is not sure whether a head is in view",
    "The images of one scan disagree, so the face mask rests on one of them alone.",
    "Look at the surface rendering on site before the release.",
)
FACE_RETAINED = FindingCode(
    "DEI-302",
    Severity.WARN,
    "A head is in view and its face was kept on purpose",
    "A face can be recognised from a rendered surface; deid.faces_retained gives the reason and the release repeats it.",
    "Remove deid.faces_retained from umd.toml to deface.",
)
FACE_NOT_MASKED = FindingCode(
    "DEI-303",
    Severity.FAIL,
    "A head is in view but no face mask could be made",
    "An image with a face must not cross the PHI wall without a recorded reason.",
    "Look at the images on site; crop the head away at export, or give a reason in deid.faces_retained.",
)
NO_SIDECAR = FindingCode(
    "DEI-304",
    Severity.FAIL,
    "A staged image has no sidecar",
    "Without it nobody can say what the voxels mean, so the image does not cross the PHI wall.",
    "Run ingest again for this session.",
)
STAGED_CHANGED = FindingCode(
    "DEI-305",
    Severity.FAIL,
    "A staged image is not the one that was converted",
    "It or its sidecar has another SHA-256 than the receipt of the conversion, so nobody can say what its voxels mean.",
    "Check the disk, and run ingest again for this session.",
)
PUBLISHED_WRONG = FindingCode(
    "DEI-306",
    Severity.FAIL,
    "The file below the wall is not the image that was written",
    "Read back from disk, its grid differs from that of the staged image.",
    "This is a fault of the disk or of the program; check the disk, run again, and report it.",
)
HEAD_TURNED = FindingCode(
    "DEI-307",
    Severity.FAIL,
    "The header turns the body: a head shows where it should not be",
    "Front and top come from the header. Where it is wrong, a face would be looked for in the wrong place and be published.",
    "Correct patient position and orientation at the source, or give a reason in deid.faces_retained.",
)
FACE_LEFT = FindingCode(
    "DEI-308",
    Severity.FAIL,
    "A part of the face's surface lies outside the face mask",
    "The mask is carried to every image of the session; where the patient moved far between the images, it misses the face.",
    "Look at the page in private/review; correct the images' places, or give a reason in deid.faces_retained.",
)
