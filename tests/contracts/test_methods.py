"""The contract of a method, over every leaf of the catalogue, found by itself."""

from __future__ import annotations

import ast
import copy
import hashlib
import inspect
import tomllib
from pathlib import Path

import method_toys as toys
import pytest
import tomli_w
import torch
import two_processes
from torch import Tensor, nn

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.embed import Embedder
from kinfolk.methods import Method
from kinfolk.records.recipe import Recipe
from kinfolk.train import checkpoint

HERE = Path(__file__).parent
every = pytest.mark.parametrize("name", toys.names())
joint = pytest.mark.parametrize(
    "name", [n for n in toys.names() if "passes" in {s.name for s in registry.leaf("methods", n).settings}]
)


def backward(method: Method, views: toys.Views) -> tuple[dict[str, Tensor], Tensor]:
    """Terms and total of one batch, the total's gradient taken."""
    terms = method(views)
    total = method.total(terms)
    total.backward()
    return terms, total.detach()


def digest(module: nn.Module) -> str:
    """A hash of every parameter and buffer."""
    state = sorted(module.state_dict().items())
    return hashlib.sha256(b"".join(k.encode() + v.numpy().tobytes() for k, v in state)).hexdigest()


@pytest.mark.parametrize("count", [2, 3, 8])
@every
def test_terms_are_finite_scalars_for_any_number_of_views(name, count):
    method = toys.build(name)
    terms, total = backward(method, toys.views(count))
    assert terms
    assert all(t.shape == () and torch.isfinite(t) for t in terms.values())
    assert torch.isfinite(total)
    assert set(method.weights) <= set(terms)
    weighted = sum(method.weights.get(k, 1.0) * v.detach() for k, v in terms.items())
    torch.testing.assert_close(total, weighted)


@every
def test_as_few_views_as_it_declares_are_enough_and_fewer_are_refused(name):
    method = toys.build(name)
    least = method.least_views
    terms, total = backward(method, toys.views(least))
    assert all(torch.isfinite(t) for t in [*terms.values(), total])
    assert all(torch.isfinite(g).all() for g in toys.gradients(method).values())
    asked = {"method": {"name": name}, "views": {"count": 1}}
    if least == 1:
        assert Recipe.of(asked).views.count == 1
        return
    with pytest.raises(RequestError, match=f"method '{name}' compares views of one image and needs {least} or more"):
        Recipe.of(asked)
    if "small" in method.uses:
        assert Recipe.of({**asked, "views": {"count": 1, "small_count": 2}}).views.small_count == 2
        assert torch.isfinite(backward(toys.build(name), toys.views(1, small=2))[1])


@every
def test_gradient_reaches_every_trained_parameter_and_no_teacher(name):
    method = toys.build(name)
    terms, _ = backward(method, toys.views(2))
    trained = {n for n, p in method.named_parameters() if p.requires_grad}
    found = toys.gradients(method)
    assert set(found) == trained, "DistributedDataParallel needs a gradient for every trained parameter"
    assert all(torch.isfinite(g).all() for g in found.values())
    encoder = [n for n in trained if n.startswith("encoder.")]
    assert encoder or "encoder" not in method.uses
    assert all(found[n].abs().sum() > 0 for n in encoder if "weight" in n)
    for n, p in method.named_parameters():
        if n.startswith("teacher."):
            assert not p.requires_grad
            assert p.grad is None


@every
def test_what_encode_hands_over_has_the_shapes_it_says(name):
    method = toys.build(name)
    encoded = method.encode(toys.views(3))
    assert encoded.h.shape[:2] == encoded.z.shape[:2] == (3, 8)
    features = method.embedder().eval()(toys.views(1).pixels[0])
    assert features.shape == (8, encoded.h.shape[2])
    if encoded.teacher is not None:
        assert encoded.teacher.shape == encoded.z.shape
        assert not encoded.teacher.requires_grad
    project = method.eval().projection()
    if project is not None:
        assert project(features).shape[0] == 8


@every
def test_the_same_seed_gives_the_same_step(name):
    steps = []
    for _ in range(2):
        method = toys.build(name, seed=3)
        terms, _ = backward(method, toys.views(2, seed=4))
        steps.append((terms, toys.gradients(method)))
    for a, b in zip(*steps, strict=True):
        assert all(torch.equal(a[k], b[k]) for k in a)
    terms, _ = backward(toys.build(name, seed=5), toys.views(2, seed=4))
    assert any(not torch.equal(terms[k], steps[0][0][k]) for k in terms)


def train(method: Method, optimizer: torch.optim.Optimizer, steps: range, total: int) -> list[float]:
    """Steps on one fixed batch; the totals."""
    losses = []
    for step in steps:
        optimizer.zero_grad()
        _, loss = backward(method, toys.views(2))
        optimizer.step()
        method.after_step((step + 1) / total)
        losses.append(float(loss))
    return losses


def optimiser(method: Method) -> torch.optim.Optimizer:
    """Adam over what is trained."""
    return torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=5e-3)


@every
def test_a_toy_is_learned_by_heart(name):
    method = toys.build(name)
    losses = train(method, optimiser(method), range(40), 400)
    assert sum(losses[-5:]) / 5 < losses[0] - max(0.1 * abs(losses[0]), 0.25)


@every
def test_a_run_that_is_stopped_and_resumed_ends_the_same_to_the_bit(name, tmp_path):
    method = toys.build(name)
    optimizer = optimiser(method)
    train(method, optimizer, range(3), 6)
    checkpoint.save(tmp_path, 3, method, optimizer, {})
    train(method, optimizer, range(3, 6), 6)
    again = toys.build(name, seed=9)
    other = optimiser(again)
    assert checkpoint.restore(tmp_path, again, other) == {}
    assert digest(again) != digest(method)
    train(again, other, range(3, 6), 6)
    assert digest(again) == digest(method)


