"""Findings, as a maintainer wants them: call, version, shortest input, and a script that needs none of this.

A library's kernel is held to the textbook: the bound of the stable algorithm of its function, with exp, log and log1p
up to four ulps wrong. What exceeds that is explained neither by rounding nor by the conditioning of the input, as the
bound allows for both. Flushed subnormals are a mark, not a finding; nor is a result that is faithful all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from shiftproof.proofs import FUNCTIONS, Libm, algorithms_for

from ..adversaries import LONG_ROWS, adversary_named
from ..cases import Case, labels_of
from ..decision import Outcome
from ..formats import Format
from ..host import FAULTS, Host
from ..kernels import Kernel
from ..libraries import LIBRARIES
from ..shrinking import Examiner, shrink
from ..standards import ladder
from ..verdicts import Verdict
from .campaign import Campaign, KernelResult

__all__ = ["LIBRARY_LIBM", "Finding", "findings_of", "long_row_findings", "textbook"]

LIBRARY_LIBM = Libm(Fraction(4), Fraction(4), Fraction(4))

_SUM = "sum(exp(v) for v in x)"
_SHARE = f"exp(x[j]) / {_SUM}"
# The exact result j of a row x with the label t in mpmath, for a script.
_EXACT = {
    "logsumexp": f"log({_SUM})",
    "softmax": _SHARE,
    "log_softmax": f"x[j] - log({_SUM})",
    "logaddexp": f"log({_SUM})",
    "softplus": "log(1 + exp(x[j]))",
    "sigmoid": "exp(x[j]) / (1 + exp(x[j]))",
    "cross_entropy": f"log({_SUM}) - x[t]",
    "logcumsumexp": "log(sum(exp(v) for v in x[: j + 1]))",
    "logaddexp_gradient": _SHARE,
    "cross_entropy_gradient": f"{_SHARE} - (j == t)",
    "log_softmax_gradient": f"(j == t) - {_SHARE}",
    "softmax_gradient": f"exp(x[t]) / {_SUM} * ((j == t) - {_SHARE})",
    "sigmoid_gradient": "exp(x[j]) / (1 + exp(x[j])) ** 2",
}
_LONGEST_SCRIPT = 128  # numbers


@dataclass(frozen=True, slots=True)
class Finding:
    """What one kernel of a library does in one format.

    `broken` is the standard that it exceeds, or the name of the fault; `reaches` its class, if it has one. `verdict` is
    about the shortest input found, `again` the command that shows the first one, `script` the reproduction without us
    ("" where the input is too long, or needs its layout).
    """

    kernel: str
    function: str
    format: str
    version: str
    call: str
    broken: str
    reaches: str | None
    count: int
    verdict: Verdict
    again: str
    script: str


def textbook(kernel: Kernel) -> str | None:
    """The standard that a library's kernel is held to: that of the stable algorithm of its function.

    For the cumulative logsumexp the chain, and for gradients the shifted softmax, whose error does not grow with the
    size of the entries; or what the library's table says. None where there is no such algorithm, as for a backward pass
    through a chain.
    """
    call = LIBRARIES[kernel.library].kernels[kernel.source]
    if call.standard:
        return None if call.standard == "none" else call.standard
    if call.gradient:
        return "shifted"
    return "chained" if kernel.function == "logcumsumexp" else algorithms_for(kernel.function)[0].name


def findings_of(campaign: Campaign) -> tuple[Finding, ...]:
    """The findings on the libraries' kernels of a campaign, shrunk; runs them again, in processes of their own."""
    plan = campaign.plan
    made = []
    for result in campaign.results:
        if not result.kernel.library:
            continue
        host = Host([result.kernel], plan.timeout)
        try:
            for broken, count, verdict in _wrong(result):
                case = _case(campaign, result.kernel, verdict)
                examiner = Examiner(result.kernel, plan.format, verdict.standard, host, plan.libm)
                try:
                    smallest, shown = shrink(examiner, case, FUNCTIONS[result.kernel.function].entry)
                except ValueError:  # it needs what ran before it
                    smallest, shown = case, verdict
                made.append(_finding(campaign, result, broken, count, verdict, smallest, shown))
        finally:
            host.close()
    return tuple(made)


def long_row_findings(campaign: Campaign) -> tuple[Finding, ...]:
    """What becomes of very many equal entries: kernels of logsumexp against the bound of a pairwise sum.

    No bound on sums in any order says anything of rows of 1 / u entries; the one of a pairwise sum does. In binary16,
    where the sum overflows and its logarithm need not, an infinity is told as what is not faithful. A chain is held to
    the bound of a chain: to lose a little at each entry is what it is.
    """
    plan, made = campaign.plan, []
    for result in campaign.results:
        if result.kernel.function != "logsumexp" or not result.kernel.library:
            continue
        host = Host([result.kernel], max(plan.timeout, 120.0))
        try:
            case = LONG_ROWS.case(0, "logsumexp", plan.format, plan.seed)
            held = "chained" if textbook(result.kernel) == "chained" else "pairwise"
            (shown,) = Examiner(result.kernel, plan.format, held, host, plan.libm)([case])
            if shown.outcome is Outcome.OUT_OF_SCOPE and not np.isfinite(float.fromhex(shown.got)):
                (shown,) = Examiner(result.kernel, plan.format, "faithful", host, plan.libm)([case])
        finally:
            host.close()
        if shown.outcome is Outcome.FAULT or shown.gross:
            made.append(_finding(campaign, result, shown.fault or shown.standard, 1, shown, case, shown))
    return tuple(made)


