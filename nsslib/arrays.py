"""Types of arrays, for annotations; what takes or returns an array states its shape in its docstring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
