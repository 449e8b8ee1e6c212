# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The effect of each part, and its error
#
# A part's effect is the mean, over sequences, of what a method scores with it less what it scores without it. Other
# runs have made the scores; this one takes their differences, sequence by sequence, and gives each mean the interval
# in which it could as well lie on other sequences, and where a run had several seeds, with other seeds. An effect whose
# interval holds zero is inconclusive. So is one between two networks that were each trained once, whatever its
# interval: it lacks what a second training of the same kind would change.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
from dataclasses import asdict

import numpy as np

from vosbook.errors import InputError
from vosbook.metrics.effects import paired_effect
from vosbook.profiles import load_profile, script_parameters
from vosbook.runs import read_record, record_run

# %%
(profile,) = script_parameters(profile=profile)
settings = load_profile(profile).of("effects")
SIDES = ("more", "less")
MEASURES = ("J", "F", "T", "mean", "recall", "decay")


def record_of(run):
    """The record of "run" or "run/variant" with this profile."""
    base, _, variant = run.partition("/")
    return read_record(f"{base}_{profile}" + (f"_{variant}" if variant else ""))


# %% [markdown]
# Where a side's scores are: the name of its run, and the path to them in its record. `*` stands for the sequence, or
# for the place in a list of sequences. At the end of the path is a number, a list with a number for each seed, or a
# mapping of measures. Numbers are J, or what `measure` says. `seeds` are the paths to a list with the same for each
# seed, or for each training on a fold: a mean over all sequences, or over those of the fold.


# %%
def at_path(found, path):
    """What is at the end of a path that names no sequence."""
    for part in filter(None, path.split(".")):
        found = found[part]
    return found


def by_sequence(side) -> dict[str, object]:
    """What is at the end of the path, for each sequence."""
    run, path = side
    above, below = path.split("*")
    found = at_path(record_of(run).metrics, above)
    if isinstance(found, list):
        found = dict(enumerate(found))
    return {name: at_path(value, below) for name, value in found.items()}


def measures_of(values, path=(), *, alone):
    """Yield the path and the numbers of each measure that all of `values` have; `alone` is what numbers alone are."""
    if all(isinstance(value, dict) for value in values):
        for name in (name for name in MEASURES if name in values[0]):
            yield from measures_of([value[name] for value in values], (*path, name), alone=alone)
    else:
        yield path or (alone,), np.array(values, float)  # None, a measure that a sequence does not have, becomes nan


def with_j_and_f(measures):
    """The same, and the mean of J and F where the means of both are known."""
    j, f = measures.get(("J", "mean")), measures.get(("F", "mean"))
    return measures if j is None or f is None else measures | {("J&F",): (j + f) / 2}


def differences(effect):
    """Yield the path of each measure, its differences by sequence and, where there are several, by seed."""
    sides = [by_sequence(effect[side]) for side in SIDES]
    if sides[0].keys() != sides[1].keys():
        raise InputError(f"{effect['more'][0]} and {effect['less'][0]} were scored on other sequences")

    def table(values):
        return with_j_and_f(dict(measures_of(values, alone=effect.get("measure", "J"))))

    more, less = (table([side[name] for name in sides[0]]) for side in sides)
    means = [table(at_path(record_of(effect[side][0]).metrics, at)) for side, at in zip(SIDES, effect.get("seeds", []))]
    for path in (path for path in more if path in less):
        gains = more[path] - less[path]  # (S,), or (S, K) where there are K seeds
        gains = gains[~np.isnan(gains.reshape(len(gains), -1)).any(axis=1)]
        if not len(gains):
            continue
        of_seeds = gains.mean(axis=0) if gains.ndim == 2 else ()
        if means:
            of_seeds = means[0][path] - means[1][path]
        yield path, gains.reshape(len(gains), -1).mean(axis=1), of_seeds


# %%
used = sorted({effect[side][0] for effect in settings["effects"].values() for side in SIDES})
data = [{"spec": f"record/{one.name}", "commit": one.commit, "created": one.created} for one in map(record_of, used)]
config = {"effects": settings["effects"]}
with record_run(f"effects_{profile}", profile=profile, config=config, seed=settings["seed"], data=data) as run:
    for name, effect in settings["effects"].items():
        run["metrics"][name] = {"trained_once_each": effect.get("trained_once_each", False)}
        for path, of_sequences, of_seeds in differences(effect):
            found = paired_effect(of_sequences, of_seeds)
            if found is None:
                raise InputError(f"{name} has one sequence: an effect needs two at least")
            at = run["metrics"][name]
            for part in path[:-1]:
                at = at.setdefault(part, {})
            counts = {"sequences": len(of_sequences), "seeds": max(1, len(of_seeds))}
            at[path[-1]] = asdict(found) | counts
            if path[0] == effect.get("measure", "J") and path[-1] in (path[0], "mean"):
                sure = "inconclusive" if found.inconclusive else ""
                value, low, high = (f"{100 * number:+.1f}" for number in (found.value, found.low, found.high))
                print(f"{name:<40}{path[0]} {value:>6}  ({low} to {high})  {sure}")
