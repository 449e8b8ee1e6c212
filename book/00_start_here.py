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
# Show a program the outline of an object in the first frame of a video, and it finds that object in every frame that
# follows, although it has never seen such an object before. Film editors cut objects out of their background in this
# way, and biologists follow animals with it. In this chapter you run such a program, score its answer, and write a
# first one yourself.

# %% tags=["parameters", "hide-input"] jupyter={"source_hidden": true}
profile = "smoke"

# %% tags=["imports", "hide-input"] jupyter={"source_hidden": true}
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill

import numpy as np

from checks import ch00
from checks.guard import yours
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
from vosbook.view.drawing import draw
from vosbook.view.inspector import Inspector
from vosbook.view.machines import four_systems, legend
from vosbook.view.overlay import compare, overlay
from vosbook.view.plots import image_row, score_curves, show
from vosbook.view.tables import show_table

# %% tags=["hide-input"] jupyter={"source_hidden": true}
settings = load_profile(profile).of("start_here")
video = load_sequence(settings["data"][0])
backbone = load_backbone(settings["backbone"], levels=[FAST.level])
tracker = FrtmSegmenter(backbone, FAST)
given = {video.frames.names[0]: video.labels(0)}
predictions = list(segment_frames(tracker, video.frames, given))
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
    caption="The masks of frame 0 were given. The program found those of all other frames.",
    number="0.1",
)

# %% [markdown]
# This book builds four such systems from their equations. Figure 0.2 shows what sets them apart: what each of them
# keeps from one frame to the next, and when it learns.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
draw(
    four_systems(),
    number="0.2",
    caption="The four systems of this book. FRTM is built in Part II, S2S and RVOS in Part III, OSVOS in Part IV.",
)

# %% [markdown]
# Every machine of the book is drawn in the same language. Figure 0.3 is its dictionary, to which you can come back.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
draw(legend(), number="0.3", caption="What boxes, arrows and signs mean in all drawings.")

# %% [markdown]
# ## Goals
#
# When you have worked through this chapter you can
#
# - say what video object segmentation asks for, and what a method may look at;
# - write a first segmenter and the loop that drives one;
# - run a tracker on a video, score it against the truth, and compare it with a baseline;
# - use the mask inspector;
# - find your way in the book: profiles, run records, claims, exercises.

# %% [markdown]
# ## 1 The task
#
# A video is a list of frames. Each frame is an array of `uint8` with the shape `(H, W, 3)`: height, width, and the
# three colours red, green and blue. A **mask** says for every pixel which object it belongs to. It is an array of
# `uint8` with the shape `(H, W)`, in which 0 stands for the background and 1, 2, 3, … stand for the objects. The task
# is called **semi-supervised** video object segmentation:
#
# > Given all frames and the mask of the first one, give the mask of every other frame.
#
# "Semi-supervised" is the field's word for *the first mask is given*. In the **zero-shot** task, also called
# unsupervised, no mask is given at all. The methods in this book are **causal**: their answer for frame $t$ depends on
# the frames $0 … t$ and on nothing later. So they can run while a camera is still filming.
#
# The video of this chapter is made by a program: objects with textures move over a photograph. Therefore its true masks
# are known exactly, and nothing has to be downloaded. Another seed of the random numbers gives another video.

# %%
print(f"{video.name}: {len(video.frames)} frames of (H, W) = {video.frames.size}")
for item in video.objects:
    print(f"object {item.id}: {item.category}")

# %%
frame, labels = video.frames[0], video.labels(0)
print("frame ", frame.shape, frame.dtype)
print("labels", labels.shape, labels.dtype, "values", np.unique(labels).tolist())

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row([frame, overlay(frame, labels)], ["frame 0", "and its mask"]),
    alt="The first frame of the video, and the same frame with one colour painted "
    "over each object.",
    caption="What a method is given: the first frame and its mask.",
    number="0.4",
)

# %% [markdown]
# ### How to work an exercise
#
# Exercises stand where their answer is needed, and some more follow at the end of a chapter. Our answer is folded away;
# a click opens it, and in the PDF it stands at the end. Write your answer in a new cell between ours and the check. In
# JupyterLab you get that cell when you select the check and press `Esc` and `A`. Then run both cells: the check prints
# that you passed, or it says what is wrong.
#
# The check compares values, and it has been tried on the mistakes that people make. It draws new cases whenever it
# runs. If it fails, it names a seed, with which the same cases come again. In all exercises an answer leaves what it is
# given unchanged, and the check looks whether it did.
#
# ### Exercise 0.1 · How large is the object?
# *difficulty 1 of 3 · 5 minutes · 1 point*
#
# Write `coverage(labels, i)`. It returns the share of the frame's pixels, between 0 and 1, that belong to object `i`.
# Ids go up to 254. The value 255 is called void; such pixels are a part of the frame like any others.
#
# <details><summary>Hint</summary>
#
# The comparison of an array with a number is an array of true and false, and NumPy counts true as 1.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "ex00-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def coverage(labels, i):
    """Share of the pixels of labels, uint8 (H, W), that carry the id i."""
    ### BEGIN SOLUTION
    return float((labels == i).mean())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex00-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch00.check_coverage(coverage)

