"""Each law of transport, as plain Python and compiled, against its analytic expectation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.integrate import cumulative_simpson, quad

from opensirt.dose import mc_physics as laws
from opensirt.dose.mc_attenuation import coherent_table
from opensirt.dose.mc_bremsstrahlung import FRACTION_GRID, sampling_shapes
from opensirt.dose.mc_media import media_named
from opensirt.dose.mc_scattering import deflection, moller_integral
from tests.mc_samples import stream

Law = Callable[..., Any]
Floats = npt.NDArray[np.float64]
FORMS = ["python", "compiled"]
DRAWS = 20_000
KOLMOGOROV = 1.95
"""Times 1/sqrt(draws): the distance of the distributions that chance exceeds once in 1000."""


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Callable[[Any], Law]:
    """Turns a compiled law into the form under test."""
    plain = request.param == "python"
    return lambda law: law.py_func if plain else law


def distance(samples: Floats, grid: Floats, density: Floats) -> float:
    """Kolmogorov's distance between samples and a density tabulated on a fine grid."""
    rising = cumulative_simpson(density, x=grid, initial=0.0)
    cdf = np.interp(np.sort(samples), grid, rising / rising[-1])
    steps = np.arange(samples.size + 1) / samples.size
    return float(max(np.abs(cdf - steps[1:]).max(), np.abs(cdf - steps[:-1]).max()))


def sampled(law: Law, *arguments: Any) -> Floats:
    state = stream(11)
    return np.array([law(*arguments, state) for _ in range(DRAWS)])


def test_free_paths_follow_the_exponential_law(form: Callable[[Any], Law]) -> None:
    for u in (0.0, 0.1, 0.5, 0.999):
        path = form(laws.free_path_mm)(3.0, u)
        assert math.exp(-3.0 * path) == pytest.approx(1.0 - u, rel=1e-12)


def test_interpolation_is_linear_and_goes_on_beyond_the_last_row(
    form: Callable[[Any], Law],
) -> None:
    table = np.zeros((1, 4, 1))
    table[0, :, 0] = [1.0, 3.0, 4.0, 4.5]
    found = [form(laws.interpolated)(table, 0, place, 0) for place in (0.0, 0.25, 2.5, 3.0, 3.2)]
    assert found == pytest.approx([1.0, 1.5, 4.25, 4.5, 4.6], rel=1e-14)


def test_isotropic_directions_have_no_preference(form: Callable[[Any], Law]) -> None:
    """On a grid of u and v: mean 0 and mean squares 1/3."""
    middle = (np.arange(100) + 0.5) / 100
    vectors = np.array([form(laws.isotropic)(u, v) for u in middle for v in middle])
    assert np.abs((vectors**2).sum(axis=1) - 1.0).max() < 1e-14
    assert np.abs(vectors.mean(axis=0)).max() < 1e-14
    assert np.abs((vectors**2).mean(axis=0) - 1 / 3).max() < 4e-5  # the midpoint rule


DIRECTIONS = [
    (0.0, 0.0, 1.0),
    (0.0, 0.0, -1.0),
    (1.0, 0.0, 0.0),
    (0.0, -1.0, -0.0),
    (0.6, 0.0, -0.8),
    (1e-9, 0.0, -1.0),
    (0.48, -0.64, 0.6),
]


@pytest.mark.parametrize("heading", DIRECTIONS)
def test_turning_is_an_orthonormal_frame_that_is_undone(
    form: Callable[[Any], Law], heading: tuple[float, float, float]
) -> None:
    turned, undone = form(laws.turned), form(laws.along_and_across)
    frame = np.array([turned(*heading, *unit) for unit in np.eye(3)])
    assert np.abs(frame @ frame.T - np.eye(3)).max() < 1e-14
    assert np.linalg.det(frame) == pytest.approx(np.linalg.det(np.eye(3)), abs=1e-14)
    assert np.abs(frame[0] - heading).max() < 1e-14
    for vector in np.random.default_rng(1).normal(size=(20, 3)):
        there = turned(*heading, *vector)
        assert np.abs(np.array(undone(*heading, *there)) - vector).max() < 1e-14


