# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What one shot and the parent change
#
# Table 1 of OSVOS-S has the difference of each column from the one before it. The run `osvos_ablation` has measured the
# columns, from backbone weights (`base`) and from the parent, after several numbers of steps; here are the differences.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from vosbook.runs import load_profile, read_record, record_run, script_parameters

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("osvos_stages")
records = {start: read_record(f"osvos_ablation_{profile}_{start}") for start in ("base", "parent")}
base, parent = (record.metrics["steps"] for record in records.values())


# %%
def change(before, after):
    """After less before, of every number that both have."""
    if isinstance(before, dict):
        return {key: change(before[key], after[key]) for key in before if key in after}
    return None if before is None or after is None else after - before


# %%
first, *_, last = base
config = {"steps": list(base), "commits": {start: record.commit for start, record in records.items()}}
data = records["base"].data
with record_run(f"osvos_stages_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    run["metrics"] = {
        "one_shot": change(base[first], base[last]),
        "parent": change(base[last], parent[last]),
        "tuning": change(parent[first], parent[last]),
        "parent_by_steps": {step: change(base[step], parent[step]) for step in base},
    }
    for stage in ("one_shot", "parent", "tuning"):
        found = run["metrics"][stage]
        print(f"{stage:<10} J {100 * found['J']['mean']:+.1f}  F {100 * found['F']['mean']:+.1f}")
