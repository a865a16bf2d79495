"""Roles given to regions by their name, or to many by a pattern with shell wildcards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from opensirt.asking import option
from opensirt.errors import InputError, UnknownNameError, alike
from opensirt.findings import Finding
from opensirt.image.regions import require_role
from opensirt.io.role_hints import listed, role_hints

__all__ = ["GivenRoles", "given_roles", "is_pattern"]

WILDCARDS = "*?["


@dataclass(frozen=True, slots=True)
class GivenRoles:
    """The role of each region that was named, and what a pattern left as it was."""

    roles: Mapping[str, str]
    findings: tuple[Finding, ...] = ()


def given_roles(regions: Mapping[str, str], wanted: Mapping[str, str]) -> GivenRoles:
    """The roles that names and patterns give to regions.

    A name in full comes first, whatever role its region has. A pattern (``L*``, ``L[0-9]*``) gives
    a role to regions that have none; one whose own name says another role keeps it, with a finding.

    Parameters
    ----------
    regions : mapping of name to the role it has, "other" for none
    wanted : mapping of name or pattern to role

    Raises
    ------
    UnknownNameError
        For a role that there is not, and for names and patterns that no region has, all together.
    InputError
        Where patterns give one region two roles, or find only regions with a role of their own.
    """
    for role in wanted.values():
        require_role(role)
    found = {name: role for name, role in wanted.items() if name in regions}
    patterns = {name: role for name, role in wanted.items() if name not in regions}
    hits = {pattern: _matched(pattern, regions) for pattern in patterns}
    if unknown := [pattern for pattern, names in hits.items() if not names]:
        raise UnknownNameError(_unknown(unknown, regions))
    findings = []
    by_pattern: dict[str, str] = {}
    for pattern, role in patterns.items():
        free = [n for n in hits[pattern] if n not in found and regions[n] in ("other", role)]
        kept = [n for n in hits[pattern] if n not in found and n not in free]
        said = ", ".join(f"{name} ({regions[name]})" for name in kept[:5])
        if kept and not free:
            raise InputError(
                f"pattern {pattern!r} finds only regions that have a role: {said}; "
                "name each in full to change it"
            )
        for name in free:
            if (
                by_pattern.setdefault(name, pattern) != pattern
                and patterns[by_pattern[name]] != role
            ):
                raise InputError(
                    f"region {name!r} is {patterns[by_pattern[name]]} by {by_pattern[name]!r} and "
                    f"{role} by {pattern!r}; name it in full"
                )
        if kept:
            text = (
                f"{pattern!r} = {role} leaves {said} as it is; name a region in full to change it."
            )
            findings.append(Finding("note", "role-kept", text))
    of_patterns = {name: patterns[pattern] for name, pattern in by_pattern.items()}
    return GivenRoles({**of_patterns, **found}, tuple(findings))


def is_pattern(name: str) -> bool:
    """True for a name with a shell wildcard in it."""
    return any(sign in name for sign in WILDCARDS)


def _matched(pattern: str, regions: Mapping[str, str]) -> list[str]:
    if not is_pattern(pattern):
        return []
    return [name for name in regions if fnmatchcase(name, pattern)]


def _unknown(names: list[str], regions: Mapping[str, str]) -> str:
    """One line for all names that no region has, each with the one it is most like."""
    said = []
    for name in names:
        like = alike(name, regions)[:1]
        what = (
            f"no region fits the pattern {name!r}"
            if is_pattern(name)
            else f"region {name!r} is unknown"
        )
        said.append(what + (f" (did you mean {like[0]!r}?)" if like else ""))
    hints = [(hint.pattern, hint.role) for hint in role_hints(regions)[:4]]
    advice = f"; for example {option('role', *hints)}" if hints else ""
    return f"{', '.join(said)}; the case has {listed(list(regions))}{advice}"
