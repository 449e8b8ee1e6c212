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
# A video file, a mask that you draw on its first frame, and a method: that is all it takes to cut an object out of a
# clip. Where the method loses the object you mend one mask and let it go on from there. This chapter does all of it on
# a clip that it makes, so that it can also say how good each step was. For a file of your own the steps are the same,
# without the truth: the end of section 6 has them.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import textwrap
import zlib
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from checks import ch20
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

# %% [markdown]
# What goes in and what comes out, on the clip of this chapter:

# %%
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
)

# %% [markdown]
# ## Goals
#
# When you have worked through this chapter you can
#
# - read a video file one frame at a time, and say what makes such files hard;
# - draw first masks, with the brush, with a polygon, with a box and GrabCut;
# - run any method of this book on the clip and watch it;
# - find where it goes wrong, mend a mask there, and go on;
# - take the result away: masks, a video, cut-outs.

# %% [markdown]
# ## 1 From a file to frames
#
# `read_frame` decodes one frame and looks no further. `open_frames` gives them all, one after the other: a minute of
# video in 1920 by 1080 would take 9 GB as an array, so nobody holds it.

# %%
frames = open_frames(clip)
height, width = frames.size
print(f"{len(frames)} frames of {width}x{height}, {frames.fps:g} a second")
print(f"a frame: {first.nbytes / 2**20:.1f} MiB")
minute = 60 * 24 * 1080 * 1920 * 3
print(f"a minute of 1920x1080, 24 a second: {minute / 1e9:.1f} GB")

# %% [markdown]
# What is hard about video files is seldom in the pictures:
#
# - A telephone held upright writes frames that lie on their side, and a note to turn them. Frames come turned here.
# - Screen recorders write a frame when something moves. Frames are numbered as they come, and each is there once; a
#   film made of them shows each at its own time.
# - Television and tape interlace: the even lines of a frame are of one moment, the odd ones of the next. A frame here
#   is one of the two, its other lines interpolated from what is above, below, before and after.
# - A file may break off, or have holes. It is refused, and the error says how many frames are lost, and from where on.
# - The number of frames that a file states may be wrong. So they are counted, by decoding them all, which is why
#   `open_frames` takes its time on a long video and `read_frame` does not.
# - Codecs want even sides. A film of 101 by 67 pixels is written as 102 by 68, its last row and column doubled.
#
# A folder of images works the same way; gray ones become gray RGB, and transparency is ignored.

# %% [markdown]
# ## 2 A mask, drawn by hand
#
# The **painter** below is where you draw. Take the brush (key `b`) and colour the object; `e` erases; with `p` you
# click the corners of a polygon or draw an outline in one stroke; `n` adds an object. `Ctrl+Z` takes a step back. A
# finger does what the mouse does, and two fingers magnify. `g` is the box: drag it around an object, and GrabCut looks
# for what in there differs from its surroundings; that needs the kernel, all else works on the printed page too. (There
# it shows the masks that a cell below paints.)

# %%
painter = Painter(first, names={item.id: item.category for item in video.objects})
painter

# %%
show(
    image_row([first], ["draw on this frame"]),
    alt="The first frame of the clip as the painter shows it, before anything is drawn.",
)

# %% [markdown]
# `painter.labels` is what you have drawn, `uint8 (H, W)`. No method can work with a mask without an object, nor with an
# object that is everything, and `painter.save` says so:

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
# ### How a mask travels
#
# After every stroke the labels go from the browser to the kernel. As they are, that is a byte a pixel, and two million
# of them for a frame in 1920 by 1080. But a mask is a few areas of one value each, so nearly all of it can be said in a
# few words. A *run* is a value and how often it stands there in a row (exercise 20.2); `zlib` finds such repetitions
# without being told what they are, and every browser has it built in.

# %%
packed = zlib.compress(drawn.tobytes())
unpacked = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(drawn.shape)
changes = np.count_nonzero(np.diff(drawn.ravel()))  # between a pixel and the next
print(f"raw {drawn.nbytes} bytes, {changes + 1} runs, zlib {len(packed)} bytes")