@every
def test_validation_changes_nothing_and_training_does(name):
    method = toys.build(name)
    before = digest(method)
    method.eval()
    with torch.no_grad():
        first = method(toys.views(2))
        second = method(toys.views(2))
    assert digest(method) == before
    assert all(torch.equal(first[k], second[k]) for k in first)
    method.train()
    method(toys.views(2))
    assert digest(method) != before


@every
def test_watching_changes_nothing(name):
    method = toys.build(name)
    before, originals = digest(method), toys.views(1, 12).originals.numpy()
    looks = [Embedder(method.embedder(), name)(originals) for _ in range(2)]
    assert digest(method) == before
    assert (looks[0] == looks[1]).all()


@every
def test_bf16_is_near_float32(name):
    found = []
    for precise in (True, False):
        method = toys.build(name)
        with torch.autocast("cpu", torch.bfloat16, enabled=not precise):
            terms = method(toys.views(2, 16))
        method.total(terms).backward()
        assert all(t.dtype == torch.float32 for t in terms.values())
        found.append((terms, torch.cat([g.flatten() for g in toys.gradients(method).values()])))
    (exact, wanted), (rough, got) = found
    for k in exact:
        torch.testing.assert_close(rough[k], exact[k], rtol=0.03, atol=0.03)
    assert torch.cosine_similarity(wanted, got, dim=0) > 0.95


@every
def test_settings_are_the_same_read_from_source_and_by_inspection_and_survive_a_file(name):
    leaf = registry.leaf("methods", name)
    parameters = list(inspect.signature(leaf.open().__init__).parameters.values())[1:]
    assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == ["encoder"]
    keyword = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert {s.name: s.default for s in leaf.settings} == keyword
    assert all(s.help for s in leaf.settings)
    stored = tomllib.loads(tomli_w.dumps(leaf.resolve({})))
    assert leaf.resolve(stored) == leaf.resolve({})
    assert digest(toys.build(name, **toys.SETTINGS.get(name, {}))) == digest(toys.build(name))


@every
def test_the_file_has_the_form_of_the_house(name):
    source = registry.leaf("methods", name).source
    tree = ast.parse(source.read_text("utf-8"))
    said = ast.get_docstring(tree) or ""
    at = [said.find(part) for part in ("Paper:", "Reference code:", "Differs from the reference:", "Shapes:")]
    assert at == sorted(at)
    assert at[0] > 0
    cls = next(n for n in tree.body if isinstance(n, ast.ClassDef))
    members = [n.name for n in cls.body if isinstance(n, ast.FunctionDef)]
    order = ["__init__", "encode", "terms", "after_step", "embedder", "projection"]
    assert [m for m in members if m in order] == [m for m in order if m in members]
    functions = [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]
    assert f"{name}_terms" in functions


@every
def test_a_reference_test_holds_it_against_the_formula_and_a_mutation_of_it(name):
    source = (HERE.parent / "reference" / f"test_{name}.py").read_text("utf-8")
    assert f"import {name}_terms" in source or f", {name}_terms" in source
    assert "def reference(" in source
    assert "agree(" in source
    assert "with pytest.raises(AssertionError, match=" in source, "one change to the formula that must be noticed"


@pytest.mark.parametrize("passes", ["views", "all"])
@pytest.mark.parametrize("name", toys.using("small"))
def test_small_crops_are_learned_from_and_are_no_targets(name, passes):
    method = toys.build(name, passes=passes).double()
    given = [toys.views(2, dtype=torch.float64, small=2) for _ in range(3)]
    for pixels in given[1].pixels[2:]:
        pixels.zero_()
    for pixels in given[2].pixels:
        pixels.requires_grad_()
    one, other, watched = (copy.deepcopy(method).encode(views) for views in given)
    assert one.z.shape[:2] == (4, 8)
    if one.teacher is not None:
        assert one.teacher.shape[:2] == (2, 8)
        assert torch.equal(one.teacher, other.teacher)
        assert not torch.equal(one.z, other.z)
    method.total(method.terms(watched, given[2])).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in given[2].pixels)


@joint
def test_one_pass_for_all_views_changes_batch_norm_and_nothing_else(name):
    found = {}
    for training in (True, False):
        for passes in ("views", "all"):
            method = toys.build(name, passes=passes).train(training)
            found[passes] = method(toys.views(3))
        different = [not torch.allclose(found["views"][k], found["all"][k], atol=1e-5) for k in found["all"]]
        assert any(different) == training


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Tensor]]]:
    """What two processes found together, for all methods at once."""
    out = tmp_path_factory.mktemp("pair") / "found.pt"
    two_processes.run(HERE / "method_pair.py", out)
    return torch.load(out, weights_only=True)


@pytest.mark.parametrize(("name", "kind"), [(n, kind) for n in toys.names() for kind in toys.mixtures(n)])
def test_two_processes_give_the_gradients_of_one(name, kind, pair):
    method = toys.build(name).double()
    terms, _ = backward(method, toys.views(**toys.mixtures(name)[kind], dtype=torch.float64))
    found = pair[f"{name}, {kind}"]
    alone = {"terms": terms, "gradients": toys.gradients(method), "buffers": dict(method.named_buffers())}
    for what, values in alone.items():
        assert set(found[what]) == set(values)
        for key, value in values.items():
            together = found[what][key].to(value.dtype)
            torch.testing.assert_close(
                together, value.detach(), rtol=1e-6, atol=1e-9, msg=lambda m, k=key, n=what: f"{n} {k}: {m}"
            )
