"""`tollhouse serve`: the production start, on a settings file."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Final

from tollhouse.main.appliance import Appliance
from tollhouse.main.plan import Plan
from tollhouse.main.process import run
from tollhouse.main.settings import SettingsError, read_settings
from tollhouse.main.token import TokenError, read_token

BAD_SETTINGS: Final = 78
"""EX_CONFIG of sysexits.h: starting again changes nothing, so systemd is told not to."""
_LOG: Final = logging.getLogger("tollhouse")


def serve(path: Path) -> int:
    """Serve by the settings in that file until SIGINT or SIGTERM. The exit status:

    0 after a clean stop; 1 when it cannot start (store, database, key file, port); 78 when the settings or the token
    file are wrong, with every error on stderr; 70 (not returned: the process ends) on store trouble.
    """
    try:
        settings = read_settings(path)
        token = read_token(settings.paths.token_file)
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return BAD_SETTINGS
    except TokenError as error:
        print(f"tollhouse: {error}", file=sys.stderr)
        return BAD_SETTINGS
    return run(settings.plan(token), settings.level, _started, lambda _appliance: None)


def _started(appliance: Appliance) -> None:
    _LOG.info("serving %s", ", ".join(_served(appliance.plan)))


def _served(plan: Plan) -> list[str]:
    served = [f"HTTP {plan.http}"]
    if plan.radius is not None:
        served.append(f"RADIUS {plan.radius.auth} and {plan.radius.accounting}")
    if plan.diameter is not None:
        served.append(f"Diameter {plan.diameter.listen} as {plan.diameter.settings.origin_host}")
    if plan.sip is not None:
        served.append(f"SIP {plan.sip.listen}")
    return served
