"""AlexNet: five convolutions, and where asked for the two fully connected layers, without normalisation.

Paper: Krizhevsky, 2014, One weird trick for parallelizing convolutional neural networks,
    https://arxiv.org/abs/1404.5997 (the variant with one tower).
Reference code: torchvision's alexnet.py, whose weights load by name.
Differs from the reference: images of up to 64 pixels get a 3 x 3 convolution without stride at the start; the
    features are the mean of the last map (256) unless ``head`` asks for the fully connected layers (4096), which
    hold 54 of 57 million weights; no classifier unless ``out`` is set, no dropout;
    weights start as He et al., 2015, draw them, so that signals keep their size.
Shapes: images (B, 3, H, W) of at least 15 pixels, three stages (B, 64, 192, 256; h, w), output (B, D), D =
    256 or 4096.
"""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor, nn

from kinfolk.encoders import Encoder, last


class AlexNet(Encoder):
    """Features are the mean of the last feature map, or the second fully connected layer's."""

    def __init__(
        self,
        image_size: int,
        *,
        stem: Annotated[
            Literal["auto", "3x3", "11x11"], "first convolution; auto: 3x3 without stride up to 64 pixels"
        ] = "auto",
        head: Annotated[
            Literal["mean", "layers"], "features: mean over positions, or after the two fully connected layers"
        ] = "mean",
        norm: Annotated[Literal["none", "batch"], "batch norm after every convolution and hidden layer"] = "none",
        out: Annotated[int | Literal["none"], "[1, inf)", "width of a last linear layer, or none"] = "none",
    ) -> None:
        super().__init__(image_size)
        self.stem = stem if stem != "auto" else "3x3" if image_size <= 64 else "11x11"
        first = nn.Conv2d(3, 64, 3, 1, 1) if self.stem == "3x3" else nn.Conv2d(3, 64, 11, 4, 2)
        convolutions = {
            0: first,
            3: nn.Conv2d(64, 192, 5, 1, 2),
            6: nn.Conv2d(192, 384, 3, 1, 1),
            8: nn.Conv2d(384, 256, 3, 1, 1),
            10: nn.Conv2d(256, 256, 3, 1, 1),
        }
        self.features = nn.Sequential()
        for number, convolution in convolutions.items():
            self.features.add_module(str(number), convolution)
            if norm == "batch":
                self.features.add_module(f"norm{number}", nn.BatchNorm2d(convolution.out_channels))
            self.features.add_module(str(number + 1), nn.ReLU(inplace=True))
            if number in (0, 3, 10):
                self.features.add_module(str(number + 2), nn.MaxPool2d(3, 2))
        self.classifier = nn.Sequential()
        if head == "layers":
            for number, inside in ((1, 256 * 36), (4, 4096)):
                self.classifier.add_module(str(number), nn.Linear(inside, 4096))
                if norm == "batch":
                    self.classifier.add_module(f"norm{number}", nn.BatchNorm1d(4096))
                self.classifier.add_module(str(number + 1), nn.ReLU(inplace=True))
        self.pool = nn.AdaptiveAvgPool2d(6 if head == "layers" else 1)
        self.width, self.fc = last(4096 if head == "layers" else 256, out)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def stages(self, images: Tensor) -> list[Tensor]:
        """The feature maps after each pooling."""
        maps, x = [], images
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
        return maps

    def middle(self) -> tuple[str, int]:
        return "features.5", 192

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.fc(self.classifier(self.pool(self.stages(images)[-1]).flatten(1)))
        return out
