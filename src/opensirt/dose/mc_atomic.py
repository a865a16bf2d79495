"""One addition that many threads may do at once, on CPU and CUDA."""

# mypy: disable-error-code="no-untyped-def,misc,import-untyped"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

__all__ = ["atomic_add"]


@intrinsic
def _cpu_atomic_add(typingctx, array, index, value):
    """Locked add on ``array[index]``, one-dimensional, whole numbers."""

    def generate(context, builder, signature, arguments):
        of = signature.args[0]
        view = context.make_array(of)(context, builder, arguments[0])
        pointer = cgutils.get_item_pointer(context, builder, of, view, [arguments[1]])
        builder.atomic_rmw("add", pointer, arguments[2], "monotonic")
        return ir.Constant(ir.IntType(8), 0)

    return types.int8(array, types.intp, array.dtype), generate


def atomic_add(array: Any, index: int, value: Any) -> None:
    """Add a whole number to ``array[index]`` (one-dimensional, uint32), safely among threads."""
    array[index] += value


@overload(atomic_add, target="cpu")
def _atomic_add_on_cpu(array, index, value):
    def add(array, index, value):
        _cpu_atomic_add(array, index, value)

    return add
