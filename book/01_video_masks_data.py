# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Video, masks, data
#
# A segmented video is two lists of arrays, frames and label maps, and every method in this book works on nothing else.
# What separates a file from such an array is where many a wrong score comes from: the same mask is stored in at least
# seven ways. This chapter reads them all to one form, and then makes its own data: a generator of annotated video,
# built step by step, whose masks are true because it painted the objects itself.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill

import numpy as np
from PIL import Image

from checks import ch01
from vosbook.datasets.catalog import load_sequence
from vosbook.datasets.davis import Davis
from vosbook.datasets.synthetic import (
    CATEGORIES,
    CRITERIA,
    UNSEEN,
    SyntheticConfig,
    make_sequence,
    write_dataset,
)
from vosbook.datasets.synthetic.render import over
from vosbook.datasets.synthetic.sprite import sample
from vosbook.datasets.synthetic.textures import photograph
from vosbook.datasets.youtube_vos import YouTubeVos
from vosbook.errors import InputError
from vosbook.profiles import load_profile
from vosbook.runs import read_record
from vosbook.video.labels import PALETTE, VOID, from_one_hot, object_ids, to_one_hot
from vosbook.video.masks import read_mask, write_mask
from vosbook.view.inspector import Inspector
from vosbook.view.overlay import overlay
from vosbook.view.plots import image_row, show

# %% [markdown]
# Three of the videos that this profile runs on, each with the masks of its objects painted over it:

# %%
settings = load_profile(profile).of("video_and_masks")
videos = [load_sequence(spec) for spec in settings["data"][:3]]


def painted(video, t):
    """Frame t with its masks."""
    return overlay(video.frames[t], video.labels(t))


