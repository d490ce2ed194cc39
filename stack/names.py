"""Names: the alias's, those of settings in messages, and those that components had before."""

from __future__ import annotations

import pulumi

ALIAS = "live"
"""The alias of each function, which callers meet."""


def renamed(opts: pulumi.ResourceOptions | None, *before: str) -> pulumi.ResourceOptions:
    """`opts` for a component that was once called one of `before`: what it holds keeps its URN.

    The engine applies the old name to the children as well, whose names begin with the
    component's. Without it an update would create everything anew and delete what there was.
    """
    aliases = [pulumi.Alias(name=name) for name in before]
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=aliases))


def setting(key: str) -> str:
    """A setting as messages name it: `artline:memory`, or by what else Pulumi.yaml is named."""
    return pulumi.Config().full_key(key)
