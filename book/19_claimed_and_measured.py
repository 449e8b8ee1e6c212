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
# The four papers of this book hold about a thousand numbers, in tables, figures and text. Beside each of these numbers
# stands what this book has measured, or the reason why it has not. In this chapter you walk from a claim to the run
# behind it, and check every step of the way. Then you ask what all the claims add up to: which of them hold, which do
# not, and which cannot be judged without the data of the papers. Figure 19.1 gives the overview.

# %% tags=["parameters", "hide-input"] jupyter={"source_hidden": true}
profile = "smoke"

# %% tags=["imports", "hide-input"] jupyter={"source_hidden": true}
import json
import textwrap
from collections import Counter
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import yaml

from checks import ch19
from checks.guard import yours
from vosbook.profiles import load_profile
from vosbook.runs import read_record
from vosbook.view.plots import LINE_COLOURS, new_figure, show
from vosbook.view.tables import show_table

# %% tags=["hide-input"] jupyter={"source_hidden": true}
settings = load_profile(profile).of("claims")
loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast
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
    lines = textwrap.wrap(text, 46, subsequent_indent=indent, break_long_words=False)
    print(*lines, sep="\n")


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
    number="19.1",
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
# The file `book/claims.yml` has one row for every number. The row says what the paper claims, in the paper's unit, and
# on which data. Then it names either a record and the place of our number in it, or a reason why there is none. This is
# one row:

# %%
by_id = {row["id"]: row for row in claims}
for key, value in by_id["osvoss-t4-onavos-db-gain"].items():
    tell(f"{key:<12}{value}", indent=" " * 12)

# %% [markdown]
# ## 2 From the claim to its run
#
# Three entries of a row lead to the measured number. `record` names a file in `book/results`. `value` says where among
# the numbers of that file to look. `scale` turns the record's unit into the paper's. The record itself holds everything
# else: which code, which data, which machine, and when.


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
# `read_record` adds nothing and rounds nothing. A record is a JSON file, and you can read it as one. The next cell does
# so for every record of a claim, and compares.


# %% tags=["equals-library"]
def read(name):
    """A record as its file has it."""
    return json.loads(Path(f"results/{name}.json").read_text(encoding="utf-8"))


for name, record in records.items():
    assert read(name) == asdict(record), name
print(f"{len(records)} files say what the library says")

# %% [markdown]
# We have followed one row. A table of claims is only worth something if this works for *every* row, so we now follow
# all of them. The number that is shown must be the recorded number, rounded to the digits that are shown. You write the
# comparison.
#
# ### Exercise 19.1 · To the last digit
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# Write `same(claimed, value)`. It says whether a measured number, a float, is the claimed number to the last digit that
# the paper *prints*. `claimed` is therefore text, because "82.0" says more than "82". It has no exponent. A value that
# lies exactly half a step away still counts, on either side. "Exactly" refers to the digits that Python prints: `0.15`
# lies half a step from "0.2", although the binary fraction behind it is a little smaller.
#
# <details><summary>Hint</summary>
#
# `Decimal(text)` keeps the digits, and its `as_tuple().exponent` is the place of the last one. Think of how a float
# becomes the text that Python prints.
#
# </details>


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

# %%
same = yours(same, ch19.same_digits)
wrong = [row["id"] for row in measured if not same(str(row["measured"]), recorded(row))]
print(f"{len(measured)} rows followed to {len(records)} records, {len(wrong)} differ")
assert not wrong
unclean = [name for name, record in records.items() if "+changes" in record.commit]
print(f"records of code that was not committed: {', '.join(sorted(unclean)) or 'none'}")

# %% [markdown]
# ### Exercise 19.2 · The other way round
# *difficulty 1 of 3 · 10 minutes · 1 point*
#
# Suppose that a run has to be made again, and you want to know what depends on it. Write `by_record(rows)`. It returns
# a dict from the name of each record to the ids of all rows that rest on it, as a list that is sorted as Python sorts
# text. Rows without a record do not appear.
#
# <details><summary>Hint</summary>
#
# `dict.setdefault(key, [])` returns the list of a key, and makes it if there is none.
#
# </details>


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

# %%
by_record = yours(by_record, ch19.ids_by_record)
for name, rest in by_record(claims).items():
    print(f"{len(rest):>4}  {name}")

