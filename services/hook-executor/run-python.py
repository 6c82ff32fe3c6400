"""Runs an event's Python hook scripts as Ouroboros 1 does: one after the other in one process, with shared locals.

Descriptor 3 is the channel to the hook-executor, one JSON document per line: first the event, then `{"file": …}`
for each script; the answer to each is `{"exit", "raised", "verdict"}`. Standard library only; Python 3.9 or newer.

A script's locals are the event's: docker-py objects if the `docker` package and the Engine are available, else plain
objects with docker-py's attributes. Each script has its own globals: `__name__` is "__main__", and `event`, `refuse`
and `defer` are defined. An exception is reported and the update proceeds; SystemExit gives the exit code.

The root logger is configured as in Ouroboros 1, with its format and at LOG_LEVEL, which is the first argument.
"""
import builtins
import json
import logging
import os
import socket
import sys
import traceback

# Fields of every event that do not become locals.
CONTEXT = ("host", "engine_id", "run", "mode", "reason", "asked", "verdicts")
ENGINE_TIMEOUT_S = 10
NEEDS_ENGINE = "mount the Docker socket into the hook-executor (and install Python's docker package)"
NEEDS_PULL = "the image is not pulled yet"


def main():
    set_up_logging(sys.argv[1])
    channel = socket.socket(fileno=3)
    channel.set_inheritable(False)
    lines = channel.makefile("r", encoding="utf-8", newline="\n")
    event = json.loads(lines.readline())
    # Scripts must not import from the runner's folder; each gets its own folder instead.
    del sys.path[0]
    shared = None
    for line in lines:
        file = json.loads(line)["file"]
        if shared is None:
            shared = locals_of(event["data"])
        answer = run_file(file, event, shared)
        channel.sendall(json.dumps(answer).encode() + b"\n")


# --- logging -----------------------------------------------------------------------------------------------------


class Lines(logging.Formatter):
    """Repeats the head of a record on each of its lines, so that the hook-executor knows the level of every line."""

    def format(self, record):
        first, *more = super().format(record).split("\n")
        head = first[: len(first) - len(record.message.split("\n")[0])]
        return "\n".join([first, *(head + line for line in more)])


def set_up_logging(level):
    """Warnings and worse go to stderr, whose end becomes the reason of a failed script; the rest goes to stdout."""
    formatter = Lines("%(asctime)s : %(levelname)s : %(module)s : %(message)s", "%Y-%m-%d %H:%M:%S")
    warnings, rest = logging.StreamHandler(sys.stderr), logging.StreamHandler(sys.stdout)
    warnings.setLevel(logging.WARNING)
    rest.addFilter(lambda record: record.levelno < logging.WARNING)
    root = logging.getLogger()
    root.setLevel(level)
    for handler in (warnings, rest):
        handler.setFormatter(formatter)
        root.addHandler(handler)


# --- one script --------------------------------------------------------------------------------------------------


class Answered(BaseException):
    """Raised to end a script that has refused or deferred."""


class Globals(dict):
    """A script's globals. Its functions find the shared locals here, too."""

    def __init__(self, shared, **given):
        super().__init__(given)
        self.shared = shared

    def __missing__(self, name):
        return self.shared[name]


def run_file(file, event, shared):
    verdicts = []

    def answer(verdict):
        verdicts.append({key: value for key, value in verdict.items() if value is not None})
        raise Answered()

    def refuse(reason):
        """Ends the script and says no to this step; `reason` is told to people."""
        answer({"verdict": "refuse", "reason": str(reason)})

    def defer(reason, retry_after_s=None):
        """Ends the script and puts this step off, for `retry_after_s` seconds if given."""
        answer({"verdict": "defer", "reason": str(reason), "retry_after_s": retry_after_s})

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
    except BaseException as error:  # as in Ouroboros 1, the update proceeds after any exception
        raised = report(error)
    finally:
        if os.getpid() != process:  # a child that the script forked must not continue here
            flush()
            os._exit(code if raised is None else 1)
        sys.path.pop(0)
    flush()
    gravest = max(verdicts, key=lambda verdict: verdict["verdict"] == "refuse", default=None)
    return {"exit": code, "raised": raised, "verdict": gravest}


