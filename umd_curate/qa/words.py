"""Numbers, limits and keys as the report prints them: exact, with their unit, and never in a locale's own way."""

import json
import re

from umd_curate.model.receipts import Json

MINUS = "\N{MINUS SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"
NONE = "\N{EN DASH}"

_WORD_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_UNITS = {
    "mm": "mm",
    "s": "s",
    "ml": "mL",
    "kg": "kg",
    "bq": "Bq",
    "mbq": "MBq",
    "deg": "\N{DEGREE SIGN}",
    "hu": "HU",
}


def number(value: float | None, digits: int = 4) -> str:
    """A number with `digits` significant digits, thousands apart; a dash for None."""
    if value is None:
        return NONE
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", THIN).replace("-", MINUS)
    rounded = float(f"{value:.{digits}g}")
    if rounded == 0 or 1e-4 <= abs(rounded) < 1e6:
        before = len(str(int(abs(rounded))))
        places = max(0, digits - (before if abs(rounded) >= 1 else 0))
        text = f"{rounded:,.{places}f}" if abs(rounded) >= 1 else f"{rounded:.{digits + 3}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return text.replace(",", THIN).replace("-", MINUS)
    mantissa, exponent = f"{rounded:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}".replace("-", MINUS)


def fixed(value: float | None, places: int) -> str:
    """A number with `places` decimals, so that a column lines up; empty for None."""
    return "" if value is None else f"{value:,.{places}f}".replace(",", THIN).replace("-", MINUS)


def with_unit(value: float | None, unit: str, digits: int = 4) -> str:
    """A number and its unit; a dash for None."""
    if value is None:
        return NONE
    return f"{number(value, digits)} {unit}".strip()


def interval(low: float | None, high: float | None, unit: str = "") -> str:
    """Allowed values in words of mathematics; empty where both ends are open."""
    if low is None and high is None:
        return ""
    if low is None:
        return f"\N{LESS-THAN OR EQUAL TO} {with_unit(high, unit)}"
    if high is None:
        return f"\N{GREATER-THAN OR EQUAL TO} {with_unit(low, unit)}"
    return f"{number(low)} to {with_unit(high, unit)}"


def key_and_unit(key: str) -> tuple[str, str]:
    """Turn ``max_corner_error_mm`` into its words and its unit; Pascal case is taken apart too, acronyms kept whole."""
    parts = [part if part.isupper() else part.lower() for part in _WORD_BORDER.sub("_", key).split("_")]
    unit = _UNITS.get(parts[-1], "") if len(parts) > 1 else ""
    return " ".join(parts[:-1] if unit else parts), unit


def sentence(text: str) -> str:
    """Text with its first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def plain(value: Json, unit: str = "") -> str:
    """A JSON value as text."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return with_unit(value, unit, 6)
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(plain(entry) for entry in value)
    return json.dumps(value, sort_keys=True)


def times(values: tuple[float, ...], unit: str = "") -> str:
    """Sizes along axes: ``192 x 192 x 160`` with the multiplication sign."""
    return " \N{MULTIPLICATION SIGN} ".join(number(value) for value in values) + (f" {unit}" if unit else "")
