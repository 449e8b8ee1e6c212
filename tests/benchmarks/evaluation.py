"""How fast `vosbook evaluate` is, beside a plain form of J and F, and how much memory a long video takes.

    OMP_NUM_THREADS=1 python tests/benchmarks/evaluation.py [--gt FOLDER --pred FOLDER]

The plain form is that of the reference evaluators: Pillow decodes both masks of a frame, and each object is scored on
its own over the whole frame, its boundary found by comparing shifted copies and dilated by a disk in one library call.
It comes with OpenCV's dilation and with SciPy's, which scikit-image's is too. Its values must be the same, to the bit.

Processor time of one core is counted, so that other work on the machine matters little; the least of several runs is
taken (of SciPy's, which is slow, one). Decoding of the PNGs is included on both sides.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation
from skimage.morphology import disk

from vosbook.metrics.evaluate import evaluate
from vosbook.video.files import list_images
from vosbook.video.masks import write_mask

SIZE = (480, 854)
FRAMES = 30
RUNS = 5


# -------------------------------------------------------------------------------------------------- plain form


Dilate = Callable[[np.ndarray, np.ndarray], np.ndarray]  # a boundary bool (H, W), and the disk
Scores = dict[int, tuple[list[float], list[float]]]  # by object: J and F of every scored frame


def plain_scores(gt: Path, pred: Path, dilate: Dilate) -> Scores:
    """J and F of every object and frame but the first and the last."""
    files = list(zip(list_images(pred), list_images(gt)))
    scores: Scores = {i: ([], []) for i in range(1, int(plain_read(files[0][1]).max()) + 1)}
    for pair in files[1:-1]:
        prediction, truth = (plain_read(file) for file in pair)
        for i, (j, f) in scores.items():
            j.append(plain_j(prediction == i, truth == i))
            f.append(plain_f(prediction == i, truth == i, dilate))
    return scores


def plain_read(file: Path) -> np.ndarray:
    """Indices are ids; what is not indexed has one object."""
    with Image.open(file) as image:
        values = np.array(image)
        return values if image.mode == "P" else (values > 0).astype(np.uint8)


def plain_j(prediction: np.ndarray, truth: np.ndarray) -> float:
    union = np.logical_or(prediction, truth).sum()
    return float(np.logical_and(prediction, truth).sum() / union) if union else 1.0


def plain_f(prediction: np.ndarray, truth: np.ndarray, dilate: Dilate) -> float:
    element = disk(int(np.ceil(0.008 * np.linalg.norm(truth.shape))))
    one, other = plain_boundary(prediction), plain_boundary(truth)
    if one.sum() == 0 or other.sum() == 0:
        return float(one.sum() == other.sum())
    near_one, near_other = dilate(one, element), dilate(other, element)
    precision, recall = (one & near_other).sum() / one.sum(), (other & near_one).sum() / other.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def plain_boundary(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask != padded[:-1, 1:]) | (mask != padded[1:, :-1]) | (mask != padded[1:, 1:])


def with_opencv(boundary: np.ndarray, element: np.ndarray) -> np.ndarray:
    return cv2.dilate(boundary.astype(np.uint8), element) > 0


# ------------------------------------------------------------------------------------------------------- video


def draw(folder: Path, *, frames: int, objects: int, wobble: float) -> Path:
    """Masks of blobs about 140 px wide that drift over each other; `wobble` (px) roughens their outlines."""
    folder.mkdir(parents=True)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    for t in range(frames):
        labels = np.zeros(SIZE, np.uint8)
        for i in range(1, objects + 1):
            dy, dx = y - 240 - 150 * np.sin(i * 2.1 + t / 20), x - 427 - 280 * np.cos(i * 2.1 + t / 25)
            angle = np.arctan2(dy, dx)
            radius = 70 + 12 * np.sin(3 * angle + i) + wobble * np.sin(17 * angle + t)
            labels[np.hypot(dy, dx) < radius] = i
        write_mask(folder / f"{t:05d}.png", labels)
    return folder


# ------------------------------------------------------------------------------------------------------ timing


def seconds(work: Callable[[], Any], *, runs: int) -> tuple[float, Any]:
    """The least processor time of several runs, and what the last returned."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return min(times), result


def compare(name: str, gt: Path, pred: Path) -> None:
    """Print the time per frame and object of all forms, and their ratios; the values must be identical."""
    fast, result = seconds(lambda: evaluate(gt, pred, protocol="davis2017"), runs=RUNS)
    scores = [
        {int(i): (values["J"], values["F"]) for i, values in sequence["objects"].items()}
        for sequence in result["sequences"].values()
    ]
    folders = [(gt / name, pred / name) for name in result["sequences"] if (gt / name).is_dir()] or [(gt, pred)]
    count = sum(len(j) for objects in scores for j, _ in objects.values())
    line = f"{name:<28} evaluate {1e3 * fast / count:5.2f} ms per frame and object"
    for how, dilate, runs in (("OpenCV", with_opencv, RUNS), ("SciPy", binary_dilation, 1)):
        slow, plain = seconds(lambda dilate=dilate: [plain_scores(*pair, dilate) for pair in folders], runs=runs)
        if plain != scores:
            raise SystemExit(f"{name}: the plain form has other values")
        line += f"   plain, {how} {1e3 * slow / count:6.2f} ms: {slow / fast:5.1f}x"
    print(line, flush=True)


def peak_megabytes(gt: Path, pred: Path) -> float:
    """Peak memory of a process of its own that evaluates one sequence (Linux keeps count)."""
    code = (
        "import sys, pathlib; from vosbook.metrics.evaluate import evaluate; "
        "evaluate(*sys.argv[1:], protocol='davis2017'); print(pathlib.Path('/proc/self/status').read_text())"
    )
    status = subprocess.run([sys.executable, "-c", code, gt, pred], check=True, capture_output=True, text=True).stdout
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def repeat(folder: Path, times: int) -> Path:
    """The same video over and over, as links: `times` as many frames."""
    longer = folder.with_name(f"{folder.name}-{times}")
    longer.mkdir()
    files = list_images(folder)
    for t in range(times * len(files)):
        (longer / f"{t:05d}.png").symlink_to(files[t % len(files)])
    return longer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gt", type=Path, help="true masks, to time as well: of one sequence, or a folder for each")
    parser.add_argument("--pred", type=Path, help="predicted masks of the same")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as root:
        for objects in (1, 3, 5):
            folder = Path(root) / str(objects)
            gt = draw(folder / "gt", frames=FRAMES, objects=objects, wobble=0)
            pred = draw(folder / "pred", frames=FRAMES, objects=objects, wobble=3)
            compare(f"drawn, {objects} objects, 480x854", gt, pred)
        if args.gt and args.pred:
            compare(str(args.pred), args.gt, args.pred)
        for times in (1, 50):
            longer = repeat(gt, times), repeat(pred, times)
            print(f"{FRAMES * times:5d} frames, 5 objects: peak memory {peak_megabytes(*longer):.0f} MB")


if __name__ == "__main__":
    main()
