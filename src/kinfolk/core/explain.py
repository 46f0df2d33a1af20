"""Explain: the settings of the leaves that a command line names, for its help page."""

from __future__ import annotations

from kinfolk.core import registry
from kinfolk.core.config import Setting


def explain(arguments: list[str]) -> str:
    """The settings of the method and encoder named in ``train ... --help``."""
    pages = []
    for flag, kind in (("--method", "methods"), ("--encoder", "encoders")):
        values = [b for a, b in zip(arguments, arguments[1:], strict=False) if a == flag]
        values += [a.partition("=")[2] for a in arguments if a.startswith(f"{flag}=")]
        for name in values:
            leaf = registry.leaf(kind, name)
            lines = [described(registry.CATALOGUES[kind], s) for s in leaf.settings]
            pages.append("\n".join([f"\n{name}: {leaf.summary}", *lines]))
    return "\n".join(pages)


def described(section: str, setting: Setting) -> str:
    """One setting for a help page."""
    return f"  --set {section}.{setting.name}={setting.default}\n      {setting.accepts}. {setting.help}"
