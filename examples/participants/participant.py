#!/usr/bin/env python3
"""A remote participant of Ouroboros with nothing but Python's standard library and a socket.

It takes the hook events it is registered for (`ouroboros participant add NAME`), decides each by rules or by a command,
publishes the verdict, waits until that is stored, and only then acknowledges the event. README.md beside this file has
the protocol in one page.

    participant.py --server nats://nats.example.com:4222 --name ci --refuse-if 'data.new_image.tags=:nightly$'
    participant.py --server nats://nats.example.com:4222 --name ci --command './may-update.sh'

A command gets the event as JSON on standard input. Its exit code decides, as with hook scripts: 0 proceeds, 75 and 21
defer, everything else refuses; the end of its standard error is the reason.
"""
import argparse
import collections
import datetime
import itertools
import json
import os
import queue
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid

STREAM = "OUROBOROS_HOOKS"
DEFERRING = (75, 21)
REASON_BYTES = 10 * 1024
REMEMBERED = 1000
PULL_S = 30  # how long the server keeps a request for the next event
REQUEST_S = 5
MAX_S = 3600  # after so long nobody is waited for, whatever he tells: --max of `participant add`
SILENCE_S = 10  # after so long without a word the server is pinged; after twice as long it counts as gone


def main():
    options = read_options()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    answers = Answers(options)
    servers = itertools.cycle(options.server.split(","))
    pause = 0.25
    while True:
        try:
            with Connection(next(servers), options) as nats:
                tell(f"connected to {nats.address} as {options.name}")
                pause = 0.25
                take_events(nats, options, answers)
                return
        except (OSError, ssl.SSLError) as error:
            tell(f"no connection to NATS: {error}; trying again")
            time.sleep(pause)
            pause = min(pause * 2, 5)


def stop(number, _frame):
    # A second signal must not disturb the tidying up.
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


def tell(text):
    print(text, file=sys.stderr, flush=True)


# --- the work of a participant -----------------------------------------------------------------------------------


def take_events(nats, options, answers):
    """Pull, decide, publish the verdict, wait until it is stored, acknowledge. Returns after one event with --once."""
    while True:
        delivery = pull(nats, f"{STREAM}.gate_{token(options.name)}")
        if delivery is None:
            continue
        _, _, host, hook, _, event_id = delivery.subject.split(".")
        try:
            event = read_event(delivery.body)
        except ValueError as error:
            tell(f"{delivery.subject} is given up: {error}")
            nats.publish(delivery.reply, b"+TERM")
            continue
        if is_late(event, delivery, options.late_after):
            tell(f"{event_id} came too late: nobody waits for its answer any more")
            nats.request(delivery.reply, b"+ACK")
            continue
        try:
            outcome = answers.to(event_id, event, hook, lambda: still_at_it(nats, options, delivery, host, event_id))
        except SystemExit:
            nats.publish(delivery.reply, b"-NAK")  # to be delivered again, to whoever comes next
            raise
        verdict_subject = f"ouroboros.verdict.{host}.{token(options.name)}.{event_id}"
        sequence = publish_verdict(nats, verdict_subject, outcome["verdict"])
        nats.request(delivery.reply, b"+ACK")
        report(options, event, hook, {**outcome.pop("verdict"), **outcome, "sequence": sequence})
        if options.once:
            return


def is_late(event, delivery, late_after):
    """It was published while this program was off: its update is over, and the command would act for nothing."""
    try:
        published = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    except (KeyError, AttributeError, ValueError):
        return False
    # $JS.ACK.<stream>.<consumer>.<times delivered>…, with two more words before the stream where there is a domain.
    words = delivery.reply.split(".")
    again = int(words[-5]) > 1 if len(words) in (9, 11, 12) and words[-5].isdigit() else False
    limit = max(late_after, MAX_S) if again else late_after  # what was in hand before may have told that it goes on
    return (datetime.datetime.now(datetime.timezone.utc) - published).total_seconds() > limit


def read_event(body):
    event = json.loads(body)
    if not (isinstance(event, dict) and isinstance(event.get("data"), dict) and "id" in event):
        raise ValueError("it is no CloudEvent")
    return event


