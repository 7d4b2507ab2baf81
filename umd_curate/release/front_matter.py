"""Decides the YAML head of the card, from which `load_dataset` learns configurations, splits, columns and row counts.

`datasets` keys its cache of a local folder on this text and not on the shards, so every configuration carries its version
and a digest of its shards: a rebuilt release is never served from the cache of an older one. Row counts come from the
footers, since a wrong one makes `load_dataset` refuse. The text is a small part of YAML (block mappings and lists, quoted
strings), written and read back here without a YAML library.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from umd_curate.model.receipts import Json

FENCE = "---"
_SIZE_CLASSES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))  # the Hub's vocabulary
_LARGEST_CLASS = "100K<n<1M"
_PICTURES = {"Nifti": "nifti", "Image": "image"}
_ENTRY = re.compile(r'^ *(?:- )?(config_name|name|num_examples): "?([^"]*)"?$')


@dataclass(frozen=True, slots=True)
class SplitCard:
    """A split of a configuration: files as the card names them, and the numbers of their footers."""

    name: str
    path: str
    rows: int
    data_bytes: int


@dataclass(frozen=True, slots=True)
class ConfigCard:
    """A configuration as the card declares it; `features` as `datasets.Features.to_dict` writes them."""

    name: str
    splits: tuple[SplitCard, ...]
    features: Mapping[str, Json]
    digest: str
    file_bytes: int
    default: bool = False


def front_matter(
    configs: Sequence[ConfigCard], *, title: str, licence: str, version: str, tags: Sequence[str], rows: int
) -> str:
    """The card's head, fences included.

    Parameters
    ----------
    configs
        Configurations in the order of the card.
    title, licence, version, tags
        Of the dataset.
    rows
        Image rows, for the Hub's size class.
    """
    head: dict[str, Json] = {
        "pretty_name": title,
        "license": licence,
        "task_categories": ["image-segmentation"],
        "tags": list(tags),
        "size_categories": [next((name for limit, name in _SIZE_CLASSES if rows < limit), _LARGEST_CLASS)],
        "configs": [_config(config, version) for config in configs],
        "dataset_info": [_info(config) for config in configs],
    }
    return "\n".join([FENCE, *_yaml(head), FENCE, ""])


def card_counts(text: str) -> dict[tuple[str, str], int]:
    """Rows per configuration and split as a card's ``dataset_info`` declares them; empty for a text without a head."""
    head = text.split(f"\n{FENCE}\n", 1)[0]
    _, _, info = head.partition("\ndataset_info:\n")
    counts: dict[tuple[str, str], int] = {}
    config = name = ""
    for line in info.splitlines():
        if not (match := _ENTRY.match(line)):
            continue
        key, value = match.groups()
        if key == "config_name":
            config = value
        elif key == "name":
            name = value
        elif value.isdigit():
            counts[config, name] = int(value)
    return counts


def _config(config: ConfigCard, version: str) -> Json:
    entry: dict[str, Json] = {
        "config_name": config.name,
        "version": version,
        "description": f"sha256 {config.digest}",
        "data_files": [{"split": split.name, "path": split.path} for split in config.splits],
    }
    return {**entry, "default": True} if config.default else entry


def _info(config: ConfigCard) -> Json:
    return {
        "config_name": config.name,
        "features": [_feature(name, feature) for name, feature in config.features.items()],
        "splits": [
            {"name": split.name, "num_bytes": split.data_bytes, "num_examples": split.rows} for split in config.splits
        ],
        "download_size": config.file_bytes,
        "dataset_size": sum(split.data_bytes for split in config.splits),
    }


def _feature(name: str, feature: Json) -> Json:
    assert isinstance(feature, dict)  # noqa: S101  (made by store/shards.py)
    if feature["_type"] == "List":
        inner = feature["feature"]
        assert isinstance(inner, dict)  # noqa: S101  (made by store/shards.py)
        return {"name": name, "list": inner["dtype"]}
    return {"name": name, "dtype": _PICTURES.get(str(feature["_type"])) or feature["dtype"]}


def _yaml(mapping: Mapping[str, Json], indent: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in mapping.items():
        if isinstance(value, list):
            lines.append(f"{indent}{key}:")
            for item in value:
                lines += _yaml_item(item, indent)
        else:
            lines.append(f"{indent}{key}: {_scalar(value)}")
    return lines


def _yaml_item(item: Json, indent: str) -> list[str]:
    if not isinstance(item, dict):
        return [f"{indent}- {_scalar(item)}"]
    first, *rest = _yaml(item, f"{indent}  ")
    return [f"{indent}- {first.lstrip()}", *rest]


def _scalar(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
