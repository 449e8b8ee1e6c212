"""Fixtures that several rooms share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def davis() -> Path:
    """The folder of real video that VOSBOOK_DATA names."""
    root = os.environ.get("VOSBOOK_DATA")
    if not root:
        pytest.skip("VOSBOOK_DATA is not set: the checks on real video were not run")
    if not (Path(root) / "DAVIS2016").is_dir():
        pytest.fail(f"VOSBOOK_DATA is {root}, which has no folder DAVIS2016")
    return Path(root)