# %% [markdown]
# ## 2 The loop that drives a method
#
# Every method in this book is a **segmenter**: a Python class with two functions.
#
# - `start(frame, labels)` shows it the first frame and the mask of that frame.
# - `step(frame)` gives it the next frame and returns the labels that it finds there.
#
# A loop calls the two functions. It never looks ahead, and it holds only one frame at a time.


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
# The tracker of Figure 0.1 was made from two things. The first is a **backbone**, a network that describes the
# surroundings of every place in a frame by a list of numbers, the *features* of that place. The second is `FAST`, the
# quicker one of the two settings that the paper of the method, FRTM, gives. We make the tracker anew and drive it with
# our loop. The library's loop, `segment_frames`, also accepts objects that appear later. On this video the two loops
# must agree in every pixel:

# %% tags=["equals-library"]
mine = list(follow(FrtmSegmenter(backbone, FAST), video.frames, video.labels(0)))
assert all(np.array_equal(a, b) for a, b in zip(mine, predictions, strict=True))
print("equal to the library in all", len(mine), "frames")

# %% [markdown]
# Chapters 03 to 05 build what happens inside `start` and `step`. In short, `start` fits a small linear model that tells
# the object's pixels from all others. `step` applies this model to the next frame. At every eighth frame the tracker
# fits the model again, now also to what it has found since. Each object has a model of its own, and no model has been
# trained on any other video.

# %% [markdown]
# ## 3 A first method: two colours
#
# Before you use a tracker that others have built, write one. The simplest thing to learn from a first frame is two
# colours: the mean colour of the object, and the mean colour of everything else. In a later frame, each pixel goes to
# the colour that is nearer to its own.
#
# ### Exercise 0.2 · A segmenter that knows two colours
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# Write `by_colour(frame, mask, new_frame)`. It returns `bool (H, W)`, true where the colour of `new_frame` is nearer to
# the object's mean colour than to the background's. The means are those of `frame`, inside `mask` and outside of it.
# Nearness is the Euclidean distance over red, green and blue. A pixel that is equally near to both is background.
# Frames are `uint8`, so mind what happens when you subtract them.
#
# <details><summary>Hint</summary>
#
# `frame[mask]` has the shape `(n, 3)`, one row for each pixel of the object. The mean of integers is a float, and an
# integer array less a float is a float array. The root of a distance does not change which one is smaller.
#
# </details>


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
# The chapter goes on with your answer as soon as it has passed, and with ours until then. The call of `yours` makes
# this choice, here and after other exercises, and prints what it chose.

# %%
by_colour = yours(by_colour, ch00.nearer_colour)

# %% [markdown]
# A segmenter remembers what it was shown in `start`. Ours remembers the first frame and its mask. In `step` it asks
# `by_colour` about each object, and a pixel that several objects claim goes to the last one.


# %%
class TwoColours:
    """A segmenter that knows two colours of every object."""

    def start(self, frame, labels):
        self.frame, self.labels = frame, labels

    def step(self, frame):
        found = np.zeros_like(self.labels)  # (H, W)
        for i in range(1, self.labels.max() + 1):
            found[by_colour(self.frame, self.labels == i, frame)] = i
        return found


# %%
coloured = list(follow(TwoColours(), video.frames, video.labels(0)))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    image_row(
        [overlay(video.frames[last], answer[last]) for answer in (coloured, predictions)],
        ["two colours", "tracker"],
    ),
    alt="The last frame with the masks of two methods. The two-colour method paints nearly "
    "all of the background too. The tracker paints the two objects, but for parts of their rims.",
    caption=f"Frame {last}, as two methods see it.",
    number="0.5",
)

# %% [markdown]
# In the synthetic video the light grows brighter from frame to frame. The two colours do not grow with it, and in the
# end nearly all of the background is nearer to the car's colour than to its own of frame 0. The tracker does better for
# two reasons. Its features describe the surroundings of a place and not its colour alone, and the tracker goes on
# learning from the frames that it has seen. Part II builds both.

