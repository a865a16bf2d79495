"""What a report is made of: labelled rows, tables, and the dose of an organ at risk."""

from __future__ import annotations

from dataclasses import dataclass

from opensirt.dose.statistics import RegionDose

__all__ = ["OrganDose", "Row", "Table"]


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled value, with a remark where it needs one."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column is text and whose others are numbers, already formatted."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class OrganDose:
    """One organ at risk: figures by a scenario, and the dose without its own activity."""

    dose: RegionDose
    """By `scenario`."""
    from_tails_gy: float
    """Mean dose from activity in the perfused liver and lungs alone, the organ's own left out."""
    scenario: str
    """Which activity `dose` takes to lie in the organ; one sentence."""
    in_map_gy: float | None = None
    """Mean of the dose map as written, over the same voxels; None where that is `dose` itself."""

    @property
    def shown(self) -> str:
        """The name among measured compartments: it says where the dose is none of the map."""
        return self.dose.name if self.in_map_gy is None else f"{self.dose.name}, scenario"
