"""Fixtures that several rooms share."""

import os
from pathlib import Path

import pytest

# Before torch is imported. The tensors here are small: a second thread gains nothing, and where other work keeps the
# cores busy the threads' waiting for each other takes ten times the computation.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def davis() -> Path:
    """The folder of real video that VOSBOOK_DATA names."""
    root = os.environ.get("VOSBOOK_DATA")
    if not root:
        pytest.skip("VOSBOOK_DATA is not set: the checks on real video were not run")
    if not (Path(root) / "DAVIS2016").is_dir():
        pytest.fail(f"VOSBOOK_DATA is {root}, which has no folder DAVIS2016")
    return Path(root)
