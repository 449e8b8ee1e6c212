"""Resizing by matrices against PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F

from vosbook.nn.resize import double, resize_matrix


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("n_out", "n_in"), [(8, 4), (214, 107), (854, 856), (5, 11), (1, 3), (7, 1)])
def test_a_matrix_for_each_axis_equals_interpolate(mode, n_out, n_in):
    image = torch.randn(2, 3, n_in, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows, columns = resize_matrix(n_out, n_in, mode).double(), resize_matrix(21, 9, mode).double()
    expected = F.interpolate(image, size=(n_out, 21), mode=mode, align_corners=False)
    assert torch.allclose(rows @ image @ columns.T, expected, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 3), (7, 6), (25, 33)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_double_is_bicubic_by_two(size, layout):
    z = torch.randn(2, 5, *size, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=layout)
    expected = F.interpolate(z.double(), scale_factor=2, mode="bicubic", align_corners=False)
    assert double(z).shape == expected.shape
    assert (double(z) - expected).abs().max() < 2e-6


def test_double_can_be_differentiated():
    z = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(double, z, atol=1e-6)