@pytest.mark.parametrize("ratio", [0.3, 1.0, 1.7])
@pytest.mark.parametrize("cosine", [1.0, 0.9999, 0.7, 0.0, -0.9])
def test_widening_scales_the_tangent_of_half_the_angle(
    form: Callable[[Any], Law], ratio: float, cosine: float
) -> None:
    wide, factor = form(laws.widened)(cosine, ratio)
    half = math.tan(0.5 * math.acos(cosine))
    assert math.tan(0.5 * math.acos(wide)) == pytest.approx(math.sqrt(ratio) * half, abs=1e-9)
    sine = factor * math.sqrt(1.0 - cosine * cosine)
    assert wide * wide + sine * sine == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("first", "second"), [(1e-4, 2.9e-4), (0.05, 0.14), (0.4, 1.05), (3, 8)])
def test_the_soft_deflection_has_the_moments_of_multiple_scattering(
    form: Callable[[Any], Law], first: float, second: float
) -> None:
    """Exact: mean P1 = exp(-first) and mean P2 = exp(-second), from the two uniform pieces."""
    law = form(laws.soft_mu)
    joint = law(first, second, 0.0, 1.0)
    assert law(first, second, 1.0, 0.0) == pytest.approx(joint, rel=1e-12)
    assert law(first, second, 1.0, 1.0) == pytest.approx(1.0, rel=1e-12)
    below = math.exp(-first) + joint
    assert law(first, second, below - 1e-9, 0.0) == 0.0
    assert law(first, second, min(below + 1e-9, 1.0), 0.0) == joint
    mean = 0.5 * (below * joint + (1.0 - below) * (1.0 + joint))
    square = (below * joint**2 + (1.0 - below) * (1.0 + joint + joint**2)) / 3.0
    assert 1.0 - 2.0 * mean == pytest.approx(math.exp(-first), rel=1e-12)
    assert 1.0 - 6.0 * mean + 6.0 * square == pytest.approx(math.exp(-second), rel=1e-12)


def test_no_soft_deflection_on_no_path(form: Callable[[Any], Law]) -> None:
    assert form(laws.soft_mu)(0.0, 0.0, 0.3, 0.9) == 0.0


@pytest.mark.parametrize("variance", [0.02, 0.11, 0.2, 0.32, 0.5, 3.0])
def test_the_soft_loss_has_its_mean_and_variance(
    form: Callable[[Any], Law], variance: float
) -> None:
    """Three shapes, by the ratio of the mean (1) to the spread; within four standard errors."""
    loss = sampled(form(laws.soft_loss), 1.0, variance)
    fourth = float(((loss - 1.0) ** 4).mean())
    assert loss.min() >= 0.0
    assert loss.mean() == pytest.approx(1.0, abs=4.0 * math.sqrt(variance / DRAWS))
    spread = 4.0 * math.sqrt((fourth - variance**2) / DRAWS)
    assert ((loss - 1.0) ** 2).mean() == pytest.approx(variance, abs=spread)


@pytest.mark.parametrize(
    ("charge", "eta", "mu_cut", "beta2"),
    [(1, 2e-5, 1e-3, 0.9), (8, 1e-4, 1e-2, 0.6), (20, 2e-3, 0.0, 0.3), (8, 1e-2, 0.2, 0.05)],
)
def test_hard_elastic_events_follow_the_cross_section(
    form: Callable[[Any], Law], charge: int, eta: float, mu_cut: float, beta2: float
) -> None:
    """Wentzel times McKinley and Feshbach, integrated numerically."""
    mu = sampled(form(laws.hard_elastic_mu), float(charge), eta, mu_cut, beta2)
    grid = np.geomspace(mu_cut + eta, 1.0 + eta, 20_001) - eta
    grid[0], grid[-1] = mu_cut, 1.0
    root = np.sqrt(grid)
    spin = math.pi * charge * math.sqrt(beta2) / 137.035999
    density = (1.0 - beta2 * grid + spin * root * (1.0 - root)) / (grid + eta) ** 2
    assert distance(mu, grid, density) < KOLMOGOROV / math.sqrt(DRAWS)


@pytest.mark.parametrize(("energy", "cut"), [(2.0, 0.01), (0.5, 0.05), (0.1, 0.01), (0.05, 0.02)])
def test_moller_losses_follow_the_cross_section(
    form: Callable[[Any], Law], energy: float, cut: float
) -> None:
    """Mean loss within four standard errors of the ratio of the integrals."""
    loss = sampled(form(laws.moller_loss), energy, cut)
    number, mean = (
        moller_integral(np.array([energy]), np.array([cut]), np.array([0.5 * energy]), power)[0]
        for power in (0, 1)
    )
    assert cut <= loss.min() <= loss.max() <= 0.5 * energy * (1.0 + 1e-12)
    assert loss.mean() == pytest.approx(mean / number, abs=4 * loss.std() / math.sqrt(DRAWS))


