"""Physics data: nuclides, products, tissues, limits, each number with its source."""

from opensirt.physics.limits import Limit, limits_for, lung_limits
from opensirt.physics.materials import Tissue, density_from_hu, hu_conversion_names, tissue
from opensirt.physics.nuclides import Nuclide, decay_factor, dose_constants, nuclide
from opensirt.physics.products import Product, product, product_names, sphere_count
from opensirt.physics.references import cite

__all__ = [
    "Limit",
    "Nuclide",
    "Product",
    "Tissue",
    "cite",
    "decay_factor",
    "density_from_hu",
    "dose_constants",
    "hu_conversion_names",
    "limits_for",
    "lung_limits",
    "nuclide",
    "product",
    "product_names",
    "sphere_count",
    "tissue",
]
