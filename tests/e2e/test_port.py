"""What else the one port and its command do: pages, health, metrics, TLS, and start-up that goes wrong."""

import re
import shutil
import socket as sockets
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from models.registry import ModelSpec
from stream.access import Access, AccessOptions
from stream.admission import Admission, AdmissionOptions
from stream.app import Service, create_app
from stream.engine import Engine
from stream.errors import BadRequest
from stream.events import Limits
from stream.files import FileOptions, FileStore
from stream.listener import ServingOptions, listen
from stream.metrics import Metrics
from stream.protocols import PROTOCOLS
from stream.usage import PROC
from tests.e2e.command import run_command
from tests.e2e.conftest import Server, hear, say


def test_models_are_listed(server: Server):
    listed = httpx.get(server.http + "/v1/models").json()
    assert listed["object"] == "list"
    card, *aliases = listed["data"]
    assert (card["id"], card["object"], card["ready"]) == ("scripted", "model", True)
    assert "en" in card["languages"]
    assert {each["alias_of"] for each in aliases} == {"scripted"}
    assert [each["id"] for each in aliases] == card["aliases"]


def test_a_server_that_printed_its_address_is_alive_and_ready(server: Server):
    assert httpx.get(server.http + "/livez").json() == {"status": "alive"}
    assert httpx.get(server.http + "/readyz").json() == {"status": "ready", "reasons": []}


