# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What one shot, the parent and snapping change
#
# Table 1 of OSVOS-S has the difference of each column from the one before it. The run `osvos_ablation` has measured the
# columns, from backbone weights (`base`) and from the parent, after several numbers of steps, and `osvos_snapping` what
# superpixels and contour recovery make of the parent's last masks; here are the differences.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from vosbook.profiles import load_profile, script_parameters
from vosbook.runs import read_record, record_run

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("osvos_stages")
records = {start: read_record(f"osvos_ablation_{profile}_{start}") for start in ("base", "parent")}
base, parent = (record.metrics["steps"] for record in records.values())
snapping = read_record(f"osvos_snapping_{profile}_parent")


# %%
def change(before, after):
    """After less before, of every number that both have."""
    if isinstance(before, dict):
        return {key: change(before[key], after[key]) for key in before if key in after}
    return None if before is None or after is None else after - before


# %%
first, *_, last = base
rows = snapping.metrics
commits = {record.name: record.commit for record in (*records.values(), snapping)}
config = {"steps": list(base), "commits": commits}
data = records["base"].data
with record_run(f"osvos_stages_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    run["metrics"] = {
        "one_shot": change(base[first], base[last]),
        "parent": change(base[last], parent[last]),
        "tuning": change(parent[first], parent[last]),
        "superpixels": change(rows["mask"], rows["superpixels"]),
        "contours": change(rows["superpixels"], rows["contours"]),
        "superpixels_and_contours": change(rows["mask"], rows["contours"]),
        "clear": change(rows["mask"], rows["clear"]),
        "parent_by_steps": {step: change(base[step], parent[step]) for step in base},
    }
    for stage in ("one_shot", "parent", "tuning", "superpixels", "contours", "clear"):
        found = run["metrics"][stage]
        print(f"{stage:<12} J {100 * found['J']['mean']:+.1f}  F {100 * found['F']['mean']:+.1f}")
