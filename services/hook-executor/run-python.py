"""Runs the Python hook scripts of one event, as Ouroboros does: file by file in this process, with locals that they share.

Descriptor 3 is a line-wise conversation with the hook-executor: first comes the event, then `{"file": …}` for each
script, and each is answered with `{"exit", "raised", "verdict"}`. Standard library only; Python 3.9 or newer.

A script's locals are the event's, as docker-py objects where the `docker` package and the Engine are there, else as
plain objects with docker-py's attributes. Its globals are its own: `__name__` is "__main__", and `event`, `refuse`
and `defer` are given. What it raises is told, and the update goes on; SystemExit is its exit code.

The root logger is set up as in Ouroboros 1: at LOG_LEVEL, which is the first argument, and in its format.
"""
import builtins
import json
import logging
import os
import socket
import sys
import traceback

CONTEXT = ("host", "engine_id", "run", "mode", "reason", "asked", "verdicts")  # what every event says beside its hook's locals
ENGINE_TIMEOUT_S = 10
NEEDS_ENGINE = "mount the Docker socket into the hook-executor (and install Python's docker package)"
NEEDS_PULL = "the image is not pulled yet"


def main():
    set_up_logging(sys.argv[1])
    conversation = socket.socket(fileno=3)
    conversation.set_inheritable(False)
    lines = conversation.makefile("r", encoding="utf-8", newline="\n")
    event = json.loads(lines.readline())
    # The runner's own folder is no place for scripts to import from; each gets its own.
    del sys.path[0]
    shared = None
    for line in lines:
        file = json.loads(line)["file"]
        if shared is None:
            shared = locals_of(event["data"])
        answer = run_file(file, event, shared)
        conversation.sendall(json.dumps(answer).encode() + b"\n")


# --- logging -----------------------------------------------------------------------------------------------------


class Lines(logging.Formatter):
    """Each line of a record bears its head, so that the log can tell the level of each."""

    def format(self, record):
        first, *more = super().format(record).split("\n")
        head = first[: len(first) - len(record.message.split("\n")[0])]
        return "\n".join([first, *(head + line for line in more)])


def set_up_logging(level):
    """Warnings go to stderr, whose end is the reason where a script fails, the rest to stdout."""
    form = Lines("%(asctime)s : %(levelname)s : %(module)s : %(message)s", "%Y-%m-%d %H:%M:%S")
    grave, rest = logging.StreamHandler(sys.stderr), logging.StreamHandler(sys.stdout)
    grave.setLevel(logging.WARNING)
    rest.addFilter(lambda record: record.levelno < logging.WARNING)
    root = logging.getLogger()
    root.setLevel(level)
    for handler in (grave, rest):
        handler.setFormatter(form)
        root.addHandler(handler)


# --- one script --------------------------------------------------------------------------------------------------


class Answered(BaseException):
    """Ends a script that has refused or deferred."""


class Globals(dict):
    """A script's globals. Functions in it find the event's and the script's own locals here, too."""

    def __init__(self, shared, **given):
        super().__init__(given)
        self.shared = shared

    def __missing__(self, name):
        return self.shared[name]


def run_file(file, event, shared):
    said = []

    def say(verdict):
        said.append({key: value for key, value in verdict.items() if value is not None})
        raise Answered()

    def refuse(reason):
        """Ends the script and says no to this step; `reason` is told to people."""
        say({"verdict": "refuse", "reason": str(reason)})

    def defer(reason, retry_after_s=None):
        """Ends the script and puts this step off, for `retry_after_s` seconds if given."""
        say({"verdict": "defer", "reason": str(reason), "retry_after_s": retry_after_s})

    given = Globals(
        shared,
        __name__="__main__",
        __file__=file,
        __builtins__=builtins,
        event=event,
        refuse=refuse,
        defer=defer,
    )
    process = os.getpid()
    code, raised = 0, None
    sys.argv = [file]
    sys.path.insert(0, os.path.dirname(file))
    try:
        with open(file, "rb") as source:
            exec(compile(source.read(), file, "exec"), given, shared)
    except Answered:
        pass
    except SystemExit as end:
        code = code_of(end)
    except BaseException as error:  # as Ouroboros does: whatever a script raises, the update goes on
        raised = tell(error)
    finally:
        if os.getpid() != process:  # a child that the script forked: not ours to go on with
            flush()
            os._exit(code if raised is None else 1)
        sys.path.pop(0)
    flush()
    gravest = max(said, key=lambda verdict: verdict["verdict"] == "refuse", default=None)
    return {"exit": code, "raised": raised, "verdict": gravest}


def code_of(end):
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def tell(error):
    """Prints the traceback without our own frames; gives its last line."""
    frames = error.__traceback__.tb_next
    traceback.print_exception(type(error), error, frames)
    return traceback.format_exception_only(type(error), error)[-1].strip()


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # a script may close or replace them
            pass


# --- what the scripts see ----------------------------------------------------------------------------------------


def locals_of(data):
    engine = open_engine(data["engine_id"])
    names = {name: value for name, value in data.items() if name not in CONTEXT}
    return {name: seen(value, engine) for name, value in names.items()}


def seen(value, engine):
    if isinstance(value, list):
        return [seen(one, engine) for one in value]
    if not isinstance(value, dict):
        return value
    if "latest_image" in value:
        return tuple(seen(value[name], engine) for name in ("container", "current_image", "latest_image"))
    if "image_id" in value:
        return real_container(value, engine) or Container(value)
    if "digests" in value:
        return real_image(value, engine) or Image(value)
    return value  # what this version does not know stays as it came


