"""timm: the message where it cannot be imported, its ResNet against ours, and what a fixed size means."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kinfolk.core import registry
from kinfolk.core.errors import KinfolkError, RequestError

TORCHVISION_APART = "raise RuntimeError('operator torchvision::nms does not exist')"


def build(image_size: int = 32, **settings: object):
    """The encoder, or a skip with the reason why timm cannot be used here."""
    try:
        return registry.build("encoders", "timm", image_size, **settings).eval()
    except RequestError as error:
        if "cannot be imported" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.mark.parametrize(("module", "said"), [
    (TORCHVISION_APART, "operator torchvision::nms does not exist"),
    ("raise ModuleNotFoundError(\"No module named 'torchvision'\")", "No module named 'torchvision'"),
])
def test_where_it_cannot_be_imported_the_message_says_why_and_what_to_install(tmp_path: Path, module, said):
    (tmp_path / "timm.py").write_text(module)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from kinfolk.cli import main; main()"
    arguments = ["train", "--data", "digits", "--limit", "64", "--batch", "32", "--encoder", "timm", "--out", "run"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert 'pip install "kinfolk[timm]"' in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_its_resnet_is_ours():
    theirs, ours = build(224, model="resnet18"), registry.build("encoders", "resnet", 224, depth=18).eval()
    ours.load_state_dict(theirs.model.state_dict())
    x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = ours((x * 0.25 + 0.5 - mean.view(3, 1, 1)) / std.view(3, 1, 1))
        torch.testing.assert_close(theirs(x), expected, rtol=1e-4, atol=1e-5)


def test_a_network_of_one_size_gets_its_size():
    encoder = build(32, model="vit_tiny_patch16_224")
    with torch.no_grad():
        assert encoder(torch.randn(1, 3, 32, 32)).shape == (1, 192)
    with pytest.raises(RequestError, match="takes images of 224 px only"):
        build(32, model="vit_tiny_patch16_224", size=64)


def test_the_width_is_known_where_a_layer_follows_the_pooling():
    assert build(64, model="mobilenetv3_small_050").width == 1024


def test_unknown_names_and_weights_out_of_reach_are_told(monkeypatch: pytest.MonkeyPatch):
    build()
    with pytest.raises(RequestError, match="Did you mean resnet18"):
        build(model="resnet81")
    import timm

    def offline(*_: object, **__: object):
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(KinfolkError, match=r"could not be fetched: no route to host.*encoder\.weights"):
        build(pretrained=True)
