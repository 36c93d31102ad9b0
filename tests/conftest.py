"""What tests of every kind share: one broker for the run, and names of their own on it."""

import os
import uuid
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from deploy.broker import EmbeddedBroker
from tests.pipeline import VAULT_KEY

# How fast an example is drawn or run depends on what else the machine does; no test is timed.
settings.register_profile("check", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("check")
os.environ.setdefault("MILLRACE_VAULT_KEY", VAULT_KEY)  # of every process that a test starts


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """Run one Kafka for the whole run. A test that kills a broker starts one of its own."""
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running


PROCESSES = ("integration", "chaos", "browser")
"""Folders of tests that start processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have everything that starts processes run one after the other, with `-n 2` as well.

    It waits most of its time; meanwhile the other worker runs what needs nothing but a processor.
    """
    for item in items:
        if not {*PROCESSES}.isdisjoint(item.path.parts):
            item.add_marker(pytest.mark.xdist_group("processes"))


def unique(name: str) -> str:
    """Return a topic, group or transactional id that no other test uses."""
    return f"{name}.{uuid.uuid4().hex[:12]}"


@pytest.fixture(name="unique")
def unique_fixture() -> Callable[[str], str]:
    """Give `unique` to tests that prefer a fixture to an import."""
    return unique
