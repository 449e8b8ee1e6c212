"""What `vosbook run` costs beside the bare loop over the same frames with the same method, in one run.

    OMP_NUM_THREADS=1 python tests/benchmarks/split_run.py [--data davis2016 --split train --sequences dog-agility]

The bare loop opens the sequences, builds the method, decodes every frame and segments it, and forgets the masks. The
run writes them, too, keeps what it needs to go on after a kill, and writes the record. It scores the masks at its end,
which is no part of a method's time and is told apart. Both take turns; processor time is counted, so that other work on
the machine matters little, and the median of the ratios is what counts.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import vosbook.split_run
from vosbook.datasets.catalog import Split, load_sequence, load_split
from vosbook.methods import build
from vosbook.segmenter import segment_frames
from vosbook.split_run import MethodOptions, run_split

REQUIRED = 1.03


def seconds(work: Callable[[], Any]) -> float:
    """Processor time, of all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def quiet(line: str) -> None:
    pass


def bare(split: Split, method: str) -> None:
    sequences = {name: load_sequence(spec) for name, spec in split.specs.items()}
    segmenter = build(method, device="cpu", note=quiet)
    for sequence in sequences.values():
        for _ in segment_frames(segmenter, sequence.frames, sequence.given):
            pass


def whole(split: Split, method: str) -> tuple[float, float]:
    """Seconds of a run without its scoring, and of the scoring."""
    scoring = []
    evaluate = vosbook.split_run.evaluate

    def timed(*args: Any, **options: Any) -> dict[str, Any]:
        result = {}
        scoring.append(seconds(lambda: result.update(evaluate(*args, **options))))
        return result

    vosbook.split_run.evaluate = timed
    try:
        with tempfile.TemporaryDirectory() as folder:
            options = MethodOptions(method, device="cpu")
            spent = seconds(lambda: run_split(split, options, Path(folder) / "out", note=quiet))
    finally:
        vosbook.split_run.evaluate = evaluate
    return spent - sum(scoring), sum(scoring)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--split")
    parser.add_argument("--sequences", nargs="+", default=["1", "2"])
    parser.add_argument("--method", default="frtm-d-only")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    split = load_split(args.data, args.split, sequences=args.sequences)
    ratios = []
    bare(split, args.method)  # the first of all pays for what is loaded once
    for _ in range(args.rounds):
        loop = seconds(lambda: bare(split, args.method))
        run, scoring = whole(split, args.method)
        ratios.append(run / loop)
        print(f"loop {loop:.2f} s, run {run:.2f} s: {ratios[-1]:.3f}; scoring {scoring:.2f} s more", flush=True)
    print(f"the run takes {statistics.median(ratios):.3f} of the loop's time   required under {REQUIRED}")


if __name__ == "__main__":
    main()
