"""Publishes and receives with the `cloudevents` package of PyPI: `client.py publish MODE URL` or
`client.py receive`.

What is published or received is printed as the SDK sees it, one line of JSON each.
"""

import base64
import datetime
import http.server
import json
import pathlib
import sys
import threading

import requests
from cloudevents.core.bindings.http import (
    HTTPMessage,
    from_http_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

PRINTING = threading.Lock()
TABLE = pathlib.Path(__file__).with_name("events.json")


def built(mode, row):
    attributes = {
        "specversion": "1.0",
        "id": f"python-{mode}-{row['case']}",
        "source": "https://example.com/bars/python",
        **row["attributes"],
    }
    if mode == "binary":
        # The SDK writes "True" into a header, which is not the canonical form.
        for name, value in attributes.items():
            if isinstance(value, bool):
                attributes[name] = "true" if value else "false"
    # Without a time the SDK takes its own, in microseconds; the SDK of npm only knows milliseconds.
    time = attributes.get("time", "2026-01-02T03:04:05.678+00:00")
    attributes["time"] = datetime.datetime.fromisoformat(time)
    data = row.get("data")
    if data is None:
        return CloudEvent(attributes)
    if "base64" in data:
        return CloudEvent(attributes, base64.b64decode(data["base64"]))
    return CloudEvent(attributes, data.get("json", data.get("text")))


def show(event, made_up=()):
    attributes = {}
    for name, value in event.get_attributes().items():
        if name in made_up:
            continue
        if isinstance(value, datetime.datetime):
            value = value.isoformat()
        elif isinstance(value, bool):
            value = "true" if value else "false"
        attributes[name] = str(value)
    data = event.get_data()
    kind = attributes.get("datacontenttype", "application/json")
    if data is None:
        seen = None
    elif kind == "application/json" or kind.endswith("+json"):
        seen = {"json": data}
    else:
        raw = data.encode() if isinstance(data, str) else bytes(data)
        seen = {"base64": base64.b64encode(raw).decode()}
    with PRINTING:
        print(json.dumps({"attributes": attributes, "data": seen}), flush=True)


def publish(mode, url):
    events = [built(mode, row) for row in json.loads(TABLE.read_text())]
    if mode == "batch":
        # The SDK has no batch of its own; this is its JSON format, in a list.
        body = b"[" + b",".join(JSONFormat().write(event) for event in events) + b"]"
        messages = [HTTPMessage({"content-type": "application/cloudevents-batch+json"}, body)]
    else:
        to_message = {"binary": to_binary_event, "structured": to_structured_event}[mode]
        messages = [to_message(event) for event in events]
    with requests.Session() as session:
        for message in messages:
            answer = session.post(url, headers=message.headers, data=message.body, timeout=30)
            if answer.status_code != 200:
                sys.exit(f"{message} was answered {answer.status_code} {answer.text}")
    for event in events:
        show(event)


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        # An event without a time gets one from the SDK.
        made_up = () if "ce-time" in self.headers else ("time",)
        show(from_http_event(HTTPMessage(dict(self.headers.items()), body)), made_up)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def receive():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


if sys.argv[1] == "publish":
    publish(sys.argv[2], sys.argv[3])
else:
    receive()
