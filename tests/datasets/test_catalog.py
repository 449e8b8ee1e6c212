"""Sequences by their short names."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from vosbook.datasets import youtube_vos
from vosbook.datasets.catalog import SOURCES, YOUTUBE_VOS, load_sequence, load_split
from vosbook.datasets.synthetic import SyntheticConfig, make_sequence, write_dataset
from vosbook.datasets.youtube_vos import YouTubeVos
from vosbook.errors import InputError
from vosbook.metrics.protocols import PROTOCOLS
from vosbook.runs import manifest_entry

BOOK = Path(__file__).parents[2] / "book"

SMALL = SyntheticConfig(size=(64, 96), frames=2)


def test_synthetic_by_seed():
    loaded, made = load_sequence("synthetic/7", config=SMALL), make_sequence(7, SMALL)
    assert loaded.name == made.name
    assert (loaded.frames[1] == made.frames[1]).all() and (loaded.labels(1) == made.labels(1)).all()


@pytest.mark.parametrize(
    "spec", ["synthetic/x", "synthetic", "synthetic/-1", "coco/1", "", "davis2016/", "davis2016", "youtube-vos/"]
)
def test_a_spec_that_names_nothing(spec):
    with pytest.raises(InputError, match="names no sequence"):
        load_sequence(spec)


def test_real_data_needs_its_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("VOSBOOK_DATA", raising=False)
    with pytest.raises(InputError, match="VOSBOOK_DATA is not set"):
        load_sequence("davis2016/blackswan")
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path / "no"))
    with pytest.raises(InputError, match="no, which is not a folder"):
        load_sequence("davis2016/blackswan")
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    with pytest.raises(InputError, match="DAVIS2017/JPEGImages/480p/bear is not a folder"):
        load_sequence("davis2017/bear")


def test_real_data_by_name(davis):
    goat = load_sequence("davis2016/goat")
    assert len(goat.frames) == 90 and [o.id for o in goat.objects] == [1] and "EA" in goat.attributes
    bear = load_sequence("davis2016/bear", resolution="256p")
    assert np.asarray(bear.frames[0]).shape == (256, 448, 3)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / YOUTUBE_VOS
    write_dataset(root, sequences=3, seed=1, layout="youtube-vos", config=SyntheticConfig(size=(32, 48), frames=3))
    return root


@pytest.fixture
def videos(written, tmp_path, monkeypatch):
    """YouTube-VOS's layout with two videos to train on and one to validate on, under VOSBOOK_DATA."""
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    return shutil.copytree(written, tmp_path / YOUTUBE_VOS)


@pytest.mark.parametrize("split", ["train", "valid"])
def test_youtube_vos_by_name(videos, split):
    """A spec in a record is one that is loaded, and gives the pixels that the record's digest is of."""
    there = YouTubeVos(videos, split)
    for name in there.names:
        loaded = load_sequence(f"youtube-vos/{name}")
        assert loaded.objects == there[name].objects and loaded.frames.names == ("00000", "00005", "00010")
        entry = manifest_entry(f"youtube-vos/{name}", there[name])
        assert manifest_entry(entry["spec"], load_sequence(entry["spec"])) == entry


def test_youtube_vos_with_all_frames(videos):
    name = YouTubeVos(videos, "train").names[0]
    annotated = videos / "train/JPEGImages" / name
    with pytest.raises(InputError, match="unpack train_all_frames beside train"):
        load_sequence(f"youtube-vos-all-frames/{name}")
    every = videos / "train_all_frames/JPEGImages" / name
    every.mkdir(parents=True)
    for n in range(15):
        shutil.copy(annotated / f"{n - n % 5:05d}.jpg", every / f"{n:05d}.jpg")
    loaded = load_sequence(f"youtube-vos-all-frames/{name}")
    assert [*loaded.annotated] == [0, 5, 10]
    assert (loaded.frames[7] == loaded.frames[5]).all() and len(load_sequence(f"youtube-vos/{name}").frames) == 3


