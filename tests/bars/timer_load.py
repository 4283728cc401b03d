"""What the bars of time share: setting many timers over HTTP, and judging what became of them."""

import datetime
import http.client
import json
import random

from common import Short

BATCH = 500
TYPE = "application/cloudevents-batch+json"


def rfc3339(ms):
    """A time in milliseconds since the Unix epoch, as text."""
    seconds, rest = divmod(ms, 1000)
    time = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{rest:03}Z"


def ms(text):
    """The other way round."""
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def events(first, dues):
    """Events that wait until these times; each carries its own as data."""
    return [
        {
            "specversion": "1.0",
            "id": str(first + n),
            "source": "/bar",
            "type": "timer",
            "xvanusdeliverytime": rfc3339(due),
            "data": {"due_ms": due},
        }
        for n, due in enumerate(dues)
    ]


def set_timers(daemon, eventbus, first, dues):
    """Sets timers; those that were acknowledged are answered: {event id: due}."""
    acknowledged = {}
    connection = http.client.HTTPConnection("127.0.0.1", daemon.http, timeout=30)
    path = f"/namespaces/default/eventbus/{eventbus}/events"
    for at in range(0, len(dues), BATCH):
        batch = events(first + at, dues[at : at + BATCH])
        body = json.dumps(batch).encode()
        connection.request("POST", path, body=body, headers={"content-type": TYPE})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status != 200:
            raise Short(f"timers were not set: {answer.status} {told}")
        for event, where in zip(batch, told["events"], strict=True):
            if "timer" in where:
                acknowledged[event["id"]] = event["data"]["due_ms"]
    connection.close()
    return acknowledged


def read(daemon, eventbus):
    """Every event of an eventbus, with the time it was appended."""
    path = f"/api/v1/namespaces/default/eventbuses/{eventbus}"
    found = []
    for log in daemon.must("GET", path)["logs"]:
        offset = log["start_offset"]
        while True:
            query = f"eventlog={log['id']}&offset={offset}&number=5000"
            answer = daemon.must("GET", f"{path}/events?{query}")
            found += [
                (item["event"]["id"], item["event"]["data"]["due_ms"], ms(item["append_time"]))
                for item in answer["events"]
            ]
            if not answer["events"]:
                break
            offset = answer["next_offset"]
    return found


def judge(acknowledged, found):
    """Counts what must not be: timers that were lost, fired twice, early, or that nobody set."""
    times = {}
    early = 0
    for event, due, appended in found:
        times[event] = times.get(event, 0) + 1
        early += appended < due
    lost = sum(1 for event in acknowledged if event not in times)
    twice = sum(1 for count in times.values() if count > 1)
    unknown = sum(1 for event in times if event not in acknowledged)
    return {"lost": lost, "twice": twice, "early": early, "unknown": unknown}


def check_judge(acknowledged, found):
    """The judge is judged: each kind of fault, planted, is found."""
    event, due, appended = random.choice(found)
    others = [item for item in found if item[0] != event]
    planted = {
        "lost": others,
        "twice": [*found, (event, due, appended)],
        "early": [*others, (event, due, due - 1)],
        "unknown": [*found, ("nobody", due, appended)],
    }
    for fault, story in planted.items():
        if judge(acknowledged, story)[fault] == 0:
            raise Short(f"a planted fault was not found: {fault}")
