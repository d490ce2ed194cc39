"""Who calls: signatures, checked by an API that demands them and by the specification."""

import builtins
import hashlib
import hmac
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
from botocore import auth as botocore_auth  # type: ignore[import-untyped]
from PIL import Image

from artline import Client, ProblemError, SigningError, TokenError
from artline.client._auth import SigV4

if TYPE_CHECKING:
    from local.cloud import Cloud

PHOTO = Image.effect_noise((640, 480), 90)
"""Some 200 KB of JPEG: sent in several pieces."""

ID, SECRET = "AKIAEXAMPLE", "a secret"
HOST = "https://abc123.execute-api.eu-central-1.amazonaws.com"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys of a user's, and nothing else of AWS's."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.fixture
def api(account: "Cloud", scripted: Any, steps: Any, drawing: bytes) -> Iterator[str]:
    """The base URL of an HTTP API with the routes of an iam stack, the scripted service behind."""
    scripted.on("POST /transform", steps.answer(200, drawing, Content_Type="image/jpeg"))
    gateway = account.client("apigatewayv2")
    made = gateway.create_api(Name="iam", ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=made,
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="ANY",
        IntegrationUri=scripted.url,
        PayloadFormatVersion="1.0",
    )["IntegrationId"]
    for key, kind in {"GET /health": "NONE", "POST /transform": "AWS_IAM"}.items():
        gateway.create_route(
            ApiId=made, RouteKey=key, AuthorizationType=kind, Target=f"integrations/{integration}"
        )
    gateway.create_stage(ApiId=made, StageName="$default", AutoDeploy=True)
    yield f"{account.environment['AWS_ENDPOINT_URL']}/_aws/execute-api/{made}/$default"
    gateway.delete_api(ApiId=made)


