"""The page of benchmarks. Each bar keeps what it measured as JSON under docs/benchmarks/, row by row; the
page is made of that and of docs/benchmarks-notes.md, so that one row can be measured again without the others."""

import datetime
import json
import os
import platform

from common import ROOT, Short, say

PAGE = ROOT / "docs" / "benchmarks.md"
KEPT = ROOT / "docs" / "benchmarks"
NOTES = ROOT / "docs" / "benchmarks-notes.md"
FLAMES = ROOT / "docs" / "flames"
PARTS = {
    "storage-1": "Goals",
    "storage-2": "How cost grows",
    "triggers-4": "Subscriptions: matching and transforming",
    "triggers-5": "Subscriptions: delivery",
}


class Section:
    """What one measurement says: goals with their figures, and tables."""

    def __init__(self, title):
        self.title, self.goals, self.tables, self.notes = title, [], [], []

    def goal(self, goal, figure, met):
        self.goals.append({"goal": goal, "figure": figure, "met": bool(met)})

    def table(self, columns, rows):
        self.tables.append({"columns": columns, "rows": [[cell(value) for value in row] for row in rows]})

    def note(self, text):
        self.notes.append(text)

    def missed(self):
        return [goal for goal in self.goals if not goal["met"]]


def cell(value):
    if value is None:
        return "–"
    return number(value) if isinstance(value, (int, float)) else str(value)


def number(value, unit=""):
    if value is None:
        return "–"
    if value >= 100 or value == int(value):
        return f"{value:,.0f}{unit}"
    return f"{value:.1f}{unit}" if value >= 10 else f"{value:.2f}{unit}"


def measure_all(bar, measures, chosen, full):
    """Runs the measurements chosen, keeps what they say, and writes the page anew; answers all sections."""
    unknown = set(chosen) - set(measures)
    if unknown:
        raise Short(f"{bar} has no {', '.join(sorted(unknown))}; it has {', '.join(measures)}")
    sections = {}
    for key in chosen:
        say(f"{bar} {key} …")
        section = sections[key] = measures[key]()
        for goal in section.goals:
            say(f"{key}: {goal['figure']} ({'met' if goal['met'] else 'missed'}: {goal['goal']})")
        for table in section.tables:
            for row in table["rows"]:
                say(f"{key}: {' | '.join(row)}")
        keep(bar, key, section, full)
    write()
    return sections


def keep(bar, key, section, full):
    path = KEPT / f"{bar}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    kept[key] = {"measured": now, "full": full, "machine": machine(), **vars(section)}
    KEPT.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def machine():
    return f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"


def write():
    """Writes the page from what is kept."""
    kept = {}
    for bar in PARTS:
        path = KEPT / f"{bar}.json"
        kept[bar] = dict(sorted(json.loads(path.read_text()).items(), key=place)) if path.exists() else {}
    sections = [section for part in kept.values() for section in part.values()]
    times = sorted(section["measured"] for section in sections)
    machines = sorted({section["machine"] for section in sections})
    lines = [
        "# Benchmarks",
        "",
        f"Written by {', '.join(f'`tests/bars/{bar}`' for bar in PARTS)} from what they measured "
        f"(docs/benchmarks/), {times[0]} to {times[-1]}, on {'; '.join(machines)}.",
        "",
        "Servers and load generators share the cores, and other work may have run beside. So read ratios, not "
        "absolute figures: within each section everything is measured in turn, ours, peer, ours, peer, in the same "
        "minutes, and each figure is the median of three unless it says otherwise. Payload 1 KB (1,024 bytes), one "
        "publisher, one stream, where nothing else is said. Peers are Debian's nats-server (JetStream, file store) "
        "and redis-server (streams, append-only file); their load generators keep 1,024 messages on their way. "
        "Limits are the disk and loopback without Vanus, measured in the same section (`vsctl bench disk`, "
        "`vsctl bench loopback`).",
        "",
        "One row is measured again with `tests/bars/storage-1 --only P4`; `--full` measures longer, and with 10 GiB "
        "where it says so. `tests/bars/flame P4` draws where the time of a row goes.",
    ]
    for bar, title in PARTS.items():
        lines += ["", f"## {title}", *summary(kept[bar])]
        for key, section in kept[bar].items():
            lines += detail(key, section)
    if NOTES.exists():
        lines += ["", NOTES.read_text().strip()]
    PAGE.write_text("\n".join(lines) + "\n")


def place(item):
    """Where a section stands: goals by their number, then what has a name."""
    key = item[0]
    return (int(key[1:]) if key[1:].isdigit() else 1000, key)


def summary(sections):
    lines = []
    for key, section in sections.items():
        flames = sorted([*FLAMES.glob(f"{key}.svg"), *FLAMES.glob(f"{key}-*.svg")])
        flame = "".join(f", [flame graph {path.stem}](flames/{path.name})" for path in flames)
        for goal in section["goals"]:
            met = "met" if goal["met"] else f"**missed**{flame}"
            lines.append(f"| {section['title']} | {goal['goal']} | {goal['figure']} | {met} |")
    return ["", "| | goal | figure | |", "|---|---|---|---|", *lines] if lines else []


def detail(key, section):
    size = "full size" if section["full"] else "quick size"
    lines = ["", f"### {section['title']}", "", f"Measured {section['measured']}, {size}."]
    for table in section["tables"]:
        lines += ["", f"| {' | '.join(table['columns'])} |", "|---" * len(table["columns"]) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in table["rows"]]
    for note in section["notes"]:
        lines += ["", note]
    return lines
