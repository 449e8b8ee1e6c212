# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Claimed and measured
#
# Four papers, about a thousand numbers in their tables, figures and text, and beside each of them what this book has
# measured, or why it has not. This chapter walks from a claim to the run behind it, checks every step of that walk, and
# asks what the whole adds up to: what holds, what does not, and what nobody without the papers' data can say.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import json
import textwrap
from collections import Counter
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import yaml

from checks import ch19
from vosbook.profiles import load_profile
from vosbook.runs import read_record
from vosbook.view.plots import LINE_COLOURS, new_figure, show

# %%
settings = load_profile(profile).of("claims")
loader = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the one in C is ten times as fast
claims = yaml.load(Path("claims.yml").read_text(encoding="utf-8"), Loader=loader)
statuses = (
    "reproduced",
    "direction holds",
    "contradicted",
    "inconclusive",
    "not run",
)
papers = list(dict.fromkeys(row["paper"] for row in claims))


def tell(text, indent=""):
    """Print a long line as narrow as a phone shows it."""
    print(*textwrap.wrap(text, 44, subsequent_indent=indent), sep="\n")


figure, axes = new_figure(height=2.6)
left = np.zeros(len(papers))
for status, colour, hatch in zip(statuses, LINE_COLOURS, ("", "//", "xx", "oo", "..")):
    rows = [row["paper"] for row in claims if row["status"] == status]
    counts = [rows.count(paper) for paper in papers]
    style = {"color": colour, "hatch": hatch, "edgecolor": "white"}
    axes[0, 0].barh(papers, counts, left=left, label=status, **style)
    left += counts
axes[0, 0].invert_yaxis()
axes[0, 0].set(xlabel="claims")
figure.legend(loc="outside upper center", ncols=2)
show(
    figure,
    alt="One bar of claims for each paper, stacked by status. The largest part of each "
    "bar is not run; reproduced ones are most of the rest in OSVOS-S.",
    caption="Every number of the four papers, by what became of it.",
)

# %% [markdown]
# ## Goals
#
# After this chapter you can
#
# - take any number of the four papers and find what stands behind it here, down to the commit;
# - say when a number counts as reproduced, and when that word would be too much;
# - tell a contradiction from a difference in data, training or hardware;
# - write a table of claims for a paper of your own choice that a program can check.

# %% [markdown]
# ## 1 A claim is a row
#
# The file `book/claims.yml` has one row for every number. It says what the paper says, in the paper's unit, and on
# which data; and then either a record and the place of the number in it, or a reason. Here is one row.

# %%
by_id = {row["id"]: row for row in claims}
for key, value in by_id["osvoss-t4-onavos-db-gain"].items():
    tell(f"{key:<12}{value}", indent=" " * 12)

# %% [markdown]
# ## 2 From the claim to its run
#
# `record` names a file in `book/results`, `value` says where in its numbers to look, and `scale` turns the record's
# unit into the paper's. The record says the rest: which code, which data, which machine, when.


# %%
def follow(metrics, path):
    """The number at a path such as "osvos.J.mean"."""
    for part in path.split("."):
        metrics = metrics[part]
    return metrics


measured = [row for row in claims if "record" in row]
records = {name: read_record(name) for name in {row["record"] for row in measured}}


def recorded(row):
    """What the record says, in the paper's unit."""
    return follow(records[row["record"]].metrics, row["value"]) * row.get("scale", 1)


row = by_id["osvoss-t4-onavos-db-gain"]
record = records[row["record"]]
print(
    f"claimed   {row['claimed']}\nrecorded  {recorded(row)}\nshown     {row['measured']}"
)
print(f"commit    {record.commit[:12]}\nmade      {record.created}")
print(f"data      {record.data[0]['spec']}, {record.data[0]['frames']} frames")
print(f"          sha256 {record.data[0]['sha256'][:16]}...")

# %% [markdown]
# ### Equal to the library
#
# `read_record` adds nothing and rounds nothing. A record is a JSON file, and whoever reads it as one has the same.


# %% tags=["equals-library"]
def read(name):
    """A record as its file has it."""
    return json.loads(Path(f"results/{name}.json").read_text(encoding="utf-8"))


for name, record in records.items():
    assert read(name) == asdict(record), name
print(f"{len(records)} files say what the library says")

# %% [markdown]
# That was one row. A table of claims is worth something if this can be done for *every* row, so here it is done: the
# number shown must be the recorded one, rounded to the digits shown.


