"""Errors of a user's making: one line that names the culprit and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake in a config, argument, file or store.

    The message is one line (or one line a mistake); the command line prints it without a
    traceback and exits with code 2.
    """


class Terminated(UserError):
    """The work was asked to end; its state is saved and another try continues from it."""


def suggest(word: str, choices: Iterable[str]) -> str:
    """Return '; did you mean X?' for a near miss, else '; choose from ...'."""
    choices = list(choices)
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; choose from {', '.join(choices)}"
