"""Ingest understands a raw folder: one decision per file, with a reason.

`scan.list_files`, `scan.scan` and `scan.settle_copies` read the header of every file; `plan.plan_ingest` groups images into
volumes, selects the PET, CT and MR that are wanted, pairs them by frame of reference, and says of each file whether it is
used, a duplicate, excluded or quarantined. Ingest opens no pixels and writes nothing: the pipeline keeps the index and the
accounting.
"""
