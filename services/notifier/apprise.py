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
    request = json.load(sys.stdin)
    try:
        import apprise
    except ImportError:
        return {"missing": True}
    last_words = LastWords()
    logging.getLogger("apprise").addHandler(last_words)
    logging.getLogger("apprise").propagate = False
    asset = apprise.AppriseAsset(app_id="Ouroboros", app_desc="Ouroboros")
    if "check" in request:
        return {"known": [apprise.Apprise(asset=asset).add(url) for url in request["check"]]}
    target = apprise.Apprise(asset=asset)
    if not target.add(request["url"]):
        return {"ok": False, "because": "Apprise does not know such a URL"}
    if "overflow=" not in request["url"]:
        for plugin in target:
            plugin.overflow_mode = "split"  # else what is too long for the service is refused for good
    ok = target.notify(
        title=request["title"], body=request["body"], notify_type=request["type"], body_format=apprise.NotifyFormat.TEXT
    )
    return {"ok": True} if ok else {"ok": False, "because": "; ".join(last_words.words[-2:]) or "it was not delivered"}


output = sys.stdout
sys.stdout = sys.stderr  # whatever a plugin prints is no answer
json.dump(main(), output)