def pull(nats, consumer):
    """The next event, or None if there was none for a while."""
    request = {"batch": 1, "expires": PULL_S * 1_000_000_000}
    answer = nats.request(f"$JS.API.CONSUMER.MSG.NEXT.{consumer}", json.dumps(request).encode(), PULL_S + REQUEST_S)
    if answer is None or answer.status in (404, 408):  # none there, none within the time
        return None
    if answer.status is None:
        return answer
    nats.tell_once(f"{consumer} does not answer ({answer.status}): was the participant added? Asking again")
    time.sleep(1)
    return None


def publish_verdict(nats, subject, verdict):
    """Until the stream has it. A verdict sent twice does no harm: the first one counts."""
    while True:
        answer = nats.request(subject, json.dumps(verdict).encode())
        stored = json.loads(answer.body or b"{}") if answer is not None and answer.status is None else {}
        if "seq" in stored:
            return stored["seq"]
        if "error" in stored:
            tell(f"the verdict was not taken: {stored['error']['description']}")
        time.sleep(0.5)


def still_at_it(nats, options, delivery, host, event_id):
    """Keeps the event ours, and the updater waiting."""
    try:
        nats.publish(delivery.reply, b"+WPI")
        nats.publish(f"ouroboros.progress.{host}.{token(options.name)}.{event_id}", b"{}")
    except OSError:
        pass  # the verdict is remembered and sent when the event comes again


class Answers:
    """Decides each event once; one that is delivered again is answered from memory."""

    def __init__(self, options):
        self.options = options
        self.known = collections.OrderedDict()

    def to(self, event_id, event, hook, progress):
        again = event_id in self.known
        began = time.monotonic()
        if not again:
            self.known[event_id] = decide(self.options, event, hook, progress)
        if len(self.known) > REMEMBERED:
            self.known.popitem(last=False)
        took = round((time.monotonic() - began) * 1000)
        return {"verdict": self.known[event_id], "again": again, "ms": took}


def decide(options, event, hook, progress):
    for word, rules in (("refuse", options.refuse_if), ("defer", options.defer_if)):
        for path, pattern in rules:
            for value in values_at(event, path.split(".")):
                if pattern.search(value):
                    return {"verdict": word, "reason": f"{path} is {value}"}
    if options.command is None:
        return {"verdict": "proceed"}
    return run_command(options, event, hook, progress)


def values_at(value, path):
    """What is at a.b.c, as text; in a list any of its items, in `*` any of an object's values."""
    if isinstance(value, list):
        return [found for item in value for found in values_at(item, path)]
    if not path:
        return [] if value is None else [value if isinstance(value, str) else json.dumps(value)]
    if not isinstance(value, dict):
        return []
    if path[0] == "*":
        return [found for item in value.values() for found in values_at(item, path[1:])]
    # Label names hold dots themselves: the longest name that fits goes first.
    for end in range(len(path), 0, -1):
        if ".".join(path[:end]) in value:
            return values_at(value[".".join(path[:end])], path[end:])
    return []


def run_command(options, event, hook, progress):
    data = event["data"]
    environment = {
        **os.environ,
        "OUROBOROS_HOOK": hook,
        "OUROBOROS_HOST": data.get("host", ""),
        "OUROBOROS_RUN": data.get("run", ""),
        "OUROBOROS_MODE": data.get("mode", ""),
        "OUROBOROS_EVENT_ID": event["id"],
        "OUROBOROS_CONTAINER_NAME": event.get("subject", ""),
    }
    for secret in ("NATS_PASSWORD", "NATS_TOKEN"):
        environment.pop(secret, None)
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
        given.write(json.dumps(event).encode())
        given.seek(0)
        process = subprocess.Popen(
            options.command,
            shell=True,
            stdin=given,
            stdout=sys.stderr,  # our own output may be read by a program
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
        try:
            code = wait_for(process, options, progress)
        finally:
            kill_group(process)
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - REASON_BYTES))
        said = errors.read().decode(errors="replace").strip()
    if said:
        tell(said)
    return verdict_of(code, said, options)


