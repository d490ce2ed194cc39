"""The rules as a policy pack: `pulumi preview --policy-pack policy` refuses what breaks one."""

from __future__ import annotations

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from rules import RULES, Rule


def _policy(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for violation in rule(args.resource_type, args.props):
            report(f"{args.name} {violation}.")

    return ResourceValidationPolicy(
        name=rule.__name__.replace("_", "-"), description=rule.__doc__ or "", validate=validate
    )


PolicyPack(
    name="artline",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[_policy(rule) for rule in RULES],
)
