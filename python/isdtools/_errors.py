"""Exceptions and warnings."""

from __future__ import annotations


class IsdError(Exception):
    """A tool could not do what it was asked to. Arguments that make no sense are a ``ValueError`` or ``TypeError`` instead.

    Attributes
    ----------
    message : str
        What went wrong, in one line.
    path : str or None
        The file or directory that it is about.
    hint : str or None
        What to do about it.
    """

    __module__ = "isdtools"

    def __init__(self, message: str, path: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, path, hint)
        self.message = message
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class IsdWarning(UserWarning):
    """What a tool says beside its result: sources or measurements that it left out, and why."""

    __module__ = "isdtools"
