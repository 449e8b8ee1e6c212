"""A broken run ends as an unbroken one; two processes compute what one would; what goes wrong is said in time."""

import copy
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from patience import HANGS
from tiny_training import CONFIG, broken, interrupt, tiny_loss, tiny_network
from torch import Tensor, nn

from vosbook.errors import InputError
from vosbook.training import checkpoint
from vosbook.training.loop import TrainConfig, start_processes, train
from vosbook.weights import read_tensors

SCRIPT = Path(__file__).with_name("tiny_training.py")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def unbroken(tmp_path: Path) -> tuple[dict[str, Tensor], list[dict[str, float]]]:
    """Weights and curve of a run that nothing disturbs."""
    network = tiny_network()
    curve = train(network, tiny_loss, config=CONFIG, folder=tmp_path / "unbroken")
    return network.state_dict(), curve


def run_script(*arguments: object, processes: int = 1) -> subprocess.CompletedProcess:
    command = [sys.executable, "-W", "error"]
    if processes > 1:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(
        [*command, str(SCRIPT), *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=HANGS
    )


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name in expected:
        assert torch.equal(found[name], expected[name]), name


def losses(curve: list[dict[str, float]]) -> list[tuple[float, float]]:
    return [(entry["step"], entry["loss"]) for entry in curve]


def test_the_curve_is_the_mean_loss_since_the_last_entry(tmp_path):
    seen = []

    def noted(network: nn.Module, step: int, share: range) -> Tensor:
        seen.append(tiny_loss(network, step, share))
        return seen[-1]

    curve = train(tiny_network(), noted, config=replace(CONFIG, steps=5), folder=tmp_path)
    values = torch.stack(seen).detach().double()
    assert [entry["step"] for entry in curve] == [2, 4, 5]
    assert [entry["loss"] for entry in curve] == pytest.approx(
        [values[:2].mean().item(), values[2:4].mean().item(), values[4].item()]
    )
    seconds = [entry["seconds"] for entry in curve]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0


def test_training_learns_by_adam_with_a_slope_and_one_drop(tmp_path):
    """Against PyTorch's own optimiser, written out."""
    network, expected = tiny_network(), tiny_network()
    config = replace(CONFIG, warm_up=3, drop_at=0.5, lr=0.01, weight_decay=0.1)
    train(network, tiny_loss, config=config, folder=tmp_path)
    optimizer = torch.optim.Adam(expected.parameters(), lr=0.01, weight_decay=0.1, amsgrad=True)
    for step, lr in enumerate([0.0025, 0.005, 0.0075, 0.01, 0.01, 0.01, *[0.001] * 6]):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        tiny_loss(expected, step, range(4)).backward()
        optimizer.step()
    assert not network.training
    assert_same(network.state_dict(), expected.state_dict())


def test_parameters_learn_at_the_rate_of_their_name(tmp_path):
    """Against PyTorch's own optimiser with groups, over a kill and a drop."""
    network, expected = tiny_network(), tiny_network()
    config = replace(CONFIG, rates={"3": 0.01, "1": 0.0}, drop_at=0.5, lr=0.002, weight_decay=0.0, amsgrad=False)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_network(), broken(9, interrupt), config=config, folder=tmp_path)
    train(network, tiny_loss, config=config, folder=tmp_path)
    groups = [{"params": list(expected[k].parameters()), "lr": lr} for k, lr in ((0, 0.002), (3, 0.01), (1, 0.0))]
    optimizer = torch.optim.Adam(groups)
    for step in range(12):
        for group, lr in zip(optimizer.param_groups, (0.002, 0.01, 0.0)):
            group["lr"] = lr * (0.1 if step >= 6 else 1)
        optimizer.zero_grad()
        tiny_loss(expected, step, range(4)).backward()
        optimizer.step()
    assert_same(network.state_dict(), expected.state_dict())
    assert torch.equal(network[1].weight, tiny_network()[1].weight), "a rate of 0 changes nothing"
    with pytest.raises(ValueError, match="rates name 'encoder', and no parameter"):
        train(network, tiny_loss, config=replace(CONFIG, rates={"encoder": 1e-6}), folder=tmp_path / "other")


def test_a_state_from_before_there_were_rates_is_taken_up(tmp_path, unbroken):
    with pytest.raises(KeyboardInterrupt):
        train(tiny_network(), broken(9, interrupt), config=CONFIG, folder=tmp_path)
    state = checkpoint.load_state(tmp_path / "state.pt")
    for name in ("rates", "amsgrad", "warm_up"):
        del state["config"][name]
    checkpoint.save_state(tmp_path / "state.pt", state)
    network = tiny_network()
    train(network, tiny_loss, config=CONFIG, folder=tmp_path)
    assert_same(network.state_dict(), unbroken[0])


