"""Decoders: from vectors or small maps to images of any size, by transposed convolutions that double the side."""

from __future__ import annotations

from torch import Tensor, nn

MOST_CHANNELS = 256


class Upsampling(nn.Module):
    """Maps (N, C, ``start``, ``start``) -> images (N, 3, ``size``, ``size``), linear in the last layer.

    The side is doubled at least three times, and further while ``start`` stays 4 or more; an image whose side is
    not a multiple of 8 is cut from the next one that is. Each 4 x 4 transposed convolution of stride 2 is followed
    by batch norm and ReLU, but for the last (as in DCGAN's generator; Radford et al., 2016).

    Args:
        size: side of the images.
        channels: of the last layer's input; doubled at each coarser one, at most 256.
        inside: C; 0 takes the width of the coarsest layer, which the attribute ``inside`` then says.
    """

    def __init__(self, size: int, channels: int, inside: int = 0) -> None:
        super().__init__()
        self.size, self.start, doublings = size, -(-size // 8), 3
        while self.start >= 8 and self.start % 2 == 0:
            self.start, doublings = self.start // 2, doublings + 1
        widths = [min(MOST_CHANNELS, channels * 2**k) for k in reversed(range(doublings))]
        self.inside = inside or widths[0]
        parts: list[nn.Module] = []
        for wide, narrow in zip([self.inside, *widths[1:]], [*widths[1:], 3], strict=True):
            parts += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=narrow == 3), nn.BatchNorm2d(narrow), nn.ReLU()]
        self.layers = nn.Sequential(*parts[:-2])

    def forward(self, maps: Tensor) -> Tensor:
        images: Tensor = self.layers(maps)
        margin = (images.shape[2] - self.size) // 2
        return images[:, :, margin : margin + self.size, margin : margin + self.size]


class Decoder(nn.Module):
    """Vectors (N, D) -> images (N, 3, ``size``, ``size``): a linear layer with a bias and ReLU, then ``Upsampling``.

    Nothing is normalised before the first bias, so that the length of a vector matters.
    """

    def __init__(self, width: int, size: int, channels: int) -> None:
        super().__init__()
        self.upsampling = Upsampling(size, channels)
        self.first = nn.Linear(width, self.upsampling.inside * self.upsampling.start**2)

    def forward(self, vectors: Tensor) -> Tensor:
        side = self.upsampling.start
        maps = self.first(vectors).relu().unflatten(1, (self.upsampling.inside, side, side))
        images: Tensor = self.upsampling(maps)
        return images
