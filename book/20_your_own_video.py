# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own video
#
# You have a clip, and you want to cut an object out of it. For that you need three things: the video file, a mask that
# you draw on one of its frames, and a method. Where the method loses the object, you mend one mask, and the method goes
# on from there. This chapter takes all these steps on a clip that it makes itself. The true masks of that clip are
# known, so you can see how good each step was. With a file of your own you take the same steps without the truth, as
# the end of section 6 shows.

# %% tags=["parameters", "hide-input"] jupyter={"source_hidden": true}
profile = "smoke"

# %% tags=["imports", "hide-input"] jupyter={"source_hidden": true}
import textwrap
import zlib
from itertools import islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from checks import ch20
from checks.guard import yours
from vosbook.datasets.catalog import load_sequence
from vosbook.errors import InputError
from vosbook.methods import METHODS, build
from vosbook.metrics.region import jaccard
from vosbook.profiles import load_profile
from vosbook.runs import read_record
from vosbook.segment import segment_video
from vosbook.video.encode import write_video
from vosbook.video.frames import open_frames, read_frame
from vosbook.video.labels import object_ids
from vosbook.video.masks import MaskFolder
from vosbook.view.assist import grab_cut
from vosbook.view.inspector import Inspector
from vosbook.view.overlay import cut_out, overlay, render_video, write_cut_outs
from vosbook.view.painter import Painter
from vosbook.view.plots import image_row, score_curves, show
from vosbook.view.preview import Preview
from vosbook.view.tables import show_table

# %% tags=["hide-input"] jupyter={"source_hidden": true}
settings = load_profile(profile).of("your_own_video")
video = load_sequence(settings["data"][0])
scratch = TemporaryDirectory()
folder = Path(scratch.name)
clip = folder / "clip.mp4"
write_video(clip, video.frames, fps=12)


def on_squares(picture, side=12):
    """An RGBA picture (H, W, 4) over gray squares, which is how editors show nothing."""
    y, x = np.indices(picture.shape[:2]) // side
    squares = np.where((x + y) % 2, 205, 245)[..., None]  # (H, W, 1)
    alpha = picture[..., 3:] / 255
    mixed = alpha * picture[..., :3] + (1 - alpha) * squares  # (H, W, 3)
    return mixed.astype(np.uint8)


first = read_frame(clip)
drawn = video.labels(0)
show(
    image_row(
        [first, overlay(first, drawn), on_squares(cut_out(first, drawn))],
        ["a frame", "drawn on", "cut out"],
    ),
    alt="The first frame of the clip; the same with a mask in a colour of its own over "
    "each object; and the objects alone on the gray squares that stand for nothing.",
    caption="What goes in, and what comes out: a frame, the objects that you mark in it, and the objects alone.",
    number="20.1",
)

# %% [markdown]
# ## Goals
#
# When you have worked through this chapter you can
#
# - read a video file one frame at a time, and say what makes such files hard;
# - draw a first mask with a brush, with a polygon, or with a box and GrabCut;
# - run any method of this book on the clip, and watch it;
# - find where the method goes wrong, mend a mask there, and go on;
# - take the result away as masks, as a film or as cut-outs.
#
# ## 1 From a file to frames
#
# `read_frame` decodes the first frame of a file and stops. `open_frames` gives all frames, one after the other. Nobody
# holds a whole video in memory: a minute of video in 1920 by 1080 would take 9 GB as an array.

# %%
frames = open_frames(clip)
height, width = frames.size
print(f"{len(frames)} frames of {width}x{height}, {frames.fps:g} a second")
print(f"a frame: {first.nbytes / 2**20:.1f} MiB")
minute = 60 * 24 * 1080 * 1920 * 3
print(f"a minute of 1920x1080, 24 a second: {minute / 1e9:.1f} GB")