# %%
def rounds_to(value, shown):
    """Whether a number, rounded to the digits of `shown`, is `shown`."""
    shown = Decimal(str(shown))
    step = Decimal(1).scaleb(shown.as_tuple().exponent)  # of the last digit
    return abs(Decimal(float(value)) - shown) <= step / 2


wrong = [row["id"] for row in measured if not rounds_to(recorded(row), row["measured"])]
print(f"{len(measured)} rows followed to {len(records)} records, {len(wrong)} differ")
assert not wrong
unclean = [name for name, record in records.items() if "+changes" in record.commit]
print(f"records of code that was not committed: {', '.join(sorted(unclean)) or 'none'}")

# %% [markdown]
# ## 3 What a status means
#
# - *reproduced*: the same data, and the same value to the paper's last digit. Nothing less.
# - *direction holds*: what the number is there to show is so here too, on other data or with another value.
# - *contradicted*: it is not so.
# - *inconclusive*: our test cannot tell. The effect lies within its error, or the error is unknown, because each of two
#   networks was trained once, or because the test asks something else than the paper's.
# - *not run*: there is a reason, and no number.
#
# The first can be checked by a program. An *effect*, the gain from some part of a method, can be checked too: it is a
# mean over sequences, so it has an interval in which it could as well lie on other sequences, and with other seeds.
# Where that interval holds zero, the row is inconclusive, whatever its number looks like. What is left of the statuses
# in the middle is a judgement, and the page of claims says what it rests on. (Some claims are equations. "Equal" is
# then claimed, and a relative difference measured.)


# %%
def agrees(row):
    """Whether the measured value is the claimed one to the claimed one's last digit."""
    if row["claimed"] == "equal":
        return abs(row["measured"]) < 1e-6
    return rounds_to(row["measured"], row["claimed"])


reproduced = [row for row in measured if row["status"] == "reproduced"]
assert all(agrees(row) and row["measured_on"] == row["data"] for row in reproduced)
same_data = [row for row in measured if row["measured_on"] == row["data"]]
print(f"{len(measured)} measured, {len(same_data)} of them on the paper's own data")
print(f"of those, {len(reproduced)} agree to the last digit; the others are:")
for row in same_data:
    if row["status"] != "reproduced":
        told = f"- {row['id']}: {row['claimed']}, here {row['measured']} {row['unit']}"
        tell(f"{told.rstrip()} ({row['status']})", indent="  ")

# %% [markdown]
# ## 4 What is not run, and why
#
# Most rows have no number. It would be easy to leave them out, and the table would look better. But of what is left out
# nobody knows: was it forgotten, tried without success, or out of reach? The reasons say it.

# %%
counts = Counter((row["paper"], row["status"]) for row in claims)
print(f"{'':<16}" + "".join(f"{paper:>9}" for paper in papers) + f"{'all':>7}")
for status in statuses:
    of = [counts[paper, status] for paper in papers]
    print(f"{status:<16}" + "".join(f"{n:>9}" for n in of) + f"{sum(of):>7}")
total = [sum(counts[paper, status] for status in statuses) for paper in papers]
print(f"{'all':<16}" + "".join(f"{n:>9}" for n in total) + f"{len(claims):>7}")

print("\nthe most frequent reasons")
reasons = Counter(row["reason"] for row in claims if row["status"] == "not run")
for reason, count in reasons.most_common(settings["reasons"]):
    tell(f"{count:>5}  {reason}", indent=" " * 7)

# %% [markdown]
# Nearly all are of two kinds. The number belongs to a method of another paper, which nothing here runs and whose masks
# are not at hand; or the data, a network trained on it, or the server that scores it is not at hand. A few wait for the
# machine that was timed. None of them says that a number is wrong.

# %% [markdown]
# ## 5 Where we disagree
#
# For claims in %, here is every measured value against the claimed one. On the diagonal both are equal.

# %%
percent = [
    row
    for row in measured
    if row["unit"] == "%" and isinstance(row["claimed"], int | float)
]
figure, axes = new_figure(height=4.4)
values = [row[key] for row in percent for key in ("claimed", "measured")]
low, high = min(values), max(values)
axes[0, 0].plot([low, high], [low, high], color="lightgray", linestyle="-")
for status, colour, marker in zip(statuses[:4], LINE_COLOURS, "o^Xs"):
    rows = [row for row in percent if row["status"] == status]
    points = [row["claimed"] for row in rows], [row["measured"] for row in rows]
    style = {"color": colour, "marker": marker, "linestyle": "none", "label": status}
    axes[0, 0].plot(*points, **style)
