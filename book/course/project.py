# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Final project: a tracker of your own
#
# Build a video object segmentation method, find out what one of its parts is worth, and report it so that a stranger
# could do the same again. The tracker itself is checked by machine, for 10 points; the report is read by a person, for
# 30, after the rubric that stands with each part. A small question with a clean answer is worth more than a large one.
#
# ## Rules
#
# - The method is causal: it sees each frame once, in order, and keeps a memory that does not grow with the video.
# - You may build on everything in `vosbook`; what is your own and what is not must be said.
# - Nothing is chosen on the videos that you report on. Synthetic videos with seeds from 900 on, and the validation
#   sequences of DAVIS, are for the final measurement alone.
# - Every number comes from a run whose settings, seed and data you state. A result that contradicts your expectation is
#   as good as one that confirms it.
#
# ## Ideas
#
# - Replace one part of a system of this book (the memory's weights, the merging of objects, the matching) and measure.
# - Take one claim of the page *Claimed and measured* that is *not run* or *contradicted*, and find out why.
# - Find the condition under which one method of chapter 18 overtakes another.
# - Make the tracker below as good as you can under a limit of 50 ms a frame.

# %% tags=["imports"]
import numpy as np
from scipy.spatial import cKDTree

from checks import project
from vosbook.datasets.synthetic import SyntheticConfig, make_sequence
from vosbook.metrics.region import jaccard

# %% [markdown]
# ## Exercises
#
# ### Exercise P.1 · The tracker
# *difficulty 3 of 3 · 240 minutes · 10 points*
#
# Write the class `Tracker`. `Tracker()` makes one; `start(frame, masks)` is given the first frame, `uint8 (H, W, 3)`,
# and its labels, `uint8 (H, W)`; `step(frame)` returns the labels of the next frame, `uint8 (H, W)`, with the ids as
# they were given. Two trackers that run side by side must not disturb each other.
#
# It is tried on held-out synthetic videos of $60 \times 108$ pixels. One half of the frame, the left or the right one,
# is a video of `make_sequence` with two or three objects, all to be followed; the other half is its mirror image, in
# which nothing is to be followed. So colour alone cannot tell an object from its twin. The tracker's mean $\mathcal J$
# must beat first masks that never move by at least .2, at no more than 2 s of processor time a video of 12 frames. That
# its memory does not grow is not measured: whoever reads the report looks at the code for it. The answer may use what
# the imports cell defines; put all that it needs into this one cell. If your project's own method is too large for
# that, a simpler tracker earns these points as well.


# %% nbgrader={"grade": false, "grade_id": "project-1", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Tracker:
    """Labels of a video from those of its first frame."""

    ### BEGIN SOLUTION
    SCALE, NEIGHBOURS = 0.25, 3  # weight of place beside colour; how many pixels vote

    def features(self, frame):
        """Colour and place of every pixel, (H W, 5)."""
        y, x = np.mgrid[: frame.shape[0], : frame.shape[1]] / frame.shape[0]
        place = self.SCALE * np.dstack([y, x])
        return np.dstack([frame / 255, place]).reshape(-1, 5)

    def start(self, frame, masks):
        self.first = self.last = self.features(frame), masks.ravel()

    def step(self, frame):
        here = self.features(frame)
        points, labels = (np.concatenate(part) for part in zip(self.first, self.last))
        near = cKDTree(points).query(here, k=self.NEIGHBOURS)[1]  # (H W, k)
        ids = np.unique(labels)
        votes = (labels[near] == ids[:, None, None]).sum(axis=2)  # (ids, H W)
        self.last = here, ids[votes.argmax(axis=0)]
        return self.last[1].reshape(frame.shape[:2])

    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "project-1-check", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
project.check_tracker(Tracker)

# %% [markdown]
# ## Report

# %% [markdown]
# ### Question
#
# What do you want to find out, and what do you expect? One paragraph.
#
# | points | rubric |
# | --- | --- |
# | 5 | one question that a measurement can decide, an expectation with its reason, and what would refute it |
# | 3 | a question, but an expectation without a reason, or one that nothing could refute |
# | 1 | a topic instead of a question |

# %% [markdown] nbgrader={"grade": true, "grade_id": "project-question", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# YOUR ANSWER HERE

# %% [markdown]
# ### Method
#
# What did you build, in equations with shapes, and what of it is your own?
#
# | points | rubric |
# | --- | --- |
# | 8 | could be built again from the text alone; choices have reasons; own and borrowed parts are told apart |
# | 5 | the idea is clear, but settings or shapes that matter are missing |
# | 2 | a list of what was called |

# %% [markdown] nbgrader={"grade": true, "grade_id": "project-method", "locked": false, "points": 8, "schema_version": 3, "solution": true, "task": false}
# YOUR ANSWER HERE

# %% [markdown]
# ### Measurement
#
# What did you measure, on which data, against which baseline? A table, and one figure that shows masks.
#
# | points | rubric |
# | --- | --- |
# | 9 | tuned on other data than reported; a baseline, and one part left out; several seeds and their spread |
# | 6 | baseline and held-out data, but one seed, or a conclusion beyond the numbers |
# | 3 | numbers whose data or settings are not stated, or that were tuned on |

# %% [markdown] nbgrader={"grade": true, "grade_id": "project-measurement", "locked": false, "points": 9, "schema_version": 3, "solution": true, "task": false}
# YOUR ANSWER HERE

# %% [markdown]
# ### Where it fails
#
# Show the worst video and say why it fails. What did you not try, and what would you do next?
#
# | points | rubric |
# | --- | --- |
# | 5 | a failure that is looked into, with a cause that is tested or a test that is proposed |
# | 3 | failures are shown, causes guessed |
# | 1 | "it does not always work" |

# %% [markdown] nbgrader={"grade": true, "grade_id": "project-limits", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# YOUR ANSWER HERE

# %% [markdown]
# ### Again
#
# How does a stranger make your numbers again: files, command, seeds, machine, time?
#
# | points | rubric |
# | --- | --- |
# | 3 | the grader has run the command and met the numbers |
# | 2 | runs after a small repair |
# | 0 | does not run |

# %% [markdown] nbgrader={"grade": true, "grade_id": "project-again", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# YOUR ANSWER HERE
