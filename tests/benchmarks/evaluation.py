"""How fast `vosbook evaluate` is, beside a plain form of J and F, and how much memory a long video takes.

    python tests/benchmarks/evaluation.py [--gt SEQUENCE --pred SEQUENCE]

The plain form treats each object on its own, over the whole frame, and has the whole video in memory. It comes with
SciPy's dilation, which the first evaluators used, and with OpenCV's, some seventy times as fast. Processor time of one
core is counted, decoding of the PNGs included, so that other work on the machine matters little.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import binary_dilation
from skimage.morphology import disk

from vosbook.metrics.evaluate import evaluate
from vosbook.video import list_images, read_mask, write_mask

SIZE = (480, 854)
FRAMES = 30


# -------------------------------------------------------------------------------------------------- plain form


Dilate = Callable[[np.ndarray, np.ndarray], np.ndarray]  # a boundary bool (H, W), and the disk


def plain_scores(gt: Path, pred: Path, dilate: Dilate) -> dict[int, tuple[list[float], list[float]]]:
    """J and F of every object and frame but the first and the last."""
    truths, predictions = (np.stack([read_mask(file) for file in list_images(folder)]) for folder in (gt, pred))
    scores = {}
    for i in range(1, int(truths[0].max()) + 1):
        pairs = list(zip(predictions[1:-1] == i, truths[1:-1] == i))
        scores[i] = [plain_j(*pair) for pair in pairs], [plain_f(*pair, dilate) for pair in pairs]
    return scores


def plain_j(prediction: np.ndarray, truth: np.ndarray) -> float:
    union = np.logical_or(prediction, truth).sum()
    return float(np.logical_and(prediction, truth).sum() / union) if union else 1.0


def plain_f(prediction: np.ndarray, truth: np.ndarray, dilate: Dilate) -> float:
    radius = int(np.ceil(0.008 * np.linalg.norm(truth.shape)))
    one, other = plain_boundary(prediction), plain_boundary(truth)
    if one.sum() == 0 or other.sum() == 0:
        return float(one.sum() == other.sum())
    near_one, near_other = (dilate(b, disk(radius)) for b in (one, other))
    precision, recall = (one & near_other).sum() / one.sum(), (other & near_one).sum() / other.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def plain_boundary(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask != padded[:-1, 1:]) | (mask != padded[1:, :-1]) | (mask != padded[1:, 1:])


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


def with_opencv(boundary: np.ndarray, element: np.ndarray) -> np.ndarray:
    return cv2.dilate(boundary.astype(np.uint8), element) > 0


def compare(name: str, gt: Path, pred: Path) -> None:
    """Print the time per frame and object of all forms, and their ratios; the values must be identical."""
    start = time.process_time()
    result = evaluate(gt, pred, protocol="davis2017")
    objects = next(iter(result["sequences"].values()))["objects"]
    count = sum(len(scores["J"]) for scores in objects.values())
    fast = (time.process_time() - start) / count
    line = f"{name:<28} evaluate {1e3 * fast:5.2f} ms per frame and object"
    for how, dilate in (("OpenCV", with_opencv), ("SciPy", binary_dilation)):
        start = time.process_time()
        plain = plain_scores(gt, pred, dilate)
        slow = (time.process_time() - start) / count
        if any((objects[str(i)]["J"], objects[str(i)]["F"]) != values for i, values in plain.items()):
            raise SystemExit(f"{name}: the plain form has other values")
        line += f"   plain, {how} {1e3 * slow:6.2f} ms: {slow / fast:5.1f}x"
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
    parser.add_argument("--gt", type=Path, help="true masks of one sequence, to time as well")
    parser.add_argument("--pred", type=Path, help="predicted masks of that sequence")
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
