# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Start here: follow an object through a video
#
# A program that is shown the outline of an object once, in the first frame of a video, can find that object in the
# frames that follow, although it has never seen such an object before. This chapter does it in under a minute: a video
# is made, two objects are followed through it, the answer is scored, and you look at it frame by frame.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill

import numpy as np

from checks import ch00
from vosbook.datasets.catalog import load_sequence
from vosbook.features import load_backbone
from vosbook.methods.frtm import FAST, FrtmSegmenter
from vosbook.metrics.evaluate import evaluate
from vosbook.metrics.region import jaccard
from vosbook.metrics.table import format_table
from vosbook.profiles import load_profile
from vosbook.runs import read_record
from vosbook.segmenter import segment_frames
from vosbook.video.masks import write_mask
from vosbook.view.inspector import Inspector
from vosbook.view.overlay import compare, overlay
from vosbook.view.plots import image_row, score_curves, show

# %% [markdown]
# The whole path is six lines. The rest of the chapter takes them apart.

# %%
settings = load_profile(profile).of("start_here")
video = load_sequence(settings["data"][0])
backbone = load_backbone(settings["backbone"], levels=[FAST.level])
tracker = FrtmSegmenter(backbone, FAST)
given = {video.frames.names[0]: video.labels(0)}
predictions = list(segment_frames(tracker, video.frames, given))

