"""The synthetic data set: the same from its seed, true to its recipe, whole on disk."""

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from math import pi

import numpy as np
import pytest
import yaml

from vosbook.datasets.davis import Davis
from vosbook.datasets.synthetic import CATEGORIES, CRITERIA, SEEN, UNSEEN, SyntheticConfig, make_sequence
from vosbook.datasets.synthetic.attributes import Evidence
from vosbook.datasets.synthetic.dice import Curve, Dice, constant
from vosbook.datasets.synthetic.make import film
from vosbook.datasets.synthetic.render import over, render
from vosbook.datasets.synthetic.scene import Actor, Camera, Light, Scene, draw_scene
from vosbook.datasets.synthetic.sprite import DEFORMATIONS, SIDE, Deformation, Pose, Sprite, draw, sample
from vosbook.datasets.synthetic.write import write_dataset
from vosbook.datasets.youtube_vos import YouTubeVos
from vosbook.errors import InputError
from vosbook.video.labels import object_ids

SMALL = SyntheticConfig(size=(96, 160), frames=10)
SIZE = (120, 200)


def _digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()[:16]


# ----------------------------------------------------------------------------------------------- from the seed


def test_masks_of_a_seed_never_change():
    """Positions are rounded to 1/32 pixel and the rest is whole numbers, so this holds on other machines too."""
    digests = [_digest(make_sequence(seed, SMALL).masks.labels) for seed in (0, 7, 123)]
    assert digests == ["40fc1395446314c2", "a9b3084a40c99290", "58f785ceb4ba56a7"]


def test_another_process_makes_the_same_pixels():
    here = make_sequence(3, SMALL)
    code = (
        "import hashlib; from vosbook.datasets.synthetic import *;"
        "s = make_sequence(3, SyntheticConfig(size=(96, 160), frames=10));"
        "print(hashlib.sha256(s.frames.pixels.tobytes() + s.masks.labels.tobytes()).hexdigest()[:16], s.attributes)"
    )
    there = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    assert there == f"{_digest(here.frames.pixels, here.masks.labels)} {here.attributes}"


def test_other_seeds_make_other_sequences():
    assert len({_digest(make_sequence(seed, SMALL).masks.labels) for seed in range(6)}) == 6


def test_a_seed_is_the_same_scene_at_every_size():
    small, large = (make_sequence(11, replace(SMALL, size=size)) for size in ((96, 160), (192, 320)))
    half = large.masks.labels[:, ::2, ::2]
    same = (small.masks.labels == half).mean()
    assert same > 0.98
    assert small.objects == large.objects


def test_dice_and_curve_by_hand():
    raw = int(np.random.PCG64([5, 1]).random_raw())
    assert Dice(5, 1).random() == (raw >> 11) / 2**53
    dice = Dice(1)
    rolls = [dice.integer(1, 3) for _ in range(600)]
    assert set(rolls) == {1, 2, 3} and min(rolls.count(i) for i in (1, 2, 3)) > 150
    assert sorted(dice.shuffled("abcd")) == list("abcd")
    noise = Dice(2).noise(200, 200)
    assert abs(float(noise.mean())) < 1 and 11 < float(noise.std()) < 14
    line = Curve(np.arange(5.0)[:, None], 4.0)  # Catmull and Rom's curve reproduces a straight line
    assert line(8) == pytest.approx(2) and line(7) == pytest.approx(1.75) and line(-3) == 0 and line(99) == 4


# ---------------------------------------------------------------------------------------------- what is in it


@pytest.fixture(scope="module")
def sequences():
    return [make_sequence(seed, SMALL) for seed in range(12)]


def test_sequences_are_well_formed(sequences):
    for s in sequences:
        assert s.frames.pixels.shape == (10, 96, 160, 3) and s.frames.pixels.dtype == np.uint8
        assert s.frames.names == s.masks.names and len(s.frames) == 10 and s.frames.size == (96, 160)
        assert {o.id for o in s.objects} == set(object_ids(s.labels(0))) == set(range(1, len(s.objects) + 1))
        assert all(o.first_frame == "00000" and o.category in CATEGORIES for o in s.objects)
        assert int(s.masks.labels.max()) <= 5
        assert set(s.attributes) <= set(CRITERIA)
        assert s.frames.pixels.std() > 10  # a picture, not a plain field


