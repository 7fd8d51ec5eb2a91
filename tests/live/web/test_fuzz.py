"""Random requests generated from the OpenAPI description: every response is one that it documents."""

import json
import os
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.live.web.client import as_file

SETTINGS = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
UNKNOWN = {404, 405}  # for addresses and methods that do not exist
TOKENS = some.text("abcdefghijklmnopqrstuvwxyz-/;=\"' 0123456789%", max_size=40)


@cache
def real_files():
    from skimage.data import astronaut

    return as_file(astronaut()[:300, 100:400], quality=80), as_file(astronaut()[60:140:4, 160:280:4], "PNG")


@some.composite
def images(draw):
    """An image file: whole, truncated, or with changed bytes; or random bytes."""
    content = bytearray(draw(some.sampled_from(real_files())))
    damage = draw(some.sampled_from(["whole", "truncated", "changed", "header changed", "noise"]))
    if damage == "noise":
        return draw(some.binary(max_size=300))
    if damage == "truncated":
        return bytes(content[: draw(some.integers(0, len(content)))])
    last = 60 if damage == "header changed" else len(content) - 1
    for _ in range(0 if damage == "whole" else draw(some.integers(1, 8))):
        content[draw(some.integers(0, last))] = draw(some.integers(0, 255))
    return bytes(content)


@some.composite
def forms(draw):
    """A multipart form around an image, valid or not, and its type."""
    boundary = draw(some.sampled_from(["x", "----boundary", "a b", ""]))
    head = draw(
        some.sampled_from([b'Content-Disposition: form-data; name="image"; filename="a"\r\n', b"", b"\r\n\r\n"])
    )
    end = draw(some.sampled_from([b"\r\n--" + boundary.encode() + b"--\r\n", b""]))
    body = b"--" + boundary.encode() + b"\r\n" + head + b"\r\n" + draw(images()) + end
    return body, draw(some.sampled_from([f"multipart/form-data; boundary={boundary}", "multipart/form-data"]))


@some.composite
def requests(draw, operation):
    """The body and headers of a request that follows an operation's description, or not."""
    kinds = list(operation.get("requestBody", {}).get("content", {}))
    kind = draw(some.sampled_from([*kinds, *kinds, "text/plain", None]))
    body, kind = draw(forms()) if kind == "multipart/form-data" else (draw(images()), kind)
    headers = {"X-Anything": draw(TOKENS).strip(), "Accept": draw(some.sampled_from(["*/*", "text/html", "image/png"]))}
    if draw(some.integers(0, 9)) == 0:
        headers[draw(some.sampled_from(["Origin", "Host", "Cookie", "Authorization"]))] = draw(TOKENS).strip()
    return {"body": body if kinds else None, "headers": headers, "content_type": kind}


def conforms(value, schema, description):
    """Return whether a value matches a schema."""
    if "$ref" in schema:
        return conforms(value, description["components"]["schemas"][schema["$ref"].rpartition("/")[2]], description)
    if "anyOf" in schema:
        return any(conforms(value, one, description) for one in schema["anyOf"])
    if "const" in schema:
        return value == schema["const"]
    kinds = {"string": str, "integer": int, "number": (int, float), "object": dict, "array": list, "null": type(None)}
    if not isinstance(value, kinds[schema["type"]]):
        return False
    if schema["type"] == "object":
        inside, rest = schema.get("properties", {}), schema.get("additionalProperties", False)
        named = set(schema.get("required", ())) <= set(value) and (rest or set(value) <= set(inside))
        return named and all(conforms(one, inside.get(name, rest), description) for name, one in value.items())
    if schema["type"] == "array":
        if "prefixItems" in schema:
            pairs = zip(value, schema["prefixItems"], strict=False)
            return len(value) == len(schema["prefixItems"]) and all(conforms(*pair, description) for pair in pairs)
        return all(conforms(one, schema["items"], description) for one in value)
    return True


def operations(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def check(server, description, path, method, operation, request):
    response = server.request(path, method=method, **request)
    documented = operation["responses"].get(str(response.status))
    assert documented is not None, (response.status, response.content)
    assert response.json is not None
    assert conforms(response.json, documented["content"]["application/json"]["schema"], description), response.json
    assert response.headers["x-content-type-options"] == "nosniff"
    return response.status


def test_every_response_is_documented(server):
    description = server.request("/openapi.json").json
    statuses = set()

    def send(operation, request):
        statuses.add(check(server, description, *operation, request))

    for operation in operations(description):
        SETTINGS(given(some.just(operation), requests(operation[2]))(send))()
    assert {200, 403, 415, 422} <= statuses
    assert server.request("/v1/health").json["status"] == "ok"


@SETTINGS
@given(
    path=some.text("/v1recognizehealthcamerawatchpage.%0d?#=&\\~", max_size=30),
    method=some.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"]),
)
def test_other_addresses_and_methods_are_refused(server, path, method):
    response = server.request("/" + path.lstrip("/"), method=method)
    assert response.status in UNKNOWN | {200, 307, 400, 415, 401, 413}
    assert response.headers.get("x-frame-options") == "DENY" or response.status == 400


def test_files_of_the_machine_are_not_served(server):
    for path in ("/page/../server.py", "/page/%2e%2e/server.py", "/page//etc/passwd", "/page/..%2fserver.py", "/page/"):
        assert server.request(path).status == 404
    assert not any(name in server.request("/page/").content.decode() for name in os.listdir("/"))


def test_the_openapi_description_is_complete(server):
    """It has all operations, and no address of another site."""
    description = server.request("/openapi.json").json
    assert set(description["paths"]) == {"/v1/recognize", "/v1/health", "/v1/watch"}
    assert set(description["paths"]["/v1/recognize"]["post"]["requestBody"]["content"]) == {
        "image/jpeg",
        "image/png",
        "multipart/form-data",
    }
    assert "://" not in json.dumps(description)