@pytest.fixture
def user(account: "Cloud", api: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A user who may draw, and whose keys are in the environment."""
    iam = account.client("iam")
    iam.create_user(UserName="ada")
    statement = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"arn:aws:execute-api:us-east-1:*:{api.split('/')[-2]}/*/POST/transform",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="ada", PolicyName="draw", PolicyDocument=policy)
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    yield iam
    iam.delete_access_key(UserName="ada", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="ada", PolicyName="draw")
    iam.delete_user(UserName="ada")


def test_an_api_that_checks_takes_the_signature(
    api: str, user: Any, scripted: Any, drawing: bytes
) -> None:
    with Client(api, sign=True) as client:
        assert client.transform(PHOTO, max_side=320, format="png").data == drawing
    (asked,) = scripted.asked("POST /transform")
    assert asked.path == "/transform?max_side=320&format=png"
    with Image.open(io.BytesIO(asked.body)) as sent:
        assert sent.size == (320, 240)


def test_an_api_that_checks_refuses_what_is_not_signed(api: str, user: Any, scripted: Any) -> None:
    with Client(api) as client, pytest.raises(ProblemError, match=r"signed requests: --sign") as no:
        client.transform(PHOTO)
    assert no.value.status == 403
    assert scripted.asked("POST /transform") == []


@pytest.mark.parametrize("wrong", ["secret", "region", "rights"])
def test_an_api_that_checks_refuses_what_is_not_signed_right(
    api: str, user: Any, scripted: Any, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    if wrong == "secret":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    elif wrong == "region":
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
    else:
        statement = {"Effect": "Deny", "Action": "*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        user.put_user_policy(UserName="ada", PolicyName="draw", PolicyDocument=policy)
    with Client(api, sign=True) as client, pytest.raises(ProblemError, match="HTTP 403"):
        client.transform(PHOTO)
    assert scripted.asked("POST /transform") == []


def test_the_command_signs(api: str, user: Any, samples: Path, artline: Any) -> None:
    photo = samples / "cat.jpg"
    refused = artline(photo, "--endpoint", api)
    assert refused.returncode == 1
    assert "--sign" in refused.stderr
    done = artline(photo, "--endpoint", api, "--sign")
    assert (done.returncode, done.stderr) == (0, "")


def expected(asked: Any, secret: str, host: str) -> str:
    """The signature of a request that came, by the steps of AWS's Signature Version 4."""
    fields = dict(
        re.findall(r"(\w+)=([^,]+)", asked.headers["authorization"].partition(" ")[2]),
    )
    date, region, service, end = fields["Credential"].split("/")[1:]
    names = fields["SignedHeaders"].split(";")
    assert "host" in names
    values = {"host": host} | {name.lower(): value for name, value in asked.headers.items()}
    parts = urlsplit(asked.path)
    canonical = "\n".join(
        [
            asked.key.partition(" ")[0],
            quote(parts.path),
            "&".join(f"{quote(k, '')}={quote(v, '')}" for k, v in sorted(parse_qsl(parts.query))),
            *(f"{name}:{values[name].strip()}" for name in names),
            "",
            fields["SignedHeaders"],
            hashlib.sha256(asked.body).hexdigest(),
        ]
    )
    scope = f"{date}/{region}/{service}/{end}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{asked.headers['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def given(asked: Any) -> str:
    return str(asked.headers["authorization"].rpartition("Signature=")[2])


def test_a_job_is_signed_and_its_upload_is_not(scripted: Any, steps: Any, drawing: bytes) -> None:
    job = {"id": "abc", "status": "waiting", "job_url": f"{scripted.url}/jobs/abc"}
    bucket = scripted.url.replace("127.0.0.1", "localhost")
    upload = {"url": f"{bucket}/bucket", "fields": {"key": "uploads/abc"}}
    done = job | {"status": "done", "result_url": f"{bucket}/result?X-Amz-Signature=s"}
    scripted.on("POST /jobs", steps.answer(201, json=job | {"upload": upload}, retry_after="0"))
    scripted.on("POST /bucket", steps.answer(204))
    scripted.on("GET /jobs/abc", steps.answer(200, json=done))
    scripted.on("GET /result", steps.answer(200, drawing))
    with Client(scripted.url, sign=True) as client:
        assert client.draw(PHOTO, via="jobs").data == drawing
    host = scripted.url.removeprefix("http://")
    for key in ("POST /jobs", "GET /jobs/abc"):
        (asked,) = scripted.asked(key)
        assert f"Credential={ID}/" in asked.headers["authorization"]
        assert "/us-east-1/execute-api/aws4_request" in asked.headers["authorization"]
        assert given(asked) == expected(asked, SECRET, host)
    for key in ("GET /health", "POST /bucket", "GET /result"):
        (asked,) = scripted.asked(key)
        assert "authorization" not in asked.headers
        assert not [name for name in asked.headers if name.lower().startswith("x-amz")]


def test_a_photo_is_signed_as_it_is_streamed(scripted: Any, steps: Any, drawing: bytes) -> None:
    scripted.on("POST /transform", steps.answer(200, drawing))
    told: list[float | None] = []
    with Client(scripted.url, sign=True) as client:
        client.transform(PHOTO, max_side=500, progress=lambda _, part: told.append(part))
    (asked,) = scripted.asked("POST /transform")
    assert asked.headers["x-amz-content-sha256"] == hashlib.sha256(asked.body).hexdigest()
    assert given(asked) == expected(asked, SECRET, scripted.url.removeprefix("http://"))
    assert any(part for part in told), "the upload's progress is lost"


def test_a_repeated_request_is_signed_anew(
    scripted: Any, clock: Any, steps: Any, drawing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = botocore_auth.get_current_datetime
    monkeypatch.setattr(
        botocore_auth,
        "get_current_datetime",
        lambda *given: real(*given).replace(year=2027, second=len(scripted.requests)),
    )
    scripted.on("POST /transform", steps.answer(503), steps.answer(200, drawing))
    with Client(scripted.url, sign=True) as client:
        client.transform(PHOTO)
    first, second = scripted.asked("POST /transform")
    assert first.headers["x-amz-date"] != second.headers["x-amz-date"]
    host = scripted.url.removeprefix("http://")
    assert [given(first), given(second)] == [
        expected(each, SECRET, host) for each in (first, second)
    ]


def test_credentials_that_expire_carry_their_session(
    scripted: Any, steps: Any, drawing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a session")
    scripted.on("POST /transform", steps.answer(200, drawing))
    with Client(scripted.url, sign=True) as client:
        client.transform(PHOTO)
    (asked,) = scripted.asked("POST /transform")
    assert asked.headers["x-amz-security-token"] == "a session"
    assert "x-amz-security-token" in asked.headers["authorization"]
    assert given(asked) == expected(asked, SECRET, scripted.url.removeprefix("http://"))


@pytest.mark.parametrize(
    ("endpoint", "region"),
    [
        (HOST, "eu-central-1"),
        ("https://abc.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://art.example.com", "us-east-1"),
    ],
)
def test_the_region_is_the_endpoints_own(endpoint: str, region: str) -> None:
    request = httpx.Request("GET", endpoint)
    next(SigV4(endpoint).auth_flow(request))
    assert f"/{region}/execute-api/" in request.headers["authorization"]


def test_the_region_of_a_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(SigningError, match=r"Which AWS region is .*AWS_REGION"):
        Client("https://art.example.com", sign=True)
    (tmp_path / "config").write_text("[default]\nregion = eu-north-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    Client("https://art.example.com", sign=True).close()


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, artline: Any, samples: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(SigningError, match="aws configure sso"):
        Client(HOST, sign=True)
    done = artline(samples / "cat.jpg", "--sign", "--endpoint", HOST)
    assert done.returncode == 1
    assert done.stderr.startswith("artline: There are no AWS credentials to sign with")


def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(SigningError, match="nobody"):
        Client(HOST, sign=True)


def test_no_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("botocore"):
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(SigningError, match=re.escape("pip install 'artline[iam]'")):
        Client(HOST, sign=True)


def test_a_token_or_a_signature(artline: Any) -> None:
    with pytest.raises(TokenError, match="not both"):
        Client(HOST, "token", sign=True)
    done = artline("a.jpg", "--token", "t", "--sign")
    assert done.returncode == 2
    assert "not both" in done.stderr


@pytest.mark.parametrize("token", ["secret\n", " secret ", "\tsecret\r\n"])
def test_a_token_from_a_file(scripted: Any, steps: Any, drawing: bytes, token: str) -> None:
    scripted.on("POST /transform", steps.answer(200, drawing))
    with Client(scripted.url, token) as client:
        client.transform(PHOTO)
    (asked,) = scripted.asked("POST /transform")
    assert asked.headers["authorization"] == "Bearer secret"


@pytest.mark.parametrize("token", ["two words", "a\nb", "schl\u00fcssel", "a\x1b[31mb", "a\0b"])
def test_a_token_that_no_header_carries(artline: Any, token: str) -> None:
    with pytest.raises(TokenError) as error:
        Client(HOST, token)
    assert token not in str(error.value)
    if "\0" not in token:
        done = artline("a.jpg", "--token", token, "--endpoint", HOST)
        assert done.returncode == 1
        assert "ARTLINE_TOKEN" in done.stderr
        assert token not in done.stdout + done.stderr


@pytest.mark.parametrize("who", [{"token": "secret"}, {"sign": True}])
def test_nobody_else_learns_who_calls(scripted: Any, steps: Any, who: dict[str, Any]) -> None:
    elsewhere = scripted.url.replace("127.0.0.1", "localhost")
    job = {"id": "abc", "status": "queued", "job_url": f"{elsewhere}/jobs/abc"}
    scripted.on("POST /jobs", steps.answer(201, json=job, retry_after="0"))
    scripted.on("GET /jobs/abc", steps.answer(404))
    scripted.on("POST /transform", steps.answer(307, location=f"{elsewhere}/stolen"))
    with Client(scripted.url, **who) as client:
        for ask in (client.transform, lambda photo: client.draw(photo, via="jobs")):
            with pytest.raises(ProblemError):
                ask(PHOTO)
    (asked,) = scripted.asked("GET /jobs/abc")
    assert "authorization" not in asked.headers
    assert scripted.asked("POST /stolen") == []
    assert "authorization" in scripted.asked("POST /jobs")[0].headers


def test_who_signs_may_not_call(scripted: Any, steps: Any) -> None:
    scripted.on("POST /transform", steps.answer(403, json={"message": "Forbidden"}))
    with (
        Client(scripted.url, sign=True) as client,
        pytest.raises(ProblemError, match=r"Forbidden: .* execute-api:Invoke") as refused,
    ):
        client.transform(PHOTO)
    assert refused.value.status == 403
