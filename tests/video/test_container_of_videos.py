"""What is no video is refused by what it is."""

import av
import numpy as np
import pytest
from films import film, tone
from pictures import clip_of_square, photo

from vosbook.errors import InputError
from vosbook.video.frames import open_frames, read_frame


@pytest.mark.parametrize("content", [b"", b"\0\0\0\x1cftyp", bytes(range(256)) * 8])
def test_a_video_that_cannot_be_decoded_is_named(tmp_path, content, capfd):
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"clip\.mp4 cannot be decoded"):
        open_frames(tmp_path / "clip.mp4")
    assert capfd.readouterr().err == ""  # FFmpeg keeps quiet: the error is one line


@pytest.mark.parametrize("name", ["clip.mp4", "notes.txt", "list.m3u8", "words.srt"])
def test_text_is_no_video(tmp_path, name):
    """FFmpeg would paint a .txt as video, and open the files that a playlist names."""
    film(tmp_path / "real.mp4", clip_of_square())
    (tmp_path / name).write_text("#EXTM3U\n#EXTINF:1,\nreal.mp4\n<html>Über</html>\n" * 9)
    for read in (open_frames, read_frame):
        with pytest.raises(InputError, match=rf"{name} holds text, it is no video: give"):
            read(tmp_path / name)


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "song.m4a"), "w") as out:
        sound = out.add_stream("aac", rate=48000, layout="mono")
        for at in range(4):
            part = av.AudioFrame.from_ndarray(tone(1)[:, 1024 * at : 1024 * at + 1024], format="s16", layout="mono")
            part.rate, part.pts = 48000, 1024 * at
            out.mux(sound.encode(part))
        out.mux(sound.encode())
    with pytest.raises(InputError, match=r"song\.m4a holds only sound, no pictures"):
        open_frames(tmp_path / "song.m4a")


def test_one_image_is_no_video(tmp_path):
    photo(tmp_path / "a.png")
    (tmp_path / "a.mp4").write_bytes((tmp_path / "a.png").read_bytes())
    with pytest.raises(InputError, match=r"a\.mp4 is one image: give the folder"):
        open_frames(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["12:30:05.mp4", "a%03d.mp4", "pipe:1.mp4", "ü b's.mp4"])
def test_a_file_may_have_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    clip = clip_of_square()
    film(tmp_path / name, clip)
    assert np.abs(open_frames(name)[2].astype(int) - clip[2]).mean() < 6