given = Painter(first, labels=drawn)
assert np.array_equal(unpacked, drawn)
assert np.array_equal(given.labels, drawn) and given._labels == packed
print("equal to what the painter sends, and to what comes back")

# %% [markdown]
# ### A box instead of a brush
#
# GrabCut describes the colours inside the box and those around it by a mixture of five Gaussians each, cuts object from
# surroundings where neighbouring pixels differ, describes both anew, and so on, five times. It knows nothing of
# objects. What it finds here, in a box around the first object, against the truth:

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
print(f"J of the box's answer: {jaccard(found == i, drawn == i):.2f}")
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
)

# %% [markdown]
# A box can be the whole work where colours differ, and a bad start where they do not; a part of the object painted
# before the box is drawn counts as certain, and helps.
#
# From here on the true mask of the clip stands in for your hand, unless you have drawn:

# %%
if untouched:
    painter.labels = drawn
mask = painter.save(folder / "first.png")
print(painter)

# %% [markdown]
# ## 3 Any method
#
# One function runs a method from file to folder. It holds one frame at a time, writes a mask for each, and leaves
# nothing behind if it is interrupted. The **preview** shows how far it is.

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
print(*textwrap.wrap(" ".join(notes), 78), sep="\n")

# %% [markdown]
# `--method` of the command line takes the same names. The networks of S2S, RVOS and OSVOS come with the library; FRTM
# wants a ResNet's weights too, and takes a bank of filters where it cannot get them. OSVOS learns every object for a
# minute before its first frame, or as long as `--budget` says, in seconds.
#
# ### From any frame, both ways
#
# The first frame is seldom the one that shows an object best. No method here needs it: each goes through frames in an
# order, and learns nothing of time. So a mask of the middle frame does, named after it. From there one run goes on to
# the end, and one, which `start` has made to forget the other, back to the beginning.


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
from_middle = both_ways(
    build(settings["method"], device=settings["device"], note=notes.append),
    frames,
    middle,
    video.labels(middle),
)
theirs = MaskFolder(folder / "both")
assert all(np.array_equal(a, theirs[n]) for a, n in zip(from_middle, frames.names))
print(f"from frame {middle} both ways: equal to the library in {len(from_middle)} frames")

# %% [markdown]
# A film is decoded from front to back only. Backwards, the library enters it at a frame that needs no other, decodes as
# many frames as memory has room for, and hands them out in reverse; then the block before.