def wait_for(process, options, progress):
    """The exit code, negative for a signal; None where it ran out of time."""
    deadline = time.monotonic() + options.timeout
    while True:
        left = deadline - time.monotonic()
        try:
            return process.wait(timeout=max(0, min(options.progress_every, left)))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= deadline:
                return None
            progress()


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def verdict_of(code, said, options):
    if code == 0:
        return {"verdict": "proceed", **({"reason": said} if said else {})}
    if code in DEFERRING:
        return {"verdict": "defer", "reason": said or f"exit code {code}"}
    if code is None:
        how = f"still running after {options.timeout:g} s"
    else:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return {"verdict": "refuse", "reason": f"{how}: {said}" if said else how}


def report(options, event, hook, outcome):
    host, container = event["data"].get("host"), event.get("subject")
    if options.json:
        line = {"event": event["id"], "hook": hook, "host": host, "container": container, **outcome}
        print(json.dumps(line), flush=True)
    else:
        reason = f" ({outcome['reason']})" if "reason" in outcome else ""
        print(" ".join(filter(None, [host, hook, container])) + f": {outcome['verdict']}{reason}", flush=True)


def token(text):
    """A name as one token of a subject: other bytes than [A-Za-z0-9_-] become =XX."""
    return "".join(
        chr(byte) if re.match(r"[A-Za-z0-9_-]", chr(byte)) else f"={byte:02X}" for byte in text.encode()
    )


# --- NATS, as much of it as this takes: https://docs.nats.io/reference/reference-protocols/nats-protocol ------------


class Message:
    def __init__(self, subject, reply, headers, body):
        self.subject, self.reply, self.body = subject, reply, body
        line = headers.split(b"\r\n", 1)[0].split()  # b"NATS/1.0 503": a status of the server's
        self.status = int(line[1]) if len(line) > 1 else None


class Connection:
    """A thread reads; what it gets is for whoever waits in `request`."""

    def __init__(self, server, options):
        url = urllib.parse.urlsplit(server if "//" in server else f"nats://{server}")
        self.address = f"{url.hostname}:{url.port or 4222}"
        self.buffer = bytearray()
        self.arrived = queue.Queue()
        self.using_socket = threading.Lock()  # TLS cannot be read and written at once
        self.told = None
        self.socket = socket.create_connection((url.hostname, url.port or 4222), timeout=SILENCE_S)
        try:
            self._greet(url, options)
        except BaseException:
            self.socket.close()
            raise
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def publish(self, subject, body, reply=""):
        head = f"PUB {subject} {reply} {len(body)}\r\n".encode()
        self._send(head + body + b"\r\n")

    def tell_once(self, text):
        if text != self.told:
            tell(text)
        self.told = text

    def request(self, subject, body, timeout=REQUEST_S):
        """Publishes; gives the answer, or None if there was none in time. @raise OSError where the connection is gone."""
        answer_to = f"{self.inbox}.{uuid.uuid4().hex}"
        self._send(f"SUB {answer_to} {answer_to[-32:]}\r\n".encode())
        try:
            self.publish(subject, body, answer_to)
            return self._answer(answer_to[-32:], time.monotonic() + timeout)
        finally:
            self._send(f"UNSUB {answer_to[-32:]}\r\n".encode())

    def _answer(self, subscription, deadline):
        while True:
            try:
                arrived, message = self.arrived.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if message is None:
                self.arrived.put((None, None))
                raise ConnectionError("the connection was closed")
            if arrived == subscription:  # else the late answer to an earlier request
                return message

    def _greet(self, url, options):
        info = json.loads(self._line().partition(b" ")[2])
        if url.scheme == "tls" or options.tls or options.ca or info.get("tls_required"):
            context = ssl.create_default_context(cafile=options.ca)
            if options.cert:
                context.load_cert_chain(options.cert, options.key)
            self.socket = context.wrap_socket(self.socket, server_hostname=url.hostname)
        user = options.user or (urllib.parse.unquote(url.username) if url.username else None)
        password = options.password or (urllib.parse.unquote(url.password) if url.password else None)
        # Each user may listen in an inbox of its own only.
        self.inbox = f"{options.inbox_prefix or (f'_INBOX_{user}' if user else '_INBOX')}.{uuid.uuid4().hex}"
        hello = {"verbose": False, "pedantic": False, "lang": "python", "version": "1", "name": options.name}
        hello.update({"headers": True, "no_responders": True})
        hello.update({"user": user, "pass": password} if user else {"auth_token": options.token} if options.token else {})
        self._send(b"CONNECT " + json.dumps(hello).encode() + b"\r\nPING\r\n")
        answer = self._line()
        while answer.startswith(b"INFO"):
            answer = self._line()
        if answer != b"PONG":
            raise ConnectionError(answer.decode(errors="replace"))

    def _send(self, data):
        with self.using_socket:
            self.socket.sendall(data)

    def _read(self):
        try:
            while True:
                self._take(self._line())
        except (OSError, ValueError, IndexError):
            self.arrived.put((None, None))

    def _take(self, line):
        words = line.decode().split(" ")
        if words[0] == "PING":
            self._send(b"PONG\r\n")
        elif words[0] == "-ERR":
            tell(f"NATS: {line.decode()}")
        elif words[0] in ("MSG", "HMSG"):
            # MSG subject subscription [reply] size; HMSG subject subscription [reply] size-of-headers size
            sizes = 1 if words[0] == "MSG" else 2
            reply = words[3] if len(words) == 4 + sizes else ""
            data = self._exactly(int(words[-1]) + 2)[:-2]
            end_of_headers = int(words[-2]) if sizes == 2 else 0
            message = Message(words[1], reply, data[:end_of_headers], data[end_of_headers:])
            self.arrived.put((words[2], message))

    def _line(self):
        while b"\r\n" not in self.buffer:
            self._fill()
        line, _, rest = bytes(self.buffer).partition(b"\r\n")
        self.buffer[:] = rest
        return line

    def _exactly(self, size):
        while len(self.buffer) < size:
            self._fill()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def _fill(self):
        if not self._readable():
            self._send(b"PING\r\n")
            if not self._readable():
                raise ConnectionError("the server does not answer")
        with self.using_socket:
            data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.buffer += data

    def _readable(self):
        waiting = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0
        return waiting or bool(select.select([self.socket], [], [], SILENCE_S)[0])


