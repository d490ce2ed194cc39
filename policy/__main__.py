"""The rules as a policy pack: `pulumi preview --policy-pack policy` refuses what breaks one."""

from __future__ import annotations

import sys
from pathlib import Path

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

# Pulumi runs this folder as a program, which has only the folder itself on its path.
sys.path.insert(0, str(Path(__file__).parents[1]))

from policy.rules import RULES, Rule


def _policy(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for violation in rule(args.resource_type, args.props):
            report(f"{args.name} {violation}.", None)

    return ResourceValidationPolicy(
        name=rule.__name__.replace("_", "-"), description=rule.__doc__ or "", validate=validate
    )


PolicyPack(
    name="artline",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[_policy(rule) for rule in RULES],
)