# %% [markdown]
# The pictures in a video file are seldom what makes it hard to read. The difficulties lie around them:
#
# - A telephone that is held upright writes frames that lie on their side, and a note to turn them. The library turns
#   them.
# - A screen recorder writes a frame only when something moves. The library numbers frames as they come, and each is
#   there once. If you make a film of them, it shows each frame at its own time.
# - Television and tape *interlace*: the even lines of a frame belong to one moment, and the odd lines to the next one.
#   The library keeps the lines of one moment, and fills in the others from the lines and frames around them.
# - A file may break off, or have holes. The library refuses such a file, and its error says how many frames are lost,
#   and from where on.
# - The number of frames that a file states may be wrong. So `open_frames` counts them by decoding them all, and
#   therefore takes its time on a long video. `read_frame` does not.
# - Video codecs want even sides. A film of 101 by 67 pixels is written as 102 by 68, with its last row and column
#   doubled.
#
# A folder of images works in the same way. Gray images become gray RGB images, and transparency is ignored.
#
# ## 2 A mask, drawn by hand
#
# You draw in the **painter**, which follows below. Take the brush with the key `b`, and colour the object. The key `e`
# erases, and `n` adds another object. With `p` you click the corners of a polygon, or you draw an outline in one
# stroke. `Ctrl+Z` takes back a step. A finger does what the mouse does, and two fingers magnify.
#
# The key `g` gives you the box: drag it around an object, and a program called GrabCut looks for what differs from the
# surroundings of the box. The box needs a running kernel. All other tools also work on the page of the site, where the
# painter shows the masks that a cell below puts into it.

# %%
painter = Painter(first, names={item.id: item.category for item in video.objects})
painter

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row([first], ["draw on this frame"]),
    alt="The first frame of the clip as the painter shows it, before anything is drawn.",
    caption="The frame on which you draw.",
    number="20.2",
)

# %% [markdown]
# What you have drawn is in `painter.labels`, an array of `uint8` with the shape `(H, W)`. A method cannot work with a
# mask that has no object, nor with an object that fills the whole frame. `painter.save` refuses both, and says why.

# %%
untouched = not painter.labels.any()
for name, labels in {
    "nothing": np.zeros(frames.size, np.uint8),
    "everything": np.ones(frames.size, np.uint8),
}.items():
    try:
        Painter(first, labels=labels).save(folder / "first.png")
    except InputError as error:
        print(textwrap.fill(f"{name}: {error}", 78))

# %% [markdown]
# ### Exercise 20.1 · The brush
# *difficulty 1 of 3 · 15 minutes · 2 points*
#
# What does a brush do? A brush of radius $r$ that moves from $a$ to $b$ covers every pixel whose centre is at most $r$
# away from the line between them. Write `stroke(labels, a, b, radius, i)`. It returns new labels in which these pixels
# have the id `i`. Points are $(x, y)$ in pixels. The pixel in row 0 and column 0 covers the range from 0 to 1 in both
# directions, so its centre is $(.5, .5)$. If `a` is equal to `b`, the stroke is a dab. Do not change `labels`.
#
# <details><summary>Hint</summary>
#
# The nearest point of the line to a pixel is $a + s\,(b - a)$. Find $s$ by projecting the pixel's centre onto the line,
# and keep $s$ between 0 and 1, so that the stroke ends where it should. A dab has a line of length 0: do not divide by
# it.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex20-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def stroke(labels, a, b, radius, i):
    """Labels uint8 (H, W) after a stroke from a to b, each (x, y)."""
    ### BEGIN SOLUTION
    y, x = np.indices(labels.shape) + 0.5  # centres, (H, W) each
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = (x - a[0]) * dx + (y - a[1]) * dy
    s = np.clip(along / (dx * dx + dy * dy or 1), 0, 1)  # 0 at a, 1 at b
    distance = np.hypot(x - a[0] - s * dx, y - a[1] - s * dy)
    return np.where(distance <= radius, i, labels).astype(np.uint8)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex20-1-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch20.check_stroke(stroke)