# %%
last = len(video.frames) - 1
shown = [0, last // 2, last]
show(
    image_row(
        [overlay(video.frames[t], predictions[t]) for t in shown],
        [f"frame {t}" for t in shown],
    ),
    alt="Three frames of a video with coloured masks: in the first the masks are "
    "given, in the middle and in the last frame they were found by the tracker and "
    "lie on the same objects, which have moved.",
    caption="The masks of frame 0 are given. Those of the other frames were found.",
)

# %% [markdown]
# ## Goals
#
# When you have worked through this chapter you can
#
# - say what video object segmentation asks for, and what a method may look at;
# - run a tracker on a video, score it against the truth, and compare it with a baseline;
# - use the mask inspector;
# - write a first segmenter and the loop that drives one;
# - find your way in the book: profiles, run records, claims, exercises.

# %% [markdown]
# ## 1 The task
#
# A video is a list of frames, each an array of `uint8` with shape `(H, W, 3)`: height, width, and red, green, blue. A
# **mask** says for every pixel which object it belongs to: `uint8 (H, W)`, 0 for the background, 1, 2, 3, … for the
# objects. The task of **semi-supervised** video object segmentation:
#
# > Given all frames and the mask of the first one, give the mask of every other frame.
#
# "Semi-supervised" is the field's word for *the first mask is given*. The **zero-shot** (or unsupervised) task gives no
# mask at all. The methods in this book are **causal**: the answer for frame $t$ may depend on frames $0 … t$ and on
# nothing later, so that they can run while a camera does.
#
# This video comes from a seed: objects with textures move over a photograph. So its masks are exact, nothing has to be
# downloaded, and another seed is another video.

# %%
print(f"{video.name}: {len(video.frames)} frames of (H, W) = {video.frames.size}")
for item in video.objects:
    print(f"object {item.id}: {item.category}")

# %%
frame, labels = video.frames[0], video.labels(0)
print("frame ", frame.shape, frame.dtype)
print("labels", labels.shape, labels.dtype, "values", np.unique(labels).tolist())
show(
    image_row([frame, overlay(frame, labels)], ["frame 0", "and its mask"]),
    alt="The first frame of the video, and the same frame with one colour painted "
    "over each object.",
)

# %% [markdown]
# ## 2 The loop that drives a method
#
# Every method in this book is a **segmenter**, an object with two functions that matter here:
#
# - `start(frame, labels)` shows it the first frame and that frame's mask;
# - `step(frame)` gives it the next frame and returns the labels it finds there.
#
# The segmenter above was made from two things: a **backbone**, which describes the surroundings of each place of a
# frame by numbers, its *features*; and `FAST`, the quicker of the two settings that the method's paper gives.
#
# A loop calls the two functions. It never looks ahead, and it holds one frame at a time.


# %%
def follow(segmenter, frames, first_labels):
    """Labels (H, W) of each frame in turn."""
    for t, frame in enumerate(frames):
        if t == 0:
            segmenter.start(frame, first_labels)
            yield first_labels
        else:
            yield segmenter.step(frame)


# %% [markdown]
# The library's loop, `segment_frames`, does this too, and takes in objects that appear later. On this video the two
# agree in every pixel:

# %% tags=["equals-library"]
mine = list(follow(FrtmSegmenter(backbone, FAST), video.frames, video.labels(0)))
assert all(np.array_equal(a, b) for a, b in zip(mine, predictions, strict=True))
print("equal to the library in all", len(mine), "frames")

# %% [markdown]
# What happens inside `start` and `step` is the subject of chapters 03 to 05. In short: `start` fits a small linear
# model that tells the pixels of an object from all others, `step` applies it to the next frame, and every eighth frame
# the model is fitted again to what it has found so far. There is one model for each object, and none of them has been
# trained on any video before.

# %% [markdown]
# ## 3 Is it any good?
#
# The usual measure is **J**, the region similarity: of all pixels that the answer $M$ or the truth $G$ calls the
# object, the share on which both agree,
#
# $$J = \frac{|M \cap G|}{|M \cup G|}.$$
#
# 1 is perfect, 0 is a miss. A number means little alone, so we compare it with a baseline that does not look at the
# video at all: it answers every frame with the first mask.


# %%
def region_similarity(prediction, truth):
    """J of two masks, bool (H, W)."""
    union = np.logical_or(prediction, truth).sum()
    return np.logical_and(prediction, truth).sum() / union if union else 1.0


# %%
first = video.objects[0].id
truth = [video.labels(t) == first for t in range(len(video.frames))]
tracked = [
    region_similarity(labels == first, truth[t]) for t, labels in enumerate(predictions)
]
held = [region_similarity(truth[0], truth[t]) for t in range(len(truth))]
assert np.allclose(
    tracked,
    [jaccard(labels == first, truth[t]) for t, labels in enumerate(predictions)],
)
print(f"object {first}, mean J of frames 1 to {last}")
print(f"tracker  {np.mean(tracked[1:]):.3f}\nbaseline {np.mean(held[1:]):.3f}")

# %%
show(
    score_curves({"tracker": tracked, "first mask held": held}),
    alt="J over the frames for one object: the tracker's curve falls slowly, the "
    "curve of the baseline that repeats the first mask falls fast as the object moves "
    "away.",
    caption="J per frame. Frame 0 is 1 for both, because its mask was given; "
    "benchmarks leave it out.",
)

# %% [markdown]
# A benchmark scores folders of indexed PNGs. We write ours and call the evaluator, which also measures the contour
# (**F**). The command line does the same on your own folders: `vosbook evaluate --gt TRUTH --pred PREDICTIONS`.

# %%
with TemporaryDirectory() as folder:
    for kind, masks in (
        ("truth", map(video.labels, range(len(video.frames)))),
        ("prediction", predictions),
    ):
        target = Path(folder) / kind / video.name
        target.mkdir(parents=True)
        for name, labels in zip(video.frames.names, masks):
            write_mask(target / f"{name}.png", labels)
    scores = evaluate(
        Path(folder) / "truth", Path(folder) / "prediction", protocol="davis2017"
    )
print(format_table(scores))

# %% [markdown]
# *J&F* is the mean of J and F; chapter 02 explains the other columns. The J of object 1 is not quite that of the
# tracker above, because this benchmark leaves out the last frame too.

# %% [markdown]
# ## 4 Look at it
#
# No score says *what* went wrong. The **mask inspector** does: drag the slider or press play; switch between the
# prediction, the truth and the errors; hide an object; jump to the worst frame. It counts frames from 1, where the text
# counts from 0, as arrays do. It needs no kernel, so it also works on the pages of the site.

# %%
Inspector(
    video.frames,
    truth=[video.labels(t) for t in range(len(video.frames))],
    prediction=predictions,
    names={item.id: item.category for item in video.objects},
)

# %%
worst = int(np.argmin(tracked))
show(
    image_row(
        [compare(video.frames[worst], predictions[worst], video.labels(worst))],
        [f"frame {worst}, the lowest J of object {first}"],
    ),
    alt=f"Frame {worst}, where J of the first object is lowest: pixels that were found "
    "are white, pixels that were missed blue, and pixels found in error orange.",
    caption="What the inspector's errors show there. White: found rightly. Orange: "
    "called the object, but background. Blue: missed.",
)

# %% [markdown]
# ## 5 How this book works
#
# **Chapters** are notebooks. Each builds one part from its equation, shows that it equals the library's, and runs it on
# video. `make lab` opens them for you to change and run; `make book` executes them all and builds the site.
#
# **Profiles** say on what a chapter runs. You are reading one of them; the cell at the top names it. `smoke` needs
# nothing but two processor cores, `small` takes real video and a trained backbone, `paper` the papers' own settings.
# The notebook is the same, the numbers are others.

# %%
for name in ("smoke", "small", "paper"):
    what = f"{name}: {load_profile(name).description}"
    print(fill(what, 43, subsequent_indent="  "))

# %% [markdown]
# **Run records** are the memory of the book: every number that it prints, other than those computed before your eyes,
# comes from a file in `book/results/` that says which settings, data, commit and machine produced it. **Claims** are
# the numbers of the papers, one row each, beside the record that supports or contradicts it, or the reason why there is
# none.
#
# **Exercises** come at the end of each chapter, from a warm-up to a hard one. Our answer is folded away; a click
# opens it (in the PDF, it is at the end). Write yours in a new cell between it and its check (in JupyterLab: select the
# check, press `Esc` and `A`), and run both: the check says what is wrong, and is silent when nothing is. The checks
# compare values, and each has been tried on the mistakes that people make.

# %% [markdown]
# ## Exercises
#
# ### Exercise 0.1 · How large is the object?
# *difficulty 1 of 3 · 5 minutes · 1 point*
#
# Write `coverage(labels, i)`: the share of the frame's pixels, between 0 and 1, that belong to object `i`. Ids go up to
# 254, and 255 is void, which is a part of the frame like any other.
#
# In all exercises of this book an answer leaves what it is given as it was: the check looks at it afterwards. The cases
# are drawn anew whenever a check runs; where it fails it names the seed, with which the same cases come again.


# %% nbgrader={"grade": false, "grade_id": "ex00-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def coverage(labels, i):
    """Share of the pixels of labels, uint8 (H, W), that carry the id i."""
    ### BEGIN SOLUTION
    return float((labels == i).mean())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex00-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch00.check_coverage(coverage)

# %% [markdown]
# ### Exercise 0.2 · A segmenter that knows one colour
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# The simplest thing to learn from a first frame is two colours: the mean over the object's pixels and the mean over
# all others. Write `by_colour(frame, mask, new_frame)`: `bool (H, W)`, true where the colour of `new_frame` is nearer
# to the object's mean than to the background's (Euclidean distance over red, green, blue). A pixel that is as near to
# the one as to the other is background. Frames are `uint8`: mind what subtracting does to them.


# %% nbgrader={"grade": false, "grade_id": "ex00-2", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def by_colour(frame, mask, new_frame):
    """Where new_frame, uint8 (H, W, 3), looks like frame under mask, bool (H, W)."""
    ### BEGIN SOLUTION
    target, background = frame[mask].mean(axis=0), frame[~mask].mean(axis=0)  # (3,)
    to_target = ((new_frame - target) ** 2).sum(axis=-1)  # (H, W)
    to_background = ((new_frame - background) ** 2).sum(axis=-1)  # (H, W)
    return to_target < to_background
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex00-2-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch00.check_by_colour(by_colour)

# %% [markdown]
# ### Exercise 0.3 · Drive any segmenter, live
# *difficulty 3 of 3 · 25 minutes · 3 points*
#
# A camera does not wait, and a film does not fit into memory. Write the generator `drive(segmenter, frames, given)`. It
# yields `(t, labels)` for every frame, **before** it asks `frames` for the next one. `given` is a dictionary from frame
# numbers to labels: objects may be given in any frame, and before the first given mask the answer is all background
# (zeros, `uint8`). The first given mask goes to `segmenter.start(frame, labels)`. In every later frame call
# `segmenter.step(frame)`; where that frame has a given mask too, then call `segmenter.add_objects(frame, labels)` and
# let the given labels, where they are not 0, replace those of the step. In a frame whose mask starts the segmenter, the
# answer is that mask. `given` may be empty. The segmenter goes on with the array that `step` returned, so leave that as
# it is. Labels that were yielded stay as they are, too.


# %% nbgrader={"grade": false, "grade_id": "ex00-3", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def drive(segmenter, frames, given):
    """Yield (t, labels uint8 (H, W)) for each frame, uint8 (H, W, 3), of `frames`."""
    ### BEGIN SOLUTION
    started = False
    for t, frame in enumerate(frames):
        empty = np.zeros(frame.shape[:2], np.uint8)
        labels = segmenter.step(frame) if started else empty
        if t in given:
            if started:
                segmenter.add_objects(frame, given[t])
            else:
                segmenter.start(frame, given[t])
                started = True
            labels = np.where(given[t] > 0, given[t], labels)
        yield t, labels
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex00-3-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch00.check_drive(drive)

# %% [markdown]
# ## Measured and claimed
#
# The video above is made, so its score says nothing about the papers. This is what the same tracker reached on real
# video with a trained backbone, from the run's record. The papers' numbers, row by row beside ours, are in the page
# *Claimed and measured* of the site.

# %%
record = read_record("frtm_d_only_small")
print("backbone:", record.config["backbone"].split(",")[0])
for spec, values in record.metrics["update"]["J_of_seeds"].items():
    print(f"{spec:<26} J {np.mean(values):.3f}")
seeds = record.metrics["update"]["seeds"]["J"]
label = f"mean, {len(seeds['values'])} seeds each"
print(f"{label:<26} J {seeds['mean']:.3f}")

# %% [markdown]
# ## How this differs from the paper
#
# The tracker is the target model of FRTM alone, which the paper calls *D-only*; the network that refines its scores
# comes later in the book. In the profile `smoke` its backbone is a fixed bank of filters instead of a ResNet that
# has learned from a million photographs.

# %% [markdown]
# ## Summary
#
# - Video object segmentation gives every pixel of every frame to an object, from the mask of the first frame.
# - A segmenter is causal: `start` once, then `step` for each frame.
# - J is the overlap of answer and truth over their union. It is read beside a baseline, and together with the pictures.
# - A number that is not worked out on the page has a run record, and a number of the papers a row beside it.

# %% [markdown]
# ## References
#
# - A. Robinson, F. Järemo Lawin, M. Danelljan, F. S. Khan, M. Felsberg: *Learning Fast and Robust Target Models for
#   Video Object Segmentation*. CVPR 2020. The tracker.
# - F. Perazzi, J. Pont-Tuset, B. McWilliams, L. Van Gool, M. Gross, A. Sorkine-Hornung: *A Benchmark Dataset and
#   Evaluation Methodology for Video Object Segmentation*. CVPR 2016. DAVIS 2016, J, F and T.
# - J. Pont-Tuset, F. Perazzi, S. Caelles, P. Arbeláez, A. Sorkine-Hornung, L. Van Gool: *The 2017 DAVIS Challenge on
#   Video Object Segmentation*. 2017. Several objects.
