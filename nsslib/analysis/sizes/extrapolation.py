"""Extrapolation to infinitely many units, its covariance between points, and the distance from theory.

Errors are those of a bootstrap over realisations, whose scatter is a power of N (`pooled_variance`).
What a sample gives already contains its thermal error, so the scatter between samples is disorder and
thermal variance together, and resampling the samples counts either once; drawing thermal errors on top
would count them twice. They enter alone where a size has one sample, and as the least variance a size can
have. The fitted value is linear in the samples' values, so that the limit of infinitely many resamplings
is known: every sample has an *influence* on every fitted value, and a covariance is the sum of products of
influences. Points and observables of one (gamma, N) are resampled together: the common samples are what
their influences share.

An expansion in 1/N needs sizes at which fluctuations of the overlap Q are Gaussian. With lambda the replicon
eigenvalue of the branch without overlap, their weight is exp(-N [(1 - lambda) Q^2/2 + u Q^4 + ...]), up to
factors of order one, and what the second term changes is of order 1/(N (1 - lambda)^2). Sizes below
`smallest_asymptotic` are left out, as far as three remain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import chi2 as chi_squared
from scipy.stats import f as fisher

from nsslib.analysis.intervals import POINT, attrs, number, variables, z_score
from nsslib.analysis.sizes.scatter import MIN_SIZES, pooled_variance
from nsslib.model.observables import OBSERVABLES, names

FITTED = names("fitted")
OMEGAS = (0.5, 2.0)
"""Range of a free exponent of the leading correction."""
ASYMPTOTIC = 10.0
"""N (1 - lambda)^2 from which corrections are taken as an expansion in 1/N."""

# At 5 % one good fit in twenty would lose its smallest size by chance, and then covers the truth one time in
# eight instead of two in three: intervals of 68 % would cover 65 %.
_P_MIN = 0.01
_COLUMNS = {
    "t_dof": "degrees of freedom of the error (Welch and Satterthwaite); inf where it is thermal only",
    "slope": "coefficient of N^-omega",
    "slope_err": "standard error of the coefficient of N^-omega",
    "omega": "exponent of the correction: 1, or fitted where an F-test at 1 % between the two decides for it",
    "omega_p": "p value of omega = 1 against a free omega; nan with fewer than four sizes",
    "chi2": "weighted sum of squared residuals",
    "dof": "degrees of freedom of chi2; 0 where the sizes determine the curve",
    "p_value": "probability of a larger chi2 with variances from few samples (Welch and James); nan if dof is 0",
    "N_min": "smallest N in the fit",
    "enough": "1 where the sizes suffice: all in the fit have N (1 - replicon)^2 >= 10, dof > 0, p_value >= 0.01 and "
    "two realisations or more of every size",
    "theory": "replica value (branch of the theory table)",
    "z": "extrapolated minus replica value, in standard deviations of the normal distribution of equal probability",
}


@dataclass(frozen=True)
class Fit:
    """y = value + slope N^-omega, fitted to some sizes; `coefficients` of all sizes make up the value."""

    value: float
    std: float
    t_dof: float
    slope: float
    slope_err: float
    omega: float
    omega_p: float
    chi2: float
    dof: int
    p_value: float
    N_min: float
    coefficients: NDArray


def smallest_asymptotic(theory: xr.Dataset) -> xr.DataArray:
    """N from which corrections are those of 1/N, by theory; 0 where it has an overlap or no stable branch."""
    gap = 1.0 - theory["replicon"]
    return (ASYMPTOTIC / gap.where(gap > 0.0) ** 2).where((abs(theory["Q"]) < 1e-9) & (gap > 0.0), 0.0)


def fit_sizes(N: NDArray, y: NDArray, variance: NDArray, variance_dof: NDArray, smallest: float = 0.0) -> Fit | None:
    """Weighted least squares y = a + b N^-omega; the smallest N is dropped while it does not fit.

    omega is 1 unless four sizes or more show otherwise: a free omega is taken where it lies inside
    `OMEGAS` and lowers chi2 significantly (F-test, 1 %). Of what has a p value below 1 % even then the
    smallest size is left out, as long as three are there.

    Parameters
    ----------
    N, y, variance : (n,) arrays
        Sizes (increasing), values and the variances of their errors.
    variance_dof : (n,) array
        Degrees of freedom of the variances: realisations minus one; inf where they are known.
    smallest : float
        N below which sizes are left out, as far as three remain.

    Returns
    -------
    Fit or None
        None with fewer than two usable sizes. The coefficients are widened for weights that are
        estimated themselves, by 1 + 4 (1 - leverage) / dof in the variance.

    References
    ----------
    Meier, Biometrics 9 (1953) 59, variance with estimated weights; Johansen, Biometrika 67 (1980) 85,
    residual sum of squares of a regression with estimated weights.
    """
    usable = np.flatnonzero(np.isfinite(y) & np.isfinite(variance) & (variance > 0.0))
    asymptotic = usable[N[usable] >= smallest]
    used = asymptotic if len(asymptotic) >= MIN_SIZES else usable[-MIN_SIZES:]
    while len(used) >= 2:
        fit = _best(*(v[used] for v in (N.astype(np.float64), y, variance, variance_dof)))
        if len(used) == 2 or fit.p_value >= _P_MIN or np.isnan(fit.p_value):
            coefficients = np.zeros(len(N))
            coefficients[used] = fit.coefficients
            return Fit(**(vars(fit) | {"coefficients": coefficients}))
        used = used[1:]
    return None


def _best(N: NDArray, y: NDArray, variance: NDArray, variance_dof: NDArray) -> Fit:
    """The fit with omega = 1, or with a free one where that is significantly better."""
    fixed, leverage = _curve(N, y, variance, variance_dof, 1.0, free=False)
    if len(N) < 4:
        return fixed
    omegas = np.linspace(*OMEGAS, 31)
    bends = _bends(N, y, variance, omegas)
    p = _p_value(max(fixed.chi2 - bends.min(), 0.0), 1, leverage, variance_dof)
    best, k = fixed, int(np.argmin(bends))
    if p < _P_MIN and 0 < k < len(omegas) - 1:
        optimum = minimize_scalar(
            lambda omega: _bends(N, y, variance, np.array([omega]))[0],
            bounds=(omegas[k - 1], omegas[k + 1]),
            method="bounded",
        )
        best = _curve(N, y, variance, variance_dof, float(optimum.x), free=True)[0]
    return Fit(**(vars(best) | {"omega_p": p}))


def _bends(N: NDArray, y: NDArray, variance: NDArray, omegas: NDArray) -> NDArray:
    """chi2 of the best line in N^-omega for each omega."""
    weight = 1.0 / variance
    u, v = (N / N[0]) ** -omegas[:, None], y - np.average(y, weights=weight)
    u = u - (u @ weight / weight.sum())[:, None]
    return np.sum(weight * v**2) - (u @ (weight * v)) ** 2 / (u**2 @ weight)


def _curve(
    N: NDArray, y: NDArray, variance: NDArray, variance_dof: NDArray, omega: float, free: bool
) -> tuple[Fit, NDArray]:
    """Least squares at one omega, and the leverages; a free omega is a linearised third parameter."""
    u = (N / N[0]) ** -omega
    design = np.stack([np.ones_like(u), u], axis=1)
    solution = _solve(design, variance)
    value, slope = solution @ y
    residual = y - value - slope * u
    if free:
        design = np.column_stack([design, slope * u * np.log(N / N[0])])
        solution = _solve(design, variance)
    leverage = np.einsum("nk,kn->n", design, solution)
    chi2, dof = float(np.sum(residual**2 / variance)), len(N) - design.shape[1]
    parts = solution[0] ** 2 * variance
    widened = solution[0] * np.sqrt(1.0 + 4.0 * np.clip(1.0 - leverage, 0.0, 1.0) / variance_dof)
    spread = np.sum(parts**2 / variance_dof)
    fit = Fit(
        value=float(value),
        std=float(np.sqrt(np.sum(widened**2 * variance))),
        # Pooled variances are not independent: together they know no more than any of them.
        t_dof=min(float(parts.sum() ** 2 / spread) if spread else np.inf, float(variance_dof.max())),
        slope=float(slope * N[0] ** omega),
        slope_err=float(np.sqrt(np.sum(solution[1] ** 2 * variance)) * N[0] ** omega),
        omega=omega,
        omega_p=np.nan,
        chi2=chi2,
        dof=dof,
        p_value=_p_value(chi2, dof, leverage, variance_dof),
        N_min=float(N[0]),
        coefficients=widened,
    )
    return fit, leverage


def _solve(design: NDArray, variance: NDArray) -> NDArray:
    """(parameter, size) matrix that takes values to least-squares parameters."""
    root = np.sqrt(variance)
    return np.linalg.pinv(design / root[:, None]) / root


def _p_value(chi2: float, dof: int, leverage: NDArray, variance_dof: NDArray) -> float:
    """Probability of a larger chi2 whose variances have `variance_dof` degrees of freedom."""
    if dof < 1:
        return np.nan
    a = float(np.sum((1.0 - leverage) ** 2 / variance_dof))
    if a == 0.0:
        return float(chi_squared.sf(chi2, dof))
    return float(fisher.sf(chi2 / (dof + 2.0 * a - 6.0 * a / (dof + 2.0)), dof, dof * (dof + 2.0) / (3.0 * a)))


def replica_value(theory: xr.Dataset, name: str, reference: xr.Dataset | None = None) -> xr.DataArray:
    """Value of an order parameter of the tables in replica theory, by its name there.

    Parameters
    ----------
    theory : Dataset
        Replica values, dims (g, beta) and perhaps gamma.
    name : str
    reference : Dataset, optional
        A table whose coordinates reference_g and reference_beta name the point of `theory` that free energies are
        relative to; the first one by default.
    """
    match name:
        case "log_z":
            excess = theory["free_energy"] + 0.5 * np.log(theory["beta"])
            g, beta = (theory[d].min() if reference is None else reference[f"reference_{d}"] for d in ("g", "beta"))
            return excess - excess.where((excess["g"] == g) & (excess["beta"] == beta)).max(("g", "beta"))
        case "Q2":
            return theory["Q"] ** 2
        case "Q_abs":
            return abs(theory["Q"])
        case _:
            return theory[name]


class SizeMeans(NamedTuple):
    """Means over realisations, arrays (..., N), and `influence`, (..., N, seed), of each on its mean."""

    n: NDArray
    mean: NDArray
    variance: NDArray
    own: NDArray
    dof: NDArray
    influence: NDArray


def _over_realisations(N: NDArray, x: NDArray, err: NDArray) -> SizeMeans:
    """Means of x, (..., N, seed), with the scatter of all sizes pooled, to which influences are stretched.

    `own` is the part of a variance that comes from thermal errors alone.
    """
    present = np.isfinite(x)
    n = present.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(present, x, 0.0).sum(-1) / n
        influence = np.where(present, x - mean[..., None], 0.0) / np.sqrt(np.maximum(n * (n - 1), 1))[..., None]
        thermal = np.where(present, err**2, 0.0).sum(-1) / n**2
    scatter = np.sum(influence**2, -1)
    between, dof = pooled_variance(N, scatter, n)
    influence *= np.sqrt(between / np.where(scatter > 0.0, scatter, 1.0))[..., None]
    variance = np.maximum(between, thermal)
    # A variance that the thermal error sets is known, not estimated from the scatter.
    dof = np.where((n > 1) & (between >= thermal), dof, np.inf)
    return SizeMeans(n, mean, variance, variance - between, dof, influence)


def extrapolate(seeds: xr.Dataset, theory: xr.Dataset, converged: xr.DataArray) -> tuple[xr.Dataset, xr.Dataset]:
    """Extrapolate every fitted order parameter at every point and compare with theory.

    Parameters
    ----------
    seeds : Dataset
        Order parameters of every realisation, dims (gamma, N, g, beta, seed), with the point of reference of log_z.
    theory : Dataset
        Replica values with their replicon, dims (gamma, g, beta), on the same axes.
    converged : DataArray
        Which points are converged, dims (gamma, N, g, beta).

    Returns
    -------
    fits : Dataset
        Dims (gamma, g, beta): x, x_err, x_interval, x_enough and what else the attributes name, for x in
        `FITTED`; converged, where every size in the table is.
    influences : Dataset
        influence, dims (observable, gamma, g, beta, N, seed): the covariance of two extrapolated
        values is the sum of their products over N and seed; own, (observable, gamma, g, beta):
        variance of a value beyond that, shared with no other. See `covariance`.
    """
    coords = {d: seeds[d] for d in POINT}
    smallest = smallest_asymptotic(theory).transpose(*POINT).values
    result, influences, owns = xr.Dataset(coords=coords), [], []
    for name in FITTED:
        words = OBSERVABLES[name].words
        columns, influence, own = _extrapolated(seeds, name, smallest)
        value, std, dof = (columns[key] for key in ("value", "std", "t_dof"))
        columns["theory"] = replica_value(theory, name, seeds).transpose(*POINT).values
        columns["z"] = z_score(value - columns["theory"], std, dof)
        result.update(number(name, POINT, value, std, dof, f"{words}, extrapolated to infinite N"))
        long_names = {key: f"{words}: {text}" for key, text in _COLUMNS.items()}
        result.update(variables(POINT, columns, long_names, f"{name}_"))
        influences.append(influence)
        owns.append(own)
    present = seeds["q"].notnull().any("seed")
    result["converged"] = ((converged > 0) | ~present).all("N") & present.any("N")
    result["converged"].attrs = attrs("1 where every size of the point is converged")
    shared = ("observable", *POINT, "N", "seed"), np.stack(influences)
    own_variances = ("observable", *POINT), np.stack(owns)
    axes = coords | {"N": seeds["N"], "seed": seeds["seed"], "observable": list(FITTED)}
    return result, xr.Dataset({"influence": shared, "own": own_variances}, axes)


def _extrapolated(seeds: xr.Dataset, name: str, smallest: NDArray) -> tuple[dict[str, NDArray], NDArray, NDArray]:
    """Columns of the table for one observable, influences (gamma, g, beta, N, seed), own variances."""
    x, err = (seeds[key].transpose(*POINT, "N", "seed").values for key in (name, f"{name}_err"))
    N, shape = seeds["N"].values, x.shape[:3]
    means = _over_realisations(N, x, err)
    coefficients = np.full((*shape, len(N)), np.nan)
    columns = {key: np.full(shape, np.nan) for key in Fit.__dataclass_fields__ if key != "coefficients"}
    enough = np.zeros(shape)
    for point in np.ndindex(shape):
        fit = fit_sizes(N, means.mean[point], means.variance[point], means.dof[point], float(smallest[point]))
        if fit is None:
            continue
        coefficients[point] = fit.coefficients
        for key, column in columns.items():
            column[point] = getattr(fit, key)
        disorder_known = np.all(means.n[point][fit.coefficients != 0.0] > 1)
        enough[point] = fit.p_value >= _P_MIN and disorder_known and fit.N_min >= smallest[point]
    own = np.sum(np.where(coefficients == 0.0, 0.0, coefficients**2 * means.own), -1)
    return columns | {"enough": enough}, coefficients[..., None] * means.influence, own


def covariance(influences: xr.Dataset) -> NDArray:
    """Covariance between extrapolated values.

    Parameters
    ----------
    influences : Dataset
        As `extrapolate` returns it, with one dimension n beside N and seed: points, or observables.

    Returns
    -------
    (n, n) array
    """
    (dim,) = influences["own"].dims
    flat = influences["influence"].transpose(dim, ...).values.reshape(influences.sizes[dim], -1)
    return flat @ flat.T + np.diag(influences["own"].values)


def covariance_dof(influences: xr.Dataset) -> float:
    """Degrees of freedom of `covariance`, the mean over its diagonal; inf where no sample has an influence."""
    (dim,) = influences["own"].dims
    influence = influences["influence"].transpose(dim, "N", "seed").values
    parts, n = np.sum(influence**2, -1), np.count_nonzero(influence, axis=-1)
    spread = np.sum(parts**2 / np.maximum(n - 1, 1), -1)
    known = spread > 0.0
    return float(np.mean(parts[known].sum(-1) ** 2 / spread[known])) if known.any() else np.inf
