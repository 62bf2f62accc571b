"""The identities with their derivations, the algorithms that use them, and what rounding can do to these: no floats."""

from .algorithm_bounds import SUM_BOUNDS, accumulated, bound, bounds, bounds_for, companions
from .algorithms import ALGORITHMS, FUNCTIONS, GRADIENTS, Algorithm, Function, algorithm, algorithms_for, shifted_by
from .bounds import MODEL_LATEX, ON_PAPER, QUANTITIES, QUANTITIES_LATEX, Bound, Hypothesis
from .catalogue import CATALOGUE, FALSE, chapters, theorem, theorems, title
from .closed_forms import READINGS, allowed_error, bounded_error
from .coq_bounds import FORMAT_THEOREMS, check_bounds
from .coq_certificates import Certificate, check_certificates, enclosure
from .coqc import CoqEntry, CoqState
from .counterexamples import Counterexample, Point, counterexample, working_precision
from .exactness import Exactness, Inexact, exactness, specification
from .examination import Examination, Refuted, examine
from .formulas import latex_of, symbol
from .grader import NOT_UNDERSTOOD, Graded, Grading, grade
from .notation import LATEX, TEXT, Style, cases, chains, rules_of
from .operations import SUM_ORDERS, Operations, merge_neighbours
from .prover import prove
from .pseudocode import pseudocode
from .rounding import FOLD_LIMIT, Enclosures, Libm, Model, Perturbed, Reading, rounding_error
from .trusted import RULES, Cases, Derivation, Premise, Rejected, Relation, Rule, Step, Term, Theorem, Use, check

__all__ = [
    "ALGORITHMS",
    "CATALOGUE",
    "FALSE",
    "FOLD_LIMIT",
    "FORMAT_THEOREMS",
    "FUNCTIONS",
    "GRADIENTS",
    "LATEX",
    "MODEL_LATEX",
    "NOT_UNDERSTOOD",
    "ON_PAPER",
    "QUANTITIES",
    "QUANTITIES_LATEX",
    "READINGS",
    "RULES",
    "SUM_BOUNDS",
    "SUM_ORDERS",
    "TEXT",
    "Algorithm",
    "Bound",
    "Cases",
    "Certificate",
    "CoqEntry",
    "CoqState",
    "Counterexample",
    "Derivation",
    "Enclosures",
    "Exactness",
    "Examination",
    "Function",
    "Graded",
    "Grading",
    "Hypothesis",
    "Inexact",
    "Libm",
    "Model",
    "Operations",
    "Perturbed",
    "Point",
    "Premise",
    "Reading",
    "Refuted",
    "Rejected",
    "Relation",
    "Rule",
    "Step",
    "Style",
    "Term",
    "Theorem",
    "Use",
    "accumulated",
    "algorithm",
    "algorithms_for",
    "allowed_error",
    "bound",
    "bounded_error",
    "bounds",
    "bounds_for",
    "cases",
    "chains",
    "chapters",
    "check",
    "check_bounds",
    "check_certificates",
    "companions",
    "counterexample",
    "enclosure",
    "exactness",
    "examine",
    "grade",
    "latex_of",
    "merge_neighbours",
    "prove",
    "pseudocode",
    "rounding_error",
    "rules_of",
    "shifted_by",
    "specification",
    "symbol",
    "theorem",
    "theorems",
    "title",
    "working_precision",
]
