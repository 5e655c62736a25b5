"""Why a store refuses to start. Trouble after the start is no exception for callers: it ends in `die`."""

from __future__ import annotations


class StoreError(Exception):
    """The directory cannot be served as it is; the message says which file and why."""


class ClaimError(StoreError):
    """Another process holds the directory, or there is no store in it to read."""


class HeldError(ClaimError):
    """Another process holds the directory: an engine, or a tool that reads it where an engine is to start."""


class FormatError(StoreError):
    """Something on disk was written in a format that this release does not know."""


class DamagedValueError(FormatError):
    """One value of a format that is known, damaged at rest: what it belongs to cannot be read, everything else can."""


class CorruptError(StoreError):
    """What is on disk contradicts itself: a damaged frame before the end, a missing segment, a foreign state."""


class UnreadableDayError(StoreError):
    """A day of records that cannot be read: cut short, no LMDB file, no permission. Every other day can."""


class NotPublishedError(StoreError):
    """A generation could not be written; the one before it is in force."""
