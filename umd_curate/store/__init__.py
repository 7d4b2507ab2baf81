"""The one shared door to disk: workspace, ledger, keys, DICOM, NIfTI, Parquet, settings, packaged resources."""
