"""Two sequences, true and predicted."""

import pytest
from drawings import moving, write


@pytest.fixture
def gt(tmp_path):
    write(tmp_path / "gt" / "bear", moving(objects=2))
    write(tmp_path / "gt" / "cow", moving(8))
    return tmp_path / "gt"


@pytest.fixture
def pred(tmp_path):
    write(tmp_path / "pred" / "bear", moving(objects=2, shift=2))
    write(tmp_path / "pred" / "cow", moving(8, shift=1))
    return tmp_path / "pred"
