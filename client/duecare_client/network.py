"""Makes HTTP connections, and turns their failures into errors that name the host or the proxy to look at."""

from __future__ import annotations

import ipaddress
import os
import ssl
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from duecare_client.errors import BadSettings, Unreachable

# What httpx raises while it sends and receives. The last two: a host name that is not one shows only then.
FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError)
_PROXY_VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_BEFORE_THE_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


def service_url(url: str) -> httpx.URL:
    """The URL of a service, without a slash at the end. Raises BadSettings unless it is https, or http on this machine.

    Over plain http to another machine anyone on the way could read and change what is sent and answered.
    """
    try:
        base = httpx.URL(url.rstrip("/"))
    except httpx.InvalidURL:
        base = httpx.URL("")
    if base.scheme not in {"http", "https"} or not base.host:
        raise BadSettings("the service's URL must have a scheme and a host, like https://duecare.example")
    if not is_private(base):
        raise BadSettings(
            f"http://{_host(str(base))} is not encrypted: give an https URL. http is only for a service on this "
            "machine (localhost, 127.0.0.1). Nothing was sent"
        )
    return base


def is_private(url: httpx.URL) -> bool:
    """Whether nobody on the way can read what goes to this URL: it is https, or http within this machine."""
    return url.scheme == "https" or is_loopback(url.host)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: an address of it, or a name that never leaves it (RFC 6761, section 6.3)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").rpartition(".")[2] == "localhost"


def connections(**options: Any) -> httpx.Client:
    """An httpx.Client that follows no redirect. Raises BadSettings for a proxy variable that cannot be used."""
    try:
        return httpx.Client(follow_redirects=False, **options)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        # Not the library's own words: they may repeat the password in the address of a proxy.
        given = " or ".join(name for name in _PROXY_VARIABLES if os.environ.get(name)) or "the proxy settings"
        fault = f"the proxy in {given} cannot be used ({type(error).__name__}); expected an address like"
        raise BadSettings(f"{fault} http://proxy.example:3128") from None


def unreachable(url: str, error: Exception, *, proxied: bool) -> Unreachable:
    """The error for a failed exchange with `url`. `proxied`: whether the proxies of the environment are used."""
    host = _host(url)
    proxy = _proxy_for(url) if proxied else None
    if proxy and isinstance(error, _BEFORE_THE_CONNECTION) and not _is_tls(error):
        address, variable = proxy
        advice = f"check the proxy, or unset {variable}, or add {httpx.URL(url).host} to NO_PROXY"
        return Unreachable(f"could not reach the proxy {address} ({variable}), {type(error).__name__}; {advice}")
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(f"no answer from {host} in time; ask again")
    return Unreachable(f"no answer from {host} ({type(error).__name__}); check the URL and the network, and ask again")


def _proxy_for(url: str) -> tuple[str, str] | None:
    """The proxy for this URL, without credentials, and the environment variable that names it."""
    try:
        target, proxies = httpx.URL(url), getproxies()
        if proxy_bypass(target.host):
            return None
        for scheme in (target.scheme, "all"):
            if address := proxies.get(scheme):
                names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
                proxy = httpx.URL(address if "://" in address else f"http://{address}")
                shown = f"{proxy.scheme}://{proxy.netloc.decode('ascii')}"
                return shown, next((name for name in names if os.environ.get(name)), names[-1])
    except (httpx.InvalidURL, UnicodeError):
        return None
    return None


def _host(url: str) -> str:
    try:
        return httpx.URL(url).netloc.decode("ascii")  # without user and password
    except (httpx.InvalidURL, UnicodeError):
        return "the service"


def _is_tls(error: BaseException) -> bool:
    """Whether TLS failed. With a proxy that is the service's end, for the proxy had been reached."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
