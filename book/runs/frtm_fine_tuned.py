# %% [markdown]
# # First-frame fine-tuning, the rival in FRTM's Table 1
#
# "F.-T." has the same network as the complete system and no solver of its own: D, from its random start, and a copy of
# S are fine-tuned together on the first frame, then left alone. As in section 4.1: 20 samples (the frame and 19
# augmentations), 100 iterations of Adam on batches of four, the loss of Eq. 2 for D and binary cross-entropy for S. The
# paper names no learning rate: it is chosen here on training sequences, before a validation sequence is looked at.
# S was trained on those sequences, so they favour changing it little.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import copy
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from vosbook.datasets.catalog import load_sequence
from vosbook.measure import score_sequence
from vosbook.merge import soft_aggregate, to_labels
from vosbook.methods.frtm import FAST, FrtmSegmenter, shipped_network
from vosbook.profiles import load_profile
from vosbook.runs import manifest_entry, record_run
from vosbook.target_model.augment import augment_first_frame
from vosbook.target_model.loss import pixel_weights, target_loss, target_scores
from vosbook.target_model.model import first_frame_weights, initial_weights
from vosbook.video.labels import object_ids
from vosbook.weights import read_about

# %%
settings = load_profile(profile).of("frtm_fine_tuned")
device = "cuda" if settings["device"] == "auto" and torch.cuda.is_available() else "cpu"
SAMPLES, ITERATIONS, BATCH = 20, settings["iterations"], 4
complete = FrtmSegmenter.complete(
    replace(FAST, backbone=settings["backbone"]), backbone_weights=None, checkpoint=None, device=device, note=print
)
assert complete.backbone.name == settings["backbone"], f"no weights of {settings['backbone']}"
backbone, network, D = complete.backbone, complete.network, FAST.target_model


def features(images):
    """uint8 (K, H, W, 3) -> by level, (K, C, h, w)."""
    return backbone(torch.tensor(images, device=device).permute(0, 3, 1, 2) / 255)  # (K, H, W, 3) -> (K, 3, H, W)


# %% [markdown]
# A sample is drawn as often as its weight in Eq. 2 says: the frame itself twice as often as an augmentation. S stays in
# evaluation mode, so that four similar images do not change its batch norms' statistics. Its products are bfloat16, as
# in its training.


# %%
def fine_tune(frame, mask, *, lr, seed):
    """D's weights and a copy of S, learned from one frame and one object's mask, bool (H, W)."""
    torch.manual_seed(seed)
    images, masks = augment_first_frame(frame, mask, samples=SAMPLES - 1, seed=seed)
    x = {level: torch.cat([features(image[None])[level] for image in images]) for level in backbone.levels}
    y = torch.tensor(masks, device=device)[:, None].float()  # (K, H, W) -> (K, 1, H, W)
    v, size = pixel_weights(y, kappa_min=D.kappa_min), mask.shape
    w = initial_weights(x[FAST.level].shape[1], D.c, seed=seed)
    w, mine = tuple(w_j.to(device).requires_grad_() for w_j in w), copy.deepcopy(network)
    optimizer = torch.optim.Adam([*w, *mine.parameters()], lr=lr)
    gamma = torch.full((BATCH,), 1 / BATCH, device=device)
    for _ in range(ITERATIONS):
        k = torch.multinomial(first_frame_weights(SAMPLES), BATCH)
        x_k = {level: maps[k] for level, maps in x.items()}
        loss = target_loss(w, x_k[FAST.level], y[k], v[k], gamma, lambda_=D.lambda_)
        with torch.autocast(device, dtype=torch.bfloat16):
            logits = mine(target_scores(x_k[FAST.level], w), x_k, size)
        loss = loss + F.binary_cross_entropy_with_logits(logits.float(), y[k])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tuple(w_j.detach() for w_j in w), mine


class FineTuned:
    """A `Segmenter`: D and S of each object as they came from its first frame."""

    def __init__(self, *, lr, seed):
        self.lr, self.seed = lr, seed

    def start(self, frame, masks):
        ids = object_ids(masks)
        self.objects = {i: fine_tune(frame, masks == i, lr=self.lr, seed=self.seed) for i in ids}

    @torch.no_grad()
    def step(self, frame):
        x = features(frame[None])
        logits = [mine(target_scores(x[FAST.level], w), x, frame.shape[:2]) for w, mine in self.objects.values()]
        merged = soft_aggregate(torch.cat(logits)[:, 0].sigmoid())  # (N, 1, H, W) -> (N + 1, H, W)
        return to_labels(merged, list(self.objects)).cpu().numpy()


# %% [markdown]
# The learning rate, on training sequences; then the validation sequences with the best.


# %%
def run_all(sequences, *, lr, seed) -> dict:
    """J, F, and the seconds of the first frame; means over sequences, each the mean over its objects."""
    scores = {}
    for spec, sequence in sequences.items():
        scores[spec] = score_sequence({"fine_tuned": FineTuned(lr=lr, seed=seed)}, sequence)["fine_tuned"]
        print(f"learning rate {lr:g}, seed {seed}, {spec}: J {scores[spec]['J']:.3f}", flush=True)
    keys = ("J", "F", "J&F", "seconds_first_frame")
    return {key: np.mean([score[key] for score in scores.values()]) for key in keys} | {"sequences": scores}


# %%
choosing = {spec: load_sequence(spec, resolution=settings["choose_resolution"]) for spec in settings["choose_on"]}
scored = {spec: load_sequence(spec) for spec in settings["data"]}
data = [manifest_entry(spec, sequence) for spec, sequence in (choosing | scored).items()]
config = {"iterations": ITERATIONS, "batch": BATCH, "samples": SAMPLES, "learning_rates": settings["learning_rates"]}
config |= {"chosen_on": list(choosing), "scored_on": list(scored), "seeds": settings["seeds"]}
config |= {"backbone": backbone.source, "device": device, "threads": torch.get_num_threads()}
config |= {"network": read_about(shipped_network(backbone.name))}
first = settings["seed"]
with record_run(f"frtm_fine_tuned_{profile}", profile=profile, config=config, seed=first, data=data) as run:
    tried = {lr: run_all(choosing, lr=lr, seed=first) for lr in settings["learning_rates"]}
    lr = max(tried, key=lambda lr: tried[lr]["J"])
    results = [run_all(scored, lr=lr, seed=first + k) for k in range(settings["seeds"])]
    run["metrics"]["chosen"] = {"learning_rate": lr, "J_of_rates": [tried[lr]["J"] for lr in tried]}
    run["metrics"]["fine_tuned"] = {key: np.mean([r[key] for r in results]) for key in ("J", "F", "J&F")}
    run["metrics"]["fine_tuned"] |= {
        "J_of_seeds": [r["J"] for r in results],
        "J_of_sequences": {spec: np.mean([r["sequences"][spec]["J"] for r in results]) for spec in scored},
        "seconds_first_frame": results[0]["seconds_first_frame"],
    }

# %%
for rate, result in tried.items():
    print(f"training sequences, learning rate {rate:g}: J {result['J']:.3f}")
found = run["metrics"]["fine_tuned"]
print(f"validation sequences, learning rate {lr:g}: J {found['J']:.3f}  F {found['F']:.3f}  J&F {found['J&F']:.3f}")
