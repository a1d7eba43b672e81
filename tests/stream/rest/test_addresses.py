"""URLs that lead where nothing is to be fetched, and those that are read as they are meant."""

import ipaddress

import pytest

from stream.errors import BadRequest
from stream.rest.addresses import Target, is_public, read, redirected

HOSTILE = [
    "",
    "talk.mp3",
    "//example.com/talk.mp3",
    "ftp://example.com/talk.mp3",
    "file:///etc/passwd",
    "gopher://example.com:80/",
    "data:audio/wav;base64,AAAA",
    "jar:http://example.com!/",
    "http:/example.com/",
    "http:example.com",
    "http://",
    "http:///etc/passwd",
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://127.0.0.1:6666\\@1.1.1.1/",
    "http://example.com\\@127.0.0.1/",
    "http://1.1.1.1 &@127.0.0.1#@8.8.8.8/",
    "http://example.com#@127.0.0.1/\n",
    "http://example.com:80:22/",
    "http://example.com:22/",
    "http://example.com:6379/",
    "http://example.com:99999/",
    "http://example.com:/",
    "http://0177.0.0.1/",
    "http://0177.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://127.0.0.0x1/",
    "http://127.0.0.1.0/",
    "http://300.1.1.1/",
    "http://[::1/",
    "http://[::1]evil/",
    "http://[fe80::1%25eth0]/",
    "http://[::ffff:0177.0.0.1]/",
    "http://exa mple.com/",
    "http://example.com/a b",
    "http://example.com/\r\nHost: evil",
    "http://example.com\t/",
    " http://example.com/",
    "http://example.com/ ",
    "http://exämple.com/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://.example.com/",
    "http://a..b/",
    "http://-a.com/",
    "http://example.com/<talk>",
    "http://%31%32%37.0.0.1/",
    "http://example.com/" + "a" * 9000,
    "http://" + "a" * 64 + ".com/",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_url_that_can_be_read_in_two_ways_is_not_read(url: str):
    with pytest.raises(BadRequest, match="the URL") as caught:
        read(url)
    assert caught.value.param == "file_url"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://example.com", Target("http", "example.com", 80, "/")),
        ("HTTPS://Example.COM./a?b=c#d", Target("https", "example.com", 443, "/a?b=c")),
        ("https://example.com:443/a%20b", Target("https", "example.com", 443, "/a%20b")),
        ("http://example.com?a=b", Target("http", "example.com", 80, "/?a=b")),
        ("https://a_b.example.com/@x", Target("https", "a_b.example.com", 443, "/@x")),
        ("http://93.184.215.14/", Target("http", "93.184.215.14", 80, "/")),
        ("http://[2606:4700::0:1111]:80/", Target("http", "2606:4700::1111", 80, "/")),
        ("http://example.com:443/", Target("http", "example.com", 443, "/")),
    ],
)
def test_what_is_read(url: str, target: Target):
    assert read(url) == target
    assert read(target.url) == target


def test_a_port_of_its_own_is_in_the_host_header():
    assert read("https://example.com:443/").authority == "example.com"
    assert read("http://example.com:443/").authority == "example.com:443"
    assert read("http://[2606:4700::1111]/").authority == "[2606:4700::1111]"


def test_only_hosts_that_are_allowed():
    assert read("https://CDN.example.com/", {"cdn.example.com"}).host == "cdn.example.com"
    for host in ("example.com", "cdn.example.com.evil.com", "xcdn.example.com"):
        with pytest.raises(BadRequest) as caught:
            read(f"https://{host}/", {"cdn.example.com"})
        assert "--fetch-allow" in str(caught.value.hint)


INNER = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.0.8", "192.0.2.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("168.63.129.16", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1"),
    *("64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:0:7f00:1::", "2001:20::1", "2001:db8::1"),
    *("fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "3fff::1", "5f00::1", "4000::1"),
    *("", "localhost", "127.1", "0x7f.0.0.1", "8.8.8.8%1"),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("address", INNER)
def test_an_address_that_is_not_of_the_public_internet(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet(address: str):
    assert is_public(address)


@pytest.mark.parametrize("address", INNER)
def test_a_url_with_such_an_address_is_refused_or_judged_by_it(address: str):
    """What is read is what gets judged: no notation turns into another address on the way."""
    try:
        host = read(f"http://{f'[{address}]' if ':' in address else address}/").host
    except BadRequest:
        return
    assert host == "localhost" or ipaddress.ip_address(host) == ipaddress.ip_address(address)
    assert not is_public(host)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b", "https://example.com/b"),
        ("b?c", "https://example.com/x/b?c"),
        ("https://other.com/d", "https://other.com/d"),
        ("//other.com/d", "https://other.com/d"),
    ],
)
def test_redirects_are_followed_from_where_they_are(location: str, url: str):
    assert redirected(read("https://example.com/x/y"), location).url == url


@pytest.mark.parametrize(
    "location",
    [
        *("http://example.com/", "ftp://example.com/", "https://example.com:22/", "https://user@example.com/"),
        *("https://127.1/", "https://[::1", "https://example.com/\r\nx", "javascript:alert(1)", "\\\\evil\\x"),
    ],
)
def test_a_redirect_is_read_as_strictly(location: str):
    with pytest.raises(BadRequest):
        redirected(read("https://example.com/x/y"), location)
    if location.startswith("https://"):
        with pytest.raises(BadRequest):
            redirected(read("https://example.com/"), "https://example.com/", {"other.com"})