def test_youtube_vos_names_what_is_missing(videos):
    with pytest.raises(InputError, match=r"YouTubeVOS2018 has no Annotations/nobody in train, valid, test"):
        load_sequence("youtube-vos/nobody")
    with pytest.raises(InputError, match=r"YouTubeVOS2019 has no"):
        load_sequence("youtube-vos-2019/nobody")
    name = YouTubeVos(videos, "train").names[0]
    (videos / "train/Annotations" / name).rename(videos / "train/Annotations/other")
    with pytest.raises(InputError, match=r"train/meta\.json does not list other"):
        load_sequence("youtube-vos/other")


def test_meta_json_is_read_once_until_it_changes(videos, monkeypatch):
    reads, read_meta = [], youtube_vos.read_meta
    monkeypatch.setattr(youtube_vos, "read_meta", lambda path: reads.append(path) or read_meta(path))
    names = YouTubeVos(videos, "train").names
    reads.clear()
    for name in names:
        load_sequence(f"youtube-vos/{name}")
    assert len(reads) == 1
    meta = videos / "train/meta.json"
    meta.write_text(meta.read_text().replace(names[0], "another"))
    with pytest.raises(InputError, match=f"does not list {names[0]}"):
        load_sequence(f"youtube-vos/{names[0]}")


def test_every_spec_in_a_record_names_a_source():
    """Those of sequences; what is recorded of other data has no size."""
    entries = [entry for file in BOOK.glob("results/*.json") for entry in json.loads(file.read_text())["data"]]
    specs = {entry["spec"] for entry in entries if "size" in entry}
    assert {spec.partition("/")[0] for spec in specs} == {"synthetic", "davis2016"} <= SOURCES.keys()
    made = {
        source for run in BOOK.glob("runs/*.py") for source in re.findall(r'"((?:syn|dav|you)[\w-]+)/', run.read_text())
    }
    assert {"youtube-vos", "youtube-vos-all-frames"} <= made <= SOURCES.keys()


# ---------------------------------------------------------------------------------------------------------- lists


def test_a_list_of_davis_and_parts_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    root = tmp_path / "DAVIS2017"
    write_dataset(root, sequences=3, seed=2, layout="davis", config=SyntheticConfig(size=(32, 48), frames=3))
    split = load_split("davis2017")
    assert (split.name, split.truth) == ("val", root / "Annotations/480p") and len(split.names) == 3
    assert split.specs[split.names[1]] == f"davis2017/{split.names[1]}"
    assert load_split("davis2017", limit=2).names == split.names[:2]
    assert load_split("davis2017", sequences=[split.names[2], split.names[0]]).names == split.names[::2]
    with pytest.raises(InputError, match=r"2017/val\.txt has no bear: it has "):
        load_split("davis2017", sequences=["bear", split.names[0]])
    shutil.rmtree(root / "JPEGImages/480p" / split.names[1])
    assert load_split("davis2017", sequences=[split.names[0]]).names == split.names[:1], "the others are not looked for"
    with pytest.raises(InputError, match="lacks 1 of the 3 sequences"):
        load_split("davis2017")
    (root / "ImageSets/2017/test-dev.txt").write_text(split.names[0])
    assert load_split("davis2017", "test-dev").truth is None


def test_the_lists_of_youtube_vos(written, monkeypatch):
    monkeypatch.setenv("VOSBOOK_DATA", str(written.parent))
    train, valid = load_split("youtube-vos", "train"), load_split("youtube-vos")
    assert train.names == YouTubeVos(written, "train").names and train.truth == written / "train/Annotations"
    assert (valid.name, valid.truth) == ("valid", written / "valid_truth/Annotations")


def test_sources_without_lists(tmp_path, monkeypatch):
    monkeypatch.setenv("VOSBOOK_DATA", str(tmp_path))
    assert load_split("synthetic", sequences=["3", "1", "3"]).specs == {"3": "synthetic/3", "1": "synthetic/1"}
    for folder in ("cat/data/0001/shots/001", "dog/data/0002/shots/001"):
        (tmp_path / "YoutubeObjects" / folder / "labels").mkdir(parents=True)
    split = load_split("youtube-objects")
    assert split.names == ("cat-0001-001", "dog-0002-001") and split.truth == tmp_path / "YoutubeObjects"
    with pytest.raises(InputError, match="leave --split val out"):
        load_split("youtube-objects", "val")


def test_every_source_has_protocols_that_there_are():
    assert {p for source in SOURCES.values() for p in (source.protocol, source.zero_shot)} <= {*PROTOCOLS, None}