# --- the command line --------------------------------------------------------------------------------------------


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--server", default=os.environ.get("NATS_URL", "nats://127.0.0.1:4222"), help="one or more URLs, separated by commas; NATS_URL by default")
    add("--name", required=True, help="the name it was added under")
    add("--user", default=os.environ.get("NATS_USER"), help="NATS_USER by default")
    add("--password", default=os.environ.get("NATS_PASSWORD"), help="better given as NATS_PASSWORD")
    add("--token", default=os.environ.get("NATS_TOKEN"), help="better given as NATS_TOKEN")
    add("--tls", action="store_true", help="also if the server does not ask for it")
    add("--ca", help="file with the CA certificates to trust")
    add("--cert", help="file with the client certificate")
    add("--key", help="file with its key")
    add("--inbox-prefix", help="where answers go; _INBOX_USER by default")
    add("--refuse-if", action="append", default=[], type=rule, metavar="PATH=REGEX", help="e.g. data.new_image.tags=:nightly$")
    add("--defer-if", action="append", default=[], type=rule, metavar="PATH=REGEX")
    add("--command", help="run by the shell for each event that no rule decides")
    add("--timeout", type=float, default=600, metavar="S", help="how long the command may run")
    add("--progress-every", type=float, default=5, metavar="S", help="how often to tell that it is still at it")
    add("--late-after", type=float, default=600, metavar="S", help="an event that comes so late is left alone: its time is over (--timeout of `participant add`)")
    add("--once", action="store_true", help="end after one event")
    add("--json", action="store_true", help="print one JSON line per event")
    options = parser.parse_args()
    if not (options.user or options.token) and ("NATS_NKEY" in os.environ or "NATS_NKEY_FILE" in os.environ):
        parser.error("it cannot use an nkey: write the user with `nats-config write --with-password`, and set NATS_USER and NATS_PASSWORD")
    return options


def rule(text):
    path, equals, pattern = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("expected PATH=REGEX")
    return path, re.compile(pattern)


if __name__ == "__main__":
    main()
