"""What db_info.yml says."""

import pytest

from vosbook.errors import InputError
from vosbook.metrics.evaluate import evaluate


def test_info_that_is_none(gt, pred, tmp_path):
    with pytest.raises(InputError, match=r"no\.yml does not exist"):
        evaluate(gt, pred, info=tmp_path / "no.yml")
    for text in ("just words", "sequences: [{title: bear}]", "a: [", "- 1", "sequences: [{name: bear, attributes: 3}]"):
        (tmp_path / "bad.yml").write_text(text)
        with pytest.raises(InputError, match=r"bad\.yml lists no sequences"):
            evaluate(gt, pred, info=tmp_path / "bad.yml")


def test_info_may_leave_out_tags_and_write_names_as_numbers(gt, pred, tmp_path):
    (gt / "cow").rename(gt / "7")
    (pred / "cow").rename(pred / "7")
    (tmp_path / "db_info.yml").write_text("sequences: [{name: 7, set: [x]}, {name: bear, attributes: , set: 1}]")
    result = evaluate(gt, pred, analysis=True)
    assert list(result["sequences"]) == ["7", "bear"] and result["analysis"]["attributes"] == {}
