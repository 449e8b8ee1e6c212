"""Data sets: fetched from the addresses of `data_scripts/manifest.yml`, laid out as the readers want them, checked."""
