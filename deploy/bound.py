"""Children that the kernel ends when their parent has been killed (Linux; elsewhere they stay)."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

# PR_SET_PDEATHSIG is 1 (prctl(2)) and survives exec. Set by the child itself and not by a
# preexec_fn, which may deadlock in a process that has threads. The parent may have died before.
_BIND = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, int(sys.argv[1]))
if os.getppid() != int(sys.argv[2]):
    sys.exit("the parent has ended")
os.execvp(sys.argv[3], sys.argv[3:])
"""


def bound(command: Sequence[str], number: signal.Signals) -> list[str]:
    """The command, to be started by the main thread: it gets signal `number` when we are gone."""
    if sys.platform != "linux":
        return list(command)
    python = [sys.executable, "-I", "-S", "-c", _BIND]
    return [*python, str(int(number)), str(os.getpid()), *command]
