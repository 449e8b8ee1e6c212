"""What `--analysis` adds to the scores: attributes, kinds of wrong pixels, quality along the videos."""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import numpy as np

from vosbook.metrics.errors import attribute_gains, over_time, pixel_errors
from vosbook.metrics.protocols import Protocol
from vosbook.metrics.scores import Scores
from vosbook.metrics.sequences import Pair
from vosbook.metrics.statistics import overall, scored
from vosbook.video.labels import VOID


def analyse(
    pairs: list[Pair], scores: Mapping[str, Scores], protocol: Protocol, info: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What `--analysis` adds: attributes, kinds of wrong pixels (in % of all), and J over the length of the videos."""
    means = {name: overall({name: objects})["J&F"] for name, objects in scores.items() if scored(objects)}
    gains = attribute_gains(means, {name: entry.get("attributes", ()) for name, entry in info.items()})
    errors = np.mean([_wrong_pixels(pair, protocol) for pair in pairs if pair.name in means], axis=0)  # (3,)
    objects = [values for sequence in scores.values() for values in scored(sequence).values()]
    curves = ([j for j in values["J"] if j is not None] for values in objects)
    quality = over_time(curves)
    return {
        "attributes": {tag: {"J&F": mean, "gain": gain} for tag, (mean, gain) in gains.items()},
        "errors": {name: 100 * float(share) for name, share in zip(("fp_close", "fp_far", "fn"), errors)},
        "over_time": {"J": quality.tolist(), "lowest": float(quality.min())},
    }


def _wrong_pixels(pair: Pair, protocol: Protocol) -> np.ndarray:
    """Mean over the scored frames of `pixel_errors` of all objects together, float64 (3,). Void is no error."""
    shares = []
    for name in pair.truth.names[protocol.scored_frames]:
        prediction, truth = pair.read(name)
        known = truth != VOID
        shares.append(astuple(pixel_errors((prediction > 0) & known, (truth > 0) & known)))
    return np.mean(shares, axis=0)