@pytest.mark.parametrize(("energy", "loss"), [(2.0, 0.01), (1.0, 0.5), (0.05, 0.02)])
def test_moller_cosines_conserve_momentum(
    form: Callable[[Any], Law], energy: float, loss: float
) -> None:
    def momentum(kinetic: float) -> float:
        return math.sqrt(kinetic * (kinetic + 2.0 * laws.MASS_MEV))

    primary, secondary = form(laws.moller_cosines)(energy, loss)
    along = momentum(energy - loss) * primary + momentum(loss) * secondary
    across = momentum(energy - loss) * math.sqrt(1.0 - primary**2)
    assert along == pytest.approx(momentum(energy), rel=1e-12)
    assert across == pytest.approx(momentum(loss) * math.sqrt(1.0 - secondary**2), rel=1e-9)
    mu = deflection(np.array([energy]), np.array([loss]))[0]
    assert 0.5 * (1.0 - primary) == pytest.approx(mu, rel=1e-6)


@pytest.mark.parametrize("energy", [0.05, 0.5, 2.2])
def test_bremsstrahlung_photons_follow_their_shape(
    form: Callable[[Any], Law], energy: float
) -> None:
    shapes = sampling_shapes(np.array([energy]))
    k = sampled(form(laws.photon_energy), energy, 0.01, shapes, 0)
    grid = np.geomspace(0.01, energy, 20_001)
    density = np.interp(grid / energy, FRACTION_GRID, shapes[0]) / grid
    assert distance(k, grid, density) < KOLMOGOROV / math.sqrt(DRAWS)


@pytest.mark.parametrize("energy", [0.02, 0.5, 2.0])
def test_bremsstrahlung_goes_forward_by_the_dipole_law(
    form: Callable[[Any], Law], energy: float
) -> None:
    """Its distribution function, which is known in closed form, gives back u."""
    beta = math.sqrt(1.0 - 1.0 / (1.0 + energy / laws.MASS_MEV) ** 2)
    for u in np.linspace(0.0, 1.0, 11):
        cosine = form(laws.photon_cosine)(energy, u)
        part = 1.0 / (1.0 - beta * cosine) - 1.0 / (1.0 + beta)
        whole = 1.0 / (1.0 - beta) - 1.0 / (1.0 + beta)
        assert part / whole == pytest.approx(u, abs=1e-9)


@pytest.mark.parametrize("energy", [0.01, 0.081, 0.364, 1.38])
def test_compton_follows_klein_and_nishina(form: Callable[[Any], Law], energy: float) -> None:
    """The mean transfer within four standard errors; energy and angle by kinematics."""
    alpha = energy / laws.MASS_MEV

    def cross_section(share: float, power: int) -> float:
        cosine = 1.0 - (1.0 / share - 1.0) / alpha
        return float((1.0 - share) ** power * (share + 1.0 / share - 1.0 + cosine**2))

    lowest = 1.0 / (1.0 + 2.0 * alpha)
    number, mean = (quad(cross_section, lowest, 1.0, args=(power,))[0] for power in (0, 1))
    found = sampled(form(laws.compton), energy)
    share, cosine = found[:, 0] / energy, found[:, 1]
    assert np.abs(share * (1.0 + alpha * (1.0 - cosine)) - 1.0).max() < 1e-12
    error = 4.0 * share.std() / math.sqrt(DRAWS)
    assert (1.0 - share).mean() == pytest.approx(mean / number, abs=error)


@pytest.mark.parametrize("energy", [0.003, 0.02, 0.081, 0.364])
def test_coherent_scattering_follows_the_form_factor(
    form: Callable[[Any], Law], energy: float
) -> None:
    """Thomson's law times F^2 of water, integrated between the points of the table."""
    table = coherent_table(media_named(["water"])[0].composition)[None]
    cosine = sampled(form(laws.coherent_cosine), energy, table, 0)
    full = (energy / 0.01239841984) ** 2
    bounds = np.concatenate([table[0, :, 0][table[0, :, 0] < full], [full]])
    grid = np.unique(np.linspace(bounds[:-1], bounds[1:], 41).ravel())
    middle = 0.5 * (grid[1:] + grid[:-1])
    factor2 = np.diff(np.interp(grid, table[0, :, 0], table[0, :, 1]))
    angle = 1.0 - 2.0 * middle / full
    weight = factor2 * (1.0 + angle**2)
    expected = float((weight * angle).sum() / weight.sum())
    assert cosine.mean() == pytest.approx(expected, abs=4.0 * cosine.std() / math.sqrt(DRAWS))