# %%
stroke = yours(stroke, ch20.stroked)

# %% [markdown]
# Figure 20.3 shows three strokes of it, one after the other.

# %%
strokes = np.zeros_like(drawn)
corners = [(0.1, 0.9), (0.35, 0.75), (0.6, 0.9), (0.85, 0.75)]  # shares of width and height
points = [(x * width, y * height) for x, y in corners]
for a, b in pairwise(points):
    strokes = stroke(strokes, a, b, height / 40, 1)
print(f"{np.count_nonzero(strokes)} pixels painted")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row([overlay(first, strokes)], ["three strokes"]),
    alt="The first frame with a zigzag line of three strokes with round ends near its lower edge.",
    caption="Strokes end in half a disc, so that they join without a gap.",
    number="20.3",
)

# %% [markdown]
# ### How a mask travels
#
# After every stroke, the labels go from the browser to the kernel. One byte for each pixel makes two million bytes for
# a frame in 1920 by 1080. But a mask consists of a few areas that each have one value. So it can be described by far
# fewer bytes. The plainest such description is a list of *runs*. A run is a value and the number of pixels that have
# this value in a row.
#
# ### Exercise 20.2 · Run lengths
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# Write `run_lengths(labels)`. It returns the runs of a label map as an integer array `(K, 2)`, with one row for each
# run: the value, and the number of pixels. Read the pixels row by row. A run may go on into the next row, and it is as
# long as it can be, so that two neighbouring runs differ in value. A run may have as many pixels as the frame, hundreds
# of thousands, so mind the type. Do without a loop over pixels: the check counts the lines of Python that run.
#
# <details><summary>Hint</summary>
#
# Flatten the labels. A run starts at pixel 0, and wherever a pixel differs from the one before it. `np.diff` of the
# starts gives the lengths, all but the last. Mind that differences of `uint8` wrap around.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex20-2", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def run_lengths(labels):
    """Runs of labels, uint8 (H, W): an integer array (K, 2) of values and lengths."""
    ### BEGIN SOLUTION
    flat = labels.ravel().astype(int)  # (H W)
    starts = np.flatnonzero(np.diff(flat, prepend=-1))  # (K,)
    lengths = np.diff(starts, append=flat.size)
    return np.stack([flat[starts], lengths], axis=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex20-2-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch20.check_run_lengths(run_lengths)

# %%
run_lengths = yours(run_lengths, ch20.runs_of)

# %% [markdown]
# The painter uses `zlib`, which finds repetitions of any kind, and which every browser has built in. The next cell
# compares both with the raw bytes, and checks that our bytes are the ones that the painter sends.

# %%
packed = zlib.compress(drawn.tobytes())
unpacked = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(drawn.shape)
print(f"raw {drawn.nbytes} bytes, {len(run_lengths(drawn))} runs, zlib {len(packed)} bytes")
assert len(packed) < drawn.nbytes / 5

given = Painter(first, labels=drawn)
assert np.array_equal(unpacked, drawn)
assert np.array_equal(given.labels, drawn) and given._labels == packed
print("equal to what the painter sends, and to what comes back")

# %% [markdown]
# ### A box instead of a brush
#
# GrabCut describes the colours inside the box by a mixture of five Gaussians, and the colours around it by another.
# Then it cuts the object from its surroundings, with a preference for places where neighbouring pixels differ. It
# describes both parts anew, cuts again, and so on, five times. GrabCut knows nothing of objects. Figure 20.4 shows what
# it finds in a box around the first object, beside the true mask.

# %%
i = object_ids(drawn)[0]
rows, columns = np.nonzero(drawn == i)
box = (
    max(0, columns.min() - 5),
    max(0, rows.min() - 5),
    columns.max() + 6,
    rows.max() + 6,
)  # left, top, right, bottom
found = grab_cut(first, np.zeros_like(drawn), box, i=i)
similar = jaccard(found == i, drawn == i)
assert 0 <= similar <= 1
print(f"J of the box's answer: {similar:.2f}")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row(
        [
            overlay(first, np.where(drawn == i, i, 0).astype(np.uint8)),
            overlay(first, found),
        ],
        ["by hand", "by a box and GrabCut"],
    ),
    alt="The first object under its true mask, and under the mask that GrabCut found "
    "in a box around it.",
    caption="The first object by its true mask, and by a box.",
    number="20.4",
)

