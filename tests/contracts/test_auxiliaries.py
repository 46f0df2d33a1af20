"""The contract of an auxiliary, over every leaf, routing and method, found by themselves."""

from __future__ import annotations

import copy
from pathlib import Path

import auxiliary_toys as toys
import pytest
import torch
import two_processes
from method_toys import names as methods
from torch import Tensor

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.train.objective import Objective

HERE = Path(__file__).parent
CASES = toys.cases()
every = pytest.mark.parametrize(("name", "variant"), CASES, ids=[f"{n}: {v}" for n, v in CASES])
leaf = pytest.mark.parametrize("name", list(registry.leaves("auxiliaries")))


def backward(objective: Objective, **batch) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    """Terms, measures and total of one batch, the total's gradient taken."""
    terms, measures = objective(toys.views(**batch))
    total = objective.total(terms)
    total.backward()
    return terms, measures, total.detach()


def gradients(objective: Objective) -> dict[str, Tensor]:
    """Of what is trained, by name."""
    return {n: p.grad for n, p in objective.named_parameters() if p.requires_grad and p.grad is not None}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@every
def test_terms_and_measures_are_finite_and_every_trained_parameter_has_a_gradient(name, variant):
    objective = toys.build(name, **toys.VARIANTS[variant])
    auxiliary = objective.auxiliaries[name]
    terms, measures, total = backward(objective, count=3)
    own = {k: v for k, v in terms.items() if k.startswith(f"{name}.")}
    branches = [b for b in ("online", "teacher") if auxiliary.routing.on(b)]
    assert {k.split(".")[1] for k in own} == set(branches)
    assert all(v.shape == () and torch.isfinite(v) for v in [*terms.values(), *measures.values(), total])
    assert {k.split(".")[2] for k in measures} == {"R2", "accuracy", "chance"}
    trained = {n for n, p in objective.named_parameters() if p.requires_grad}
    assert set(gradients(objective)) == trained, "DistributedDataParallel needs a gradient for every trained parameter"
    weighted = sum(objective.auxiliaries[name].weight(k.partition(".")[2]) * float(v.detach()) for k, v in own.items())
    alone = float(objective.method.total({k: v.detach() for k, v in terms.items() if k not in own}))
    assert float(total) == pytest.approx(alone + weighted, rel=1e-5)


@every
def test_gradient_reaches_the_encoder_or_stops_as_asked(name, variant):
    objective = toys.build(name, **toys.VARIANTS[variant])
    routing = objective.auxiliaries[name].routing
    terms, _ = objective(toys.views())
    own = [v for k, v in terms.items() if k.startswith(f"{name}.online") and v.requires_grad]
    if own:
        torch.stack(own).sum().backward()
    touched = any(p.grad is not None and bool(p.grad.any()) for p in objective.method.parameters())
    assert touched == (routing.gradient == "reaches" and routing.on("online"))
    own = [v for k, v in terms.items() if k.startswith(f"{name}.teacher")]
    assert all(v.requires_grad == (routing.teacher_head == "trained") for v in own)


@pytest.mark.parametrize("settings", [{}, {"input": "original"}], ids=["view", "original"])
@leaf
def test_with_the_gradient_stopped_the_method_trains_to_the_bit_as_alone(name, settings):
    found = []
    for asked in ("", name):
        objective = toys.build(asked, **({"gradient": "stops", **settings} if asked else {}))
        train(objective, range(3))
        found.append(objective.method.state_dict())
    assert same(*found)


@pytest.mark.parametrize("method", [m for m in methods() if "encoder" in registry.leaf("methods", m).open().uses])
@leaf
def test_every_method_can_have_it(name, method):
    objective = toys.build(name, method)
    terms, _, _ = backward(objective)
    assert any(k.startswith(f"{name}.") for k in terms)
    trained = {n for n, p in objective.named_parameters() if p.requires_grad}
    assert set(gradients(objective)) == trained
    assert all(torch.isfinite(g).all() for g in gradients(objective).values())