def open_engine(engine_id):
    """The Engine's client, or None where the docker package, a socket or this very Engine is not there."""
    if "DOCKER_HOST" not in os.environ:
        return None
    try:
        engine = client()
        if engine.info()["ID"] == engine_id:
            return engine
        print(f"{os.environ['DOCKER_HOST']} is not the Engine of this event; plain objects are used")
    except ImportError:
        return None
    except Exception as error:  # docker-py's own, requests', and the socket's
        print(f"{os.environ['DOCKER_HOST']} cannot be used; plain objects are used: {error}")
    return None


def client():
    """Docker's variables say which; an Engine's folder of its own has other names for its files than they expect."""
    import docker

    limits = {"version": "auto", "timeout": ENGINE_TIMEOUT_S}
    own = os.environ.get("DOCKER_CERT_PATH", "")
    cert, key, ca = (os.path.join(own, name) for name in ("client.cert", "client.key", "ca.crt"))
    if not os.path.exists(cert):
        return docker.from_env(**limits)
    verify = "DOCKER_TLS_VERIFY" in os.environ
    tls = docker.tls.TLSConfig(client_cert=(cert, key), ca_cert=ca if verify else None, verify=verify)
    return docker.DockerClient(base_url=os.environ["DOCKER_HOST"], tls=tls, **limits)


def from_engine(collection, object_id):
    """The object, or None where the Engine does not have it any more or cannot say."""
    import docker

    try:
        return collection.get(object_id)
    except docker.errors.NotFound:
        return None
    except Exception as error:
        print(f"{object_id} cannot be read; a plain object is used: {error}")
        return None


def real_container(payload, engine):
    container = engine and from_engine(engine.containers, payload["id"])
    if container:
        container.attrs["Name"] = "/" + payload["name"]  # its user's name, also while it bears a backup name
    return container


def real_image(payload, engine):
    not_pulled = payload["created"] is None  # and so on no Engine
    return None if not_pulled else engine and from_engine(engine.images, payload["id"])


class Attrs(dict):
    """An inspect document of which only some is known."""

    def __init__(self, whose, known):
        super().__init__(known)
        self._whose = whose

    def __missing__(self, name):
        raise KeyError(self._whose._unknown(name))


class Plain:
    """An object of docker-py's look, made from the event alone."""

    _what = "this"
    _needs = NEEDS_ENGINE

    def _unknown(self, name):
        return f"{name!r} is not known of {self._what}: {self._needs}"

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(self._unknown(name))

    def __eq__(self, other):
        return isinstance(other, type(self)) and self.id == other.id

    def __hash__(self):
        return hash((type(self).__name__, self.id))


class Container(Plain):
    """docker.models.containers.Container, as far as the event tells."""

    def __init__(self, payload):
        self._what = f"container {payload['name']}"
        self.id = payload["id"]
        self.short_id = payload["short_id"]
        self.name = payload["name"]
        self.status = payload["status"]
        self.labels = payload["labels"]
        self.image = Image(
            {"id": payload["image_id"], "short_id": short_id(payload["image_id"]), "tags": [payload["image"]]}
        )
        self.ports = {
            port: [{"HostIp": one["host_ip"], "HostPort": one["host_port"]} for one in bindings] or None
            for port, bindings in payload["ports"].items()
        }
        self.health = payload["health"] or "unknown"
        self.attrs = attrs_of(self, payload)

    def __repr__(self):
        return f"<Container: {self.short_id}>"


def attrs_of(container, payload):
    def known(names):
        return Attrs(container, names)

    state = {"Status": payload["status"], "Running": payload["status"] == "running"}
    if payload["health"] is not None:
        state["Health"] = known({"Status": payload["health"]})
    return known(
        {
            "Id": payload["id"],
            "Name": "/" + payload["name"],
            "Created": payload["created"],
            "Image": payload["image_id"],
            "State": known(state),
            "Config": known({"Image": payload["image"], "Labels": payload["labels"]}),
            "NetworkSettings": known(
                {"Networks": {name: known({}) for name in payload["networks"]}, "Ports": container.ports}
            ),
            "Mounts": [
                known(
                    {
                        "Type": mount["type"],
                        ("Name" if mount["type"] == "volume" else "Source"): mount["source"],
                        "Destination": mount["destination"],
                        "RW": mount["rw"],
                    }
                )
                for mount in payload["mounts"]
            ],
        }
    )


class Image(Plain):
    """docker.models.images.Image, as far as the event tells; of one that is not pulled yet that is little."""

    def __init__(self, payload):
        self._what = f"image {(payload['tags'] or [payload['short_id']])[0]}"
        if payload.get("created", "") is None:
            self._needs = NEEDS_PULL
        self.id = payload["id"]
        self.short_id = payload["short_id"]
        self.tags = payload["tags"]
        known = {"Id": self.id, "RepoTags": self.tags}
        if "digests" in payload:
            known["RepoDigests"] = payload["digests"]
        if payload.get("labels") is not None:
            self.labels = payload["labels"]
            known["Config"] = Attrs(self, {"Labels": self.labels})
        for name, field in (("Created", "created"), ("Size", "size")):
            if payload.get(field) is not None:
                known[name] = payload[field]
        self.attrs = Attrs(self, known)

    def __repr__(self):
        return "<Image: {}>".format(", ".join(f"'{tag}'" for tag in self.tags))


def short_id(image_id):
    return "sha256:" + image_id.split(":")[-1][:12]


if __name__ == "__main__":
    main()
