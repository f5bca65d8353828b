"""small-text's query strategies for docreview, named ``small-text-`` and the strategy.

Importing this is light: small-text, and with it torch, is imported when a strategy is first asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docreview import hookimpl
from docreview_small_text.strategies import STRATEGIES
from docreview_small_text.table import NOT_SERVED

if TYPE_CHECKING:
    from docreview.hookspecs import Register

__version__ = "0.1.0"
__all__ = ["NOT_SERVED", "STRATEGIES"]

#: the version of docreview's plugin API that this was written for
docreview_api = 1


@hookimpl
def register_query_strategies(register: Register) -> None:
    """Register every strategy that can be served."""
    for name, strategy in STRATEGIES.items():
        register(f"small-text-{name}", strategy)
