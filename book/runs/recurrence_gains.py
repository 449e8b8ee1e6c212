# %% [markdown]
# # What each part of RVOS and S2S gains
#
# RVOS, Tables 1 and 5: recurrence over time and over objects, training on inferred masks. S2S, Table 4 and section 5.4:
# more videos, the Initializer. Each network was trained by itself, with the part and without it; its record holds the J
# of every held-out video. A gain is the mean over the videos of the differences, its error that mean's standard error.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import numpy as np

from vosbook.errors import InputError
from vosbook.profiles import load_profile
from vosbook.runs import read_record, record_run

# %%
settings = load_profile(profile).of("recurrence_gains")
names = sorted({name for pair in settings["gains"].values() for name in pair})
records = {name: read_record(f"{name.split('/')[0]}_{profile}_{name.split('/')[1]}") for name in names}


# %%
def held_out_j(record, videos):
    """J of the network, video by video, in 0..1."""
    (method,) = set(record.metrics["held_out"]) - {"first_mask", "sequences"}
    return np.array([record.metrics["held_out"]["sequences"][video][method]["J"] for video in videos])


# %%
data = [{"spec": f"record/{one.name}", "commit": one.commit, "created": one.created} for one in records.values()]
config = {"gains": settings["gains"]}
with record_run(f"recurrence_gains_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    for gain, (more, less) in settings["gains"].items():
        videos = sorted(records[more].metrics["held_out"]["sequences"])
        if videos != sorted(records[less].metrics["held_out"]["sequences"]):
            raise InputError(f"{more} and {less} were scored on other videos: train both with one profile")
        differences = held_out_j(records[more], videos) - held_out_j(records[less], videos)
        error = np.std(differences, ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else None
        run["metrics"][gain] = {"J": np.mean(differences), "standard_error": error, "videos": len(videos)}
        print(f"{gain:<28}{100 * np.mean(differences):+.1f}")
