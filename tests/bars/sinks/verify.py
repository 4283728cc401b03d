"""What the stand-ins of AWS and Google verify: signatures of version 4, and JWTs signed with RSA. Written from the
public descriptions, with nothing of Vanus."""

import base64
import hashlib
import hmac
import json
import subprocess
import tempfile
import urllib.parse

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEY_ID = "AKIDEXAMPLE"


def aws_problem(method, path, headers, body, region, service):
    """What is wrong with a signed request; nothing if it is right."""
    headers = {name.lower(): value.strip() for name, value in headers.items()}
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        return "no signature of version 4"
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    key_id, day, *scope = fields["Credential"].split("/")
    if (key_id, scope) != (KEY_ID, [region, service, "aws4_request"]):
        return f"wrong scope {fields['Credential']}"
    time = headers.get("x-amz-date", "")
    if not time.startswith(day):
        return "the day is not that of the request"
    names = fields["SignedHeaders"].split(";")
    if "host" not in names or "x-amz-date" not in names:
        return "host and time are not signed"
    path, _, query = path.partition("?")
    canonical = "\n".join(
        [
            method,
            urllib.parse.quote(path, safe="/-_.~"),
            "&".join(sorted(query.split("&"))) if query else "",
            *(f"{name}:{' '.join(headers[name].split())}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", time, "/".join([day, *scope]), hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = ("AWS4" + SECRET).encode()
    for part in [day, *scope]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, fields["Signature"]):
        return "the signature is not that of this request"
    return None


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class RsaKey:
    """A key pair of openssl."""

    def __init__(self, folder):
        self.private, self.public = folder / "private.pem", folder / "public.pem"
        made = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.private]
        subprocess.run(made, check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "pkey", "-in", self.private, "-pubout", "-out", self.public], check=True)

    def claims(self, jwt):
        """The claims of a JWT that this key has signed; nothing if it has not."""
        signed, _, signature = jwt.rpartition(".")
        if json.loads(decoded(signed.split(".")[0])).get("alg") != "RS256":
            return None
        with tempfile.NamedTemporaryFile() as file:
            file.write(decoded(signature))
            file.flush()
            command = ["openssl", "dgst", "-sha256", "-verify", self.public, "-signature", file.name]
            done = subprocess.run(command, input=signed.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return json.loads(decoded(signed.split(".")[1])) if done.returncode == 0 else None
