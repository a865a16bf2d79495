"""Regions and their roles as typed: `--role 'L*=tumour' Liver=liver`."""

from __future__ import annotations

from typing import Any

import typer

__all__ = ["ROLES", "region_roles", "show_suggestions", "spread_roles"]

ROLE = "--role"
ROLES = typer.Option(
    [],
    ROLE,
    help="REGION=ROLE, such as 'Lesion 3'=tumour or 'L*=tumour'; several after one another.",
)


def spread_roles(arguments: list[str]) -> list[str]:
    """Write ``--role A=tumour B=liver`` as the repeated option; a path with a = in it is none."""
    if not any(word == ROLE or word.startswith(f"{ROLE}=") for word in arguments):
        return arguments
    from opensirt.image.regions import REGION_ROLES

    spread: list[str] = []
    is_role, is_next = False, False
    for word in arguments:
        name, sign, role = word.rpartition("=")
        is_more = is_role and not is_next and bool(sign) and role in REGION_ROLES
        if is_more and name and not word.startswith("--"):
            spread += [ROLE, word]
            continue
        is_role = is_next or word == ROLE or word.startswith(f"{ROLE}=")
        is_next = word == ROLE
        spread.append(word)
    return spread


def region_roles(typed: list[str]) -> dict[str, str]:
    """`REGION=ROLE` as a mapping; a region's name may hold a =, a role does not."""
    from opensirt.errors import InputError

    roles: dict[str, str] = {}
    for item in typed:
        name, sign, role = (part.strip() for part in item.rpartition("="))
        if not sign or not name or not role:
            raise InputError(f"{ROLE} needs NAME=VALUE, got {item!r}")
        if roles.setdefault(name, role) != role:
            raise InputError(
                f"{ROLE} gives {name!r} two roles, {roles[name]} and {role}; leave one out"
            )
    return roles


def show_suggestions(result: dict[str, Any]) -> None:
    """What to type for regions without a role, where their names nearly say it."""
    from opensirt.io.role_hints import listed

    for hint in result.get("suggested_roles", ()):
        few = listed(hint["regions"], 3)
        typer.echo(f"No role yet: {few}; if {hint['role']} is right, {hint['typed']}")