# %% [markdown]
# Where the colours of object and surroundings differ, a box can be all the work that is needed. Where they are alike,
# it is a bad start. It helps to paint a part of the object before you draw the box, because GrabCut takes that part as
# certain.
#
# From here on, the true mask of the clip stands in for your hand, unless you have drawn:

# %%
if untouched:
    painter.labels = drawn
mask = painter.save(folder / "first.png")
print(painter)

# %% [markdown]
# ## 3 Any method
#
# One function, `segment_video`, runs a method from a file to a folder. It holds one frame at a time, and writes a mask
# for each. If it is interrupted, it leaves nothing behind. The **preview** shows how far it has come. These are the
# methods:

# %%
for method in METHODS.values():
    print(f"{method.name:<16}{method.paper}")

# %%
masks = folder / "masks"
notes = []  # what the library has to say of the method
segment_video(
    clip,
    mask=mask,
    method=settings["method"],
    out=masks,
    device=settings["device"],
    watch=Preview(len(frames)),
    note=notes.append,
)
for note in notes:
    print(textwrap.fill(note, 78, subsequent_indent="  "))

# %% [markdown]
# The command line takes the same names after `--method`. The networks of S2S, RVOS and OSVOS come with the library.
# FRTM takes the ImageNet weights of ResNet-18 where they are at hand, and otherwise a backbone that comes with the
# library. OSVOS learns every object before it starts, for a minute, or for as many seconds as `--budget` says.
#
# ### From any frame, both ways
#
# The first frame is seldom the one that shows an object best. No method here needs the first frame: a method takes
# frames in some order, and does not know which way time goes. So you may give the mask of the middle frame, in a file
# that is named after that frame. From there, one run goes on to the end of the clip. A second run goes back to the
# beginning. It begins with `start`, which makes the method forget the first run.

# %%
def both_ways(segmenter, frames, at, labels):
    """Labels uint8 (H, W) of each frame, by number, from a mask of frame `at`."""
    found = {at: labels}
    for order in (range(at, len(frames)), range(at, -1, -1)):
        segmenter.start(frames[at], labels)
        for t in order[1:]:
            found[t] = segmenter.step(frames[t])
    return [found[t] for t in range(len(frames))]


middle = len(frames) // 2
segmenter = build(settings["method"], device=settings["device"], note=notes.append)
from_middle = both_ways(segmenter, frames, middle, video.labels(middle))

