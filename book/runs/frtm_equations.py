# %% [markdown]
# # FRTM's equations 1 to 4, in numbers
#
# What Eq. 1 to 4 of the paper say can be checked without video: on random features and a label that is a disk. Each
# number is compared with the equation written out in float64, apart from the library.

# %% tags=["parameters"]
profile = "smoke"

# %% tags=["imports"]
import numpy as np
import torch

from vosbook.profiles import load_profile
from vosbook.runs import record_run
from vosbook.target_model.gauss_newton import AutogradProblem
from vosbook.target_model.loss import pixel_weights, residuals, target_loss, target_scores, upsample
from vosbook.target_model.model import TargetModelConfig

# %%
seed = load_profile(profile).of("frtm_equations")["seed"]
config = TargetModelConfig()
lambda_ = config.lambda_
rng = torch.Generator().manual_seed(seed)
K, C, c, h, w, H, W = 3, 24, 8, 12, 20, 192, 320
x = torch.randn(K, C, h, w, generator=rng, dtype=torch.float64)
w1 = torch.randn(c, C, 1, 1, generator=rng, dtype=torch.float64) / C**0.5
w2 = torch.randn(1, c, 3, 3, generator=rng, dtype=torch.float64) / (9 * c) ** 0.5
gamma = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
rows, columns = np.mgrid[:H, :W]
disks = [(rows - H / 2) ** 2 + (columns - W / 2) ** 2 < radius**2 for radius in (15, 30, 80)]  # 1, 5, 33 % of the frame
y = torch.from_numpy(np.stack(disks))[:, None].double()  # (K, 1, H, W)
v = pixel_weights(y)

# %% [markdown]
# **Eq. 1.** Two convolutions with nothing between them are one, whose kernel is the product of the two.

# %%
kernel = torch.einsum("ocyx,cC->oCyx", w2, w1[:, :, 0, 0])  # (1, c, 3, 3), (c, C) -> (1, C, 3, 3)
padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
one = sum(
    torch.einsum("C,KChw->Khw", kernel[0, :, i, j], padded[:, :, i : i + h, j : j + w])
    for i in range(3)
    for j in range(3)
)
scores = target_scores(x, (w1, w2))
eq1 = float((scores[:, 0] - one).abs().max() / one.abs().max())

# %% [markdown]
# **Eq. 2.** The loss as printed, where the pixel weight is squared and lambda is not, beside the loss that the authors'
# code and this library minimise, where it is the other way round.

# %%
error = upsample(scores, (H, W)) - y
printed = (gamma[:, None, None, None] * (v * error) ** 2).sum()
printed = printed + lambda_[0] * (w1**2).sum() + lambda_[1] * (w2**2).sum()
minimised = target_loss((w1, w2), x, y, v, gamma, lambda_=lambda_)
data = (gamma[:, None, None, None] * v * error**2).sum()
written_out = data + (lambda_[0] * w1).square().sum() + (lambda_[1] * w2).square().sum()
eq2 = {"printed_over_minimised": float(printed / minimised), "library": float(abs(minimised / written_out - 1))}

# %% [markdown]
# **Eq. 3.** With w1 fixed the residuals are linear in w2, so that the quadratic model is the loss itself.

# %%
projected = torch.nn.functional.conv2d(x, w1)


def of_w2(parameters):
    return residuals(parameters, projected, y, v, gamma, lambda_=lambda_[1:])


step = torch.randn(w2.shape, generator=rng, dtype=torch.float64)
normal, right = AutogradProblem(of_w2).linearize((w2,))  # p -> J^T J p, and -J^T r
loss = sum((r**2).sum() for r in of_w2((w2,)))
quadratic = (step * normal((step,))[0]).sum() - 2 * (step * right[0]).sum() + loss
moved = sum((r**2).sum() for r in of_w2((w2 + step,)))
eq3 = float(abs(quadratic / moved - 1))

# %% [markdown]
# **Eq. 4.** The share of the pixel weight that falls on the target: kappa, at least 0.1 for a small target.

# %%
shares = ((v * y).sum(dim=(1, 2, 3)) / v.sum(dim=(1, 2, 3))).tolist()
true_shares = y.mean(dim=(1, 2, 3)).tolist()
eq4 = {"target_share": true_shares, "weight_share": shares, "smallest_weight_share": min(shares)}

# %%
data_manifest = [{"spec": f"random features and disks, seed {seed}", "features": [K, C, h, w], "labels": [K, H, W]}]
with record_run("frtm_equations", profile=profile, config=config, seed=seed, data=data_manifest) as run:
    run["metrics"] |= {"eq1": eq1, "eq2": eq2, "eq3": eq3, "eq4": eq4}
run["metrics"]
