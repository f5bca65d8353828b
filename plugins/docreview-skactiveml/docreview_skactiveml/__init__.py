"""The pool-based classification query strategies of scikit-activeml, as ``skactiveml-*`` query strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docreview

if TYPE_CHECKING:
    from docreview.hookspecs import Register

__version__ = "0.1.0"
docreview_api = 1


@docreview.hookimpl
def register_query_strategies(register: Register) -> None:
    """Register every strategy of `docreview_skactiveml.coverage.SERVED`."""
    from docreview_skactiveml.coverage import SERVED

    for name, strategy in SERVED.items():
        register(name, strategy)
