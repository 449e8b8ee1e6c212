"""The networks that come with the package say what they said, so that no change of features passes unseen."""

import json

import numpy as np
import pytest
from shipped_outputs import NETWORKS, REMEMBERED, summary

from vosbook.weights import SHIPPED

# In logits. Ten combinations of PyTorch's and oneDNN's instruction sets and one or two threads differ by 4e-5 at most;
# red and blue exchanged, an image that is not normalised, bilinear resizing of the other kind change every network by
# 0.2 or more, the filter bank without its root or its sigma by 1 or more.
TOLERANCE = 0.005


def test_every_network_of_the_package_is_remembered():
    files = {path.stem for path in SHIPPED.glob("*.safetensors")}
    assert files == NETWORKS.keys() == json.loads(REMEMBERED.read_text()).keys()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_says_what_it_said(name):
    remembered = np.array(json.loads(REMEMBERED.read_text())[name])
    np.testing.assert_allclose(summary(name), remembered, rtol=0, atol=TOLERANCE)