@pytest.mark.parametrize("path", [path for protocol in PROTOCOLS for path in protocol.paths])
def test_audio_is_not_compressed_whatever_is_offered(server: Server, path: str):
    """Samples and base64 hardly shrink, and it would cost more than all else that is done with a message."""
    with connect(server.http.replace("http", "ws", 1) + path, compression="deflate") as socket:
        assert socket.request
        assert "permessage-deflate" in socket.request.headers["Sec-WebSocket-Extensions"]
        assert socket.response
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_a_server_is_not_ready_while_a_model_loads_or_when_it_drains():
    engines = {name: Engine(ModelSpec(name=name, kind="scripted")) for name in ("slow", "slower")}
    admission = Admission(engines, AdmissionOptions())
    service, access = Service(admission, Limits(), Metrics()), Access(AccessOptions(), "127.0.0.1", [])
    app = create_app(service, access, FileStore(FileOptions()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["reasons"] == ["model `slow` is loading", "model `slower` is loading"]
        assert (await client.get("/livez")).status_code == 200
        assert {card["ready"] for card in (await client.get("/v1/models")).json()["data"]} == {False}
        admission.draining = True
        assert (await client.get("/readyz")).json()["reasons"][-1] == "shutting down"


def test_metrics_can_be_read_by_prometheus(server: Server):
    with server.connect() as socket:
        say(socket, type="start")
        say(socket, type="stop")
        hear(socket, "done")
    answer = httpx.get(server.http + "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    counted = {
        *(
            "sessions_active",
            "sessions",
            "sessions_rejected",
            "recordings",
            "audio_received_seconds",
            "backlog_seconds",
        ),
        *("partial_delay_seconds", "final_delay_seconds", "decode_seconds", "decode_queue_seconds", "batch_size"),
        *("worker_restarts", "partials_coalesced", "warnings", "ws_close", "event_loop_lag_seconds", "draining"),
        *("workers_cpu_seconds", "workers_resident_memory_bytes"),
    }
    assert {f"stt_{name}" for name in counted} <= families.keys()
    assert all(family.documentation for family in families.values())
    if PROC.exists():
        assert families.keys() >= {"process_cpu_seconds", "process_resident_memory_bytes"}
        [workers] = families["stt_workers_resident_memory_bytes"].samples
        assert workers.labels == {"model": "scripted"}
        assert workers.value > 1e6
    labels = {label for family in families.values() for sample in family.samples for label in sample.labels}
    assert labels <= {"model", "reason", "code", "outcome", "le"}, "nothing about a session or a key"


def test_the_interface_is_documented(server: Server):
    assert "swagger" in httpx.get(server.http + "/docs").text
    described = httpx.get(server.http + "/openapi.json").json()
    assert described["paths"].keys() >= {"/v1/models", "/v1/audio/transcriptions", "/livez", "/readyz", "/metrics"}
    assert all(operation["description"] for path in described["paths"].values() for operation in path.values())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for localhost and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    making = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    what = ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*making, *what, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def test_tls_and_the_public_url(start_server: Callable[..., Server], certificate: tuple[Path, Path]):
    files = ("--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1]))
    public = "https://captions.example"
    server = start_server("--model", "scripted", "--drain-s", "0", *files, "--public-url", public)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    assert server.http.startswith("https://")
    with server.connect(ssl=trusting, additional_headers={"Origin": server.http}) as socket:
        say(socket, type="start")
        say(socket, type="stop")
        hear(socket, "done")

    def status(**headers: str) -> int:
        return httpx.get(server.http + "/livez", headers=headers, verify=trusting).status_code

    assert status(Host="captions.example") == 200
    assert status(Origin=public) == 200
    assert status(Host="other.example") == 421
    assert status(Origin="http://captions.example") == 403
    with pytest.raises(ssl.SSLCertVerificationError), connect(server.ws):
        pass


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path, certificate: tuple[Path, Path]):
    good, key = map(str, certificate)
    missing, nonsense = str(tmp_path / "missing.pem"), str(tmp_path / "nonsense.pem")
    Path(nonsense).write_text("nothing like a certificate")
    for files in ((missing, key), (good, missing), (nonsense, key), (good, nonsense), (good, good), (nonsense, None)):
        with pytest.raises(BadRequest) as caught:
            listen(ServingOptions(port=0, tls_cert=files[0], tls_key=files[1]))
        assert all(file in caught.value.message for file in files if file)


def test_a_protected_key_is_refused_without_asking_for_its_passphrase(tmp_path: Path, certificate: tuple[Path, Path]):
    protected = tmp_path / "protected.pem"
    making = ["openssl", "pkey", "-in", certificate[1], "-aes128", "-passout", "pass:secret", "-out", protected]
    subprocess.run(making, check=True, capture_output=True)
    with pytest.raises(BadRequest, match="protected"):
        listen(ServingOptions(port=0, tls_cert=str(certificate[0]), tls_key=str(protected)))


def test_a_key_without_its_certificate_is_refused():
    with pytest.raises(BadRequest) as caught:
        listen(ServingOptions(port=0, tls_key="key.pem"))
    assert "--tls-cert" in str(caught.value.hint)


def test_a_wrong_certificate_ends_the_command_with_one_line():
    code, said, complaint = run_command("serve", "--port", "0", "--model", "scripted", "--tls-cert", "no-such-file.pem")
    assert (code, said) == (2, "")
    assert re.fullmatch(r"steno-server: can't serve TLS with no-such-file\.pem: .*\n", complaint)


def test_a_port_in_use_is_a_clear_error():
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said, complaint = run_command("serve", "--port", port, "--model", "scripted")
    assert (code, said) == (2, "")
    assert re.fullmatch(rf"steno-server: can't listen on 127\.0\.0\.1:{port}: .*--port.*\n", complaint)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_there_is_not_is_refused(port: int):
    with pytest.raises(BadRequest, match=f"no port {port}"):
        listen(ServingOptions(port=port))


def test_an_unknown_model_says_what_to_do():
    code, said, complaint = run_command("serve", "--port", "0", "--model", "nonsense", "--offline")
    assert (code, said) == (2, "")
    assert "no model 'nonsense'" in complaint
    assert "steno-server models" in complaint


def test_models_on_disk_and_to_be_had_are_shown(tmp_path: Path):
    code, said, _ = run_command("models", HF_HOME=str(tmp_path), HF_HUB_CACHE=str(tmp_path / "hub"))
    assert code == 0
    assert re.search(r"^pocketsphinx +built in *$", said, re.MULTILINE)
    assert re.search(r"^base +148 MB$", said, re.MULTILINE)
    assert "steno-server models get NAME" in said


def test_one_line_is_all_a_server_prints(start_server: Callable[..., Server]):
    server = start_server("--model", "scripted", "--drain-s", "0")
    assert httpx.get(server.http + "/livez").status_code == 200
    server.process.terminate()
    server.process.join(20)
    assert server.process.exitcode == 0
    assert server.said.read_text() == f"Steno is ready at {server.http}\n"