# %% [markdown]
# ## 3 What a status means
#
# Each row has one of five statuses:
#
# - *reproduced*: we measured on the same data, and our value is the paper's to its last digit.
# - *direction holds*: what the number is there to show is true here too, but on other data or with another value.
# - *contradicted*: what the number is there to show is not true here.
# - *inconclusive*: our test cannot tell. The effect may lie within its error. The error may be unknown, because each of
#   two networks was trained only once. Or our test asks something else than the paper's.
# - *not run*: there is a reason, and no number.
#
# A program can check the first status. It can also check an *effect*, which is the gain from some part of a method. An
# effect is a mean over sequences. On other sequences, or with other seeds, it could take other values, and so it has an
# interval in place of one value. If the interval holds zero, then the row is inconclusive, whatever its number looks
# like. The rest of the statuses is a judgement, and the page of claims says on what it rests.
#
# Some claims are equations. For such a claim, the paper's value is the word "equal", and we measure a relative
# difference.


# %%
def agrees(row):
    """Whether the measured value is the claimed one to the claimed one's last digit."""
    if row["claimed"] == "equal":
        return abs(row["measured"]) < 1e-6
    return same(str(row["claimed"]), row["measured"])


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
# **Diagnosis.** Table 19.1 has three copies of one row, *mean J of OSVOS-S, from the authors' masks*. In each of them
# something has been changed: one entry, or what belongs to one. The last two lines say how the tests of section 2 and
# of this section judge the copies. What is wrong with each copy? One of the errors passes both tests. Which entry would
# you read to find it, and why can the tests not?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
right = by_id["osvoss-t3-osvoss-j-mean"]
copies = {
    "A": right | {"value": "osvoss.J.recall"},
    "B": right | {"measured_on": "DAVIS 2016 validation, 5 sequences"},
    "C": right | {"value": "osvos.J.mean", "claimed": 79.8, "measured": 79.8},
}
entries = ("claimed", "data", "value", "scale", "measured", "measured_on", "status")
rows = [(entry, *(row[entry] for row in copies.values())) for entry in entries]
at_record = [same(str(row["measured"]), recorded(row)) for row in copies.values()]
as_stated = [agrees(row) and row["measured_on"] == row["data"] for row in copies.values()]
assert at_record == [False, True, True] and as_stated == [True, False, True]
for said, passed in (("the record has it", at_record), ("reproduced", as_stated)):
    rows.append((said, *("yes" if one else "no" for one in passed)))
show_table(
    ("", *copies),
    rows,
    number="19.1",
    caption="Three copies of the row osvoss-t3-osvoss-j-mean, in each of which something has been changed.",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# Copy A points at the recall, and the record's number there is not the one that is shown. Copy B was measured on five
# of the 20 sequences, so it must not be called reproduced, whatever its digits. Both are found by a program.
#
# Copy C passes. Its path leads to `osvos`, and its claimed number is the one that the paper prints for OSVOS, while the
# statement speaks of OSVOS-S. A program compares numbers with numbers, and places with places, but the statement is
# words. Only somebody who reads the statement and the path side by side finds this error.
#
# </details>

# %% [markdown]
# ## 4 What is not run, and why
#
# Most rows have no number of ours. The table would look better without them. But if a row is left out, nobody knows
# why: it may have been forgotten, tried without success, or out of reach. Therefore each of these rows stays, with its
# reason. Table 19.2 counts them.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
counts = Counter((row["paper"], row["status"]) for row in claims)
lines = {status: [counts[paper, status] for paper in papers] for status in statuses}
lines["all"] = np.sum(list(lines.values()), axis=0).tolist()
show_table(
    ("status", *papers, "all"),
    [(status, *of, sum(of)) for status, of in lines.items()],
    number="19.2",
    caption="The numbers of the four papers, counted by paper and by status.",
)

# %%
print("the most frequent reasons")
reasons = Counter(row["reason"] for row in claims if row["status"] == "not run")
for reason, count in reasons.most_common(settings["reasons"]):
    tell(f"{count:>5}  {reason}", indent=" " * 7)

# %% [markdown]
# Nearly all reasons are of two kinds. Either the number belongs to a method of another paper, which nothing here runs
# and whose masks are not at hand. Or something that is needed is not at hand: the data, a network trained on the data,
# or the server that scores it. A few numbers wait for the machine on which they were timed. No reason says that a
# number is wrong.

# %% [markdown]
# ## 5 Where we disagree
#
# Figure 19.2 shows every claim in % beside what we measured. On the diagonal, the two are equal.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
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
    caption="Measured against claimed values, by status.",
    number="19.2",
)

