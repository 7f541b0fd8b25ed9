"""Two processes with half a batch each learn what one process learns from the whole."""

import inspect
import socket
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from kinfolk.errors import ConfigurationError
from kinfolk.objectives import DebCSE, Objective, SimCSE, gather_rows, objectives

GATHERING = [name for name, cls in objectives().items() if "gather" in inspect.signature(cls).parameters]
ITEMS, DIM = 12, 5  # GroCo needs more than ten items


def inputs(name: str) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    cls = objectives()[name]
    offered = {
        "labels": torch.arange(ITEMS) % 3,
        "target_labels": (torch.arange(ITEMS) + 1) % 3,
        "gates": torch.rand(ITEMS, DIM, generator=generator, dtype=torch.float64),
    }
    tables = [torch.randn(ITEMS, DIM, generator=generator, dtype=torch.float64) for _ in range(cls.embeddings)]
    return tables, {need: offered[need] for need in cls.needs}


def gathering(name: str) -> Objective:
    cls = objectives()[name]
    torch.manual_seed(0)
    sized = {"dim": DIM} if "dim" in inspect.signature(cls).parameters else {}
    return cls(gather=True, **sized).double()


def sentences() -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
    """Anchors, positives and hard negatives, and what DebCSE may know of them."""
    generator = torch.Generator().manual_seed(1)
    tables = [torch.randn(ITEMS, DIM, generator=generator, dtype=torch.float64) for _ in range(3)]
    present = torch.rand(ITEMS, 1, generator=generator) < 0.5
    frozen, frozen_positives = torch.randn(2, ITEMS, 3, generator=generator)
    return tables, {"has_negative": present, "frozen": frozen, "frozen_positives": frozen_positives}


def of_sentences(mine: slice, *, gather: bool) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """SimCSE and DebCSE with all they may take: the sum, and its gradients."""
    tables, known = sentences()
    leaves = [t[mine].clone().requires_grad_() for t in tables]
    debiased = DebCSE(e_false=0.7, gather=gather)(*leaves, **{name: v[mine] for name, v in known.items()})
    value = SimCSE(gather=gather)(*leaves) + debiased
    value.backward()
    return value.detach(), [leaf.grad for leaf in leaves]


def one_of_two(rank: int, port: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    mine = slice(rank * ITEMS // 2, (rank + 1) * ITEMS // 2)
    found = {}
    for name in GATHERING:
        tables, needs = inputs(name)
        leaves = [t[mine].clone().requires_grad_() for t in tables]
        loss = gathering(name)
        for _ in range(2):  # the second step sees what the first has left in the state
            value = loss(*leaves, **{need: v[mine] for need, v in needs.items()})
            value.backward()
        # distributed training divides by the number of processes when it averages
        gradients = [leaf.grad / 2 for leaf in leaves if leaf.grad is not None]
        found[name] = value.detach(), gradients, loss.state_dict()
    found["sentences"] = of_sentences(mine, gather=True)
    maps = torch.arange(2 * 3 * 2 * 2.0).view(2, 3, 2, 2) + 100 * rank
    found["maps"] = gather_rows(maps.to(memory_format=torch.channels_last))
    one, other = torch.ones(1, 2, requires_grad=True), torch.ones(1, 2, requires_grad=True)
    (gather_rows(one) + gather_rows(other)).sum().backward()
    found["of a sum"] = one.grad, other.grad
    uneven = None
    try:
        gather_rows(torch.zeros(1 + rank, 2))
    except ConfigurationError as error:
        uneven = str(error)
    torch.save((found, uneven), Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict, str | None]]:
    folder = tmp_path_factory.mktemp("processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(one_of_two, (port, str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", GATHERING)
def test_same_loss_and_gradient_as_one_process(name: str, two_processes: list[tuple[dict, str | None]]) -> None:
    tables, needs = inputs(name)
    leaves = [t.clone().requires_grad_() for t in tables]
    loss = gathering(name)
    for _ in range(2):
        value = loss(*leaves, **needs)
        value.backward()
    for found, _ in two_processes:
        torch.testing.assert_close(found[name][0], value.detach())
        torch.testing.assert_close(found[name][2], loss.state_dict())
    trained = [leaf.grad for leaf in leaves if leaf.grad is not None]
    for number, whole in enumerate(trained):
        halves = torch.cat([found[name][1][number] for found, _ in two_processes])
        torch.testing.assert_close(halves, whole, rtol=1e-9, atol=1e-12)


def test_hard_negatives_and_what_is_known_of_them_are_gathered(two_processes: list[tuple[dict, str | None]]) -> None:
    value, gradients = of_sentences(slice(None), gather=False)
    for number, whole in enumerate(gradients):
        halves = torch.cat([found["sentences"][1][number] for found, _ in two_processes]) / 2
        torch.testing.assert_close(halves, whole)
    assert all(torch.allclose(found["sentences"][0], value) for found, _ in two_processes)


def test_maps_come_as_they_are_whatever_their_order_in_memory(two_processes: list[tuple[dict, str | None]]) -> None:
    maps = torch.arange(2 * 3 * 2 * 2.0).view(2, 3, 2, 2)
    for found, _ in two_processes:
        assert torch.equal(found["maps"], torch.cat([maps, maps + 100]))


def test_both_parts_of_a_sum_get_its_gradient(two_processes: list[tuple[dict, str | None]]) -> None:
    for found, _ in two_processes:
        for gradient in found["of a sum"]:
            assert torch.equal(gradient, torch.full((1, 2), 2.0)), "one from each process"


def test_processes_with_unequal_batches_are_refused(two_processes: list[tuple[dict, str | None]]) -> None:
    for _, uneven in two_processes:
        assert uneven is not None
        assert "[1, 2]" in uneven
