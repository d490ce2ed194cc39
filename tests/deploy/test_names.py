import http.client
from urllib.parse import urlsplit

from .apply import Emulator
from .names import names


def test_any_name_leads_to_the_emulator(emulator: Emulator) -> None:
    account = emulator.client("sts").get_caller_identity()["Account"]
    with names(emulator.endpoint) as proxy:
        connection = http.client.HTTPConnection(urlsplit(proxy).netloc, timeout=60)
        connection.request("GET", f"http://{account}.s3control.localhost/_ministack/ready")
        assert connection.getresponse().status == 200
        connection.close()