# %% [markdown]
# ## 4 Is it any good?
#
# The usual measure is **J**, the region similarity. Take all pixels that the answer $M$ or the truth $G$ calls the
# object. J is the share of them on which both agree:
#
# $$J = \frac{|M \cap G|}{|M \cup G|}. \tag{0.1}$$
#
# A perfect answer has a J of 1, and an answer that misses the object has a J of 0. A number alone means little, so we
# need something to compare it with. Our **baseline** does not look at the video at all: it answers every frame with the
# first mask.
#
# **A prediction.** Think before you run the next cells. Which method will lose the object first: the two colours, or
# the first mask held still? And in which frame is the baseline as good as a perfect tracker?
#
# <details><summary>Answer</summary>
#
# The baseline is perfect in frame 0, since the mask of that frame was given. It then falls as the objects move away.
# The two colours do not mind that an object moves. They fail where the scenery has the object's colour, and where the
# light changes, and this can happen at once. Figure 0.6 shows which of the two comes first in this video.
#
# </details>


# %%
def region_similarity(prediction, truth):
    """J of two masks, bool (H, W): Equation 0.1."""
    union = np.logical_or(prediction, truth).sum()
    return np.logical_and(prediction, truth).sum() / union if union else 1.0


# %%
methods = {
    "tracker": predictions,
    "two colours": coloured,
    "first mask held": [video.labels(0)] * len(video.frames),
}
truths = [video.labels(t) for t in range(len(video.frames))]
ids = [item.id for item in video.objects]

# %% tags=["equals-library"]
def curve(answers, similarity):
    """Of every frame, the mean similarity over the objects."""
    return np.array(
        [
            np.mean([similarity(answer == i, truth == i) for i in ids])
            for answer, truth in zip(answers, truths)
        ]
    )


curves = {name: curve(found, region_similarity) for name, found in methods.items()}
for name, found in methods.items():
    assert np.allclose(curves[name], curve(found, jaccard))
    print(f"{name:<16} mean J of frames 1 to {last}: {curves[name][1:].mean():.3f}")
assert curves["tracker"][1:].mean() > curves["first mask held"][1:].mean()

# %% tags=["hide-input"] jupyter={"source_hidden": true}
show(
    score_curves(curves),
    alt="J over the frames for three methods, the mean over the objects. The tracker's "
    "curve stays highest. The curve of the first mask, held still, begins at 1 and falls "
    "as the objects move away. The curve of the two colours drops at frame 1.",
    caption="J of every frame, the mean over the objects. In frame 0 every method has a J "
    "of 1, because it was given the mask. Benchmarks leave that frame out.",
    number="0.6",
)

# %% [markdown]
# A benchmark scores folders of PNG files, in which the pixel values are the ids. We write such folders and call the
# evaluator, which also measures how well the contours agree (**F**). The command line does the same with folders of
# yours: `vosbook evaluate --gt TRUTH --pred PREDICTIONS`.

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
# *J&F* is the mean of J and F. Chapter 02 explains the other columns. The mean J is not quite the one that was printed
# above, because this benchmark leaves out the last frame too.

# %% [markdown]
# ## 5 Look at it
#
# No score says *what* went wrong. The **mask inspector** does. Drag the slider or press play. Switch between the
# prediction, the truth and the errors, hide an object, or jump to the worst frame. The inspector counts frames from 0,
# as arrays do and as this text does. It needs no running Python, so it also works on the pages of the site.

# %%
Inspector(
    video.frames,
    truth=[video.labels(t) for t in range(len(video.frames))],
    prediction=predictions,
    names={item.id: item.category for item in video.objects},
)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
worst = int(np.argmin(curves["tracker"]))
show(
    image_row(
        [compare(video.frames[worst], predictions[worst], video.labels(worst))],
        [f"frame {worst}, where the mean J is lowest"],
    ),
    alt=f"Frame {worst}, where the mean J is lowest: pixels that were found are white, "
    "pixels that were missed are blue, pixels found in error are orange, and a few that got the number of another "
    "object are purple.",
    caption="What the inspector's errors show there. White: found rightly. Orange: called the object, but background. "
    "Blue: missed. Purple: given to another object.",
    number="0.7",
)

# %% [markdown]
# ## 6 How this book works
#
# **Chapters** are notebooks. Each one builds a part from its equation, shows that it equals the library's part, and
# runs it on video. `make lab` opens the chapters, so that you can change and run them. `make book` executes them all
# and builds the site.
#
# **Profiles** say on which data a chapter runs. The cell at the top of a chapter names the profile. `smoke` needs
# nothing but two processor cores. `small` takes real video and a trained backbone, and `paper` takes the papers' own
# settings. The notebook stays the same, and its numbers change.

# %%
for name in ("smoke", "small", "paper"):
    what = f"{name}: {load_profile(name).description}"
    print(fill(what, 43, subsequent_indent="  "))

