# Python, as for Ouroboros 1: the hook's values are variables that look like docker-py's objects. Does what the new
# container publishes answer?
from urllib.request import urlopen

bindings = new_container.ports.get("8080/tcp") or []
for binding in bindings[:1]:
    try:
        page = urlopen(f"http://{event['data']['host']}:{binding['HostPort']}/", timeout=5).read()
    except OSError as error:
        refuse(f"{new_container.name} does not answer: {error}")
    print(f"{new_container.name} answers: {page.decode().strip()}")
