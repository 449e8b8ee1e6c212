"""The frame loop with a stand-in for a method, so that what is tested is the loop."""

import numpy as np
import pytest
from stand_ins import Clip, Finder, Recorder, rows

from vosbook.segmenter import segment_frames


def test_each_frame_is_seen_once_and_in_order():
    recorder = Recorder()
    given = {"00000": rows(r2=1)}
    answers = list(segment_frames(recorder, Clip(), given))
    assert recorder.calls == [("start", 0, {0, 1}), ("step", 1), ("step", 2), ("step", 3)]
    assert all(np.array_equal(labels, given["00000"]) for labels in answers)


def test_it_streams():
    recorder = Recorder()
    answers = segment_frames(recorder, Clip(), {"00000": rows(r2=1)})
    next(answers), next(answers)
    assert recorder.calls[-1] == ("step", 1)


def test_objects_that_appear_later_are_added_after_the_step_and_given_masks_are_the_answer():
    recorder = Recorder()
    given = {"00000": rows(r2=1), "00002": rows(r2=9)}
    answers = list(segment_frames(recorder, Clip(), given))
    assert recorder.calls[2:4] == [("step", 2), ("add", 2, {0, 9})]
    assert set(np.unique(answers[1])) == {0, 1}
    assert np.array_equal(answers[2], rows(r2=9))


def test_frames_before_the_first_object_are_background():
    recorder = Recorder()
    answers = list(segment_frames(recorder, Clip(), {"00002": rows(r5=3)}))
    assert [call[0] for call in recorder.calls] == ["start", "step"]
    assert not answers[0].any() and not answers[1].any() and np.array_equal(answers[2], rows(r5=3))


def test_void_is_background():
    recorder = Recorder()
    answers = list(segment_frames(recorder, Clip(), {"00000": rows(r2=1, r4=255)}))
    assert recorder.calls[0] == ("start", 0, {0, 1})
    assert np.array_equal(answers[0], rows(r2=1))


def test_after_a_correction_frames_before_it_stay_and_those_after_it_change():
    earlier = {name: rows(**{f"r{t}": 1, "r11": 2}) for t, name in enumerate(Clip.names)}
    recorder = Recorder()
    answers = list(segment_frames(recorder, Clip(), {"00002": rows(r8=1)}, kept=earlier))
    assert recorder.calls == [("start", 2, {0, 1}), ("step", 3)]
    assert [np.array_equal(answers[t], earlier[name]) for t, name in enumerate(Clip.names)] == [
        True,
        True,
        False,
        False,
    ]
    for labels in answers[2:]:
        assert np.array_equal(labels, rows(r8=1)), "nothing of the earlier answer is left where it was mended"


def test_a_zero_shot_method_answers_for_every_frame_and_sees_each_once():
    finder = Finder()
    answers = list(segment_frames(finder, Clip(), None))
    assert [call[:2] for call in finder.calls] == [("start", 0), ("step", 1), ("step", 2), ("step", 3)]
    for t, labels in enumerate(answers):
        assert np.array_equal(labels, rows(**{f"r{t}": 1}))


def test_a_method_that_is_given_its_objects_cannot_find_any():
    class Deaf(Recorder):
        def start(self, frame, masks):
            pass

    with pytest.raises(ValueError, match="Deaf finds no objects itself: give it the masks of the first frame"):
        next(segment_frames(Deaf(), Clip(), None))