axes[0, 0].set(xlabel="claimed in %", ylabel="measured in %")
figure.legend(loc="outside upper center", ncols=2)
show(
    figure,
    alt="Measured against claimed values in %. Reproduced ones lie on the diagonal; the "
    "others scatter around it, most of them within 20 points.",
)

# %% [markdown]
# The largest differences, whatever the status, and what was contradicted:


# %%
def line(row):
    """A row in words."""
    said = f"{row['paper']}, {row['where']}: {row['statement']}"
    return f"- {said}: {row['claimed']}, here {row['measured']} {row['unit']}".rstrip()


def difference(row):
    return abs(row["measured"] - row["claimed"])


print("the largest differences in %")
for row in sorted(percent, key=difference, reverse=True)[: settings["largest"]]:
    tell(f"{line(row)} ({row['status']}; {row['measured_on']})", indent="  ")

# %%
print("contradicted")
for row in measured:
    if row["status"] == "contradicted":
        note = f". {row['note'][0].upper()}{row['note'][1:]}" if "note" in row else ""
        tell(line(row) + note, indent="  ")

# %% [markdown]
# Read the second list before quoting the first. A value that was measured on five sequences with a small backbone and a
# short training is expected to be another one; the difference is the price of that, not an error of the paper. Most of
# the first list is inconclusive for that reason: five sequences and one training do not tell a gain from an accident.
# What is contradicted is rarer and says more: a loss that is not the one that is minimised, a step that takes another
# share of the time, or a sentence that does not fit the paper's own table.
#
# The papers' own numbers also disagree among themselves here and there. The notes of those rows say so:

# %%
itself = [row for row in claims if "Table" in row.get("note", "")]
print(f"{len(itself)} notes hold a number against a table of the same paper, such as")
for row in itself[: settings["notes"]]:
    tell(f"- {row['id']}: {row['claimed']} {row['unit']}; {row['note']}", indent="  ")

# %% [markdown]
# ## 6 The page
#
# On the site, the page *Claims* holds all rows, to be filtered by paper, status and words, with a link from each to the
# page of its record and to the chapter that deals with it. The address carries the filter, so that
# `claims.html?paper=FRTM&status=contradicted` can be sent to somebody. Here the same filter is a function.


# %%
def find(paper="", status="", words=""):
    """The rows that fit all that is given."""
    return [
        row
        for row in claims
        if paper in ("", row["paper"])
        and status in ("", row["status"])
        and all(word in str(row.values()).lower() for word in words.lower().split())
    ]


for row in find(paper="FRTM", status="reproduced"):
    tell(f"{line(row)} [{row['record']}]", indent="  ")

# %% [markdown]
# ## Exercises
#
# An answer leaves what it is given as it was.
#
# ### Exercise 19.1 · The other way round
# *difficulty 1 of 3 · 10 minutes · 1 point*
#
# A run is to be made again, and you want to know what depends on it. Write `by_record(rows)`: a dict with the sorted
# list of the ids of all rows that rest on a record, by the record's name, as Python sorts text. Rows without a record
# do not appear.


# %% nbgrader={"grade": false, "grade_id": "ex19-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def by_record(rows):
    """Ids by the name of the record, a dict of sorted lists."""
    ### BEGIN SOLUTION
    found = {}
    for row in rows:
        if "record" in row:
            found.setdefault(row["record"], []).append(row["id"])
    return {name: sorted(ids) for name, ids in found.items()}
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex19-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch19.check_by_record(by_record)

# %% [markdown]
# ### Exercise 19.2 · To the last digit
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# Write `same(claimed, value)`: whether a measured number, a float, is the claimed one to the last digit that the paper
# *prints*. `claimed` is therefore text: "82.0" says more than "82". A value exactly half a step away still counts, on
# either side. Exactly means by the digits that Python prints: `0.15` lies half a step from "0.2", though the binary
# fraction behind it is a little less.


