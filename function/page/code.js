// What to send to this very service from a program.

const SIGN = ` \\
  --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
  --header "X-Amz-Security-Token: $AWS_SESSION_TOKEN"`;
const BEARER = ' \\\n  --header "Authorization: Bearer $ARTLINE_TOKEN"';

// `auth` is the service's: "token", "iam", or what needs neither.
export function snippets(base, { auth, style }) {
  const address = new URL(
    style ? `transform?style=${encodeURIComponent(style)}` : "transform",
    base,
  );
  const secret = { token: BEARER, iam: SIGN }[auth] ?? "";
  return {
    curl: `curl --fail --data-binary @photo.jpg${secret} \\
  --output line-art.jpg "${address}"`,
    python: auth === "iam" ? signed(address) : plain(address, auth === "token"),
  };
}

function plain(address, token) {
  const bearer = token ? '\n    "Authorization": f"Bearer {os.environ[\'ARTLINE_TOKEN\']}",' : "";
  return `${token ? "import os\n" : ""}import pathlib, urllib.request

request = urllib.request.Request("${address}", headers={${bearer}
    "Content-Type": "image/jpeg",
}, data=pathlib.Path("photo.jpg").read_bytes())
with urllib.request.urlopen(request) as answer:
    pathlib.Path("line-art.jpg").write_bytes(answer.read())`;
}

function signed(address) {
  return `import os, pathlib, urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

photo = pathlib.Path("photo.jpg").read_bytes()
request = AWSRequest("POST", "${address}", {"Content-Type": "image/jpeg"}, photo)
SigV4Auth(Session().get_credentials(), "execute-api", os.environ["AWS_REGION"]).add_auth(request)
request = urllib.request.Request(request.url, photo, dict(request.headers))
with urllib.request.urlopen(request) as answer:
    pathlib.Path("line-art.jpg").write_bytes(answer.read())`;
}
