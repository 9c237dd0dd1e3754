"""Holds the dashboard and the alert rules against the metrics that clup has."""

import json
import pathlib
import re
import sys

METRICS = {
    "clup_build_info", "clup_sync_total", "clup_sync_duration_seconds", "clup_stack_info", "clup_stack_healthy",
    "clup_stack_pinned", "clup_stack_held", "clup_stack_drift", "clup_commits_behind",
    "clup_last_success_timestamp_seconds", "clup_last_poll_timestamp_seconds", "clup_repository_reachable",
    "clup_engine_reachable", "clup_sync_running", "clup_drift_repairs_total", "clup_webhook_requests_total",
    "clup_checkout_writable", "clup_write_failures_total", "process_start_time_seconds", "process_resident_memory_bytes",
    "clup_waiting_timestamp_seconds", "clup_config_last_reload_successful", "clup_waivers_ending",
    "clup_baseline_findings",
}  # fmt: skip

directory = pathlib.Path(sys.argv[1])
board = json.loads((directory / "dashboard.json").read_text())
rules = (directory / "clup.rules.yml").read_text()
problems = []


def names(text):
    found = re.findall(r"\b(?:clup|process)_[a-z_]+", text)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


shown = set()
for panel in board["panels"]:
    if not panel["targets"] or not panel["title"] or not panel["description"]:
        problems.append(f"panel {panel['id']} lacks a title, a description or a query")
    for target in panel["targets"]:
        shown |= names(target["expr"])
        if target["datasource"]["uid"] != "${datasource}":
            problems.append(f"{panel['title']}: a query names a data source of its own")
if len({panel["id"] for panel in board["panels"]}) != len(board["panels"]):
    problems.append("two panels have one id")
cells = set()
for panel in board["panels"]:
    place = panel["gridPos"]
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            if (x, y) in cells or x >= 24:
                problems.append(f"{panel['title']} lies over another panel or the edge")
            cells.add((x, y))
problems += [f"no panel shows {name}" for name in sorted(METRICS - shown)]
problems += [f"the dashboard asks for {name}" for name in sorted(shown - METRICS)]
asked = {name for line in re.findall(r"expr:.*(?:\n {10}.*)*", rules) for name in names(line)}
problems += [f"a rule asks for {name}" for name in sorted(asked - METRICS)]
readme = (directory / "README.md").read_text()
problems += [f"README.md does not name {name}" for name in re.findall(r"alert: (\w+)", rules) if name not in readme]
print("\n".join(dict.fromkeys(problems)))
sys.exit(bool(problems))