def code_of(end):
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def report(error):
    """Prints the traceback without our own frames, and returns its last line."""
    frames = error.__traceback__.tb_next
    traceback.print_exception(type(error), error, frames)
    return traceback.format_exception_only(type(error), error)[-1].strip()


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # a script may have closed or replaced the stream
            pass


# --- what the scripts see ----------------------------------------------------------------------------------------


def locals_of(data):
    engine = open_engine(data["engine_id"])
    names = {name: value for name, value in data.items() if name not in CONTEXT}
    if "updateable" in names:
        names.setdefault("updateable_services", [])  # left out without SWARM, and no script should have to ask
    return {name: convert(value, engine) for name, value in names.items()}


def convert(value, engine):
    if isinstance(value, list):
        return [convert(item, engine) for item in value]
    if not isinstance(value, dict):
        return value
    if "latest_image" in value:
        workload = "service" if "service" in value else "container"
        return tuple(convert(value[name], engine) for name in (workload, "current_image", "latest_image"))
    if "update_status" in value:
        return real_service(value, engine) or Service(value)
    if "image_id" in value:
        return real_container(value, engine) or Container(value)
    if "digests" in value:
        return real_image(value, engine) or Image(value)
    return value  # an object that this version does not know stays a dict


def open_engine(engine_id):
    """The Engine's client, or None if the docker package, the socket or the event's Engine is not available."""
    if "DOCKER_HOST" not in os.environ:
        return None
    try:
        engine = client()
        if engine.info()["ID"] == engine_id:
            return engine
        print(f"{os.environ['DOCKER_HOST']} is not the Engine of this event; plain objects are used")
    except ImportError:
        return None
    except Exception as error:  # from docker-py, requests or the socket
        print(f"{os.environ['DOCKER_HOST']} cannot be used; plain objects are used: {error}")
    return None


def client():
    """Connects as Docker's variables say. An Engine's own certificate folder has file names unknown to docker-py."""
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
    """The object, or None if the Engine no longer has it or does not answer."""
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
        container.attrs["Name"] = "/" + payload["name"]  # its own name, even while it has a backup name
    return container


def real_image(payload, engine):
    not_pulled = payload["created"] is None  # so no Engine has it
    return None if not_pulled else engine and from_engine(engine.images, payload["id"])


def real_service(payload, engine):
    return engine and from_engine(engine.services, payload["id"])


class Attrs(dict):
    """An inspect document of which only some fields are known."""

    def __init__(self, whose, known):
        super().__init__(known)
        self._whose = whose

    def __missing__(self, name):
        raise KeyError(self._whose._unknown(name))


class Plain:
    """An object that looks like docker-py's, made from the event alone."""

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
    """docker.models.containers.Container, with what the event contains."""

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
            port: [{"HostIp": binding["host_ip"], "HostPort": binding["host_port"]} for binding in bindings] or None
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


class Service(Plain):
    """docker.models.services.Service, with what the event contains."""

    def __init__(self, payload):
        self._what = f"service {payload['name']}"
        self.id = payload["id"]
        self.short_id = payload["short_id"]
        self.name = payload["name"]
        self.version = payload["version"]

        def known(names):
            return Attrs(self, names)

        replicated = {"Replicated": known({"Replicas": payload["replicas"]})}
        image = f"{payload['image']}@{payload['image_id']}"
        spec = {
            "Name": payload["name"],
            "Labels": payload["labels"],
            "Mode": known(replicated if payload["mode"] == "replicated" else {"Global": {}}),
            "TaskTemplate": known({"ContainerSpec": known({"Image": image})}),
        }
        status = payload["update_status"]
        self.attrs = known(
            {
                "ID": payload["id"],
                "Version": {"Index": payload["version"]},
                "CreatedAt": payload["created"],
                "Spec": known(spec),
                "UpdateStatus": known({"State": status["state"], "Message": status["message"]} if status else {}),
            }
        )

    def __repr__(self):
        return f"<Service: {self.short_id}>"


class Image(Plain):
    """docker.models.images.Image, with what the event contains: little for an image that is not pulled yet."""

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
