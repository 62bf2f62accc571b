"""The algorithms, what they stand for, and what rounding can do to them: exact, without floats."""

from .algorithms import ALGORITHMS, FUNCTIONS, Algorithm, Function, algorithm, algorithms_for
from .operations import SUM_ORDERS, Operations
from .rounding import FOLD_LIMIT, Enclosures, Libm, Model, Perturbed, Reading, rounding_error
from .symbolic import Equality, expression, specification, verify_algorithm

__all__ = [
    "ALGORITHMS",
    "FOLD_LIMIT",
    "FUNCTIONS",
    "SUM_ORDERS",
    "Algorithm",
    "Enclosures",
    "Equality",
    "Function",
    "Libm",
    "Model",
    "Operations",
    "Perturbed",
    "Reading",
    "algorithm",
    "algorithms_for",
    "expression",
    "rounding_error",
    "specification",
    "verify_algorithm",
]
