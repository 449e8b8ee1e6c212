"""What the tests of training runs share."""

from pathlib import Path

import pytest
from run_book import copy_book


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of its own, whose runs can be changed and executed."""
    return copy_book(tmp_path)