shown = [(video, t) for video in videos for t in (0, len(video.frames) // 2)]
show(
    image_row(
        [painted(*one) for one in shown], [f"frame {t}" for _, t in shown], columns=2
    ),
    alt="Three videos, one a row: the first frame and the middle one. Each object is "
    "painted in a colour of its own, keeps that colour, and has moved.",
    caption="An object keeps its id, shown here as a colour, for the whole video.",
)

# %% [markdown]
# ## Goals
#
# After this chapter you can
#
# - say what shape, type and range a frame, a label map and a one-hot mask have, and turn one into the other;
# - read a mask file of any common kind, and recognise one that would be read wrongly;
# - find your way in the folders of DAVIS and YouTube-VOS;
# - generate annotated video: shape, texture, motion, compositing, occlusion;
# - read the attribute tags of a sequence, and compute one.

# %% [markdown]
# ## 1 A frame is an array
#
# A frame is `uint8` of shape `(H, W, 3)`: rows, columns, and the channels red, green, blue, each from 0 to 255. A video
# is $T$ of them.

# %%
video = videos[0]
frame = video.frames[0]
print("frame", frame.shape, frame.dtype, "from", frame.min(), "to", frame.max())

# %% [markdown]
# The first index is the **row**, counted downwards, the second is the **column**. Text on geometry writes $(x, y)$, the
# other way round: $x$ is the column. Here `frame[row, column]` is marked, and the part around it cut out.

# %%
row, column = 60, 150
marked = frame.copy()
marked[row - 6 : row + 7, column - 6 : column + 7] = 0
marked[row - 4 : row + 5, column - 4 : column + 5] = 255
part = frame[row - 30 : row + 30, column - 50 : column + 50]
show(
    image_row([marked, part], [f"[{row}, {column}] in white", f"{part.shape}"]),
    alt=f"The first frame with a white square {row} rows from the top and {column} "
    "columns from the left, and the part of the frame around it, enlarged.",
)

# %% [markdown]
# Frames are large. So the library reads a video one frame at a time: `video.frames` is asked for frame `t`, decodes it,
# and keeps nothing. What a whole video would take, against one frame:

# %%
count = len(video.frames)
minute = 60 * 24 * 480 * 854 * 3  # bytes
print(f"one frame: {frame.nbytes / 2**20:.2f} MiB")
print(f"all {count} of them: {count * frame.nbytes / 2**20:.1f} MiB")
print(f"one minute of 854x480 at 24 frames a second: {minute / 2**30:.1f} GiB")

# %% [markdown]
# ## 2 A mask is an array of ids
#
# A **label map** (in this book: labels, or the mask of a frame) is `uint8` of shape `(H, W)`. 0 is the background, 1 to
# 254 are object ids, and 255 is **void**: pixels that the annotators left undecided.

# %%
labels = video.labels(0)
print("labels", labels.shape, labels.dtype)
for i in np.unique(labels):
    print(f"id {i}: {np.count_nonzero(labels == i)} pixels")

# %% [markdown]
# Many computations want one mask for each object instead: **one-hot**, `bool (N, H, W)`. A label map holds one id a
# pixel, so one-hot masks made from it never overlap. Masks that were *predicted* one by one may: turning them back into
# labels needs a rule. The plainest is that a later object overwrites an earlier one.


# %%
def one_hot(labels, ids):
    """(H, W) -> (N, H, W), one mask for each id."""
    return np.stack([labels == i for i in ids])


def labels_from(masks, ids):
    """(N, H, W) -> (H, W); where masks overlap, the later id wins."""
    labels = np.zeros(masks.shape[1:], np.uint8)
    for mask, i in zip(masks, ids):
        labels[mask] = i
    return labels


# %%
ids = object_ids(labels)
masks = one_hot(labels, ids)
print("labels", labels.shape, "-> one-hot", masks.shape, masks.dtype)
print("one-hot", masks.shape, "-> labels", labels_from(masks, ids).shape)
assert np.array_equal(labels_from(masks, ids), labels)

# %% [markdown]
# ### The palette
#
# Ids are small numbers: shown as gray values they are all but black. So DAVIS stores masks as **indexed** PNGs. Such a
# file holds the id of every pixel, and beside it a table, the palette, that gives every id a colour to be shown in. The
# table comes from PASCAL VOC and is made of the id's bits. Bits 0, 1 and 2 become the highest bit of red, green and
# blue; bits 3, 4 and 5 the second highest; and so on.


# %%
def colour_of(i):
    """(R, G, B) of id i."""
    colour = [0, 0, 0]
    for bit in range(8):  # bit 0 is the lowest of the id
        channel, place = bit % 3, 7 - bit // 3
        if i >> bit & 1:
            colour[channel] |= 1 << place
    return tuple(colour)


for i in (0, 1, 2, 3, 4, 8, VOID):
    print(f"id {i:3d} = {i:08b}  ->  {colour_of(i)}")

# %%
palette = np.array([colour_of(i) for i in range(256)], np.uint8)  # (256, 3)
table = palette.reshape(8, 32, 3).repeat(12, axis=0).repeat(12, axis=1)
show(
    image_row([table], ["ids 0 to 255, 32 a row"]),
    alt="256 squares of colour in 8 rows. The first is black, then dark red, dark "
    "green, olive, dark blue; the last, void, is a pale yellow.",
    caption="Good for a file, poor over a photograph: that is why the pictures of "
    "this book use other colours.",
)

# %% [markdown]
# ## 3 Masks as they are found
#
# Here is one object's mask, saved the ways that data sets and result archives really use, and read back as most people
# would read it: `np.array(Image.open(path))`.

# %%
one = (labels == ids[0]).astype(np.uint8)  # (H, W) of 0 and 1
white = one * np.uint8(255)
opaque = np.full_like(one, 255)
grays = np.arange(256, dtype=np.uint8).repeat(3)  # a palette: (R, G, B) = (i, i, i)


def with_palette(indices, colours):
    image = Image.fromarray(indices)
    image.putpalette(colours.ravel().tolist())
    return image


images = {
    "gray, 0 and 255": Image.fromarray(white),
    "gray with transparency": Image.fromarray(np.stack([white, opaque], axis=-1), "LA"),
    "bilevel, one bit a pixel": Image.fromarray(white).convert("1"),
    "indexed, DAVIS palette": with_palette(one, palette),
    "indexed, black and white": with_palette(white, grays),
    "RGB, white on black": Image.fromarray(white).convert("RGB"),
    "RGB, DAVIS colours": Image.fromarray(palette[one]),
}

# %%
scratch = TemporaryDirectory()
folder = Path(scratch.name)
files = {}
for number, (kind, image) in enumerate(images.items()):
    files[kind] = folder / f"kind{number}.png"
    image.save(files[kind])

print(f"the object has {np.count_nonzero(one)} pixels")
for kind, path in files.items():
    with Image.open(path) as image:
        values = np.array(image)
        what = f"{values.shape!s:<16}{values.dtype!s:<7}"
        print(f"{kind:<26}{image.mode:>4} {what}values {np.unique(values).tolist()}")

# %% [markdown]
# Seven files, one mask, and six different arrays. Code that then asks for `values == 1` finds the object in some of
# them and nothing at all in others, without a word: an empty mask is a valid mask. In the archives that the authors of
# published methods offer, both gray 0/255 and indexed files occur, so a score can collapse by the file format alone.
#
# A reader has to decide by the file's *mode*. Written out:


# %%
def read_ids(path):
    """Labels uint8 (H, W) from a mask file of any of the kinds above."""
    with Image.open(path) as image:
        values = np.array(image)
        if image.mode == "1":  # True and False
            return values.astype(np.uint8)
        if image.mode == "LA":  # drop the transparency
            values = values[..., 0]
        if image.mode in ("RGB", "RGBA"):
            return ids_of_colours(values[..., :3])
    if set(np.unique(values)) <= {0, 255}:  # 255 alone means white: one object
        return (values == 255).astype(np.uint8)
    return values  # gray values and palette indices are ids; 255 beside them is void


def ids_of_colours(rgb):
    """Labels (H, W) of (H, W, 3): each colour's place in the palette; white is id 1."""
    labels = np.zeros(rgb.shape[:2], np.uint8)
    for colour in np.unique(rgb.reshape(-1, 3), axis=0):
        where = (rgb == colour).all(axis=-1)  # (H, W)
        if (colour == 255).all():
            labels[where] = 1
        else:
            labels[where] = np.flatnonzero((palette == colour).all(axis=1))[0]
    return labels


# %% [markdown]
# Now all seven give the same labels.

# %%
for kind, path in files.items():
    assert np.array_equal(read_ids(path), one), kind
print("equal in all", len(files), "kinds")

# %% [markdown]
# ### Two ways to ruin a mask
#
# **Saving it as JPEG.** JPEG changes values a little, everywhere near an edge. The ids are lost, and the damage cannot
# be undone by rounding, because new ids appear.

# %%
buffer = io.BytesIO()
Image.fromarray(labels).save(buffer, format="JPEG", quality=95)
spoiled = np.array(Image.open(buffer))
print("before", np.unique(labels).tolist())
print("after ", np.unique(spoiled).tolist())

# %% [markdown]
# **Scaling it with interpolation.** Halfway between id 1 and id 3 lies 2: another object. Labels are scaled by copying
# the nearest pixel, or one object at a time.

# %%
bands = np.repeat(np.array([[0, 1, 3]], np.uint8), 3, axis=0)
for how in (Image.Resampling.BILINEAR, Image.Resampling.NEAREST):
    scaled = np.array(Image.fromarray(bands).resize((9, 3), how))
    print(f"{how.name.lower():<9}{bands[0].tolist()} -> {scaled[0].tolist()}")

# %% [markdown]
# ### Equal to the library
#
# The library's reader also says what is wrong with a file that it cannot use: it raises `InputError`, whose one line
# names the file and the remedy.

# %% tags=["equals-library"]
assert np.array_equal(palette, PALETTE)
assert np.array_equal(one_hot(labels, ids), to_one_hot(labels, ids))
assert np.array_equal(labels_from(masks, ids), from_one_hot(masks, ids))
for path in files.values():
    assert np.array_equal(read_mask(path), read_ids(path))

write_mask(folder / "all.png", labels)
assert np.array_equal(read_ids(folder / "all.png"), labels)
print("palette, one-hot masks and all kinds of files: equal to the library")

# %%
Image.fromarray(frame).save(folder / "photo.png")
(folder / "note.png").write_text("this is not an image")
for path, size in (
    (folder / "photo.png", None),
    (folder / "note.png", None),
    (folder / "all.png", (100, 100)),
):
    try:
        read_mask(path, size=size)
    except InputError as error:
        print(fill(str(error).replace(f"{folder}/", ""), 43, subsequent_indent="  "))

# %% [markdown]
# ## 4 Folders
#
# Two layouts hold most of the data that the four papers of this book use: FRTM, S2S, RVOS and OSVOS-S. The library
# writes synthetic video in both, and reads it back with the code that reads the official archives. First **DAVIS**:

# %%
tiny = SyntheticConfig(size=(96, 176), frames=6)
write_dataset(folder / "davis", sequences=2, seed=1, layout="davis", config=tiny)


def list_tree(path, indent="", *, at_most=4):
    """Print what a folder holds; of its files and subfolders only the first few."""
    entries = sorted(path.iterdir(), key=lambda p: (p.is_file(), p.name))
    for entry in entries[:at_most]:
        print(f"{indent}{entry.name}{'/' if entry.is_dir() else ''}")
        if entry.is_dir():
            list_tree(entry, indent + "    ", at_most=at_most)
    if len(entries) > at_most:
        print(f"{indent}... {len(entries) - at_most} more")


list_tree(folder / "davis")

# %% [markdown]
# Frames and masks lie in two folders of the same shape, one subfolder a sequence. `ImageSets` holds the lists of the
# splits; `db_info.yml` the attributes, to which section 6 comes. In DAVIS 2016 a mask has one object, stored as gray
# 0/255; in DAVIS 2017 it has several, stored as an indexed PNG. A reader gives one kind of thing for all of them, a
# **sequence**: its frames, its masks, and its objects.

# %%
for sequence in Davis(folder / "davis", year=2017, split="val"):
    print(sequence.name, len(sequence.frames), "frames", sequence.frames.size)
    for item in sequence.objects:
        print("   ", item)

# %% [markdown]
# **YouTube-VOS** annotates every fifth frame of a video with 30 frames a second: files are called 00000, 00005,
# 00010. Objects have categories, and they need not be there at the start: `meta.json` lists the frames that show
# each. In `valid/` an object's mask is given only for the frame in which it first appears, so a method meets new
# objects half way.

# %%
write_dataset(folder / "ytvos", sequences=2, seed=7, layout="youtube-vos", config=tiny)
list_tree(folder / "ytvos" / "valid")
for sequence in YouTubeVos(folder / "ytvos", "valid"):
    for item in sequence.objects:
        print(sequence.name, item)

# %% [markdown]
# Some categories of YouTube-VOS occur in the validation set and not in the training set, to see what a method does with
# things that it has never been trained on. Here, too:

# %%
print("trained on:", ", ".join(name for name in CATEGORIES if name not in UNSEEN))
print("held out:  ", ", ".join(UNSEEN))

# %% [markdown]
# ## 5 A generator from scratch
#
# Annotating a video by hand is slow, and where an outline runs is a matter of opinion to a pixel or two. If we paint
# the objects ourselves, the masks come for free and are exact. What is lost is the look of the world; what stays is
# what makes tracking hard: things that move, bend, overlap, leave, and change their size and light.
#
# An object is described in **coordinates of its own**, $(u, v)$, in which it fills about the square from -1 to 1 and
# does not move. Everything else follows from one function: for every pixel of the frame, where on the object is it?
#
# ### Shape
#
# A shape is then a condition on $(u, v)$. This fish is an ellipse and a triangle:


# %%
def fish(u, v):
    """Whether (u, v) lies in the fish: bool, the shape of u and v."""
    body = ((u - 0.1) / 0.75) ** 2 + (v / 0.4) ** 2 < 1
    tail = (u > -0.95) & (u < -0.4) & (abs(v) < -0.75 * (u + 0.35))
    return body | tail


# %% [markdown]
# A pose puts the object into the frame: its centre $(x, y)$ and its radius $r$ in pixels, and an angle $\varphi$. The
# way *from the frame to the object* undoes this: shift, divide by the radius, turn back.
#
# $$\begin{pmatrix} u \\ v \end{pmatrix} = \frac{1}{r}
# \begin{pmatrix} \cos\varphi & \sin\varphi \\ -\sin\varphi & \cos\varphi \end{pmatrix}
# \begin{pmatrix} d_x \\ d_y \end{pmatrix},$$
#
# where $d_x$ is the pixel's column less $x$, and $d_y$ its row less $y$. Going this way every pixel gets exactly one
# answer. The other way, from the object to the frame, would leave holes.


# %%
def on_object(size, x, y, radius, angle):
    """Coordinates u and v, each (H, W), of every pixel of a frame of `size` (H, W)."""
    rows, columns = np.mgrid[: size[0], : size[1]]  # (H, W) each
    dx, dy = (columns - x) / radius, (rows - y) / radius
    cos, sin = np.cos(angle), np.sin(angle)
    return cos * dx + sin * dy, cos * dy - sin * dx


size = (180, 320)
u, v = on_object(size, 160, 90, 70, 0.3)
hard = fish(u, v)  # bool (H, W)
print("u", u.shape, "hard", hard.shape, hard.dtype)

# %% [markdown]
# A pixel is either in or out, so the rim is a staircase. In a photograph a pixel on the rim is part object, part
# background. **Opacity** $\alpha$, the share of the pixel that is covered, is found by asking at 4 x 4 points in it.


# %%
def opacity(shape, size, x, y, radius, angle, *, fine=4):
    """Share of each pixel that the shape covers: float (H, W) in 0..1."""
    h, w = size
    middle = (fine - 1) / 2  # of the first pixel, on the fine grid
    x, y, radius = fine * x + middle, fine * y + middle, fine * radius
    inside = shape(*on_object((h * fine, w * fine), x, y, radius, angle))
    return inside.reshape(h, fine, w, fine).mean(axis=(1, 3))  # (h f w f) -> (h w)


alpha = opacity(fish, size, 160, 90, 70, 0.3)
show(
    image_row(
        [hard[60:80, 170:205], alpha[60:80, 170:205]],
        ["in or out", "opacity"],
        colour_map="gray",
    ),
    alt="Part of the fish's outline, enlarged. Left a staircase of black and white "
    "pixels; right the same edge with gray pixels along it.",
)

# %% [markdown]
# ### Texture
#
# Colours, too, are a function of $(u, v)$, and so they move, turn and grow with the object. A photograph serves: a
# point of the object is a place in it, in general between four pixels, whose colours are mixed by **bilinear
# interpolation**.


# %%
def bilinear(image, x, y):
    """Colours (H, W, 3), float, of image (h, w, 3) at columns x and rows y, (H, W)."""
    left, top = (np.floor(p).astype(int) for p in (x, y))
    left, top = left.clip(0, image.shape[1] - 2), top.clip(0, image.shape[0] - 2)
    a = (x - left).clip(0, 1)[..., None]  # (H, W, 1): the way to the next pixel,
    b = (y - top).clip(0, 1)[..., None]  # to the right and down
    upper = (1 - a) * image[top, left] + a * image[top, left + 1]
    lower = (1 - a) * image[top + 1, left] + a * image[top + 1, left + 1]
    return (1 - b) * upper + b * lower


photo = photograph("chelsea.png")
colours = bilinear(photo, 170 + 80 * u, 130 + 80 * v)  # (H, W, 3)
show(
    image_row(
        [photo, (colours * alpha[..., None]).astype(np.uint8)],
        ["a photograph", "a part of it on the object"],
    ),
    alt="Left a photograph of a cat. Right, on black, the fish, tilted; its skin is a "
    "part of the photograph, tilted by the same angle.",
)

# %% [markdown]
# ### Compositing
#
# Now the object goes over a background $B$. Each pixel is a mixture, by the opacity (Porter and Duff's *over*):
#
# $$F = \alpha\, C + (1 - \alpha)\, B,$$
#
# and the label map takes the object's id where the object has at least half of the pixel.


# %%
def put_over(background, colours, alpha):
    """Frame uint8 (H, W, 3): colours (H, W, 3) with opacity alpha (H, W) on top."""
    a = alpha[..., None]  # (H, W, 1)
    return np.rint(a * colours + (1 - a) * background).astype(np.uint8)


ground = photograph("coffee.png")[110:290, 40:360]  # (180, 320, 3)
picture = put_over(ground, colours, alpha)
mask = (alpha >= 0.5).astype(np.uint8)
show(
    image_row([picture, overlay(picture, mask)], ["frame", "and its mask"]),
    alt="The cat-skinned fish over a photograph of a cup of coffee, and the same "
    "picture with the fish painted over by its mask.",
)

# %% [markdown]
# ### Motion
#
# Motion is a pose that depends on $t$. What is *not* rigid is a change of $(u, v)$ before the shape is asked: here a
# wave runs along the fish, larger towards the tail.


# %%
def swimming(t):
    """The fish at frame t: a function of (u, v)."""

    def shape(u, v):
        return fish(u, v + 0.13 * (0.9 - 0.7 * u) * np.sin(2 * np.pi * t / 12 + 3 * u))

    return shape


def ball(u, v):
    return u**2 + v**2 < 1


def fish_pose(t):
    return 70 + 8 * t, 95 + 12 * np.sin(t / 4), 62, 0.15 * np.cos(t / 4)


def ball_pose(t):
    return 265 - 9 * t, 100, 34, -9 * t / 34  # rolls: the angle is way over radius


shapes = [opacity(swimming(t), size, 160, 90, 70, 0.0) for t in (0, 3, 6)]
show(
    image_row(shapes, ["t = 0", "t = 3", "t = 6"], colour_map="gray"),
    alt="The outline of the fish three times, in one place. Its body bends and its "
    "tail swings up and down.",
)

# %% [markdown]
# ### Order
#
# With two objects somebody has to be in front. **Paint from the farthest to the nearest**: what is painted later covers
# what was there, in the frame and in the labels alike. That is all there is to occlusion.


# %%
def layers_at(t):
    """Colours (H, W, 3), opacity (H, W) and id of both objects."""
    skins = {1: photo, 2: photograph("brick.png")}
    layers = {}
    for i, shape, pose in ((1, swimming(t), fish_pose(t)), (2, ball, ball_pose(t))):
        u, v = on_object(size, *pose)
        layers[i] = (
            bilinear(skins[i], 170 + 80 * u, 130 + 80 * v),
            opacity(shape, size, *pose),
            i,
        )
    return layers


def compose(background, layers):
    """Frame and labels of layers that are listed from the farthest to the nearest."""
    frame, labels = background, np.zeros(background.shape[:2], np.uint8)
    for colours, alpha, i in layers:
        frame = put_over(frame, colours, alpha)
        labels[alpha >= 0.5] = i
    return frame, labels


# %%
crossing = layers_at(11)
pictures = [
    overlay(*compose(ground, [crossing[i] for i in order]))
    for order in ((1, 2), (2, 1))
]
show(
    image_row(pictures, ["ball in front", "fish in front"]),
    alt="The ball and the fish where their ways cross, painted over by their masks. "
    "Left the ball covers a part of the fish; right the fish covers the ball.",
)

# %% [markdown]
# ### The video
#
# Twenty-four frames, with the fish in front. Every mask is exact, and a change of a line makes another video.

# %%
film = [compose(ground, [layers_at(t)[i] for i in (2, 1)]) for t in range(24)]
mine, truth = [f for f, _ in film], [labels for _, labels in film]
whole = [np.count_nonzero(ball(*on_object(size, *ball_pose(t)))) for t in range(24)]
showing = [np.count_nonzero(labels == 2) / n for labels, n in zip(truth, whole)]
least = int(np.argmin(showing))
print(f"the ball shows least in frame {least}: {showing[least]:.0%} of itself")

# %% [markdown]
# The same in the **inspector**: drag the slider, press play, switch an object off.

# %%
Inspector(mine, truth=truth, names={1: "fish", 2: "ball"})

# %%
moments = [0, 8, 11, 16]
show(
    image_row(
        [overlay(mine[t], truth[t]) for t in moments], [f"frame {t}" for t in moments]
    ),
    alt="Four frames of the video with their masks: the fish comes from the left and "
    "the ball from the right; the fish hides most of the ball, which comes out again "
    "behind it.",
    caption="What the inspector shows, at four moments.",
)

# %% [markdown]
# ### Equal to the library
#
# The library's generator does these steps in whole numbers: positions are rounded to 1/32 of a pixel, colours and
# opacities are `uint8`. Sines may differ between two machines in their last bit; whole numbers do not, and so a seed
# gives the same masks everywhere. Its interpolation differs from ours by rounding alone, and so does its *over*, which
# takes colours already multiplied by opacity.

# %%
x, y = (np.round(32 * p) / 32 for p in (170 + 80 * u, 130 + 80 * v))  # (H, W) each
inside = (x > 0) & (y > 0) & (x < photo.shape[1] - 1) & (y < photo.shape[0] - 1)
difference = abs(sample(photo, x, y, border=0) - bilinear(photo, x, y))[inside]
print(f"interpolation: at most {difference.max():.3f} of 255")
assert difference.max() <= 0.5

a = np.rint(255 * alpha)[..., None]
whole = np.concatenate([np.rint(colours * a / 255), a], axis=-1)  # (H, W, 4)
theirs = over(ground, whole.astype(np.uint8)).astype(int)
difference = abs(theirs - put_over(ground, colours, a[..., 0] / 255))
print(f"over: at most {difference.max()} of 255")
assert difference.max() <= 1

# %% [markdown]
# What it adds: more shapes, each drawn a little differently every time; shading and shadows; a camera that pans, zooms
# and shakes; light that changes; blur by motion, as the mean of several moments; things in front that are no objects;
# objects that leave, come back, or enter late. All of it is drawn from the seed.

# %%
again = make_sequence(7), make_sequence(7)
assert np.array_equal(again[0].frames.pixels, again[1].frames.pixels)
assert np.array_equal(again[0].masks.labels, again[1].masks.labels)
print("seed 7 twice: equal in every bit")

# %% [markdown]
# ## 6 What makes a sequence hard
#
# A mean over all sequences hides what a method is bad at. So DAVIS tags its sequences with **attributes**, and scores
# are compared with and without each tag. The tags of the synthetic sequences are measured while the pixels are made,
# each by one number per object; a tag is given where it holds for at least half of the objects. Lengths are pixels of
# a frame 480 pixels high.

# %%
for tag, criterion in CRITERIA.items():
    what = criterion.value.__doc__.split("\n")[0].rstrip(".")
    what = f"{criterion.name:<22}{criterion.sign} {criterion.threshold:<6g}{what}"
    print(fill(f"{tag:<4}{what}", 88, subsequent_indent=" " * 34))

# %%
examples = {
    "OCC": (33, 4, 16),
    "SV": (36, 0, 23),
    "MB": (44, 8, 16),
    "ROT": (49, 0, 16),
}
pictures, titles = [], []
for tag, (seed, *moments) in examples.items():
    example = make_sequence(seed)
    assert tag in example.attributes
    pictures += [example.frames[t] for t in moments]
    titles += [f"{tag}, frame {t}" for t in moments]
show(
    image_row(pictures, titles, columns=2),
    alt="Two frames each of four videos. Occlusion: a fish swims in front of a "
    "turtle. Scale variation: a car shrinks to half its length. Motion blur: a fish "
    "smears. Rotation: a butterfly has turned, and a mug grown.",
    caption="Occlusion, scale variation, motion blur, rotation.",
)

# %% [markdown]
# **LR**, low resolution, is one of the tags that DAVIS's authors define by a number: the object's bounding box covers
# less than a tenth of the frame, on average over the frames. Measured on nothing but the masks:


# %%
def box_share(labels, i):
    """Share of the frame that the bounding box of object i covers."""
    rows, columns = np.nonzero(labels == i)
    if not len(rows):
        return np.nan
    return (np.ptp(rows) + 1) * (np.ptp(columns) + 1) / labels.size


def mean_box_share(video, i):
    """The mean over the frames in which object i shows."""
    return np.nanmean([box_share(video.labels(t), i) for t in range(len(video.frames))])


for video in videos:
    print(f"{video.name}: tags {' '.join(video.attributes)}")
    shares = [f"{one.id}: {mean_box_share(video, one.id):.3f}" for one in video.objects]
    print("    box / frame of object", "  ".join(shares))

# %% [markdown]
# ## Exercises
#
# ### Exercise 1.1 · A bounding box
# *difficulty 1 of 3 · 5 minutes · 1 point*
#
# Write `bounding_box(labels, i)`: the smallest box that holds all pixels of object `i`, as `(top, left, bottom, right)`
# in pixels. As everywhere in Python, the end is excluded: `labels[top:bottom, left:right]` is the box. Where the object
# does not show, the answer is `None`.


# %% nbgrader={"grade": false, "grade_id": "ex01-1", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def bounding_box(labels, i):
    """(top, left, bottom, right) of object i in labels, uint8 (H, W), or None."""
    ### BEGIN SOLUTION
    rows, columns = np.nonzero(labels == i)
    if len(rows) == 0:
        return None
    return rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex01-1-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch01.check_bounding_box(bounding_box)

# %% [markdown]
# ### Exercise 1.2 · Colours to ids, fast and strict
# *difficulty 2 of 3 · 15 minutes · 2 points*
#
# `ids_of_colours` above loops over the colours. Write `ids_from_colours(rgb, palette)` without a loop over pixels (the
# check counts the lines of Python that run): the labels `uint8 (H, W)` of an image `uint8 (H, W, 3)` whose colours are
# entries of `palette`, `uint8 (256, 3)`, each of its colours occurring once. Where a colour is not in the palette,
# raise `ValueError`: a wrong colour must not become the background in silence. (Hint: three bytes are one number. Mind
# what `uint8` does to it.)


# %% nbgrader={"grade": false, "grade_id": "ex01-2", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def ids_from_colours(rgb, palette):
    """Labels uint8 (H, W) of rgb, uint8 (H, W, 3): places in palette, (256, 3)."""
    ### BEGIN SOLUTION
    weights = np.array([65536, 256, 1])  # (3,), int64
    packed, known = rgb @ weights, palette @ weights  # (H, W), (256,)
    order = np.argsort(known)
    labels = order[np.searchsorted(known, packed, sorter=order).clip(max=255)]  # (H, W)
    if (known[labels] != packed).any():
        raise ValueError("a colour is not in the palette")
    return labels.astype(np.uint8)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex01-2-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch01.check_ids_from_colours(ids_from_colours)

# %% [markdown]
# ### Exercise 1.3 · Make labels smaller
# *difficulty 2 of 3 · 20 minutes · 2 points*
#
# Networks work at a fraction of the frame's size, and labels have to follow. Write `shrink(labels, k)`: labels of
# shape `(H/k, W/k)`, in which every pixel has the id that is **most frequent** in its block of `k` by `k`; of equally
# frequent ones the smallest. Void pixels (255) have no vote; a block of nothing but void is void. `k` divides `H` and
# `W`.


# %% nbgrader={"grade": false, "grade_id": "ex01-3", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def shrink(labels, k):
    """Labels uint8 (H, W) -> uint8 (H/k, W/k) by the vote of each block."""
    ### BEGIN SOLUTION
    h, w = labels.shape[0] // k, labels.shape[1] // k
    ids = [i for i in np.unique(labels) if i != VOID]
    blocks = labels.reshape(h, k, w, k)  # (H W) -> (h k w k)
    votes = np.array([(blocks == i).sum(axis=(1, 3)) for i in ids])  # (N, h, w)
    if not ids:
        return np.full((h, w), VOID, np.uint8)
    # The ids ascend, and argmax takes the first of equals.
    winner = np.array(ids, np.uint8)[votes.argmax(axis=0)]
    return np.where(votes.any(axis=0), winner, VOID).astype(np.uint8)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex01-3-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch01.check_shrink(shrink)

# %% [markdown]
# ### Exercise 1.4 · A scene, and who hides whom
# *difficulty 3 of 3 · 30 minutes · 3 points*
#
# Write `render(background, layers)`. `background` is `uint8 (H, W, 3)`; `layers` lists, **from the nearest to the
# farthest**, tuples of colours `uint8 (H, W, 3)`, opacity `float (H, W)` in 0..1, and an id. Id 0 marks what is no
# object: a post in front, say, which hides objects and belongs to the background of the mask. Any other id occurs once.
# Return
#
# - the frame, `uint8 (H, W, 3)`, rounded to the nearest number once, at the end (halves either way);
# - the labels, `uint8 (H, W)`: the id of the nearest layer whose opacity is at least 0.5;
# - a dictionary from each object's id to the share of its own pixels (opacity at least 0.5) that the labels show. An
#   object without pixels has the share 0.
#
# Do not change `background` or the layers.


# %% nbgrader={"grade": false, "grade_id": "ex01-4", "locked": false, "schema_version": 3, "solution": true, "task": false} jupyter={"source_hidden": true}
def render(background, layers):
    """Frame uint8 (H, W, 3), labels uint8 (H, W), and {id: share that shows}."""
    ### BEGIN SOLUTION
    frame = background.astype(float)
    labels = np.zeros(background.shape[:2], np.uint8)
    for colours, alpha, i in reversed(layers):  # the farthest first
        frame = alpha[..., None] * colours + (1 - alpha[..., None]) * frame
        labels[alpha >= 0.5] = i
    shares = {}
    for _, alpha, i in layers:
        if i:
            own = np.count_nonzero(alpha >= 0.5)
            shares[i] = np.count_nonzero(labels == i) / own if own else 0.0
    return np.rint(frame).astype(np.uint8), labels, shares
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ex01-4-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} tags=["raises-exception"]
ch01.check_render(render)

# %%
scratch.cleanup()

# %% [markdown]
# ## Measured and claimed
#
# DAVIS defines LR, SV and FM by numbers that follow from the masks. Do they? For all 50 sequences of DAVIS 2016, from
# the run record: how many carry the tag, for how many the criterion holds, and how many of the 50 agree.

# %%
record = read_record("davis_attributes")
print(f"{'':<18}{'tagged':>8}{'criterion':>11}{'both':>6}{'agree':>7}")
criteria = {name: row for name, row in record.metrics.items() if name != "counts"}
for name, row in criteria.items():
    print(f"{name:<18}{row['tagged']:>8}{row['measured']:>11}", end="")
    print(f"{row['both']:>6}{row['agree']:>7}")

# %% [markdown]
# LR does, but for one sequence. The paper does not say at which size FM's 20 pixels are meant; the tags fit the size at
# which the videos were shot, 1080 rows, far better than the 480 at which everybody works. And every sequence with SV
# meets its criterion, while a further 19 meet it without the tag. So the tags are also a matter of judgement, and an
# analysis by tags should be read with that in mind.
#
# What the papers say of their data, which has not been counted here:
#
# | data | videos: training / validation / test | as stated by |
# | --- | --- | --- |
# | DAVIS 2016 | 30 / 20 / none | OSVOS-S |
# | DAVIS 2017 | 60 / 30 / 30 (test-dev) | RVOS |
# | YouTube-VOS, first version | 2,796 / 134 / 322 | S2S |
# | YouTube-VOS, later version | 3,471 / 474 / none | RVOS |
#
# S2S and RVOS both say YouTube-VOS, and mean different videos: 10 of 78 categories are unseen in the first version, 26
# of 91 in the later one. So their numbers on it must not be put side by side.

# %% [markdown]
# ## How this differs from the paper
#
# - The synthetic data set is ours. It stands in for real video where none is at hand, and a score on it says nothing
#   about a score on DAVIS.
# - Its tags follow DAVIS's names. LR, SV and FM keep the published thresholds (an object's box below a tenth of the
#   frame, a ratio of box areas below a half, more than 20 pixels a frame), FM at 480 rows; boxes are those of the whole
#   object, hidden parts included. The other thresholds are ours.
# - A tag of a DAVIS sequence belongs to the sequence. Ours is given where it holds for half of the objects.

# %% [markdown]
# ## Summary
#
# - Frames are `uint8 (H, W, 3)`; labels are `uint8 (H, W)`: 0 background, 255 void, ids between. One-hot masks are
#   `bool (N, H, W)`.
# - One mask, seven files, six arrays: read by the file's mode, and let an unusable file be an error.
# - Labels are never interpolated, and never stored as JPEG.
# - A video can be painted: coordinates on the object give shape, texture and motion; order gives occlusion; and the
#   mask is a by-product.
# - Tags say what is hard about a sequence. Those of made video are measured.

# %% [markdown]
# ## References
#
# - F. Perazzi, J. Pont-Tuset, B. McWilliams, L. Van Gool, M. Gross, A. Sorkine-Hornung: *A Benchmark Dataset and
#   Evaluation Methodology for Video Object Segmentation*. CVPR 2016. DAVIS 2016 and its attributes.
# - J. Pont-Tuset, F. Perazzi, S. Caelles, P. Arbeláez, A. Sorkine-Hornung, L. Van Gool: *The 2017 DAVIS Challenge on
#   Video Object Segmentation*. 2017. Several objects, indexed masks.
# - N. Xu, L. Yang, Y. Fan, J. Yang, D. Yue, Y. Liang, B. Price, S. Cohen, T. Huang: *YouTube-VOS: Sequence-to-Sequence
#   Video Object Segmentation*. ECCV 2018. Late objects, unseen categories.
# - T. Porter, T. Duff: *Compositing Digital Images*. SIGGRAPH 1984. The operator *over*.
# - S. van der Walt et al.: *scikit-image: image processing in Python*. PeerJ, 2014. The photographs.
