"""The stream application as a process: Faust's worker around the rooms that it is given."""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import faust

from schemas.messages import Room
from streams.engine.settings import Settings
from streams.engine.worker import application

GC_THRESHOLDS = (50_000, 20, 1_000)
"""Records hold no cycles, so almost all garbage goes without the collector; its defaults spend a
seventh of a busy worker's time walking the cached states."""


class JsonLines(logging.Formatter):
    """One JSON object a line, so that logs can be searched by field."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Structured logs of this process, with the libraries' chatter left out."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[output], force=True)
    for chatty in ("aiokafka", "faust", "mode", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def run(rooms: Sequence[Room], settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; exits with 70 when it must be started again."""
    log_to_stderr()
    (settings.state_directory / settings.instance).mkdir(parents=True, exist_ok=True)
    app = application(rooms, settings)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    faust.Worker(
        app,
        loglevel=None,
        redirect_stdouts=False,
        override_logging=False,
    ).execute_from_commandline()