def _wrong(result: KernelResult) -> list[tuple[str, int, Verdict]]:
    """Each way in which a kernel is wrong, how often, and its simplest case."""
    held = textbook(result.kernel)
    tally = result.tallies[held or ladder(result.kernel.function)[-1]]
    found = [(fault, count, verdict) for fault, (count, verdict) in tally.faults.items() if fault != "not-run"]
    if held is not None:
        found += [(held, tally.gross, v) for v in (tally.numeric, tally.undefined) if v is not None]
    return found


def _case(campaign: Campaign, kernel: Kernel, verdict: Verdict) -> Case:
    family, _, index = verdict.case.rpartition("#")
    chosen = next((f for f in campaign.plan.families if f.name == family), None) or adversary_named(family)
    return chosen.case(int(index), kernel.function, campaign.plan.format, campaign.plan.seed)


def _finding(
    campaign: Campaign,
    result: KernelResult,
    broken: str,
    count: int,
    first: Verdict,
    case: Case,
    shown: Verdict,
) -> Finding:
    kernel, fmt = result.kernel, campaign.plan.format
    library = LIBRARIES[kernel.library]
    call = library.kernels[kernel.source]
    again = f"shiftproof verify {kernel.name} --format {fmt.name} --seed {campaign.plan.seed} --case {first.case}"
    if shown.fault is None:
        again += f" --standard {broken}"
    return Finding(
        kernel.name,
        kernel.function,
        fmt.name,
        library.version,
        call.expression,
        broken,
        result.kernel_class,
        count,
        shown,
        again,
        _script(kernel, fmt, broken, case, shown),
    )


def _script(kernel: Kernel, fmt: Format, broken: str, case: Case, shown: Verdict) -> str:
    """Ten lines that import the library and mpmath alone."""
    constant = case.x.size > _LONGEST_SCRIPT and kernel.function == "logsumexp" and bool((case.x == case.x[0, 0]).all())
    unseen = shown.fault in ("raises", "hangs", "crashes")
    if case.layout != "C" or unseen or (case.x.size > _LONGEST_SCRIPT and not constant):
        return ""
    library, of = LIBRARIES[kernel.library], FUNCTIONS[kernel.function]
    call = library.kernels[kernel.source]
    values = case.x.astype(np.float64)
    row, j = (shown.result, 0) if of.per_row else divmod(shown.result, values.shape[1])
    labels = labels_of(case.x)
    lines = [*library.lines(call), "from mpmath import mp, mpf, exp, log"]
    if case.x.dtype.kind == "f":
        made, kind = library.values, library.types[fmt.name]
    else:
        made, kind = "np.array({values}, dtype={type})", f"np.{case.x.dtype.name}"
    if "import numpy as np" not in lines and "np." in library.back + made:
        lines.append("import numpy as np")
    if constant:
        lines.append(f"rows = [[float.fromhex({values[0, 0].item().hex()!r})] * {values.shape[1]}]")
    else:
        lines.append(f"rows = {[[v.hex() for v in line] for line in values.tolist()]}")
        lines.append("rows = [[float.fromhex(v) for v in row] for row in rows]")
    if of.entry == "pair":
        arguments = ", ".join(made.format(values=f"[row[{k}] for row in rows]", type=kind) for k in (0, 1))
    else:
        arguments = made.format(values="rows", type=kind)
    if of.entry == "label":
        arguments += f", {library.labels.format(values=labels.tolist())}"
    lines += [
        f"kernel = {library.shown(call)}",
        f"r = kernel({arguments})",
        f"got = ({library.back}).reshape(-1)[{shown.result}]",
    ]
    if shown.fault is None:
        lines += [
            f"mp.prec, j, t = {_precision(values[row], shown)}, {j}, {int(labels[row])}",
            f"x = [mpf(v) for v in rows[{row}]{'[:1]' if constant else ''}]",
            f"exact = {'x[0] + log(len(rows[0]))' if constant else _EXACT[kernel.function]}",
            "print('got  ', repr(float(got)), float(got).hex())",
            "print('exact', mp.nstr(exact, 20), float(exact).hex())",
        ]
    else:
        lines.append(f"print('got', float(got), 'required', float('{float.fromhex(shown.want)!r}'))")
    told = f"# {library.name} {library.version}, {fmt.name}: {_what(broken, shown)}"
    return "\n".join([told, *lines]) + "\n"


def _precision(row: NDArray[np.float64], shown: Verdict) -> int:
    """Bits that resolve the exact result: the sizes of the exponentials on the way, and a margin."""
    sizes = np.abs([*row, float.fromhex(shown.want)])
    return 300 + min(int(4 * max(sizes[np.isfinite(sizes)], default=0.0)), 8000)


def _what(broken: str, shown: Verdict) -> str:
    if shown.fault is not None:
        return FAULTS[shown.fault]
    error, allowed = shown.error_ulp[0], shown.allowed_ulp[1]
    if shown.outcome is Outcome.EXCEEDS and not np.isfinite(error):
        return f"not a number, where {broken} allows {allowed:.3g} ulp"
    return f"an error of {error:.3g} ulp, where {broken} allows {allowed:.3g}"