# %% tags=["equals-library"]
begun = Painter(frames[middle], labels=video.labels(middle)).save(
    folder / f"{frames.names[middle]}.png"
)
segment_video(
    clip,
    mask=begun,
    both_ways=True,
    method=settings["method"],
    out=folder / "both",
    device=settings["device"],
    note=notes.append,
)
theirs = MaskFolder(folder / "both")
assert all(np.array_equal(a, theirs[n]) for a, n in zip(from_middle, frames.names))
print(f"from frame {middle} both ways: equal to the library in {len(from_middle)} frames")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
moments = [middle // 2, middle, (middle + len(frames)) // 2]
show(
    image_row([overlay(frames[t], from_middle[t]) for t in moments], [f"frame {t}" for t in moments]),
    alt="Three frames with their masks: one before the middle frame, the middle frame, and one after it.",
    caption=f"The mask of frame {middle} was given. The others were found, backwards and forwards.",
    number="20.5",
)

# %% [markdown]
# ## 4 Look
#
# With a clip of your own there is no truth, so the inspector shows the prediction alone. Play it. Of a long video, the
# cell below takes only every n-th frame. Frames count from 0 everywhere: in this text, in the names of files, and in
# `vosbook draw --frame`. Where frames were left out, go by the name that the inspector shows in brackets.

# %%
every = -(-len(frames) // 100)  # at most a hundred frames
answers = MaskFolder(masks)
Inspector(
    islice(frames, 0, None, every),
    prediction=(answers[name] for name in frames.names[::every]),
    frame_names=frames.names[::every],
    fps=frames.fps / every,
)

# %%
J = {
    item.id: [
        jaccard(answers[name] == item.id, video.labels(t) == item.id)
        for t, name in enumerate(frames.names)
    ]
    for item in video.objects
}
mean_J = np.mean(list(J.values()), axis=0)  # (T,)
worst = int(mean_J.argmin())
print(f"J, mean of the objects: {mean_J[1]:.2f} in frame 1, {mean_J[worst]:.2f} in frame {worst}")
assert mean_J[0] == 1 >= mean_J[1] >= mean_J[worst]
shown = sorted({len(frames) // 3, worst, len(frames) - 1})

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row(
        [overlay(frames[t], answers[frames.names[t]]) for t in shown],
        [f"frame {t}" for t in shown],
    ),
    alt="Frames from the first third to the end with the masks that were found, among "
    "them the one in which they are worst.",
    caption=f"J is lowest in frame {worst}: {mean_J[worst]:.2f}, mean of the objects.",
    number="20.6",
)

# %% [markdown]
# Nobody wants to look at a thousand frames to find the one in which a mask jumps. A program can propose where to look,
# and it needs no truth for that. If an object is followed well, its mask changes little from one frame to the next,
# apart from its place.
#
# ### Exercise 20.3 · Where to look first
# *difficulty 3 of 3 · 30 minutes · 4 points*
#
# Write `surprise(masks)`. It takes the masks of one object, `bool (T, H, W)`, and returns a float array `(T,)`. Entry
# $t$ is $1 - J$ of mask $t$ and the *moved* mask $t - 1$. The move makes the centres of mass of the two masks agree to
# the nearest whole pixel. A centre of mass is the mean of the pixels' rows and columns, and you round the difference of
# the centres with `np.rint`, for rows and for columns. What is moved out of the frame is lost, and what comes in is
# empty. Entry 0 is 0. If both masks are empty, there is no surprise, and the entry is 0. If only one of them is empty,
# the entry is 1.
#
# <details><summary>Hint</summary>
#
# `np.argwhere(mask)` lists the pixels of a mask as rows and columns. Moving a mask means adding the same two numbers to
# each of them, and leaving out those that are no longer in the frame. `np.roll` would bring them in again on the other
# side.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "ex20-3", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def surprise(masks):
    """How much each mask differs from the one before it, moved: float (T,) in 0..1."""

    ### BEGIN SOLUTION
    def moved(mask, by):
        """The mask shifted by (rows, columns)."""
        places = np.argwhere(mask) + by  # (N, 2)
        inside = ((places >= 0) & (places < mask.shape)).all(axis=1)
        answer = np.zeros_like(mask)
        answer[tuple(places[inside].T)] = True
        return answer

    values = np.zeros(len(masks))
    for t in range(1, len(masks)):
        old, new = masks[t - 1], masks[t]
        if old.any() and new.any():
            by = np.argwhere(new).mean(axis=0) - np.argwhere(old).mean(axis=0)
            old = moved(old, np.rint(by).astype(int))
        union = (old | new).sum()
        values[t] = 1 - (old & new).sum() / union if union else 0.0
    return values
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex20-3-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch20.check_surprise(surprise)

# %%
surprise = yours(surprise, ch20.surprised)

# %% [markdown]
# Figure 20.7 shows the surprise of every frame, the largest of the objects, beside the lowest $J$ of the objects. A
# peak says that a mask changes its form there. This may be an error, or an object that is covered or comes back, so you
# have to look. In our clip there is no clear peak: the masks become worse little by little, and a measure that
# compares neighbours does not see a slow drift. Then only your eye helps.

# %%
jumps = [
    surprise(np.stack([answers[name] == i for name in frames.names])) for i in J
]
largest = np.max(jumps, axis=0)  # (T,)
print("frames to look at first:", np.argsort(-largest)[:3].tolist())
assert largest[0] == 0 and largest.max() <= 1

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    score_curves({"surprise": largest, "J": np.min(list(J.values()), axis=0)}, y_label="share"),
    alt="Two curves over the frames: the surprise of the masks, and the lowest J of the objects.",
    caption="The surprise needs no truth. J does, and says where the masks are really wrong.",
    number="20.7",
)

# %% [markdown]
# ## 5 Mend a mask, and go on
#
# A method that has lost an object rarely finds it again, because each of its answers rests on those before it. So mend
# the mask where it **begins** to go wrong, not where it is worst. Then run the method from there. The frames before it
# are good, and they keep their masks. The next cell uses the truth to find the first frame in which the $J$ of an
# object is below the value `mend_below` of the profile.

# %%
lost = np.flatnonzero(np.min(list(J.values()), axis=0) < settings["mend_below"])
t = int(lost[0]) if len(lost) else worst
name = frames.names[t]
print(f"the first frame with a J below {settings['mend_below']}: frame {t}")
print("J:", ", ".join(f"object {i} {J[i][t]:.3f}" for i in J))
mender = Painter(frames[t], labels=answers[name])
mender

# %%
before = mender.labels
mender.labels = video.labels(t)  # where you would draw
mended = mender.save(folder / f"{name}.png")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row(
        [overlay(frames[t], before), overlay(frames[t], mender.labels)],
        [f"frame {t}, found", "and mended"],
    ),
    alt="The frame to mend under the masks that were found, and under the mended ones.",
    caption="The mask that is mended.",
    number="20.8",
)

# %% [markdown]
# Going on is a loop with three cases. Before the mended frame, the old masks stay. In the mended frame, the segmenter
# is **started** with the mended mask. After it, the segmenter steps. `start` makes it forget what was before, and this
# is what we want, because what it saw before was partly wrong.

# %%
def go_on(segmenter, frames, old, name, labels):
    """Labels uint8 (H, W) of each frame, mended at the frame called `name`."""
    started = False
    for each, frame in zip(frames.names, frames):
        if each == name:
            segmenter.start(frame, labels)
            started = True
            yield labels
        else:
            yield segmenter.step(frame) if started else old[each]


def new_segmenter():
    return build(settings["method"], device=settings["device"], note=notes.append)


again = list(go_on(new_segmenter(), frames, answers, name, mender.labels))

# %% [markdown]
# `segment_video` does the same from folder to folder. The mended mask is in a file that is named after its frame, and
# `keep` is the folder of the earlier run.

# %% tags=["equals-library"]
better = folder / "better"
segment_video(
    clip,
    mask=mended,
    keep=masks,
    method=settings["method"],
    out=better,
    device=settings["device"],
    note=notes.append,
)
mended_answers = MaskFolder(better)
assert all(np.array_equal(a, mended_answers[n]) for a, n in zip(again, frames.names))
assert all(np.array_equal(answers[n], mended_answers[n]) for n in frames.names[:t])
print(f"equal to the library in all {len(again)} frames; those before {t} as they were")

# %%
mended_J = np.mean(
    [
        [jaccard(labels == i, video.labels(k) == i) for k, labels in enumerate(again)]
        for i in J
    ],
    axis=0,
)
after = slice(t + 1, None)
gain = mended_J[after].mean() - mean_J[after].mean()
print(f"mean J after frame {t}: {mean_J[after].mean():.3f}", end=" ")
print(f"-> {mended_J[after].mean():.3f} ({gain:+.3f})")
assert mended_J[t] == 1 and np.array_equal(mended_J[:t], mean_J[:t])

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    score_curves({"one mask": mean_J, f"mended in frame {t}": mended_J}),
    alt=f"J over the frames, mean of the objects. Up to frame {t} there is one curve; "
    "there the mended one jumps to 1.",
    caption="J of every frame, the mean of the objects, before and after one mask was mended.",
    number="20.9",
)

