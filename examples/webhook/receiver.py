#!/usr/bin/env python3
"""An HTTP endpoint for `ouroboros webhook` with nothing but Python's standard library.

It verifies the signature, refuses what has the label hold=true, puts the rest off at night, and lets all else pass.

    WEBHOOK_SECRET=… receiver.py 8080
"""
import base64
import datetime
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["WEBHOOK_SECRET"]
NIGHT = range(*map(int, os.environ.get("NIGHT", "0-6").split("-")))
OLDEST_S = 300


def is_genuine(headers, body):
    """Standard Webhooks: HMAC-SHA256 over id.timestamp.body, in base64 behind `v1,`."""
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > OLDEST_S:
        return False
    key = base64.b64decode(SECRET[len("whsec_") :]) if SECRET.startswith("whsec_") else SECRET.encode()
    signed = f"{headers.get('webhook-id', '')}.{stamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected, one) for one in given)


def decide(event):
    """A status, a reason, and headers."""
    if "verdictsubject" not in event:  # with --hears: what is over, and no question
        print(event["data"].get("name", "the run"), event["data"].get("end", "is over"), flush=True)
        return 204, "", {}
    data = event["data"]
    container = data.get("old_container") or data.get("service") or {}
    if container.get("labels", {}).get("hold") == "true":
        return 409, "it has the label hold=true", {}
    now = datetime.datetime.now()
    if now.hour in NIGHT:
        return 503, "not at night", {"Retry-After": str((NIGHT.stop - now.hour) * 3600)}
    return 204, "", {}


class Receiver(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if is_genuine(self.headers, body):
            status, reason, headers = decide(json.loads(body))
        else:
            status, reason, headers = 401, "wrong signature", {}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reason.encode())))
        self.end_headers()
        self.wfile.write(reason.encode())


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
