"""Name -> implementation, for dose engines and planning models.

A registry looks through one package on first use, so a new implementation is one new file there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from opensirt.errors import unknown_name

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Implementations of one kind, by name.

    Parameters
    ----------
    kind : str
        What is registered, for messages: "dose engine".
    package : str
        Package whose modules register themselves when imported.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._factories: dict[str, Callable[..., T]] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
        """Decorator that makes a class or function known as `name`."""

        def add(factory: Callable[..., T]) -> Callable[..., T]:
            if name in self._factories:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._factories[name] = factory
            return factory

        return add

    def names(self) -> list[str]:
        """All known names, sorted."""
        self._load()
        return sorted(self._factories)

    def create(self, name: str, **options: Any) -> T:
        """An instance of the implementation `name` with its `options`."""
        self._load()
        if name not in self._factories:
            raise unknown_name(self.kind, name, self.names())
        return self._factories[name](**options)

    def _load(self) -> None:
        if self._loaded:
            return
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._package}.{module.name}")
        self._loaded = True