def train(objective: Objective, steps: range, optimizer: torch.optim.Optimizer | None = None) -> list[float]:
    """Steps on one fixed batch; the auxiliary's own share of the totals."""
    optimizer = optimizer or optimiser(objective)
    losses = []
    for step in steps:
        optimizer.zero_grad()
        terms, _, total = backward(objective)
        optimizer.step()
        objective.after_step((step + 1) / 400)
        method = {k: v.detach() for k, v in terms.items() if "." not in k}
        losses.append(float(total - objective.method.total(method)))
    return losses


def optimiser(objective: Objective) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in objective.parameters() if p.requires_grad], lr=5e-3)


@every
def test_a_batch_is_learned_by_heart(name, variant):
    losses = train(toys.build(name, **toys.VARIANTS[variant]), range(12))
    assert losses[-1] < 0.97 * losses[0]


@every
def test_a_run_that_is_stopped_and_resumed_ends_the_same_to_the_bit(name, variant):
    objective = toys.build(name, **toys.VARIANTS[variant])
    optimizer = optimiser(objective)
    train(objective, range(2), optimizer)
    kept = copy.deepcopy((objective.state_dict(), optimizer.state_dict()))
    train(objective, range(2, 4), optimizer)
    again = toys.build(name, seed=9, **toys.VARIANTS[variant])
    other = optimiser(again)
    again.load_state_dict(kept[0])
    other.load_state_dict(kept[1])
    assert not same(again.state_dict(), objective.state_dict())
    train(again, range(2, 4), other)
    assert same(again.state_dict(), objective.state_dict())


@every
def test_validation_changes_nothing_and_gives_the_same_twice(name, variant):
    objective = toys.build(name, **toys.VARIANTS[variant])
    before = copy.deepcopy(objective.state_dict())
    objective.eval()
    with torch.no_grad():
        first, second = objective(toys.views()), objective(toys.views())
    assert same(objective.state_dict(), before)
    assert same(first[0], second[0])
    assert same(first[1], second[1])


@leaf
def test_a_slow_head_follows_and_a_trained_one_does_not(name):
    for kind in ("slow", "trained"):
        objective = toys.build(name, branches="both", teacher_head=kind)
        head = objective.auxiliaries[name].teacher
        before = copy.deepcopy(head.state_dict())
        with torch.no_grad():
            for p in objective.auxiliaries[name].online.parameters():
                p.add_(1.0)
        objective.after_step(0.0)
        moved = [not torch.equal(p, before[n]) for n, p in head.named_parameters()]
        assert any(moved) == all(moved) == (kind == "slow")


@leaf
def test_a_split_keeps_its_part_from_the_projector(name):
    for split, width, own in (("end", 24, 12), ("middle", 30, 24)):
        objective = toys.build(name, split=split)
        method = objective.method
        encoded = method.encode(toys.views())
        assert encoded.h.shape[2] == encoded.more["teacher_h"].shape[2] == width
        assert objective.auxiliaries[name].width == width - own
        (reached,) = torch.autograd.grad(encoded.z.square().sum(), encoded.h)
        assert bool(reached[..., :own].any())
        assert not bool(reached[..., own:].any())
        features = method.eval().embedder()(toys.views().pixels[0])
        project = method.projection()
        assert features.shape == (8, width)
        assert project is not None
        torch.testing.assert_close(project(features), project(features * (torch.arange(width) < own)))


