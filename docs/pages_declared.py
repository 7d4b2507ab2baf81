"""Reference pages from declarations: settings, documents, tables, organs, defects."""

import enum
import inspect
import re
import types
import typing

import tomli_w
from pages_markdown import prose, table
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from umd_curate.model import checks, release, sidecars
from umd_curate.model.config import UmdConfig
from umd_curate.model.tables import columns_of
from umd_curate.release.cases import subsets_of
from umd_curate.release.rows import image_layout, label_layout
from umd_curate.store.resources import definition, organ_table
from umd_curate.synth import DEFECT_TABLE


def settings_page() -> str:
    """Every section and setting of umd.toml."""
    parts = [
        "# Settings: umd.toml",
        (
            "`umd-curate config show --resolved` prints every setting with its value. Unknown keys are errors. An environment variable "
            "goes above the file: `UMD_RELEASE__VERSION=1.0.0` sets `version` in `[release]`."
        ),
        (
            "The variables `UMD_WORKSPACE`, `UMD_PRIVATE`, `UMD_KEY_FILE` and `UMD_SIGNING_KEY` name the workspace, the private "
            "folder, the key of the de-identification and that of the releases."
        ),
    ]
    for name, entry in UmdConfig.model_fields.items():
        section = entry.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            parts += [f"## [{entry.alias or name}]", prose(section.__doc__ or "")]
            if section.model_fields:
                parts.append(table(("setting", "type", "default", "meaning"), setting_rows(section)))
    return "\n\n".join(parts) + "\n"


def setting_rows(section: type[BaseModel]) -> list[tuple[str, ...]]:
    """Rows of one section; a list of tables is followed by its own keys."""
    rows: list[tuple[str, ...]] = []
    for name, entry in section.model_fields.items():
        default = "" if entry.default is None else f"`{toml_of(entry.default)}`"
        rows.append((f"`{name}`", spelled(entry.annotation), default, entry.description or ""))
        if isinstance(entry.annotation, type) and issubclass(entry.annotation, BaseModel):  # a table of its own
            rows += [(f"`{name}.{key.strip('`')}`", *rest) for key, *rest in setting_rows(entry.annotation)]
        for inner in nested(entry.annotation):
            rows += [(f"`{name}.{key}`", *rest) for key, *rest in setting_rows_of(inner)]
    return rows


