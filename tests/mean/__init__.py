"""Mean corpora: DICOM full of planted identifiers, and a search for them that shares no code with the product."""
