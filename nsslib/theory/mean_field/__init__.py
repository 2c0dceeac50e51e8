"""Mean-field theory of the network itself, dx/dt = -x + J phi(x).

`static`: self-consistent fixed points, any gamma (`static_mean_field`); `dynamic`: chaos and its Lyapunov exponent at
gamma = 0 (`chaotic_mean_field`).
"""

from nsslib.theory.mean_field.dynamic import ChaoticMeanField, chaotic_mean_field
from nsslib.theory.mean_field.static import StaticMeanField, static_mean_field

__all__ = ["ChaoticMeanField", "StaticMeanField", "chaotic_mean_field", "static_mean_field"]
