"""De-identification: what may stay in a header, which names take the place of identifiers, and that no face is shown.

`clean_io.clean_dataset` makes a new header from the keep list in ``manifests/deid/``: what is not on it goes, at every level.
`vault.Vault` allots published subject ids, `gather_io` and `audit_io` look for a patient's identifiers in what was written,
and `step.STEP` takes the staged volumes across the PHI wall without their faces.
"""
