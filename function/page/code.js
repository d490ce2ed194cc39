// What to send to this very service from a program.

export function snippets(base, { token, style }) {
  const address = new URL(
    style ? `transform?style=${encodeURIComponent(style)}` : "transform",
    base,
  );
  const secret = token ? ' \\\n  --header "Authorization: Bearer $ARTLINE_TOKEN"' : "";
  const bearer = token ? '\n    "Authorization": f"Bearer {os.environ[\'ARTLINE_TOKEN\']}",' : "";
  return {
    curl: `curl --fail --data-binary @photo.jpg${secret} \\
  --output line-art.jpg "${address}"`,
    python: `${token ? "import os\n" : ""}import pathlib, urllib.request

request = urllib.request.Request("${address}", headers={${bearer}
    "Content-Type": "image/jpeg",
}, data=pathlib.Path("photo.jpg").read_bytes())
with urllib.request.urlopen(request) as answer:
    pathlib.Path("line-art.jpg").write_bytes(answer.read())`,
  };
}
