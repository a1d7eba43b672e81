"""The signature of Twilio's documentation."""

from stream.twilio_signature import signature


def test_the_example_of_twilios_documentation():
    """For a form, whose fields are signed behind the URL; a handshake has none."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = "CallSidCA1234567890ABCDECaller+14158675309Digits1234From+14158675309To+18005551212"
    assert signature("12345", url + fields) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_every_part_of_the_url_and_of_the_token_counts():
    url = "wss://captions.example/twilio"
    made = {signature(token, each) for token in ("a", "b") for each in (url, url + "/", url.replace("wss", "https"))}
    assert len(made) == 6