@pytest.mark.parametrize("moment", [1, 4, 5, 7, 11])  # before, on and after a state is kept, and in the last step
def test_a_broken_run_ends_as_an_unbroken_one(tmp_path, unbroken, moment):
    with pytest.raises(KeyboardInterrupt):
        train(tiny_network(), broken(moment, interrupt), config=CONFIG, folder=tmp_path)
    network = tiny_network()
    steps = []
    curve = train(network, tiny_loss, config=CONFIG, folder=tmp_path, progress=lambda r: steps.append(r) or r)
    assert steps == [range(moment // 4 * 4, 12)], "what was kept is not done again"
    assert_same(network.state_dict(), unbroken[0])
    assert losses(curve) == losses(unbroken[1])
    seconds = [entry["seconds"] for entry in curve]
    assert seconds == sorted(seconds)


def test_a_kill_while_the_state_is_written_costs_only_the_steps_since_the_last(tmp_path, unbroken, monkeypatch):
    whole = torch.save
    writes = []

    def half(state: object, path: str) -> None:
        whole(state, path)
        writes.append(path)
        if len(writes) == 2:
            os.truncate(path, 700)
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_network(), tiny_loss, config=CONFIG, folder=tmp_path)
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["state.pt"]
    network, steps = tiny_network(), []
    train(network, tiny_loss, config=CONFIG, folder=tmp_path, progress=lambda r: steps.append(r) or r)
    assert steps == [range(4, 12)]
    assert_same(network.state_dict(), unbroken[0])


def test_a_killed_process_goes_on(tmp_path, unbroken):
    killed = run_script(tmp_path, 9)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["state.pt"]
    network = tiny_network()
    train(network, tiny_loss, config=CONFIG, folder=tmp_path)
    assert_same(network.state_dict(), unbroken[0])


def test_a_finished_run_is_not_trained_further(tmp_path, unbroken):
    network = tiny_network()

    def never(network: nn.Module, step: int, share: range) -> Tensor:
        raise AssertionError

    curve = train(network, never, config=CONFIG, folder=tmp_path / "unbroken")
    assert curve == unbroken[1]
    assert_same(network.state_dict(), unbroken[0])


def test_two_processes_average_the_gradients_of_their_halves(tmp_path):
    """Against one process that computes both halves. The run is also interrupted, and taken up again."""
    done = run_script(tmp_path, 7, processes=2)
    assert done.returncode == 0, done.stderr
    assert "destroy_process_group" not in done.stderr
    expected = tiny_network()
    optimizer = torch.optim.Adam(expected.parameters(), lr=1e-3, weight_decay=1e-5, amsgrad=True)
    means = []
    for step in range(12):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 if step < 8 else 1e-4
        second = copy.deepcopy(expected)  # its running statistics are lost, as the second process's are
        halves = tiny_loss(expected, step, range(2)), tiny_loss(second, step, range(2, 4))
        optimizer.zero_grad()
        second.zero_grad()
        sum(halves).backward()
        for p, q in zip(expected.parameters(), second.parameters()):
            p.grad = (p.grad + q.grad) / 2
        optimizer.step()
        means.append(sum(halves).item() / 2)
    found = read_tensors(tmp_path / "weights.safetensors")
    for name, tensor in expected.state_dict().items():
        assert torch.allclose(found[name], tensor, rtol=1e-5, atol=1e-7), name
    curve = checkpoint.load_state(tmp_path / "state.pt")["curve"]
    assert [entry["loss"] for entry in curve] == pytest.approx([sum(means[i : i + 2]) / 2 for i in range(0, 12, 2)])


def test_other_settings_are_refused_by_name(tmp_path):
    train(tiny_network(), tiny_loss, config=CONFIG, folder=tmp_path, settings={"data": "a", "zoom": [1, 2]})
    changes = [
        ({"config": replace(CONFIG, lr=0.1)}, r"state\.pt was made with lr = 0.001, which is now 0.1"),
        ({"settings": {"data": "b", "zoom": [1, 2]}}, "with data = a, which is now b"),
        ({"settings": {"data": "a"}}, r"with zoom = \[1, 2\], which is now None"),
    ]
    for change, message in changes:
        arguments = {"config": CONFIG, "settings": {"data": "a", "zoom": [1, 2]}} | change
        with pytest.raises(InputError, match=message):
            train(tiny_network(), tiny_loss, folder=tmp_path, **arguments)
    more = {"data": "a", "zoom": [1, 2], "new": 0}
    train(tiny_network(), tiny_loss, config=CONFIG, folder=tmp_path, settings=more)  # a setting unknown before


def test_another_network_is_refused(tmp_path):
    train(tiny_network(), tiny_loss, config=CONFIG, folder=tmp_path)
    with pytest.raises(InputError, match=r'state\.pt is the state of another network .*"1\.weight"'):
        train(nn.Sequential(nn.Conv2d(2, 1, 1)), tiny_loss, config=CONFIG, folder=tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run_before_it_does_harm(tmp_path, unbroken, value):
    def explodes(network: nn.Module, step: int, share: range) -> Tensor:
        return tiny_loss(network, step, share) * (value if step == 6 else 1)

    with pytest.raises(FloatingPointError, match="loss of step 6 is"):
        train(tiny_network(), explodes, config=CONFIG, folder=tmp_path)
    network = tiny_network()
    train(network, tiny_loss, config=CONFIG, folder=tmp_path)
    assert_same(network.state_dict(), unbroken[0])


def test_weights_that_are_no_numbers_are_not_kept(tmp_path):
    def explodes(network: nn.Module, step: int, share: range) -> Tensor:
        """The loss is finite, its gradient is not: the next loss would tell, but this state would be kept before it."""
        value = tiny_loss(network, step, share)
        return (value + (value - value.detach()).sqrt()) if step == 7 else value

    with pytest.raises(FloatingPointError, match=r"0\.weight is no longer finite"):
        train(tiny_network(), explodes, config=CONFIG, folder=tmp_path)
    assert checkpoint.load_state(tmp_path / "state.pt")["curve"][-1]["step"] == 4


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("vosbook.training.loop.process_count", lambda: 3)
    with pytest.raises(InputError, match="a batch of 4 cannot be shared evenly by 3 processes"):
        train(tiny_network(), tiny_loss, config=CONFIG, folder=tmp_path)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="checkpoint_every is a multiple of log_every, got 30 and 20"):
        TrainConfig(steps=10, checkpoint_every=30)
    with pytest.raises(ValueError, match="float16"):
        TrainConfig(steps=10, precision="float16")


def test_a_process_without_a_gpu_is_told(monkeypatch):
    assert start_processes("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(InputError, match="process 1 has no GPU, this machine has 1"):
        start_processes("cuda")
