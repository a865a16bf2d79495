"""Roles of a case's regions as the user gives them, and what to type for those without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opensirt.case import Case
from opensirt.image import Regions
from opensirt.io.role_patterns import given_roles

__all__ = ["roles_of", "with_roles"]


def with_roles(case: Case, roles: Mapping[str, str]) -> Case:
    """The case with other roles for some of its regions, by name or pattern: `given_roles`."""
    if not roles:
        return case
    given = given_roles(roles_of(case), roles)
    changed = (r.named(r.name, given.roles.get(r.name, r.role)) for r in case.regions)
    return replace(case, regions=Regions(tuple(changed))).with_findings(*given.findings)


def roles_of(case: Case) -> dict[str, str]:
    """Name and role of each region."""
    return {region.name: region.role for region in case.regions}
