"""Which key `tollhouse secret seal` seals under: the one that the appliance of these settings opens with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tollhouse.cli.errors import FAILED, CommandError
from tollhouse.configdb.secrets import SecretBox, SecretError
from tollhouse.main.settings import SettingsError, read_settings


def sealing(settings: Path, key_file: Path | None) -> Callable[[str], str]:
    """Seals under `key_file`, else under that of the settings. CommandError where there is none that can be used.

    No key is made: what is sealed under one that the appliance does not have could never be opened.
    """
    try:
        path = key_file or read_settings(settings).paths.key_file
        if not path.exists():
            raise CommandError(FAILED, f"key file {path}: there is none; the first `tollhouse serve` makes it")
        return SecretBox(path).seal
    except SettingsError as error:
        raise CommandError(FAILED, "\n".join(error.problems)) from None
    except SecretError as error:
        raise CommandError(FAILED, str(error)) from None
    except OSError as trouble:
        raise CommandError(FAILED, f"key file {trouble.filename}: {trouble.strerror}") from None
