"""Digital patients and phantoms: anatomy, activity and images whose every number is known."""

from opensirt.phantoms.catalogue import make_phantom, phantom_names
from opensirt.phantoms.imaging import simulate_pet, simulate_spect
from opensirt.phantoms.patient import DigitalPatient, true_doses_gy

__all__ = [
    "DigitalPatient",
    "make_phantom",
    "phantom_names",
    "simulate_pet",
    "simulate_spect",
    "true_doses_gy",
]
