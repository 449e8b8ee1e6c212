"""The sound of a video file, for another: as it is where browsers play it, else as AAC."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from vosbook.video.container import moment, open_video
from vosbook.video.values import Note

log = logging.getLogger(__name__)

PLAYED = ("aac", "mp3", "opus", "flac")  # what browsers play in an mp4
AAC_SAMPLES = 1024  # in a frame


class Track:
    """Packets in the order of their times, taken as far as pictures have come."""

    def __init__(self, packets: Iterator[av.Packet]):
        self._packets = packets
        self._next = next(packets, None)

    def until(self, end: Fraction) -> Iterator[av.Packet]:
        """The packets before `end`, in seconds, that were not taken yet."""
        while self._next is not None and moment(self._next.pts, self._next.time_base) < end:
            yield self._next
            self._next = next(self._packets, None)


class Sound:
    """The first sound track of a video file, from `since` seconds after its first picture on.

    `note` takes a line about what is left out of it.
    """

    def __init__(self, path: Path, *, since: float = 0.0, note: Note = log.warning):
        self.path, self.since, self.note = path, Fraction(since), note

    @contextmanager
    def track(self, out: OutputContainer) -> Iterator[Track]:
        """Add a track to `out`, if there is sound, and yield its packets, timed from the first picture on."""
        with open_video(self.path) as (source, pictures):
            track = self._find(source)
            start = moment(pictures.start_time, pictures.time_base) + self.since
            if track is None:
                yield Track(iter(()))
            elif track.codec_context.codec.canonical_name in PLAYED:
                packets = _copied(source, track, out.add_stream_from_template(track), start)
                yield Track(packet for packet in packets if self._belongs(packet))
            else:
                into = out.add_stream("aac", rate=track.rate)
                into.layout = "mono" if track.channels == 1 else "stereo"
                yield Track(self._encoded(source, track, into, start))

    def _find(self, source: InputContainer) -> AudioStream | None:
        tracks = source.streams.audio
        if not tracks:
            return None
        if tracks[0].codec_context is None:
            self.note(f"the sound of {self.path} is in a code that FFmpeg does not know here: it is left out")
            return None
        if len(tracks) > 1:
            self.note(f"{self.path} has {len(tracks)} sound tracks: the first is taken")
        return tracks[0]

    def _belongs(self, part: av.Packet | av.AudioFrame) -> bool:
        """Whether it is not from before the pictures, where the video has pictures before these."""
        return not self.since or part.pts is None or part.pts >= 0

    def _encoded(
        self, source: InputContainer, track: AudioStream, into: AudioStream, start: Fraction
    ) -> Iterator[av.Packet]:
        resampler = av.AudioResampler(format="fltp", layout=into.layout, rate=track.rate, frame_size=AAC_SAMPLES)
        spoilt = False
        for packet in source.demux(track):
            try:
                heard = packet.decode()
            except av.error.FFmpegError:
                spoilt = True
                continue
            for frame in heard:
                if frame.pts is not None and frame.time_base is not None:  # else it follows the one before
                    frame.pts -= round(start / frame.time_base)
                if not self._belongs(frame):
                    continue
                for part in resampler.resample(frame):
                    yield from into.encode(part)
        for part in resampler.resample(None):
            yield from into.encode(part)
        yield from into.encode()
        if spoilt:
            self.note(f"a part of the sound of {self.path} is damaged and left out")


def _copied(source: InputContainer, track: AudioStream, into: AudioStream, start: Fraction) -> Iterator[av.Packet]:
    for packet in source.demux(track):
        if packet.dts is None:  # the end
            continue
        shift = round(start / packet.time_base)
        shown = packet.dts if packet.pts is None else packet.pts  # sound comes in its order
        packet.pts, packet.dts = shown - shift, packet.dts - shift
        packet.stream = into
        yield packet