# %% [markdown]
# You should know two things about mending. If an object is hidden in the mended frame, it is not in the mask, so the
# new segmenter does not know it. Therefore mend a frame in which all objects show. And a method with a memory, such as
# FRTM, loses what it had learned before. The mended frame is then the one that it trusts.
#
# You may mend several masks. Put them into a folder, and give the folder as `corrections=`. The method is then started
# at each of them, and goes on until the next one. With `both_ways` it goes half of the way to the next mended mask, and
# half of the way back to the one before. Every frame then takes its mask from the nearest one in time. The library
# also proposes where to look: the last lines of `notes` name cuts, where one scene ends and another begins, and frames
# whose objects differ most in colour from those that were given.
#
# ## 6 Take it away
#
# The masks are indexed PNG files under the names of their frames. Other programs read this form, and so does the
# evaluator. To look at, there is a film. For an editor there are *cut-outs*, PNG files that are transparent wherever no
# object is.

# %%
render_video(frames, mended_answers, folder / "result.mp4")
write_cut_outs(frames, mended_answers, folder / "cut", soft=True)
for path in (better, folder / "result.mp4", folder / "cut"):
    count = len(list(path.iterdir())) if path.is_dir() else 1
    print(f"{path.name:<12}{count:>3} file{'s' * (count > 1)}")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
