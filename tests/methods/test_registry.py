"""The registry builds what is asked for, or says why not."""

import subprocess
import sys

import pytest

from vosbook.errors import InputError
from vosbook.methods import build


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA device"):
        build("frtm-d-only", device="cuda")


def test_a_note_reaches_the_caller_or_else_the_log(monkeypatch, caplog):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    monkeypatch.setattr("vosbook.weights._download", lambda url: None)
    said = []
    assert build("frtm-d-only", device="cpu", note=said.append).backbone.name == "filters"
    assert len(said) == 1
    build("frtm-d-only", device="cpu")
    assert "filter bank" in caplog.text


def test_listing_the_methods_does_not_wait_for_torch():
    code = "import sys, vosbook.cli, vosbook.methods; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
