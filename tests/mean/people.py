"""Patients whose identifiers stand nowhere else: every secret is made of random letters and digits of a seed."""

import random
import string
from dataclasses import dataclass, field

# Character set (0008,0005), and letters that it has beyond ASCII.
CHARSETS = {
    "ISO_IR 100": "äöüéèñçß",
    "ISO_IR 101": "łśżőű",
    "ISO_IR 144": "бвгджзилп",
    "ISO_IR 126": "αβγδεζηλ",
    "ISO_IR 127": "بتثجح",
    "ISO_IR 138": "אבגדה",
    "ISO_IR 192": "øåđžš",
    "GB18030": "王小东李明",
    "ISO 2022 IR 87": "山田太郎",
    "ISO 2022 IR 149": "김희중",
}


@dataclass
class Person:
    """A patient; `secrets` is all that must not be found, by kind."""

    charset: str
    family: str
    given: str
    patient_id: str
    birth: str
    study_day: str
    weight: str
    size: str
    sex: str
    secrets: dict[str, set[str]] = field(default_factory=dict)
    _uids: int = 0
    root: str = ""
    issuer: str = ""

    def secret(self, kind: str, value: str) -> str:
        self.secrets.setdefault(kind, set()).add(value)
        return value

    def uid(self) -> str:
        self._uids += 1
        return self.secret("uid", f"{self.root}.{self._uids}")

    @property
    def name(self) -> str:
        return f"{self.family}^{self.given}"

    def all(self) -> set[str]:
        return {value for values in self.secrets.values() for value in values}


def _word(random_: random.Random, length: int = 9) -> str:
    return "".join(random_.choice(string.ascii_lowercase) for _ in range(length)).capitalize()


def digits(random_: random.Random, count: int) -> str:
    return str(random_.randint(1, 9)) + "".join(random_.choice(string.digits) for _ in range(count - 1))


def people(count: int, seed: int) -> list[Person]:
    """Patients that share no identifier; their character sets take turns."""
    random_ = random.Random(seed)  # noqa: S311  (planting)
    made = []
    for n in range(count):
        charset = list(CHARSETS)[n % len(CHARSETS)]
        own = "".join(random_.choice(CHARSETS[charset]) for _ in range(3))
        family, given = _word(random_) + own, _word(random_, 8)
        person = Person(
            charset,
            family,
            given,
            f"{_word(random_, 3).upper()}{digits(random_, 8)}",
            f"19{random_.randint(30, 79)}{random_.randint(1, 12):02d}{random_.randint(1, 28):02d}",
            f"202{random_.randint(0, 4)}{random_.randint(1, 12):02d}{random_.randint(1, 28):02d}",
            f"{random_.randint(45, 110)}.{random_.randint(1, 9)}",
            f"1.{random_.randint(50, 95)}",
            random_.choice("MF"),
            root=f"1.2.826.0.1.3680043.9.{digits(random_, 7)}.{digits(random_, 6)}",
        )
        for kind, value in (
            ("name", family), ("name", given), ("id", person.patient_id), ("date", person.birth), ("date", person.study_day),
        ):  # fmt: skip
            person.secret(kind, value)
        person.issuer = person.secret("place", f"Issuer{digits(random_, 7)}")
        made.append(person)
    return made