def test_enough_of_everything(monkeypatch):
    monkeypatch.setattr("vosbook.datasets.synthetic.scene.make_sprite", lambda parts, dice, **_: _square())  # quick
    assert len(CATEGORIES) >= 8 and len(UNSEEN) == 3 and set(SEEN) | set(UNSEEN) == set(CATEGORIES)
    scenes = [draw_scene(Dice(seed), SyntheticConfig(size=(96, 160), frames=24)) for seed in range(40)]
    assert {len([a for a in s.actors if a.id]) for s in scenes} == {1, 2, 3, 4, 5}
    assert {a.category for s in scenes for a in s.actors if a.id} == set(CATEGORIES)
    assert any(a.id == 0 for s in scenes for a in s.actors)
    assert any(s.camera.shake for s in scenes) and any(s.camera.ripple for s in scenes)
    assert any(s.shutter for s in scenes) and any(s.light.depth for s in scenes)
    assert {a.bend.kind for s in scenes for a in s.actors} == {"none", *DEFORMATIONS.values()}


def test_split_holds_categories_out():
    for split, names in (("seen", SEEN), ("unseen", UNSEEN)):
        for seed in range(4):
            objects = make_sequence(seed, replace(SMALL, split=split, frames=2)).objects
            assert {o.category for o in objects} <= set(names)


def test_no_effects_leave_things_still():
    """Without effects objects still move and turn a little, but the camera, the light and the shutter do nothing."""
    for seed in range(4):
        shot = film(seed, replace(SMALL, effects=()))
        tags = {t for t, c in CRITERIA.items() if any(c.holds(Evidence(shot.scene, shot.pictures), a.id)
                for a in shot.scene.actors)}  # fmt: skip
        assert not tags & {"CS", "DB", "DEF", "MB"}
        assert shot.scene.camera.zoom(5.0) == 1 and not shot.scene.light.depth
        assert all(a.id for a in shot.scene.actors)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames(frames):
    assert len(make_sequence(4, replace(SMALL, frames=frames, size=(32, 32))).frames) == frames


def test_late_objects_enter_later():
    late = [o for seed in range(5) for o in make_sequence(seed, replace(SMALL, late=1.0, objects=(3, 3))).objects
            if o.first_frame != "00000"]  # fmt: skip
    assert len(late) >= 5


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [({"size": (16, 99)}, r"\(16, 99\)"), ({"frames": 0}, " 0"), ({"objects": (0, 2)}, r"\(0, 2\)"),
     ({"objects": (3, 2)}, r"\(3, 2\)"), ({"objects": (1, 9)}, r"\(1, 9\)"), ({"split": "other"}, "other"),
     ({"effects": ("rain",)}, "rain")],
)  # fmt: skip
def test_configuration_shows_the_wrong_value(wrong, shown):
    with pytest.raises(ValueError, match=shown):
        SyntheticConfig(**wrong)


def test_negative_seed_is_the_users_mistake():
    with pytest.raises(InputError, match="-1"):
        make_sequence(-1)


# --------------------------------------------------------------------------------------------------- rendering


