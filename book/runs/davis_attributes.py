# %% [markdown]
# # Do DAVIS's tags follow from its masks?
#
# Three attributes of DAVIS 2016 are defined by a number that can be computed from the masks alone: LR, SV and FM
# (Perazzi et al., CVPR 2016, Table 1). This run computes them for all 50 sequences and compares them with the tags in
# `db_info.yml`. It needs `VOSBOOK_DATA`. The training sequences' masks are read at 256 rows; lengths are scaled to 480.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import hashlib

import numpy as np

from vosbook.datasets.catalog import data_folder
from vosbook.datasets.davis import read_attributes
from vosbook.profiles import load_profile
from vosbook.runs import record_run
from vosbook.video.files import list_images
from vosbook.video.masks import read_mask

# %%
seed = load_profile(profile).of("davis_attributes")["seed"]  # nothing is random here; the record names it all the same
root = data_folder() / "DAVIS2016"
tags = read_attributes(root)
places = {}  # sequence name -> its folder of masks, that with most of them where there are two
for folder in sorted((root / "Annotations").glob("*p/*/")):
    if len(list_images(folder)) >= len(list_images(places.get(folder.name, folder))):
        places[folder.name] = folder
print(len(places), "sequences,", len(tags), "in db_info.yml")


# %%
def boxes_and_centres(folder, digest):
    """Areas of the object's bounding boxes (T,), its centroids (T, 2), where it shows, and the frame's (H, W)."""
    areas, centres = [], []
    for file in list_images(folder):
        digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
        mask = read_mask(file) > 0
        rows, columns = np.nonzero(mask)
        if len(rows):
            areas.append((np.ptp(rows) + 1) * (np.ptp(columns) + 1))
            centres.append((columns.mean(), rows.mean()))
    return np.array(areas), np.array(centres), mask.shape


def measure(folder, digest):
    """Which of the criteria hold, and in how many masks the object shows.

    The paper does not say at which size FM is measured; the videos have 1080 rows.
    """
    areas, centres, (height, width) = boxes_and_centres(folder, digest)
    way = np.hypot(*np.diff(centres, axis=0).T).mean() / height  # in heights of the frame
    holds = {
        "LR": areas.mean() / (height * width) < 0.1,
        "SV": areas.min() / areas.max() < 0.5,
        "FM at 480 rows": way * 480 > 20,
        "FM at 1080 rows": way * 1080 > 20,
    }
    return holds, len(areas)


# %%
config = {
    "LR": "mean box / frame < 0.1",
    "SV": "smallest box / largest box < 0.5",
    "FM": "mean way of the centroid from frame to frame > 20 pixels",
}
data = [{"spec": "DAVIS 2016, true masks, 50 sequences"}]
digest = hashlib.sha256()
with record_run("davis_attributes", profile=profile, config=config, seed=seed, data=data) as run:
    found = {name: measure(folder, digest) for name, folder in sorted(places.items())}
    measured = {name: holds for name, (holds, _) in found.items()}
    shown = sum(masks for _, masks in found.values())
    masks = sum(len(list_images(folder)) for folder in places.values())
    run["metrics"]["counts"] = {"sequences": len(places), "masks": masks, "masks_with_an_object": shown}
    data[0] |= {"frames": masks, "sha256": digest.hexdigest()}
    for criterion in measured["blackswan"]:
        given = {name for name in measured if criterion[:2] in tags[name]}
        meet = {name for name, holds in measured.items() if holds[criterion]}
        run["metrics"][criterion] = {
            "sequences": len(measured),
            "tagged": len(given),
            "measured": len(meet),
            "both": len(given & meet),
            "agree": len(measured) - len(given ^ meet),
        }
run["metrics"]
