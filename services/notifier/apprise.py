"""Hands notifications to Apprise. One JSON object on standard input, one on standard output; nothing secret on a command line.

{"check": [URL, ...]}                                -> {"known": [true, ...]}
{"url": URL, "title": ..., "body": ..., "type": ...} -> {"ok": true} or {"ok": false, "because": ...}
"""
import json
import logging
import sys


class LastWords(logging.Handler):
    """Keeps what Apprise says when it fails."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.words = []

    def emit(self, record):
        self.words.append(record.getMessage())


def main():
    asked = json.load(sys.stdin)
    try:
        import apprise
    except ImportError:
        return {"missing": True}
    heard = LastWords()
    logging.getLogger("apprise").addHandler(heard)
    logging.getLogger("apprise").propagate = False
    asset = apprise.AppriseAsset(app_id="Ouroboros", app_desc="Ouroboros")
    if "check" in asked:
        return {"known": [apprise.Apprise(asset=asset).add(url) for url in asked["check"]]}
    target = apprise.Apprise(asset=asset)
    if not target.add(asked["url"]):
        return {"ok": False, "because": "Apprise does not know such a URL"}
    ok = target.notify(
        title=asked["title"], body=asked["body"], notify_type=asked["type"], body_format=apprise.NotifyFormat.TEXT
    )
    return {"ok": True} if ok else {"ok": False, "because": "; ".join(heard.words[-2:]) or "it was not delivered"}


output = sys.stdout
sys.stdout = sys.stderr  # whatever a plugin prints is no answer
json.dump(main(), output)
