"""Proxies, as the environment names them.

httpx reads the same variables, and ends in an exception over values that other programs take:
`socks://`, and IPv6 addresses and networks in `NO_PROXY`.
"""

from __future__ import annotations

import os
from ipaddress import ip_address, ip_network
from ssl import SSLContext
from typing import Final
from urllib.request import getproxies

import httpx

from ..errors import EndpointError

SCHEMES: Final = {"http", "https", "socks5", "socks5h"}
CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def proxy(url: str) -> str | None:
    """The URL of the proxy for requests to `url`. Raises `EndpointError`."""
    target = httpx.URL(url)
    proxies = getproxies()
    name = target.scheme if proxies.get(target.scheme) else "all"
    given = proxies.get(name)
    if not given or _bypassed(target, proxies.get("no", "")):
        return None
    address = given if "://" in given else f"http://{given}"
    if address.startswith("socks://"):  # the desktop's word for version 5
        address = f"socks5{address.removeprefix('socks')}"
    try:
        parsed = httpx.URL(address)
        usable = parsed.scheme in SCHEMES and bool(parsed.host)
    except (httpx.InvalidURL, UnicodeError):  # a host's name that cannot be
        usable = False
    if not usable:
        variable = f"{name}_proxy"
        variable = variable if variable in os.environ else variable.upper()
        raise EndpointError(
            f"{variable} is no proxy that can be used: its scheme is one of"
            f" {', '.join(sorted(SCHEMES))}."
        )
    return address


def certificates() -> SSLContext:
    """The authorities that are trusted. Raises `EndpointError`."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        named = [f"{name}={os.environ[name]}" for name in CERTIFICATES if os.environ.get(name)]
        raise EndpointError(
            f"{' and '.join(named) or 'The certificate store'} cannot be read: {error.strerror}."
        ) from error


def _bypassed(target: httpx.URL, exceptions: str) -> bool:
    return any(_matches(target, each.strip().lower()) for each in exceptions.split(","))


def _matches(target: httpx.URL, exception: str) -> bool:
    """Whether one entry of `NO_PROXY` is about the target: a host, domain, address or network."""
    if exception in ("", "*"):
        return exception == "*"
    try:
        network = ip_network(exception.strip("[]"), strict=False)
    except ValueError:
        pass
    else:
        try:
            return ip_address(target.host) in network
        except ValueError:
            return False
    host, _, port = exception.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        host, port = exception.rpartition("://")[2], ""
    if port and port != str(target.port or {"http": 80, "https": 443}.get(target.scheme)):
        return False
    host = host.strip("[]").lstrip("*").lstrip(".")
    return target.host == host or target.host.endswith(f".{host}")
