"""Asks croniter for the cases of the table on standard input that should be the same; prints those
that are not, and how many were asked. `time-6` runs it where croniter is installed."""

import datetime
import sys
import zoneinfo

from croniter import croniter


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


asked = different = 0
for line in sys.stdin.read().splitlines():
    cron, zone, after, occurrences, same = line.split("\t")
    if same != "same":
        continue
    zone = zoneinfo.ZoneInfo(zone)
    expected = [moment(text) for text in occurrences.split(" ")]
    answers = croniter(cron, moment(after).astimezone(zone), second_at_beginning=True)
    answered = [answers.get_next(datetime.datetime) for _ in expected]
    asked += 1
    if [at.timestamp() for at in answered] != [at.timestamp() for at in expected]:
        different += 1
        print(f"different: {line}: {[at.isoformat() for at in answered]}")
print(f"asked={asked} different={different}")
