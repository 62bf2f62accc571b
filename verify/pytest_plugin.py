"""The pytest plugin: `assert_kernel` and `assert_within` as fixtures, options for their size, a marker for campaigns.

pytest imports this file in every run of everybody's tests: nothing but pytest is imported until a fixture is asked for.

    def test_my_logsumexp(assert_kernel):
        assert_kernel(my_logsumexp, function="logsumexp", standard="shifted-log1p")
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .api import Judgement

__all__: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("shiftproof", "judging kernels against proven bounds")
    group.addoption("--shiftproof-cases", type=_positive, metavar="N", help="cases for each assert_kernel")
    group.addoption("--shiftproof-seed", type=int, default=0, metavar="K", help="their seed (default: 0)")
    group.addoption(
        "--shiftproof-campaigns", action="store_true", help="run the tests marked shiftproof_campaign as well"
    )


def _positive(text: str) -> int:
    cases = int(text)
    if cases < 1:
        raise ValueError(f"a number of cases from 1 on is required, got {text}")
    return cases


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "shiftproof_campaign: a long campaign; skipped unless --shiftproof-campaigns is given"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--shiftproof-campaigns"):
        return
    skip = pytest.mark.skip(reason="a long campaign: --shiftproof-campaigns runs it")
    for item in items:
        if "shiftproof_campaign" in item.keywords:
            item.add_marker(skip)


@pytest.fixture
def assert_kernel(request: pytest.FixtureRequest) -> Callable[..., Judgement]:
    """`shiftproof.verify.asserting.assert_kernel` with the cases and the seed of the command line."""
    from .asserting import assert_kernel

    chosen: dict[str, Any] = {"seed": request.config.getoption("--shiftproof-seed")}
    cases = request.config.getoption("--shiftproof-cases")
    return partial(assert_kernel, **chosen, **({} if cases is None else {"cases": cases}))


@pytest.fixture
def assert_within() -> Callable[..., None]:
    """`shiftproof.verify.asserting.assert_within`."""
    from .asserting import assert_within

    return assert_within
