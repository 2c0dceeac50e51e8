"""What lies on disk: sealed Zarr stores, files that appear whole, marker files, provenance."""
