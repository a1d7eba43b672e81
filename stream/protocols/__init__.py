"""The dialects that the server speaks: adding one is a file here and a line below."""

from stream.protocols.base import WireProtocol
from stream.protocols.deepgram import DeepgramProtocol
from stream.protocols.mistral import MistralProtocol
from stream.protocols.native import NativeProtocol
from stream.protocols.openai import OpenAIProtocol
from stream.protocols.twilio import TwilioProtocol
from stream.protocols.vosk import VoskProtocol

PROTOCOLS: tuple[type[WireProtocol], ...] = (
    NativeProtocol,
    DeepgramProtocol,
    MistralProtocol,
    OpenAIProtocol,
    TwilioProtocol,
    VoskProtocol,
)
