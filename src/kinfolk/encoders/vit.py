"""Vision transformer, tiny or small: the image as a row of patches that attend to each other.

Paper: Dosovitskiy et al., 2021, An Image is Worth 16x16 Words, https://arxiv.org/abs/2010.11929; sizes of
    Touvron et al., 2021, DeiT, table 1; sine-cosine positions of Chen, Xie and He, 2021, MoCo v3, section 5.
Reference code: timm's vision_transformer.py, whose weights load by name where patches and image size agree.
Differs from the reference: patches go by the image size; other sizes than the trained one are taken (positions
    are interpolated, the border is filled up with zeros, the mean colour); positions are fixed by default; no
    dropout.
Shapes: images (B, 3, H, W), four stages (B, D, h, w) of three blocks each, output (B, D), D = 192 or 384.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinfolk.encoders import Encoder, last

SIZES = {"tiny": (192, 3), "small": (384, 6)}
BLOCKS = 12


class ViT(Encoder):
    """Twelve blocks; features are the normalised class token or the mean of the normalised patches."""

    def __init__(
        self,
        image_size: int,
        *,
        size: Annotated[Literal["tiny", "small"], "width 192 with 3 heads, or 384 with 6 (DeiT, table 1)"] = "tiny",
        patch: Annotated[
            int | Literal["auto"], "[1, 64]", "side of a patch; auto: 4 up to 64 pixels, 8 up to 128, then 16"
        ] = "auto",
        pool: Annotated[Literal["token", "mean"], "features: the class token, or the mean of the patches"] = "token",
        positions: Annotated[
            Literal["sincos", "learned"], "positions fixed as sines and cosines, or learned (MoCo v3, section 5)"
        ] = "sincos",
        out: Annotated[int | Literal["none"], "[1, inf)", "width of a last linear layer, or none"] = "none",
    ) -> None:
        super().__init__(image_size)
        self.dim, heads = SIZES[size]
        self.patch = int(patch) if patch != "auto" else 4 if image_size <= 64 else 8 if image_size <= 128 else 16
        self.grid = math.ceil(image_size / self.patch)
        self.patch_embed = Patches(self.dim, self.patch)
        tokens = int(pool == "token")
        self.cls_token = nn.Parameter(torch.zeros(1, 1, self.dim)) if tokens else None
        fixed = sine_cosine(self.grid, self.dim, tokens)
        if positions == "sincos":
            self.register_buffer("pos_embed", fixed)
        else:
            self.pos_embed = nn.Parameter(nn.init.trunc_normal_(torch.empty_like(fixed), std=0.02))
        self.blocks = nn.ModuleList(Block(self.dim, heads) for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(self.dim, eps=1e-6)
        self.width, self.fc = last(self.dim, out)
        self._initialise()

    def stages(self, images: Tensor) -> list[Tensor]:
        """The patches as maps after every third block, the last ones normalised."""
        return [self._map(x, images) for x in self._tokens(images)]

    def middle(self) -> tuple[str, int]:
        return f"blocks.{BLOCKS - 4}", self.dim

    def forward(self, images: Tensor) -> Tensor:
        x = self._tokens(images)[-1]
        out: Tensor = self.fc(x.mean(1) if self.cls_token is None else x[:, 0])
        return out

    def _tokens(self, images: Tensor) -> list[Tensor]:
        """Class token (where there is one) and patches (B, T, D) after every third block."""
        x = self.patch_embed(images)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1)
        x = x + self._positions(*self._grid_of(images))
        found = []
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            if number % 3 == 0:
                found.append(self.norm(x) if number == BLOCKS else x)
        return found

    def _map(self, x: Tensor, images: Tensor) -> Tensor:
        rows, columns = self._grid_of(images)
        patches = x[:, -rows * columns :].transpose(1, 2)
        return patches.reshape(len(x), self.dim, rows, columns)

    def _grid_of(self, images: Tensor) -> tuple[int, int]:
        return math.ceil(images.shape[2] / self.patch), math.ceil(images.shape[3] / self.patch)

    def _positions(self, rows: int, columns: int) -> Tensor:
        """The positions of a grid of patches, interpolated where it is not the trained one."""
        if rows == columns == self.grid:
            return self.pos_embed
        first = self.pos_embed.shape[1] - self.grid**2
        grid = self.pos_embed[:, first:].transpose(1, 2).reshape(1, self.dim, self.grid, self.grid)
        grid = F.interpolate(grid, (rows, columns), mode="bicubic", align_corners=False)
        return torch.cat([self.pos_embed[:, :first], grid.flatten(2).transpose(1, 2)], 1)

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.xavier_uniform_(self.patch_embed.proj.weight.view(self.dim, -1))
        if self.cls_token is not None:
            nn.init.normal_(self.cls_token, std=1e-6)


class Patches(nn.Module):
    """One linear map of every patch: (B, 3, H, W) -> (B, T, D), the border filled up with zeros."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.proj = nn.Conv2d(3, width, side, side)

    def forward(self, images: Tensor) -> Tensor:
        bottom, right = -images.shape[2] % self.side, -images.shape[3] % self.side
        x: Tensor = self.proj(F.pad(images, (0, right, 0, bottom)) if bottom or right else images)
        return x.flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Attention and a perceptron, each on normalised tokens beside a shortcut: (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        more: Tensor = self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))
        return x + more


class Attention(nn.Module):
    """Each token becomes a mean of all tokens' values, weighted by softmax: (B, T, D) -> (B, T, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return out


def sine_cosine(grid: int, width: int, tokens: int) -> Tensor:
    """Fixed positions (1, tokens + grid * grid, width): zeros, then sines and cosines of column and row.

    Source: Chen, Xie and He, 2021, MoCo v3, the authors' code (vits.py): a quarter of the width each for the
    sines and cosines of the column, then of the row, wavelengths rising from 2 pi to 10,000 times that.
    """
    wave = 10_000 ** -(torch.arange(width // 4, dtype=torch.float32) / (width // 4))
    angle = torch.arange(grid, dtype=torch.float32)[:, None] * wave
    row = angle[:, None].expand(grid, grid, -1)
    column = angle[None].expand(grid, grid, -1)
    parts = torch.cat([column.sin(), column.cos(), row.sin(), row.cos()], 2).flatten(0, 1)
    return torch.cat([torch.zeros(tokens, width), parts])[None]