# %% nbgrader={"grade": false, "grade_id": "ex19-2", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def same(claimed, value):
    """Whether `value` is what is printed, a bool."""
    ### BEGIN SOLUTION
    printed = Decimal(claimed)
    step = Decimal(1).scaleb(printed.as_tuple().exponent)
    return bool(abs(Decimal(str(value)) - printed) <= step / 2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex19-2-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch19.check_same(same)

# %% [markdown]
# ### Exercise 19.3 · A program that does not believe you
# *difficulty 3 of 3 · 30 minutes · 4 points*
#
# Write `faults(row, metrics)`: what is wrong with a row, as a set of words. `metrics` holds the numbers of each record,
# nested dicts, by the record's name; a path is as in section 2.
#
# - A row that is "not run" has the fault `"reason"` if it lacks one, or has an empty one; nothing else is asked of it.
# - `"record"`: there is no record of that name in `metrics`.
# - `"value"`: there is one, but the path in the row's `value` leads to no number in it.
# - `"measured"`: there is a number, and times `scale` (1 if the row has none) it does not round to `measured`.
# - `"data"`: the status is "reproduced", and `measured_on` is not `data`.
# - `"claimed"`: the status is "reproduced", and `measured` does not round to `claimed`.
#
# `claimed` and `measured` are numbers; `Decimal(str(x))` has their digits. Half a step away still counts.


# %% nbgrader={"grade": false, "grade_id": "ex19-3", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def faults(row, metrics):
    """The faults of a row, a set of str."""

    ### BEGIN SOLUTION
    def fits(value, shown):
        shown = Decimal(str(shown))
        step = Decimal(1).scaleb(shown.as_tuple().exponent)
        return abs(Decimal(str(value)) - shown) <= step / 2

    if row["status"] == "not run":
        return set() if row.get("reason") else {"reason"}
    found = set()
    place = metrics.get(row["record"])
    if place is None:
        found.add("record")
    else:
        for part in row["value"].split("."):
            place = place.get(part) if isinstance(place, dict) else None
        if not isinstance(place, int | float):
            found.add("value")
        elif not fits(place * row.get("scale", 1), row["measured"]):
            found.add("measured")
    if row["status"] == "reproduced":
        if row["measured_on"] != row["data"]:
            found.add("data")
        if not fits(row["measured"], row["claimed"]):
            found.add("claimed")
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex19-3-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch19.check_faults(faults)

# %% [markdown]
# ## Measured and claimed
#
# The whole chapter is about that. In one line for each paper:

# %%
for paper in papers:
    rows = [row for row in measured if row["paper"] == paper]
    of = Counter(row["status"] for row in rows)
    tell(
        f"{paper}: {len(rows)} of {sum(row['paper'] == paper for row in claims)} numbers "
        f"measured; {of['reproduced']} reproduced, {of['direction holds']} with the same "
        f"direction, {of['contradicted']} contradicted, "
        f"{of['inconclusive']} inconclusive",
        indent="  ",
    )

# %% [markdown]
# ## How this differs from the paper
#
# - A paper prints the numbers it has. The table here also lists those that are missing, each with its reason.
# - Numbers that a paper quotes from another one are rows too: that they were copied rightly has not been checked.
# - Bars and curves without printed values have no rows; what the text says of them has.
#
# ## Summary
#
# - A claim is a statement with a number, a unit and the data it was measured on; without the data it is half a claim.
# - Every number of this book can be followed back to a record, and the record to a commit, data and a machine. A
#   program follows all of them each time the tests run.
# - "Reproduced" is for the same data and the same digits. Most of what can be said with other data is weaker, and
#   should sound weaker.
# - What was not run is listed. Most of it waits for other methods' masks, for data or for a server.
#
# ## References
#
# - A. Robinson, F. Järemo Lawin, M. Danelljan, F. S. Khan, M. Felsberg: *Learning Fast and Robust Target Models for
#   Video Object Segmentation*. CVPR 2020.
# - C. Ventura, M. Bellver, A. Girbau, A. Salvador, F. Marques, X. Giro-i-Nieto: *RVOS: End-to-End Recurrent Network for
#   Video Object Segmentation*. CVPR 2019.
# - N. Xu, L. Yang, Y. Fan, J. Yang, D. Yue, Y. Liang, B. Price, S. Cohen, T. Huang: *YouTube-VOS: Sequence-to-Sequence
#   Video Object Segmentation*. ECCV 2018.
# - K.-K. Maninis, S. Caelles, Y. Chen, J. Pont-Tuset, L. Leal-Taixé, D. Cremers, L. Van Gool: *Video Object
#   Segmentation Without Temporal Information*. TPAMI 2018.