# %% [markdown]
# ## 4 Look
#
# For your own clip there is no truth, so the inspector shows the prediction alone: play it. A long video need not
# travel whole; here it would be every n-th frame. Frames count from 0 everywhere: here, in files' names, and in
# `vosbook draw --frame`. The name in brackets is the one to go by where frames were left out.

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
shown = sorted({len(frames) // 3, worst, len(frames) - 1})
show(
    image_row(
        [overlay(frames[t], answers[frames.names[t]]) for t in shown],
        [f"frame {t}" for t in shown],
    ),
    alt="Frames from the first third to the end with the masks that were found, among "
    "them the one in which they are worst.",
    caption=f"J is lowest in frame {worst}: {mean_J[worst]:.2f}, mean of the objects.",
)

# %% [markdown]
# ## 5 Mend a mask, and go on
#
# A method that has lost an object rarely finds it again, because each answer rests on those before it. So mend the mask
# where it **begins** to go wrong, not where it is worst, and run the method from there: the frames before it are good,
# and keep their masks. Exercise 20.3 finds such frames without the truth; with it, here is the first frame in which the
# $J$ of an object is below the profile's `mend_below`:

# %%
lost = np.flatnonzero(np.min(list(J.values()), axis=0) < settings["mend_below"])
t = int(lost[0]) if len(lost) else worst
name = frames.names[t]
print(f"the first frame with a J below {settings['mend_below']}: frame {t}")
print("J of object", *(f"{i}: {J[i][t]:.2f}" for i in J))
mender = Painter(frames[t], labels=answers[name])
mender

# %%
before = mender.labels
mender.labels = video.labels(t)  # where you would draw
mended = mender.save(folder / f"{name}.png")
show(
    image_row(
        [overlay(frames[t], before), overlay(frames[t], mender.labels)],
        [f"frame {t}, found", "and mended"],
    ),
    alt="The frame to mend under the masks that were found, and under the mended ones.",
)

# %% [markdown]
# Going on is a loop of three cases. Before the mended frame the old masks stay; there, the segmenter is **started**
# with the mended mask; after it, it steps. `start` forgets what was before, as it must: that is what was seen wrongly.


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
# `segment_video(..., keep=masks)` does it from folder to folder: the mended mask is named after its frame, and `keep`
# is the folder of the earlier run.

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
show(
    score_curves({"one mask": mean_J, f"mended in frame {t}": mended_J}),
    alt=f"J over the frames, mean of the objects. Up to frame {t} there is one curve; "
    "there the mended one jumps to 1.",
)
after = slice(t + 1, None)
gain = mended_J[after].mean() - mean_J[after].mean()
print(f"mean J after frame {t}: {mean_J[after].mean():.3f}", end=" ")
print(f"-> {mended_J[after].mean():.3f} ({gain:+.3f})")

# %% [markdown]
# Two things to know. An object that is hidden in the mended frame is not in its mask, so the new segmenter does not
# know it: mend a frame in which all objects show. And a method with a memory, such as FRTM, loses what it had learned
# before; the mended frame is now the one that it trusts.
#
# Several mended masks in a folder are `corrections=`: the method is started at each, and goes on until the next; with
# `both_ways` it goes half way to the next and half way back to the one before, so that every frame's mask comes from
# the nearest in time. And the library has words of its own on where to look, the last lines of `notes`: cuts, where a
# method goes from one scene into another, and the frames whose objects differ most in colour from those given.

# %% [markdown]
# ## 6 Take it away
#
# The masks are indexed PNGs under the frames' names, which is what other programs and the evaluator read. For an eye
# there is a film; for an editor there are cut-outs, PNGs that are transparent wherever no object is.

# %%
render_video(frames, mended_answers, folder / "result.mp4")
write_cut_outs(frames, mended_answers, folder / "cut", soft=True)
for path in (better, folder / "result.mp4", folder / "cut"):
    count = len(list(path.iterdir())) if path.is_dir() else 1
    print(f"{path.name:<12}{count:>3} file{'s' * (count > 1)}")

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
)

# %% [markdown]
# ### With a file of your own
#
# In a notebook these are three cells: draw, then run, then look.
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
# A mask is mended as in section 5, with your eye in place of $J$.
#
# ### All of it from the command line
#
# ```
# vosbook draw clip.mp4 --frame 42 --out 00042.png
# vosbook segment clip.mp4 --mask 00042.png --both-ways --method osvos-fast --budget 20 --out masks
# vosbook draw clip.mp4 --frame 12 --mask masks/00012.png --out mended/00012.png
# vosbook draw clip.mp4 --frame 70 --mask masks/00070.png --out mended/00070.png
# vosbook segment clip.mp4 --mask 00042.png --both-ways --corrections mended --method osvos-fast --out better
# vosbook render clip.mp4 --masks better --out result.mp4 --cut-out cut --soft
# ```
#
# `draw` opens the painter in your browser, and ends when you save. Where a run may be long, `segment --resume` keeps
# its masks in `masks.partial` as they are made, and the same command goes on there after it was stopped; with
# `--preview now.jpg` you can watch. `--frames 100:200` is a part of the clip, `--size 480` has large frames made
# smaller for the method.
#
# `osvos-fast` learns each object for the seconds of its budget, a minute if you name none, and is the best method that
# needs no download: the table below. Where ResNet-18's ImageNet weights are at hand, `frtm-fast` is better still. For
# many videos whose first masks are known there is `vosbook run`.

# %% [markdown]
# ## Exercises
#
# An answer leaves what it is given as it was.
#
# ### Exercise 20.1 · The brush
# *difficulty 1 of 3 · 15 minutes · 2 points*
#
# A brush of radius $r$ that moves from $a$ to $b$ covers every pixel whose centre is at most $r$ away from the line
# between them. Write `stroke(labels, a, b, radius, i)`: new labels in which these pixels have the id `i`. Points are
# $(x, y)$ in pixels, and the pixel in row 0 and column 0 covers 0 to 1, so that its centre is $(.5, .5)$. `a` may be
# equal to `b`: a dab. Do not change `labels`.


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

# %% [markdown]
# ### Exercise 20.2 · Run lengths
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# Write `run_lengths(labels)`: the runs of a label map as an integer array `(K, 2)`, a row for each: the value, and how
# many pixels have it in a row. Pixels are read row by row, and a run may go on into the next row. Runs are as long as
# they can be: two neighbouring runs differ in value. A run may be as long as the frame has pixels, hundreds of
# thousands, so mind the type. No loop over pixels: the check counts the lines of Python that run.


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

# %% [markdown]
# ### Exercise 20.3 · Where to look first
# *difficulty 3 of 3 · 30 minutes · 4 points*
#
# Nobody wants to look at a thousand frames for the one in which a mask jumps. An object that is followed well changes
# little from frame to frame but for its place. Write `surprise(masks)`: a float array `(T,)` for `masks`, bool
# `(T, H, W)`, of one object. Entry $t$ is $1 - J$ of mask $t$ and mask $t - 1$, after mask $t - 1$ was moved so that
# the two centres of mass (means of the pixels' rows and columns) agree to the nearest whole pixel: by `np.rint` of the
# difference of the centres, for rows and for columns.
# What is moved out of the frame is gone, and what comes in is empty. Entry 0 is 0; where both masks are empty there is
# no surprise, and where only one of them is it is 1.


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
scratch.cleanup()

# %% [markdown]
# ## Measured and claimed
#
# None of the four papers lets a person correct a method; DAVIS has had a track for that since 2018. So nothing is
# claimed here, and what one mended mask gained was measured above, on one drawn video and with the truth in place of a
# hand. To choose a method, here are those that run without a download, on five sequences of DAVIS 2016, from the record
# of chapter 18:

# %%
measured = read_record("side_by_side_small").metrics
print(f"{'':<24}{'J':>6}{'s a frame':>11}")
for name in ("s2s", "rvos", "osvos", "osvos-fast"):
    of = measured[name]
    print(f"{name:<24}{of['J']['mean']:>6.3f}{of['seconds']['per_frame']:>11.2f}")
print(f"{'masks that never move':<24}{measured['first_mask']['J']['mean']:>6.3f}")

# %% [markdown]
# ## How this differs from the paper
#
# - GrabCut is OpenCV's. It works on the surroundings of the box alone, made smaller where they are large; its rim is
#   then as coarse as that.
# - The papers start a method in frame 0. Here it is started in the mended frame too, and forgets what was before.
# - The methods give hard rims: a pixel is the object's or it is not. The shares of the cut-outs come from a filter that
#   looks at the picture around the rim, and knows no objects; a matting network would do better at hair.

# %% [markdown]
# ## Summary
#
# - A video file is read frame by frame; its own statements on number, rate and direction are checked or obeyed.
# - A first mask is a label map like any other: brush, polygon, or a box and GrabCut.
# - Look first; then mend the mask where it begins to go wrong, and start a new segmenter there.
# - Masks, film and cut-outs are three forms of the same answer. Others are COCO's and YOLO's, for those who train on it
#   (`vosbook export`); what was outlined in labelme, CVAT or Label Studio comes in by `vosbook import`.

# %% [markdown]
# ## References
#
# - C. Rother, V. Kolmogorov, A. Blake: *GrabCut: Interactive Foreground Extraction Using Iterated Graph Cuts*. SIGGRAPH
#   2004. The box.
# - S. Caelles, A. Montes, K.-K. Maninis, Y. Chen, L. Van Gool, F. Perazzi, J. Pont-Tuset: *The 2018 DAVIS Challenge on
#   Video Object Segmentation*. 2018. The track with a person in the loop.
# - T. Porter, T. Duff: *Compositing Digital Images*. SIGGRAPH 1984. Alpha, and *over*.