last = frames.names[-1]
show(
    image_row(
        [
            overlay(frames[-1], mended_answers[last]),
            on_squares(cut_out(frames[-1], mended_answers[last], soft=True)),
        ],
        ["result.mp4, last frame", f"cut/{last}.png"],
    ),
    alt="The last frame with its masks painted over it, and the objects of that frame "
    "cut out.",
    caption="The last frame of the film, and its cut-out.",
    number="20.10",
)

# %% [markdown]
# ### With a file of your own
#
# In a notebook you need three cells. The first one lets you draw, the second runs the method, and the third shows the
# result.
#
# ```python
# clip = "your_clip.mp4"
# painter = Painter(read_frame(clip))
# painter
# ```
#
# ```python
# mask = painter.save("first.png")
# segment_video(clip, mask=mask, method="osvos-fast", budget=20, out="masks")
# ```
#
# ```python
# frames, answers = open_frames(clip), MaskFolder("masks")
# Inspector(frames, prediction=(answers[name] for name in frames.names), fps=frames.fps)
# ```
#
# You mend a mask as in section 5, with your eye in place of $J$.
#
# ### All of it from the command line
#
# ```
# vosbook draw clip.mp4 --frame 42 --out 00042.png
# vosbook segment clip.mp4 --mask 00042.png --both-ways \
#     --method osvos-fast --budget 20 --out masks
# vosbook draw clip.mp4 --frame 12 --mask masks/00012.png --out mended/00012.png
# vosbook draw clip.mp4 --frame 70 --mask masks/00070.png --out mended/00070.png
# vosbook segment clip.mp4 --mask 00042.png --both-ways --corrections mended \
#     --method osvos-fast --out better
# vosbook render clip.mp4 --masks better --out result.mp4 --cut-out cut --soft
# ```
#
# `draw` opens the painter in your browser, and it ends when you save. If a run may be long, give `segment --resume`. It
# then keeps its masks in `masks.partial` while it makes them, and after an interruption the same command goes on from
# there. With `--preview now.jpg` you can watch. `--frames 100:200` takes a part of the clip, and `--size 480` makes
# large frames smaller for the method.
#
# The method `osvos-fast` learns each object for the seconds of its budget, or for a minute if you name none. It takes
# less time than `osvos` and is nearly as good, as Table 20.1 shows. The method `frtm-fast` begins at once. Neither
# needs a download, but `frtm-fast` is better with the ImageNet weights of ResNet-18. For many videos whose first masks
# are known there is `vosbook run`.