def setting_rows_of(model: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """Keys of an entry of a list."""
    return [
        (key, spelled(entry.annotation), "required" if entry.is_required() else "", entry.description or "")
        for key, entry in model.model_fields.items()
    ]


def nested(annotation: object) -> list[type[BaseModel]]:
    """Models inside a type."""
    return [part for part in typing.get_args(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]


def toml_of(value: object) -> str:
    """A default as it would stand in umd.toml."""
    if isinstance(value, BaseModel):
        return "see below"
    plain = (
        [entry.model_dump(exclude_defaults=True) if isinstance(entry, BaseModel) else entry for entry in value]
        if isinstance(value, tuple)
        else value
    )
    if isinstance(plain, dict):
        return "{ " + ", ".join(f"{key} = {entry}" for key, entry in plain.items()) + " }"
    text = tomli_w.dumps({"x": plain}).removeprefix("x = ")
    return " ".join(text.split()).replace("[ ", "[").replace(", ]", "]")


WORDS = {str: "text", int: "integer", float: "number", bool: "true or false", types.NoneType: "null"}


def spelled(annotation: object) -> str:
    """A type in words."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is None:
        return spelled_class(annotation) if isinstance(annotation, type) else "any JSON"
    inner = [spelled(part) if origin is not typing.Literal else f"`{part}`" for part in parts if part is not ...]
    if origin is tuple:
        return f"list of {inner[0]}"
    if origin is dict:
        return f"map of {inner[0]} to {inner[1]}"
    return inner[0] if origin is typing.Annotated else " or ".join(inner)


def spelled_class(kind: type) -> str:
    """A class in words: its values, a link to its section, or its plain name."""
    if issubclass(kind, enum.Enum):
        return " or ".join(f"`{member.value}`" for member in kind)
    if issubclass(kind, BaseModel):
        return f"[{kind.__name__}](#{kind.__name__.lower()})" if kind in DOCUMENTS else "table"
    return WORDS.get(kind, kind.__name__)


DOCUMENTS = [
    value
    for module in (sidecars, checks, release)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, sidecars.Document) and value is not sidecars.Document
]
DOCUMENTS = sorted(dict.fromkeys(DOCUMENTS), key=lambda model: "schema_version" not in model.model_fields)  # parts last


def documents_page() -> str:
    """Every JSON document and its parts, key by key."""
    parts = [
        "# Sidecars and other JSON documents",
        (
            "Every image of `data/` has a JSON sidecar; names are those of BIDS and BIDS-PET where they exist. Keys are in PascalCase. "
            "Times are seconds after the injection: no date, no clock time and no source UID stands in any of them. The JSON Schemas "
            "(2020-12) lie in `schemas/` of the repository and of every release."
        ),
    ]
    for model in DOCUMENTS:
        parts += [f"## {model.__name__}", prose(model.__doc__ or "")]
        inherited = [base for base in model.__bases__ if base in DOCUMENTS]
        if inherited:
            parts.append(f"Every key of [{inherited[0].__name__}](#{inherited[0].__name__.lower()}), and:")
        own = {k: v for k, v in model.model_fields.items() if not any(k in base.model_fields for base in inherited)}
        parts.append(table(("key", "type", "meaning"), [document_row(name, entry) for name, entry in own.items()]))
    return "\n\n".join(parts) + "\n"


def document_row(name: str, entry: FieldInfo) -> tuple[str, str, str]:
    """Key, type and meaning."""
    says = entry.description or ("Version of this document's schema." if name == "schema_version" else "")
    return f"`{entry.alias or name}`", spelled(entry.annotation), says


def tables_page() -> str:
    """The columns of every configuration and of every manifest table."""
    parts = [
        "# Columns of a release",
        (
            "Shapes and spacings are in the order (i, j, k) of NIfTI and nibabel. A column of type image holds the `.nii.gz` bytes as they "
            "lie in `data/`; `load_dataset` gives a nibabel image of it, or null."
        ),
    ]
    for subset in subsets_of(definition("umd")):
        for name, layout in ((subset.name, image_layout(subset)), (f"labels-{subset.name}", label_layout(subset))):
            rows = [(f"`{column.name}`", column.type) for column in layout.columns]
            rows += [(f"`{volume}`", "image") for volume in layout.volumes]
            default = " (the default)" if name == subset.name and subset.default else ""
            parts += [f'## load_dataset("umd", "{name}"){default}', table(("column", "type"), rows)]
    parts.append(
        "The configurations `manifest` and `qa` are the tables `volumes` and `qa` below; all tables lie in `manifests/` of the release."
    )
    for name, row in release.TABLES.items():
        remarks = comments_of(row)
        cells = [
            (f"`{c.name}`", c.type + (", may be null" if c.nullable else ""), remarks.get(c.name, ""))
            for c in columns_of(row)
        ]
        parts += [f"## {name}", prose(row.__doc__ or ""), table(("column", "type", "meaning"), cells)]
    return "\n\n".join(parts) + "\n"


def comments_of(row: type) -> dict[str, str]:
    """What the comment behind each field's declaration says."""
    return dict(re.findall(r"^ {4}(\w+): [^#\n]*# (.+)$", inspect.getsource(row), re.MULTILINE))


def organs_page() -> str:
    """The organs of the dataset, from its definition."""
    rows = [
        (
            str(o.id),
            f"`{o.name}`",
            o.side or "",
            o.snomed_code,
            o.snomed_meaning,
            str(o.pieces or "any"),
            "yes" if o.moves else "",
            ", ".join(o.aliases),
        )
        for o in organ_table()
    ]
    head = ("id", "name", "side", "SNOMED CT", "meaning", "pieces", "moves or fills between the scans", "also known as")
    return (
        "# The 13 organs\n\nIds, codes and colours are data in `manifests/umd.toml`, never constants in code. 0 is background. "
        "A label of an organ that moves or fills between CT or MR and PET is marked as approximate on the PET grid.\n\n"
        f"{table(head, rows)}\n"
    )


def defects_page() -> str:
    """The defects that `synth` and `demo` can plant."""
    rows = [(f"`{name}`", str(defect.expect), defect.sentence) for name, defect in DEFECT_TABLE.items()]
    return (
        "# Defects that can be planted\n\n`--defect NAME` of `umd-curate synth` and `umd-curate demo` plants one; it may be repeated. "
        "What a sound program does with it is told in one word. What should become of every file stands in `truth/cohort.json`. See [how to plant defects](../how-to/defects.md).\n\n"
        f"{table(('name', 'expect', 'what is planted'), rows)}\n"
    )
