"""The HTTP API: the recognizer's predictions, and errors for everything that is not an image."""

import io
import socket
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from landmark_fer.live.web.limits import Limits
from landmark_fer.live.web.protocol import HealthResponse, ImageResponse
from landmark_fer.perception.images import read_image
from tests.live.web.client import PlainReader, as_file, live_server


def png_bomb(width, height, *, rows=64):
    """Return a PNG whose header announces a huge image, with data for a few rows."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes((3 * width + 1) * rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def form(content, *, boundary="x", name="image", filename="a.jpg", quoted=False):
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
    head += (f'; filename="{filename}"' if filename is not None else "") + "\r\nContent-Type: image/jpeg\r\n\r\n"
    kind = f'multipart/form-data; boundary="{boundary}"' if quoted else f"multipart/form-data; boundary={boundary}"
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), kind


def test_the_response_holds_the_recognizers_prediction(server, jpeg, recognizer):
    response = server.recognize(jpeg)
    assert response.status == 200
    ImageResponse.model_validate(response.json, strict=False, extra="forbid")
    own = recognizer.recognize(read_image(jpeg))[0]
    assert (response.json["width"], response.json["height"]) == (512, 300)
    (face,) = response.json["faces"]
    assert face["track_id"] == 1
    assert (face["expression"], face["likeliest"]) == (own.expression, own.likeliest)
    assert face["confidence"] == pytest.approx(own.confidence, abs=1e-4)
    assert face["probabilities"] == pytest.approx(own.probabilities, abs=1e-4)
    np.testing.assert_allclose(face["landmarks"], own.face.landmarks, atol=0.006)
    box = own.face.box
    assert list(face["box"].values()) == pytest.approx([box.x, box.y, box.width, box.height], abs=0.006)


def test_body_and_form_get_the_same_response(server, astronaut):
    png = as_file(astronaut[:300], "PNG")
    plain = server.recognize(png, content_type="image/png").json["faces"]
    assert len(plain) == 1
    assert server.recognize(png, content_type="IMAGE/JPEG; q=1").json["faces"] == plain  # the file itself decides
    for quoted in (True, False):
        body, kind = form(png, boundary="a-boundary-1234", quoted=quoted)
        assert server.recognize(body, content_type=kind).json["faces"] == plain
    before, _ = form(b"not a file", filename=None)
    body, kind = form(png)
    assert server.recognize(before.removesuffix(b"--x--\r\n") + body, content_type=kind).json["faces"] == plain


def test_an_image_without_a_face_gets_an_empty_list(server, nobody):
    response = server.recognize(nobody)
    assert response.status == 200
    assert response.json["faces"] == []
    assert (response.json["width"], response.json["height"]) == (64, 48)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3), (7, 9)])
def test_odd_sizes_are_read(server, shape):
    response = server.recognize(as_file(np.full(shape, 200, np.uint8), "PNG"), content_type="image/png")
    assert response.status == 200


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"<svg/>", bytes(1000)],
    ids=["empty", "gif", "jpeg header", "png header", "svg", "zeros"],
)
def test_other_files_are_reported(server, content):
    response = server.recognize(content)
    assert response.status == 422
    assert "the image must be a JPEG or PNG file" in response.json["detail"]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
def test_truncated_images_are_reported(server, jpeg, share):
    response = server.recognize(jpeg[: int(share * len(jpeg))])
    assert response.status == 422
    assert "the image" in response.json["detail"]


@pytest.mark.parametrize("file_format", ["GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_other_image_formats_are_refused(server, file_format, astronaut):
    stream = io.BytesIO()
    Image.fromarray(astronaut).save(stream, file_format)
    assert server.recognize(stream.getvalue()).status == 422


@pytest.mark.parametrize("size", [(16_001, 1000), (20_000, 20_000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)])
def test_image_bombs_are_refused_by_their_header(server, size):
    response = server.recognize(
        png_bomb(*size, rows=1 if size[0] > 10**6 else 4) if size[0] < 10**6 else bomb_header(size)
    )
    assert response.status == 413
    assert "pixels" in response.json["detail"]
    assert server.request("/v1/health").status == 200


def bomb_header(size):
    """Return the header of a PNG of absurd size, without data."""
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    rest = b"IHDR" + header
    data = b"IDAT" + zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (rest, data)
    )


def test_a_large_image_in_few_bytes_is_read(server):
    """15.9 million black pixels in 50 kB are within the limits."""
    image = as_file(np.zeros((3000, 5300, 3), np.uint8), "PNG", optimize=False)
    assert len(image) < 100_000
    assert server.recognize(image, content_type="image/png").json["faces"] == []


@pytest.mark.parametrize("announced", [True, False])
def test_too_many_bytes_are_refused(server, announced):
    content = bytes(Limits().frame_bytes + 1)
    try:
        response = server.recognize(content if announced else iter([content[:100_000]] * 41))
    except (BrokenPipeError, ConnectionResetError):
        response = None  # refused before all was sent
    if announced:
        assert response is None or response.status == 413
    else:
        assert response is None or (response.status == 413 and "4,000,000 bytes" in response.json["detail"])
    assert server.request("/v1/health").status == 200


@pytest.mark.parametrize("kind", [None, "text/plain", "image/gif", "application/json", "multipart/mixed; boundary=x"])
def test_other_types_are_refused(server, kind, jpeg):
    response = server.recognize(jpeg, content_type=kind)
    assert response.status == 415
    assert "image/jpeg" in response.json["detail"]


def test_forms_without_a_boundary_or_a_file_are_reported(server, jpeg):
    assert "boundary" in server.recognize(jpeg, content_type="multipart/form-data").json["detail"]
    body, kind = form(jpeg, filename=None)
    response = server.recognize(body, content_type=kind)
    assert response.status == 422 and "must hold a file" in response.json["detail"]


def test_a_body_that_does_not_arrive_is_refused(make_reader):
    import http.client

    with live_server(make_reader, limits=Limits(body_s=0.3)) as client:
        connection = http.client.HTTPConnection(client.host, timeout=60)
        connection.putrequest("POST", "/v1/recognize")
        connection.putheader("Content-Type", "image/jpeg")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"only this")
        assert connection.getresponse().status == 408
        connection.close()


def test_a_body_that_breaks_off_is_no_error_of_the_server(make_reader, jpeg, caplog):
    with live_server(make_reader) as server:
        for path in ("/v1/recognize", "/enter"):
            with socket.create_connection(server.host.split(":")) as connection:
                head = (
                    f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: 4000\r\n"
                )
                connection.sendall(head.encode() + b"\r\n" + jpeg[:1000])
        assert server.recognize(jpeg).status == 200
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_too_many_images_are_refused(make_reader, nobody):
    with live_server(make_reader, limits=Limits(images_per_second=1e-6, image_burst=2)) as client:
        responses = [client.recognize(nobody) for _ in range(3)]
        assert [response.status for response in responses] == [200, 200, 429]
        assert responses[-1].headers["retry-after"] == "1"


def test_readers_of_single_images_are_closed(make_reader, nobody):
    with live_server(make_reader) as client:
        before = PlainReader.opened
        for _ in range(3):
            assert client.recognize(nobody).status == 200
        assert PlainReader.opened == before + 3
    assert PlainReader.closed == PlainReader.opened


def test_health(server, recognizer):
    response = server.request("/v1/health")
    HealthResponse.model_validate(response.json, extra="forbid")
    assert response.json["classes"] == list(recognizer.classes)


def test_images_are_not_written_to_disk(server, jpeg, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    body, kind = form(jpeg + bytes(3_000_000))  # above the size at which web servers use a temporary file
    assert server.recognize(body, content_type=kind).status == 200
    assert list(tmp_path.iterdir()) == []
