"""A small decoder of CloudEvents over HTTP, written from the specification and used only to judge.

It shares nothing with Vanus. An event is a pair: its attributes as texts, and its data, which is
None, ("json", value) or ("bytes", bytes).
"""

import base64
import datetime
import json
import re

JSON_TYPE = re.compile(r"^[^/;\s]+/(?:[^/;\s]+\+)?json\s*(?:;.*)?$", re.IGNORECASE)
TIME = re.compile(
    r"^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$"
)


class Undecodable(Exception):
    """What came is no CloudEvent."""


def is_json(content_type):
    return content_type is not None and JSON_TYPE.match(content_type) is not None


def percent_decode(text):
    """Decodes a header value exactly once; what it decodes to must be UTF-8."""
    raw = text.encode("latin-1")
    out = bytearray()
    at = 0
    while at < len(raw):
        hexes = raw[at + 1 : at + 3]
        if raw[at] == 0x25 and re.fullmatch(rb"[0-9A-Fa-f]{2}", hexes):
            out.append(int(hexes, 16))
            at += 3
        else:
            out.append(raw[at])
            at += 1
    try:
        return out.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Undecodable(f"header value {text!r} is no UTF-8") from error


def from_binary(headers, body):
    """Decodes a request of the binary mode."""
    attributes = {}
    content_type = None
    for name, value in headers:
        name = name.lower()
        if name == "content-type":
            content_type = value.strip()
        elif name.startswith("ce-"):
            attribute = name[3:]
            if attribute in attributes:
                raise Undecodable(f"header {name} came twice")
            attributes[attribute] = percent_decode(value.strip())
    for required in ("specversion", "id", "source", "type"):
        if not attributes.get(required):
            raise Undecodable(f"no {required} in {headers}")
    if content_type is not None:
        attributes["datacontenttype"] = content_type
    return attributes, data_of(content_type, body, has_data=len(body) > 0)


def from_json(event):
    """Decodes an object of the JSON format."""
    attributes = {}
    data = None
    for name, value in event.items():
        if name == "data":
            content_type = event.get("datacontenttype")
            if content_type is None or is_json(content_type):
                data = ("json", value)
            elif isinstance(value, str):
                data = ("bytes", value.encode())
            else:
                data = ("json", value)
        elif name == "data_base64":
            raw = base64.b64decode(value, validate=True)
            data = data_of(event.get("datacontenttype", "application/octet-stream"), raw, True)
        elif value is not None:
            attributes[name] = text_of(value)
    return attributes, data


def data_of(content_type, body, has_data):
    if not has_data:
        return None
    if content_type is None or is_json(content_type):
        try:
            return ("json", json.loads(body))
        except ValueError:
            pass
    return ("bytes", bytes(body))


def text_of(value):
    """The canonical text of an attribute's value in JSON."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)


def moment(text):
    """A timestamp as (UTC to the second, fraction without trailing zeros), or the text itself."""
    match = TIME.match(text)
    if match is None:
        return text
    date, clock, fraction, sign, hours, minutes = match.groups()
    when = datetime.datetime.fromisoformat(f"{date}T{clock}+00:00")
    if sign:
        offset = datetime.timedelta(hours=int(hours), minutes=int(minutes))
        when = when - offset if sign == "+" else when + offset
    return (when.isoformat(), (fraction or "").rstrip("0"))


def difference(expected, got, implied_json=True):
    """What is different between two events; None if they are equal.

    Timestamps are compared as moments. `implied_json`: data without a content type are JSON, so
    a sender may name that type.
    """
    (wanted, wanted_data), (attributes, data) = expected, got
    wanted, attributes = dict(wanted), dict(attributes)
    if implied_json and wanted_data is not None and "datacontenttype" not in wanted:
        if is_json(attributes.get("datacontenttype")):
            del attributes["datacontenttype"]
    for name in sorted(wanted.keys() | attributes.keys()):
        left, right = wanted.get(name), attributes.get(name)
        same = left == right or (
            left is not None and right is not None and name == "time" and moment(left) == moment(right)
        )
        if not same:
            return f"attribute {name} is {right!r}, not {left!r}"
    if wanted_data != data:
        return f"data are {data!r}, not {wanted_data!r}"
    return None


def without_own(event):
    """The event without the extensions that Vanus adds."""
    attributes, data = event
    return {n: v for n, v in attributes.items() if not n.startswith("xvanus")}, data