def test_sample_is_bilinear():
    """Against the formula, on positions that are multiples of 1/32."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    x, y = (rng.integers(0, 32 * (n - 1), (7, 9)) / 32 for n in (30, 20))
    i, j = y.astype(int), x.astype(int)
    a, b = (y - i)[..., None], (x - j)[..., None]
    upper = (1 - b) * image[i, j] + b * image[i, j + 1]
    lower = (1 - b) * image[i + 1, j] + b * image[i + 1, j + 1]
    want = (1 - a) * upper + a * lower
    assert np.abs(sample(image, x, y, border=0).astype(float) - want).max() <= 0.5


def test_over_is_porter_and_duff():
    ground = np.full((1, 3, 3), 100, np.uint8)
    picture = np.zeros((1, 3, 4), np.uint8)  # clear, half, solid; colours are multiplied by opacity
    picture[0, 1] = (100, 50, 0, 128)
    picture[0, 2] = (200, 100, 0, 255)
    half = [100 + round(100 * 127 / 255), 50 + round(100 * 127 / 255), round(100 * 127 / 255)]
    assert over(ground, picture).tolist() == [[[100, 100, 100], half, [200, 100, 0]]]


def test_draw_puts_a_square_where_the_pose_says():
    picture, top, left = draw(_square(), Pose(50.5, 40.5, 16.0, 0.0), Deformation(), 0.0)
    rows, columns = np.nonzero(picture[..., 3] >= 128)
    assert (rows.min() + top, rows.max() + top) == (33, 48)  # 16 pixels about 40.5
    assert (columns.min() + left, columns.max() + left) == (43, 58)
    turned, _, _ = draw(_square(), Pose(50.5, 40.5, 16.0, pi / 4), Deformation(), 0.0)
    rows = np.flatnonzero((turned[..., 3] >= 128).any(axis=1))
    assert np.ptp(rows) + 1 == pytest.approx(16 * 2**0.5, abs=1)  # the diagonal
    assert (turned[..., 3] >= 128).sum() == pytest.approx(256, abs=8)


@pytest.mark.parametrize("seed", range(12))
def test_no_object_is_cut_off_by_its_box(seed):
    """A deformed object must stay within the box it is drawn in."""
    scene = draw_scene(Dice(seed), SMALL)
    for actor in scene.actors:
        for t in range(0, 24, 3):
            alpha = draw(actor.sprite, Pose(0.0, 0.0, 30.0, float(actor.angle(t)[0])), actor.bend, t)[0][..., 3]
            assert not (alpha[0].any() or alpha[-1].any() or alpha[:, 0].any() or alpha[:, -1].any())


# -------------------------------------------------------------------- criteria, on scenes with known answers


def _square(colour=(200, 200, 200)) -> Sprite:
    """A square of half the sprite's side: as many pixels a side as the pose's radius."""
    rgba = np.zeros((SIDE, SIDE, 4), np.uint8)
    rgba[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4] = (*colour, 255)
    return Sprite(rgba)


def _actor(i=1, *, place, radius=((0.25,),), angle=((0.0,),), sprite=None, bend=None, every=10.0) -> Actor:
    curves = [Curve(np.array(knots, float), every) for knots in (place, radius, angle)]
    return Actor(i, "square", sprite or _square(), *curves, False, bend or Deformation())


STILL = Camera(constant(0.0, 0.0), constant(1.0), constant(0.0), 0.0, 0.0, 0.0)
DAYLIGHT = Light(constant(1.0, 1.0, 1.0), constant(0.0, 0.0, 1.0), 0.0)


def _evidence(*actors: Actor, frames=11, camera=STILL, light=DAYLIGHT, shutter=0.0, ground=100) -> Evidence:
    background = np.full((*SIZE, 3), ground, np.uint8)
    scene = Scene(background, actors, camera, light, shutter)
    return Evidence(scene, list(render(scene, frames, SIZE, Dice(0))))


def _value(tag: str, evidence: Evidence, i: int = 1) -> float:
    return CRITERIA[tag].value(evidence, i)


MIDDLE = ((0.83, 0.5),)
MOVING = ((0.33, 0.5), (1.33, 0.5))  # one height, 120 pixels, in 10 frames


def test_fast_motion_and_blur_are_pixels_at_480():
    assert _value("FM", _evidence(_actor(place=MOVING))) == pytest.approx(48)
    assert _value("FM", _evidence(_actor(place=MIDDLE))) == 0
    blurred = _evidence(_actor(place=[(0.33 + 0.1 * k, 0.5) for k in range(11)], every=1.0), shutter=0.5)
    assert blurred.pictures[5].seen[1].blur == pytest.approx(6)
    assert _value("MB", blurred) == 4 * max(p.seen[1].blur for p in blurred.pictures)
    assert _value("MB", _evidence(_actor(place=MOVING))) == 0


def test_blur_spreads_the_edge():
    sharp = _evidence(_actor(place=MOVING)).pictures[5].frame[60, :, 0]
    soft = _evidence(_actor(place=MOVING), shutter=0.9).pictures[5].frame[60, :, 0]
    assert np.abs(np.diff(sharp.astype(int))).max() > 1.8 * np.abs(np.diff(soft.astype(int))).max()


def test_low_resolution_and_scale():
    assert _value("LR", _evidence(_actor(place=MIDDLE))) == pytest.approx(30 * 30 / (120 * 200), rel=0.07)
    shrinking = _evidence(_actor(place=MIDDLE, radius=((0.4,), (0.2,))))
    assert _value("SV", shrinking) == pytest.approx(0.25, rel=0.08)
    assert _value("SV", _evidence(_actor(place=MIDDLE))) == 1


def test_occlusion_and_interaction():
    far, near = _actor(1, place=MIDDLE), _actor(2, place=((0.83 + 0.125, 0.5),))  # half a side to the right
    both = _evidence(far, near)
    assert _value("OCC", both, 1) == pytest.approx(0.5, abs=0.03)
    assert _value("OCC", both, 2) == 1
    assert _value("IO", both, 1) == _value("IO", both, 2) == 1
    apart = _evidence(far, _actor(2, place=((1.4, 0.5),)))
    assert _value("IO", apart, 1) == 0 and _value("OCC", apart, 1) == 1
    behind_post = _evidence(far, _actor(0, place=((0.83, 0.5),), radius=((0.5,),)))
    assert _value("OCC", behind_post, 1) == 0


def test_out_of_view():
    leaving = _evidence(_actor(place=((0.4, 0.5), (0.0, 0.5))))  # its centre ends on the left edge
    assert _value("OV", leaving) == pytest.approx(0.5, abs=0.04)
    assert _value("OCC", leaving) == 1  # what lies outside is not hidden
    assert leaving.pictures[10].seen[1].centre == pytest.approx((-0.5, 59.5))  # pixel centres are whole numbers
    assert _value("OV", _evidence(_actor(place=MIDDLE))) == 1


def test_rotation_in_degrees():
    assert _value("ROT", _evidence(_actor(place=MIDDLE, angle=((0.0,), (pi / 3,))))) == pytest.approx(60)


def test_deformation_and_shape():
    bent = Deformation("bend", 0.3, 12.0, 0.0)
    assert _value("DEF", _evidence(_actor(place=MIDDLE, bend=bent))) < 0.9
    assert _value("DEF", _evidence(_actor(place=MIDDLE))) == 1
    cross = np.zeros((SIDE, SIDE, 4), np.uint8)
    cross[128:384, 224:288] = cross[224:288, 128:384] = 255  # arms a quarter as wide as long
    hull = 256**2 - 4 * (96**2) / 2
    assert _value("SC", _evidence(_actor(place=MIDDLE, sprite=Sprite(cross)))) == pytest.approx(
        (2 * 256 * 64 - 64**2) / hull, rel=0.06
    )
    assert _value("SC", _evidence(_actor(place=MIDDLE))) == pytest.approx(1, abs=0.04)


def test_colours_at_the_outline():
    lit = _evidence(_actor(place=MIDDLE))
    assert _value("EA", lit) == pytest.approx(100, abs=20)  # 200 on 100, the shadow and the soft rim aside
    assert _value("EA", _evidence(_actor(place=MIDDLE), ground=198)) < 30
    assert _value("BC", lit) > 0.9
    same = _evidence(_actor(place=MIDDLE, sprite=_square((100, 100, 100))))
    assert _value("BC", same) < 0.1
    assert _value("HO", lit) < 20
    halves = _square()
    halves.rgba[:, : SIDE // 2, :3] = halves.rgba[:, : SIDE // 2, :3] // 200 * 100
    assert _value("HO", _evidence(_actor(place=MIDDLE, sprite=halves))) == pytest.approx(50 * 3**0.5, rel=0.1)


def test_appearance_change_under_changing_light():
    dusk = Light(Curve(np.array([[1.0] * 3, [0.5] * 3]), 10.0), DAYLIGHT.patch, 0.0)
    assert _value("AC", _evidence(_actor(place=MIDDLE), light=dusk)) == pytest.approx(100, abs=3)
    assert _value("AC", _evidence(_actor(place=MIDDLE))) < 3


def test_camera_criteria():
    shaking = replace(STILL, shake=0.01)
    assert _value("CS", _evidence(_actor(place=MIDDLE), camera=shaking)) > 4
    panning = replace(STILL, pan=Curve(np.array([[0.0, 0.0], [0.3, 0.0]]), 10.0))
    assert _value("CS", _evidence(_actor(place=MIDDLE), camera=panning)) < 4
    assert _value("DB", _evidence(_actor(place=MIDDLE), camera=replace(STILL, ripple=0.01))) == pytest.approx(4.8)


def test_the_camera_moves_objects_and_ground_alike():
    panning = replace(STILL, pan=Curve(np.array([[0.0, 0.0], [0.25, 0.0]]), 10.0))  # 30 pixels to the right
    e = _evidence(_actor(place=MIDDLE), camera=panning)
    left = [np.flatnonzero((p.labels == 1).any(axis=0))[0] for p in e.pictures]
    assert left[0] - left[10] == 30


def test_tags_need_half_of_the_objects():
    shots = [film(seed, SMALL) for seed in range(3)]
    for seed, shot in enumerate(shots):
        e = Evidence(shot.scene, shot.pictures)
        ids = [a.id for a in shot.scene.actors if a.id]
        want = {tag for tag, c in CRITERIA.items() if np.mean([c.holds(e, i) for i in ids]) >= 0.5}
        assert set(make_sequence(seed, SMALL).attributes) == want


def test_tags_agree_with_the_masks(sequences):
    """What a reader can check without the recipe: objects that touch, that are clipped, that vanish."""
    for s in sequences:
        labels = s.masks.labels
        border = np.concatenate([labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]], axis=1)
        gone = [i for i in range(1, len(s.objects) + 1) if not (labels == i).any(axis=(1, 2)).all()]
        if "OV" in s.attributes:
            assert border.any() or gone
        if 2 * len(gone) >= len(s.objects):
            assert {"OV", "OCC"} & set(s.attributes)
        if "IO" in s.attributes:
            side, down = labels[:, :, 1:] != labels[:, :, :-1], labels[:, 1:] != labels[:, :-1]
            both = side & (labels[:, :, 1:] > 0) & (labels[:, :, :-1] > 0)
            both_down = down & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
            assert ((both.any(axis=(1, 2)) | both_down.any(axis=(1, 2))).mean()) >= 0.3


# ----------------------------------------------------------------------------------------------------- on disk


def test_davis_layout_is_read_back(tmp_path):
    out = tmp_path / "data"
    config = replace(SMALL, frames=4)
    write_dataset(out, sequences=3, seed=2, layout="davis", config=config)
    data = Davis(out, year=2017, split="val")
    assert Davis(out, year=2016, split="val").names == data.names and len(data) == 3
    for i, read in enumerate(data):
        made = make_sequence(200_000 + i, config)
        assert read.name == made.name and read.attributes == made.attributes
        assert [o.id for o in read.objects] == [o.id for o in made.objects]
        for t in range(4):
            assert (read.labels(t) == made.labels(t)).all()
            assert np.abs(read.frames[t].astype(int) - made.frames[t]).mean() < 6  # JPEG
    info = yaml.safe_load((out / "db_info.yml").read_text())
    assert {s["name"] for s in info["sequences"] if s["set"] == "test"} == set(data.names)
    assert all(s["num_frames"] == 4 and isinstance(s["eval_t"], bool) for s in info["sequences"])


def test_youtube_vos_layout_is_read_back(tmp_path):
    out = tmp_path / "data"
    config = replace(SMALL, objects=(3, 3), late=0.6)
    write_dataset(out, sequences=5, seed=2, layout="youtube-vos", config=config)
    train, valid = YouTubeVos(out, "train"), YouTubeVos(out, "valid")
    assert (len(train), len(valid)) == (3, 2)
    assert {o.category for s in train for o in s.objects} <= set(SEEN)
    appeared_later = 0
    for part, truth in ((train, "train"), (valid, "valid_truth")):
        for s in part:
            assert s.frames.names == tuple(f"{5 * t:05d}" for t in range(10))
            full = YouTubeVos(out, truth)[s.name] if truth == "train" else None
            for o in s.objects:
                first = s.masks[o.first_frame]
                assert (first == o.id).any()
                before = [n for n in s.masks.names if n < o.first_frame]
                assert not any((s.masks[n] == o.id).any() for n in before)
                appeared_later += o.first_frame != "00000"
            assert full is None or set(full.masks.names) == set(s.frames.names)
    assert appeared_later
    for s in valid:
        assert set(s.masks.names) == {o.first_frame for o in s.objects}
        for name in s.masks.names:
            assert set(object_ids(s.masks[name])) == {o.id for o in s.objects if o.first_frame == name}
        assert len(list((out / "valid_truth/Annotations" / s.name).iterdir())) == 10
    meta = json.loads((out / "valid/meta.json").read_text())["videos"]
    assert {o["category"] for v in meta.values() for o in v["objects"].values()} <= set(CATEGORIES)


def test_a_written_data_set_is_the_same_every_time(tmp_path):
    files = []
    for name in ("a", "b"):
        write_dataset(tmp_path / name, sequences=2, seed=0, layout="davis", config=replace(SMALL, frames=2))
        folder = tmp_path / name
        files.append({p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    assert files[0] == files[1] and len(files[0]) == 2 * 2 * 2 + 2 + 1


def test_writing_refuses_and_leaves_nothing(tmp_path):
    write = {"sequences": 1, "seed": 0, "layout": "davis", "config": replace(SMALL, frames=1)}
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        write_dataset(tmp_path / "full", **write)

    def stop(indices, **_):
        yield next(iter(indices))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "new", **{**write, "sequences": 3}, progress=stop)
    with pytest.raises(InputError, match="the seed is -3:"):
        write_dataset(tmp_path / "new", **{**write, "seed": -3})
    with pytest.raises(InputError, match="not 0"):
        write_dataset(tmp_path / "new", **{**write, "sequences": 0})
    with pytest.raises(ValueError, match="coco"):
        write_dataset(tmp_path / "new", **{**write, "layout": "coco"})
    assert [p.name for p in tmp_path.iterdir()] == ["full"]
