"""umd-curate: raw PET/CT and PET/MRI DICOM in, a Hub-ready release out, and a receipt for every number in between."""

__version__ = "0.1.0"
