"""The sound of a video file, for another: as it is where browsers play it, else as AAC."""

import logging
from collections.abc import Iterator
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


class Sound:
    """The first sound track of a video file. `note` takes a line about what is left out of it."""

    def __init__(self, path: Path, *, note: Note = log.warning):
        self.path, self.note = path, note

    def packets(self, out: OutputContainer) -> Iterator[av.Packet]:
        """Packets for a track that is added to `out` at once, timed from the first picture on. No sound: none."""
        packets = self._packets(out)
        next(packets)  # the track must be there before anything is written
        return (packet for packet in packets if packet is not None)

    def _packets(self, out: OutputContainer) -> Iterator[av.Packet | None]:
        """None once the track is there, and then the packets."""
        with open_video(self.path) as (source, pictures):
            track = self._track(source)
            if track is None:
                yield None
                return
            start = moment(pictures.start_time, pictures.time_base)
            if track.codec_context.codec.canonical_name in PLAYED:
                into = out.add_stream_from_template(track)
                yield None
                yield from _copied(source, track, into, start)
            else:
                into = out.add_stream("aac", rate=track.rate)
                into.layout = "mono" if track.channels == 1 else "stereo"
                yield None
                yield from self._encoded(source, track, into, start)

    def _track(self, source: InputContainer) -> AudioStream | None:
        tracks = source.streams.audio
        if not tracks:
            return None
        if tracks[0].codec_context is None:
            self.note(f"the sound of {self.path} is in a code that FFmpeg does not know here: it is left out")
            return None
        if len(tracks) > 1:
            self.note(f"{self.path} has {len(tracks)} sound tracks: the first is taken")
        return tracks[0]

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
