"""Patients whom the crosswalk may know under another name, above all one PatientID with an issuer (0010,0021) and without.

A table of pre-assigned ids often leaves the issuer out where the headers name one, or the other way round. Whether both are one
person only people can say. Until they do, no id is allotted: a published id never changes, so a wrong one would stay.
"""

from collections import defaultdict
from collections.abc import Iterable

from umd_curate.deid.crosswalk import split_patient
from umd_curate.deid.vault import Vault
from umd_curate.ingest.patients import Persons
from umd_curate.model.ids import PatientKey

_Name = tuple[str, str]  # issuer and id


class Doubts:
    """Says of which patients it is in doubt whether the vault holds them.

    Parameters
    ----------
    vault
        As it is before the first new patient gets an id.
    persons
        The hospital's mapping. Names that it gives to two persons are of two persons.
    """

    def __init__(self, vault: Vault, persons: Persons) -> None:
        self._vault, self._persons = vault, persons
        self._names: dict[PatientKey, set[_Name]] = defaultdict(set)
        for name, patient in persons.key_of.items():
            self._names[patient].add(name)
        self._issuers: dict[str, set[str]] | None = None

    def among(self, patients: Iterable[PatientKey]) -> frozenset[PatientKey]:
        """Patients without an id of whom the vault holds another name, or a PatientID with or without its issuer."""
        strangers = {patient for patient in patients if self._vault.known_subject(patient) is None}
        if strangers and self._issuers is None:
            self._issuers = defaultdict(set)
            for link in self._vault.links():
                issuer, patient_id = split_patient(link.patient)
                self._issuers[patient_id].add(issuer)
        return frozenset(patient for patient in strangers if self._is_in_doubt(patient))

    def _is_in_doubt(self, patient: PatientKey) -> bool:
        names = {split_patient(patient), *self._names.get(patient, ())}
        return any(self._may_be(name, issuer) for name in names for issuer in (self._issuers or {}).get(name[1], ()))

    def _may_be(self, name: _Name, issuer: str) -> bool:
        """Say whether a patient's name may be that of one whom the vault holds with the same id and this issuer."""
        own, held = self._persons.key_of.get(name), self._persons.key_of.get((issuer, name[1]))
        is_told_apart = own is not None and held is not None and own != held
        return not is_told_apart and (issuer == name[0] or not issuer or not name[0])
