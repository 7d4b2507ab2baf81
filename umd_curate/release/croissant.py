"""Decides ``croissant.json``: the release in the Croissant 1.0 vocabulary of ML datasets, with the fields of its RAI extension.

Every file is listed with its checksum, every configuration as a record set over its shards; what a responsible user must
know is taken from the settings and the counted numbers, as on the card.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from umd_curate.model.receipts import Json
from umd_curate.release.summary import Summary

CONFORMS_TO = ("http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0")
_TYPES = {"string": "sc:Text", "int64": "sc:Integer", "float64": "sc:Float", "bool": "sc:Boolean"}
_PICTURES = {"Nifti": "sc:Text", "Image": "sc:ImageObject"}
_PARQUET = "application/x-parquet"

# Terms of the context as Croissant 1.0 lists them (docs.mlcommons.org/croissant/docs/croissant-spec.html, appendix 1).
_CONTEXT: dict[str, Json] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{
        term: f"cr:{term}"
        for term in (
            "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "excludes", "extract", "field",
            "fileProperty", "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key",
            "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate",
            "separator", "source", "subField", "transform",
        )
    },
    "conformsTo": "dct:conformsTo",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CroissantFile:
    """A Parquet file of a configuration."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class CroissantConfig:
    """A configuration: its files, what they are called in its folder, and its columns."""

    name: str
    includes: str
    files: tuple[CroissantFile, ...]
    features: Mapping[str, Json]  # as `datasets.Features.to_dict` writes them


@dataclass(frozen=True, slots=True)
class CroissantFacts:
    """What the description says beside files and columns."""

    name: str
    title: str
    version: str
    licence: str
    url: str
    creators: tuple[str, ...]
    citation: str
    date: str | None
    contact: str | None
    consent: str | None
    ethics: str | None


def croissant(facts: CroissantFacts, configs: Sequence[CroissantConfig], summary: Summary) -> dict[str, Json]:
    """The description as JSON-LD."""
    distribution: list[Json] = []
    for config in configs:
        distribution += [
            {
                "@type": "cr:FileObject",
                "@id": file.path,
                "name": file.path,
                "contentUrl": file.path,
                "contentSize": f"{file.size} B",
                "encodingFormat": _PARQUET,
                "sha256": file.sha256,
            }
            for file in config.files
        ]
        distribution.append(
            {
                "@type": "cr:FileSet",
                "@id": f"{config.name}-files",
                "name": f"{config.name}-files",
                "encodingFormat": _PARQUET,
                "includes": config.includes,
            }
        )
    document: dict[str, Json] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": facts.name,
        "alternateName": facts.title,
        "description": _description(facts, summary),
        "conformsTo": list(CONFORMS_TO),
        "license": facts.licence,
        "url": facts.url,
        "version": facts.version,
        "creator": [{"@type": "sc:Organization", "name": name} for name in facts.creators],
        "citeAs": facts.citation,
        "isLiveDataset": False,
        **_responsible(facts, summary),
        "distribution": distribution,
        "recordSet": [_record_set(config) for config in configs],
    }
    return {**document, "datePublished": facts.date} if facts.date else document


def _description(facts: CroissantFacts, summary: Summary) -> str:
    return (
        f"{facts.title}. {summary.subjects:,} subjects, {summary.sessions:,} sessions, {summary.slices:,} slices, "
        f"{summary.organ_masks:,} organ masks; NIfTI volumes in Parquet."
    )


def _responsible(facts: CroissantFacts, summary: Summary) -> dict[str, Json]:
    """Fields of the RAI extension; each is either counted or stated by the dataset's maker."""
    held = sum(count for _, count in summary.held_sessions)
    sexes = ", ".join(f"{name} {count:,}" for name, count in summary.sex)
    scanners = ", ".join(f"{name} {count:,}" for name, count in summary.scanners)
    ages = f"{summary.age[0]} to {summary.age[1]} years" if summary.age else "not stated"
    return {
        "rai:dataCollection": "Clinical PET/CT and PET/MRI of one site, taken over from its archive.",
        "rai:dataCollectionType": "Secondary Data analysis",
        "rai:dataCollectionRawData": "DICOM; what was not used is in manifests/exclusions.parquet, with its reason.",
        "rai:dataPreprocessingProtocol": [
            "Header elements by a keep list, dates as seconds after the injection.",
            "PET to SUVbw; the derivation of every factor is in the sidecar of its row.",
            "Faces removed from CT, MR and PET where a head is in view.",
        ],
        "rai:dataAnnotationProtocol": "Organ label maps of the engines and methods named in manifests/labels.parquet.",
        "rai:machineAnnotationTools": [name for name, _ in summary.engines],
        "rai:dataManipulationProtocol": f"The release gate held {held:,} sessions back; automatic checks are in qa.",
        "rai:dataBiases": f"Subjects by sex: {sexes or 'none'}. Age: {ages}. Sessions by scanner: {scanners or 'none'}.",
        "rai:dataLimitations": "Not a medical device. Labels that say unreviewed were judged by no physician.",
        "rai:dataUseCases": ["Organ segmentation", "Comparison of models between paired modalities"],
        "rai:dataSocialImpact": "Health data of persons; no person may be identified from it.",
        "rai:personalSensitiveInformation": ["Sex", "Age in years, 90 and more as 90", "Images of the body"],
        "rai:dataReleaseMaintenancePlan": (
            "Versions by MAJOR.MINOR.PATCH, with notes made from the comparison of the data. A withdrawn subject is in no "
            f"later version. Contact: {facts.contact or 'not stated'}."
        ),
        "rai:hasConsent": facts.consent or "not stated",
        "rai:ethicalReview": facts.ethics or "not stated",
    }


def _record_set(config: CroissantConfig) -> Json:
    return {
        "@type": "cr:RecordSet",
        "@id": config.name,
        "name": config.name,
        "field": [_field(config, name, feature) for name, feature in config.features.items()],
    }


def _field(config: CroissantConfig, name: str, feature: Json) -> Json:
    assert isinstance(feature, dict)  # noqa: S101  (made by store/shards.py)
    kind = str(feature["_type"])
    inner = feature.get("feature")
    source: dict[str, Json] = {"fileSet": {"@id": f"{config.name}-files"}, "extract": {"column": name}}
    field: dict[str, Json] = {"@type": "cr:Field", "@id": f"{config.name}/{name}", "name": name}
    if kind in _PICTURES:
        return {**field, "dataType": _PICTURES[kind], "source": {**source, "transform": {"jsonPath": "bytes"}}}
    if isinstance(inner, dict):
        return {**field, "dataType": _TYPES[str(inner["dtype"])], "repeated": True, "source": source}
    return {**field, "dataType": _TYPES[str(feature["dtype"])], "source": source}
