# %% [markdown]
# # How RVOS's masks become as large as the frames
#
# The network sees frames of 256 x 448. The authors' code makes masks of that size, and enlarges them to the frame's
# pixel by pixel; the library enlarges the logits, bilinearly, and then asks which are over zero. What goes on to the
# next frame is the same in both, so one pass over a video is scored twice. The masks' rims are compared, not what the
# network has learned, so the sequences that it learned from are scored, too.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from functools import partial

import cv2
import numpy as np
import torch

from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.synthetic import SyntheticConfig
from vosbook.measure import mean_of
from vosbook.methods.rvos import RvosSegmenter
from vosbook.metrics.scores import frame_scores
from vosbook.profiles import book_folder, load_profile, script_parameters
from vosbook.runs import kept, manifest_entry, record_run

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("rvos_upscaling")
parts = book_folder().parent / "build" / "runs" / f"rvos_upscaling_{profile}"
synthetic = SyntheticConfig(**settings["synthetic"])
segmenter = RvosSegmenter.load("rvos", checkpoint=None, device="cpu", note=print)


# %%
def score(sequence) -> dict:
    """J and F of both ways, means over the scored frames of a video with one object."""
    frames, truth = sequence.frames, lambda t: (sequence.labels(t) > 0).astype(np.uint8)
    segmenter.start(frames[0], truth(0))
    rows: dict[str, list[np.ndarray]] = {"bilinear": [], "nearest": []}
    for t in range(1, len(frames) - 1):
        masks = {"bilinear": segmenter.step(frames[t])}
        small = (segmenter.p[0, 0] > 0.5).numpy().astype(np.uint8)  # (256, 448)
        masks["nearest"] = cv2.resize(small, truth(t).shape[::-1], interpolation=cv2.INTER_NEAREST)
        for way, mask in masks.items():
            rows[way].append(frame_scores(mask, truth(t), [1]))
    return {way: dict(zip("JF", np.mean(of, axis=0)[:, 0].tolist())) for way, of in rows.items()}  # (T', 2, 1)


# %%
sequences = {spec: load_sequence(spec, config=synthetic) for spec in settings["data"]}
data = [manifest_entry(spec, sequence) for spec, sequence in sequences.items()]
config = {"network": "rvos.safetensors of the package", "threads": torch.get_num_threads()}
with record_run(f"rvos_upscaling_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    found = {}
    for spec, sequence in sequences.items():
        found[spec] = kept(parts / f"{sequence.name}.json", partial(score, sequence))
        print(f"{spec:<32}" + "  ".join(f"{way} {of['J']:.3f}" for way, of in found[spec].items()), flush=True)
    for way in ("bilinear", "nearest"):
        rows = {spec: of[way] for spec, of in found.items()}
        run["metrics"][way] = mean_of(list(rows.values())) | {"sequences": rows}

# %%
for way, of in run["metrics"].items():
    print(f"{way:<16} J {of['J']:.3f}  F {of['F']:.3f}")
