"""The bench itself still runs: real processes, few messages, no figure judged."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.processes import ROOT

pytestmark = pytest.mark.chaos


def bench(*line: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *line, "--json"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("OUTBOX_")}
        | {"BENCH_HASTE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_a_few_hundred_messages_are_sent_while_their_webhooks_come_back() -> None:
    line = ("--database", "sqlite", "--latency", "0.01-0.02", "--count", "300", "--webhooks")
    [row] = bench("throughput", *line)
    assert row["count"] == 300 and row["per_second"] > 0 and row["read_per_second"] > 0
    assert row["worker_cpu"] > 0 and row["gateway_cpu"] > 0 and row["peak_mb"] > 20


def test_the_designs_that_it_is_compared_with_send_everything_too() -> None:
    line = ("--database", "sqlite", "--count", "200", "--naive-count", "50")
    rows = bench("comparison", *line)
    assert [row["design"] for row in rows] == ["bare", "outbox", "naive"]
    assert rows[0]["of_bare"] == rows[2]["times_naive"] == 1


def test_a_claim_is_timed_on_a_small_and_on_a_large_table() -> None:
    small, large = bench("claim", "--database", "sqlite", "--rows", "3000")
    assert (small["rows"], large["rows"]) == (10_000, 13_000)
    assert small["times_small"] == 1 and large["p50_ms"] > 0


def test_a_download_is_timed_beside_somebody_elses_requests() -> None:
    [row] = bench("export", "--database", "sqlite", "--rows", "2000")
    assert row["rows"] == 2000 and row["per_second"] > 0 and row["server_mb"] > 50
    assert row["others_p95"] > 0


def test_a_file_is_checked_and_stored_while_another_number_sends() -> None:
    [row] = bench("load", "--database", "sqlite", "--rows", "500")
    assert row["rows"] == 500 and row["check_s"] > 0 and row["store_s"] > 0
    assert row["fullest_second"] <= 80


def test_operators_walk_their_pages_and_nothing_breaks() -> None:
    crowd = ("--operators", "2", "--minutes", "0.01", "--pause", "0.02", "--browser", "0")
    *pages, whole = bench("pages", "--database", "sqlite", "--messages", "5000", *crowd)
    walked = {row["page"] for row in pages}
    assert {"Overview", "Next →", "Tick a row", "A message", "Accounts"} <= walked
    assert {"Hold a message", "Release a message", "Schedule", "Many", "A template"} <= walked
    assert whole["errors"] == 0 and whole["run_cpu_ms"] > 0 and whole["first_mb"] > 50
