"""Processes that are kept running, and their logs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import children
from deploy.bound import bound
from deploy.broker import free_port
from deploy.children import Child, Log, how_it_ended
from deploy.local import Options
from deploy.probes import PortTaken, Remembered, serve_probes

PATIENCE_SECONDS = 30.0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_log_has_a_bound_and_loses_the_oldest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "LOG_BYTES_MAX", 10)
    log = Log(tmp_path / "x.log")
    for number in range(9):
        log.write(b"line %d\n" % number)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "x.log": "line 8\n",
        "x.log.1": "line 7\n",
        "x.log.2": "line 6\n",
    }
    assert log.tail() == ["line 8"]
    log.close()


def test_a_log_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LOG_BYTES_MAX", 10)
    (tmp_path / "x.log").write_text("before\n")
    log = Log(tmp_path / "x.log")
    log.write(b"after\n")
    log.close()
    assert (tmp_path / "x.log.1").read_text() == "before\n"


def test_a_child_that_ends_is_started_again_and_both_are_said(tmp_path: Path) -> None:
    said: list[str] = []
    log = Log(tmp_path / "c.log")
    child = Child("channels", ["channels"], "", log, said.append, os.environ)
    child.start()
    until(lambda: not child.runs)
    child.keep()
    until(lambda: "shopify" in (tmp_path / "c.log").read_text())
    assert (child.restarts, child.ended_with) == (1, 0)
    assert said == [f"channels ended with status 0; restart 1 in 0.5 s ({tmp_path / 'c.log'})"]
    while child.process is None:
        child.keep()
        time.sleep(0.02)
    child.end()
    log.close()


def test_ends_are_named() -> None:
    assert how_it_ended(70) == "ended with status 70"
    assert how_it_ended(-9) == "was ended by SIGKILL"
    assert how_it_ended(-63) == "was ended by signal 63"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it on Linux only")
def test_a_bound_child_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    grandchild = f"import os,time; open({str(told)!r},'w').write(str(os.getpid())); time.sleep(60)"
    parent = (
        "import signal,subprocess,sys,time; from deploy.bound import bound\n"
        f"subprocess.Popen(bound([sys.executable, '-c', {grandchild!r}], signal.SIGKILL))\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    until(lambda: told.exists() and told.read_text() != "")
    pid = int(told.read_text())
    process.kill()
    process.wait(PATIENCE_SECONDS)
    until(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    try:
        # A process that nobody has collected yet is a zombie, and ended all the same.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it on Linux only")
def test_a_bound_child_whose_parent_is_gone_already_does_not_start() -> None:
    command = bound([sys.executable, "-c", "print('started')"], signal.SIGKILL)
    command[command.index(str(os.getpid()))] = "1"
    found = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert (found.returncode, found.stdout) == (1, b"")


def test_every_port_of_up_names_its_flag(tmp_path: Path) -> None:
    options = Options(tmp_path, "127.0.0.1", "", 2, "", 9492, 8470, 8471, 8472, 8480)
    assert options.ports() == {
        8468: "--locations-port",
        8470: "--dashboard-port",
        8471: "--intake-port",
        8472: "--levels-port",
        8475: "--api-port",
        8480: "--probe-port",
        8481: "--probe-port",
        8482: "--probe-port",
    }


def test_ready_tells_the_truth_and_a_taken_port_is_one_line() -> None:
    why = ["Kafka does not answer"]
    port = free_port("127.0.0.1")
    server = serve_probes("127.0.0.1", port, lambda: why[0])
    try:
        assert status(f"http://127.0.0.1:{port}/ready") == 503
        assert status(f"http://127.0.0.1:{port}/health") == 200
        why[0] = ""
        assert status(f"http://127.0.0.1:{port}/ready") == 200
        assert status(f"http://127.0.0.1:{port}/nothing") == 404
        with pytest.raises(PortTaken, match=f"port {port} .* --port"):
            serve_probes("127.0.0.1", port, lambda: "")
    finally:
        server.shutdown()
        server.server_close()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_many_who_ask_at_once_cost_one_answer() -> None:
    calls: list[int] = []

    def ask() -> str:
        calls.append(1)
        return ""

    check = Remembered(ask)
    assert [check() for _ in range(20)] == [""] * 20
    assert len(calls) <= 2
