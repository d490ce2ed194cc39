"""The names that components had before: a resource that holds something keeps its URN."""

from __future__ import annotations

import pulumi


def renamed(opts: pulumi.ResourceOptions | None, *before: str) -> pulumi.ResourceOptions:
    """`opts` for a component that was once called one of `before`.

    The engine applies the old name to the children as well, whose names begin with the
    component's. Without it an update would create everything anew and delete what there was.
    """
    aliases = [pulumi.Alias(name=name) for name in before]
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=aliases))