@pytest.mark.parametrize("split", ["end", "middle"])
@pytest.mark.parametrize("method", ["autoencoder", "vae", "vq_vae"])
@leaf
def test_where_a_generative_method_is_split_each_half_learns_from_its_own_objective(name, method, split):
    objective = toys.build(name, method, split=split, weight=3.0)
    network, seen = objective.method, []
    width = {"autoencoder": 24, "vae": 128, "vq_vae": 24}[method]
    halved = network.encoder.get_submodule(network.encoder.middle()[0]) if split == "middle" else {
        "autoencoder": network.encoder, "vae": getattr(network, "mean", None), "vq_vae": network.encoder.blocks[-1],
    }[method]
    halved.register_forward_hook(lambda module, inputs, output: seen.append(output), prepend=True)
    terms, _ = objective(toys.views())
    assert len(seen) == 1
    own = {k: v for k, v in terms.items() if "." not in k}
    loss = {"method": network.total(own), "auxiliary": objective.total(terms) - network.total(own)}
    half = (seen[0].transpose(0, 1) if seen[0].dim() == 4 else seen[0].movedim(-1, 0)).shape[0] // 2
    for whose, value in loss.items():
        (slope,) = torch.autograd.grad(value, seen[0], retain_graph=True)
        slope = slope.transpose(0, 1) if slope.dim() == 4 else slope.movedim(-1, 0)
        reached = [bool(part.any()) for part in (slope[:half], slope[half:])]
        assert reached == [whose == "method", whose == "auxiliary"], whose
    with torch.no_grad():
        features = network.eval().embedder()(toys.views().pixels[0])
    assert features.shape == (8, width + (6 if split == "middle" else 0))
    assert objective.auxiliaries[name].width == (width // 2 if split == "end" else 6)


@pytest.mark.parametrize("split", ["end", "middle"])
@pytest.mark.parametrize("method", ["autoencoder", "vae", "vq_vae"])
def test_a_generative_method_that_is_split_trains_all_it_has_and_paints(method, split):
    objective = toys.build("augmentation_prediction", method, split=split, input="original")
    backward(objective)
    trained = {n for n, p in objective.named_parameters() if p.requires_grad}
    assert set(gradients(objective)) == trained
    network = objective.method.eval()
    paint = network.reconstruction()
    pixels = toys.views().pixels[0]
    with torch.no_grad():
        assert paint(pixels).shape == pixels.shape
        if (invent := network.generation()) is not None:
            assert invent(3, torch.Generator().manual_seed(0)).shape == (3, *pixels.shape[1:])


@pytest.mark.parametrize(
    ("method", "settings", "said"),
    [
        ("simclr", {"branches": "both"}, "needs a method with a teacher"),
        ("byol", {"branches": "teacher"}, "no online head that a slow one could follow"),
        ("byol", {"counted": "teacher"}, "leaves out the loss of the online branch"),
        ("byol", {"branches": "both", "counted": "online", "teacher_head": "trained"}, "of the teacher branch"),
    ],
)
@leaf
def test_a_routing_that_trains_nothing_is_refused(name, method, settings, said):
    with pytest.raises(RequestError, match=said):
        toys.build(name, method, **settings)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Tensor]]]:
    """What two processes found together, for all cases at once."""
    out = tmp_path_factory.mktemp("auxiliaries") / "found.pt"
    two_processes.run(HERE / "auxiliary_pair.py", out)
    return torch.load(out, weights_only=True)


@every
def test_two_processes_give_the_gradients_of_one(name, variant, pair):
    objective = toys.build(name, **toys.VARIANTS[variant]).double()
    terms, measures, _ = backward(objective, dtype=torch.float64)
    alone = {"terms": terms, "measures": measures, "gradients": gradients(objective)}
    alone["buffers"] = dict(objective.named_buffers())
    # The augmentation computes in float32 whatever it is given, so what passes through it agrees to its rounding.
    single = hasattr(objective.auxiliaries[name], "replay")
    near = {"rtol": 1e-3, "atol": 1e-5} if single else {"rtol": 1e-6, "atol": 1e-9}
    for kind, values in alone.items():
        found = pair[f"{name}: {variant}"][kind]
        assert set(found) == set(values)
        for key, value in values.items():
            torch.testing.assert_close(
                found[key].to(value.dtype), value.detach(), **near, msg=lambda m, k=key, n=kind: f"{n} {k}: {m}"
            )