# %% [markdown]
# ## Exercises
#
# Exercises 20.1, 20.2 and 20.3 stand where they are needed. What remains is open: take a clip of your own, choose any
# method, and see how few masks you have to mend until you would show the film to somebody.

# %%
scratch.cleanup()

# %% [markdown]
# ## Appendix: a film, backwards
#
# A film is stored for playing it forwards. Most of its frames say only how they differ from others, so they cannot be
# decoded alone. To go backwards, the library enters the film at a frame that needs no other. From there it decodes as
# many frames as memory has room for, and it hands them out in reverse. Then it does the same with the block before.
#
# ## Measured and claimed
#
# None of the four papers lets a person correct a method, although DAVIS has had a track for that since 2018. So there
# is no claim to compare with. Section 5 measured what one mended mask gains, on one synthetic video, and with the truth
# in place of a hand.
#
# To help you choose a method, Table 20.1 has those that run with networks of the library, from the record of chapter
# 18.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
record = read_record("side_by_side_small")
show_table(
    ("method", "mean J in %", "seconds a frame"),
    [
        (name, f"{100 * of['J']['mean']:.1f}", f"{of['seconds']['per_frame']:.2f}")
        for name, of in ((name, record.metrics[name]) for name in ("s2s", "rvos", "osvos", "osvos-fast", "first_mask"))
    ],
    number="20.1",
    caption="Mean J over five sequences of DAVIS 2016 at 480x854, and seconds of one processor core for a frame, the "
    "first frame's shared among all; osvos is tuned for 60 steps, and s2s sees frames with 256 lines. The masks of "
    "first_mask never move.",
)

# %% [markdown]
# ## How this differs from the paper
#
# - GrabCut is the one of OpenCV. It works on the surroundings of the box alone. If these are large, it makes them
#   smaller first, and then the rim of its mask is coarse.
# - The papers start a method in frame 0. Here the method is also started in the mended frame, and forgets what was
#   before.
# - The methods give hard rims: a pixel belongs to the object or it does not. The soft rims of the cut-outs come from a
#   filter that looks at the picture around the rim and knows no objects. A network for matting would do better at hair.
#
# ## Summary
#
# - A video file is read frame by frame. What the file states about number, rate and direction is checked or obeyed.
# - A first mask is a label map like any other. You make it with a brush, with a polygon, or with a box and GrabCut.
# - Look at the result first. Then mend the mask where it begins to go wrong, and start a new segmenter there.
# - Masks, film and cut-outs are three forms of the same answer. `vosbook export` writes the forms of COCO and YOLO, for
#   those who train on the masks. `vosbook import` reads what was outlined in labelme, CVAT or Label Studio.

# %% [markdown]
# ## References
#
# - C. Rother, V. Kolmogorov, A. Blake: *GrabCut: Interactive Foreground Extraction Using Iterated Graph Cuts*. SIGGRAPH
#   2004. The box.
# - S. Caelles, A. Montes, K.-K. Maninis, Y. Chen, L. Van Gool, F. Perazzi, J. Pont-Tuset: *The 2018 DAVIS Challenge on
#   Video Object Segmentation*. 2018. The track with a person in the loop.
# - T. Porter, T. Duff: *Compositing Digital Images*. SIGGRAPH 1984. Alpha, and *over*.