# %% [markdown]
# The next two cells list the largest differences, whatever their status, and all claims that were contradicted.


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
# Read the second list before you quote the first. We measured many values on five sequences, with a small backbone and
# a short training. Such a value is expected to differ from the paper's, and the difference is no error of the paper.
# For the same reason most of the first list is inconclusive: five sequences and one training cannot tell a gain from an
# accident.
#
# A contradiction is rarer and says more. One is a loss that is not the loss that is minimised. The others are numbers
# that the authors' own masks do not give: how many sequences are above a score, and what one paper quotes of another.
#
# Here and there, the papers' own numbers also disagree with each other. The notes of those rows say so:

# %%
itself = [row for row in claims if "Table" in row.get("note", "")]
print(f"{len(itself)} notes hold a number against a table of the same paper, such as")
for row in itself[: settings["notes"]]:
    said = f"{row['claimed']} {row['unit']}".rstrip()
    tell(f"- {row['id']}: {said}; {row['note']}", indent="  ")

# %% [markdown]
# ## 6 The page
#
# On the site, the page *Claims* shows all rows. You can filter them by paper, by status and by words. From each row a
# link leads to the page of its record, and another to the chapter that deals with it. The address of the page holds the
# filter, so that you can send `claims.html?paper=FRTM&status=contradicted` to somebody. Here the same filter is a
# function:


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
# ## More exercises
#
# As everywhere in this book, an answer leaves what it is given unchanged.
#
# ### Exercise 19.3 · A program that does not believe you
# *difficulty 3 of 3 · 30 minutes · 4 points*
#
# Write `faults(row, metrics)`. It returns what is wrong with a row, as a set of words. `metrics` is a dict from the
# name of each record to its numbers, which are nested dicts. A path is written as in section 2. The words are:
# - A row that is "not run" has the fault `"reason"` if it lacks one, or has an empty one; nothing else is asked of it.
# - `"record"`: there is no record of that name in `metrics`.
# - `"value"`: there is one, but the path in the row's `value` leads to no number in it.
# - `"measured"`: there is a number, and times `scale` (1 if the row has none) it does not round to `measured`.
# - `"data"`: the status is "reproduced", and `measured_on` is not `data`.
# - `"claimed"`: the status is "reproduced", and `measured` does not round to `claimed`.
#
# Here `claimed` and `measured` are numbers, and `Decimal(str(x))` has their digits. Half a step away still counts. You
# may multiply by `scale` in floats or in decimals: no row is asked about whose answer depends on that.
#
# <details><summary>Hint</summary>
#
# Follow the path one part at a time. At each part, the place where you are may be a dict that lacks it, or no dict at
# all.
#
# </details>


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
# ### Open challenge
#
# Take a paper of your own choice, and write at least ten rows of claims for it as a YAML file: from its tables, but
# also two sentences of its text that hold a number. Measure what you can, and give a reason for the rest. Your `faults`
# must find nothing in any row. Then hand the file to somebody who does not know the paper, together with the records.
# How many of your numbers can they follow to a run without asking you? Whatever they have to ask is what your rows
# lack.

# %% [markdown]
# ## Measured and claimed
#
# The whole chapter is about this question. The next cell answers it with one sentence for each paper.

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
# - A paper prints the numbers that it has. The table here also lists the numbers that are missing, each with its
#   reason.
# - If a paper quotes a number from another paper, the number has a row too. We have not checked that it was copied
#   rightly.
# - Bars and curves without printed values have no rows. What the text says of them has.
#
# ## Summary
#
# - A claim is a statement with a number, a unit, and the data on which it was measured. Without the data it is half a
#   claim.
# - You can follow every number of this book back to a record, and from the record to a commit, data and a machine. A
#   program follows all of them each time the tests run.
# - "Reproduced" means the same data and the same digits. Most of what can be said with other data is weaker, and should
#   sound weaker.
# - What was not run is listed. Most of it waits for the masks of other methods, for data, or for a server.
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