# %% [markdown]
# **Run records** are the memory of the book. A number is either computed before your eyes, or it comes from a file in
# `book/results/`. That file says which settings, data, commit and machine produced the number. **Claims** are the
# numbers of the papers. Each claim has a row of its own, beside the record that supports or contradicts it, or beside
# the reason why there is no record.
#
# **Exercises** have a check, as you have seen. Besides them you will meet three kinds of questions without a check. A
# *prediction* asks you to think before you run a cell. A *diagnosis* shows what broken programs produce, and asks what
# is broken. An *open challenge* gives you a number to beat, and nobody knows the best answer.

# %% [markdown]
# ## More exercises
#
# ### Exercise 0.3 · Drive any segmenter, live
# *difficulty 3 of 3 · 25 minutes · 3 points*
#
# A camera does not wait, and a film does not fit into memory. Write the generator `drive(segmenter, frames, given)`. It
# yields `(t, labels)` for every frame **before** it asks `frames` for the next one. `given` is a dictionary from frame
# numbers to labels, because objects may be given in any frame.
#
# - Before the first given mask, the answer is all background: zeros, `uint8`.
# - The first given mask goes to `segmenter.start(frame, labels)`. In this frame the answer is that mask.
# - In every later frame, call `segmenter.step(frame)`.
# - If a later frame has a given mask too, call `segmenter.add_objects(frame, labels)` after the step. The given labels,
#   where they are not 0, then replace those of the step.
#
# `given` may be empty. Every `step` returns a new array, with which the segmenter goes on, so leave that array as it
# is. Labels that you have yielded must not change afterwards.


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
# ### Open challenge · Without a network
#
# Write a segmenter that needs NumPy and OpenCV alone: no backbone, and no trained network. It may use the first frame
# and its mask, all frames up to the present one, and its own answers. Several colours for each object, the answer of
# the last frame, edges or motion are all allowed. The next cell prints the number to beat, that of the first mask held.
# When you have beaten it, try the same segmenter on another video, such as `load_sequence("synthetic/9")`.

# %%
def score_of(segmenter):
    """Mean J on this chapter's video, over the objects and all frames but the first."""
    found = list(follow(segmenter, video.frames, video.labels(0)))
    return curve(found, region_similarity)[1:].mean()


print(f"two colours: {score_of(TwoColours()):.3f}")
print(f"the number to beat: {curves['first mask held'][1:].mean():.3f}")

# %% [markdown]
# ## Measured and claimed
#
# The video above is made by a program, so its score says nothing about the papers. Table 0.1 shows what the same
# tracker reached on real video, from the record of that run. Its backbone, a ResNet-18, was trained on photographs. The
# page *Claims* of the site sets the papers' numbers beside ours, row by row, and chapter 19 reads them with you.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
record = read_record("frtm_d_only_small")
measured = record.metrics["update"]
rows = [(spec, f"{np.mean(values):.3f}") for spec, values in measured["J_of_seeds"].items()]
rows.append(("mean of the sequences", f"{measured['seeds']['J']['mean']:.3f}"))
seeds = len(measured["seeds"]["J"]["values"])
show_table(
    ["sequence", "J, 0 to 1"],
    rows,
    number="0.1",
    caption=f"The tracker on five sequences of DAVIS 2016, mean of {seeds} seeds. Record {record.name}.",
)

# %% [markdown]
# ## How this differs from the paper
#
# The tracker is the target model of FRTM alone, which the paper calls *D-only*. The network that refines its scores
# comes later in the book. In the profile `smoke` the backbone is the trunk that comes with the library: a ResNet-18
# that learned from a million photographs first, and then on from the training videos of DAVIS. The other profiles take
# a ResNet that has seen the photographs alone, as the paper does.

# %% [markdown]
# ## Summary
#
# - Video object segmentation gives every pixel of every frame to an object, from the mask of the first frame.
# - A segmenter is causal: `start` once, then `step` for each frame.
# - Methods differ in what they keep between frames and in when they learn.
# - J is the overlap of answer and truth, divided by their union. Read it beside a baseline and beside the pictures.
# - A number that is not computed on the page has a run record, and a number of the papers has a row beside it.

# %% [markdown]
# ## References
#
# - A. Robinson, F. Järemo Lawin, M. Danelljan, F. S. Khan, M. Felsberg: *Learning Fast and Robust Target Models for
#   Video Object Segmentation*. CVPR 2020. The tracker.
# - F. Perazzi, J. Pont-Tuset, B. McWilliams, L. Van Gool, M. Gross, A. Sorkine-Hornung: *A Benchmark Dataset and
#   Evaluation Methodology for Video Object Segmentation*. CVPR 2016. DAVIS 2016, J, F and T.
# - J. Pont-Tuset, F. Perazzi, S. Caelles, P. Arbeláez, A. Sorkine-Hornung, L. Van Gool: *The 2017 DAVIS Challenge on
#   Video Object Segmentation*. 2017. Several objects.
