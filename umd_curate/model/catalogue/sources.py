"""Finding codes of the sources: files that are known for what they are before a header is read."""

from umd_curate.model.findings import FindingCode, Severity

ARCHIVE = FindingCode(
    "ING-181",
    Severity.INFO,
    "The file is an archive whose members are read",
    "Each member of a zip, tar or tar.gz archive is a file of its own, and has a decision of its own.",
    "Nothing: the file is expected and never wanted.",
)
LINK = FindingCode(
    "ING-182",
    Severity.INFO,
    "The member of the archive is a link",
    "What it points to is read under its own name where the archive holds it; a link out of the archive is never followed.",
    "Nothing, unless the archive lacks images: then pack it anew with the files that its links point to.",
)
OTHER_ARCHIVE = FindingCode(
    "ING-281",
    Severity.FAIL,
    "An archive of a kind that is not read",
    "Zip, tar and tar.gz are read in place; archives in archives, other kinds and other packings are not.",
    "Unpack it once, beside or instead of the archive, and scan again.",
)
BROKEN_ARCHIVE = FindingCode(
    "ING-282",
    Severity.FAIL,
    "The archive cannot be listed to its end",
    "It is cut off or damaged; a series read from the rest could lack images without a word.",
    "Fetch the archive again; `unzip -t` or `tar -tf` says whether it is whole.",
)
ENCRYPTED = FindingCode(
    "ING-283",
    Severity.FAIL,
    "The member of the archive is encrypted",
    "It cannot be read without its password, which no command takes.",
    "Unpack the archive once, and scan the folder.",
)
OUTSIDE = FindingCode(
    "ING-284",
    Severity.FAIL,
    "The name of the member leads out of its archive",
    "An absolute name or one with `..` is a fault of packing or an attack; nothing is read under such a name.",
    "Pack the files anew under relative names.",
)
OVERSIZED = FindingCode(
    "ING-285",
    Severity.FAIL,
    "The member claims to unpack to far more than an image",
    "It is larger than 64 GiB, or larger than 64 MiB and 400 times its packed size: a fault or a bomb.",
    "Unpack the archive once if the file is genuine, and scan the folder.",
)
MISSING = FindingCode(
    "ING-286",
    Severity.FAIL,
    "A file that the DICOMDIR lists is not there",
    "The media directory names (0004,1500) a file that the folder does not hold: the copy is not whole.",
    "Copy the medium again, or remove the DICOMDIR if the files were left out on purpose.",
)
