"""Options: a setting of the recipe that is typed as an option of a command is refused with the way to give it."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand

from kinfolk.core.errors import RequestError
from kinfolk.records.differences import flatten
from kinfolk.records.recipe import Recipe


class Settable(TyperCommand):
    """A command that takes any setting of the recipe by ``--set``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse; ``--lr 0.1`` is answered with ``--set train.lr=0.1``."""
        own = {option for parameter in self.params for option in parameter.opts}
        for typed, after in zip(args, [*args[1:], ""], strict=True):
            option, _, value = typed.partition("=")
            keys = [] if option in own or not option.startswith("--") else settings(option[2:])
            if keys:
                value = value or ("VALUE" if after.startswith("-") or not after else after)
                said = " or ".join(f"--set {key}={value}" for key in keys)
                raise RequestError(f"'{option}' is no option but a setting of the recipe: {said}.")
        return super().parse_args(ctx, args)


def settings(name: str) -> list[str]:
    """The keys of a recipe by default that end in ``name``; items of a list go by their names."""
    keys = [re.sub(r"\d+:", "", key) for key in flatten(Recipe.of({}).plain())]
    return [key for key in keys if key.rpartition(".")[2] == name.replace("-", "_") != "name"]
