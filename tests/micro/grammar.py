"""Sentences to learn from: what callers, support and captioned speakers say, in a few hundred English and German words.

Knows nothing of audio. What is written follows from what is heard: numbers are words, each sound has one spelling (but
for to/two and for/four, which their neighbours tell apart), and commas, question marks and capitals stand by rule.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

LANGUAGES = ("en", "de")

_SLOT = re.compile(r"{([^{}]*)}")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")

# Alternatives, all equally likely: between bars, and the lines of "sentence". `{name}` stands for one of that name.
# Slots that are filled alike are named by an example.

ENGLISH: Final = {
    "sentence": """
        Can I pay {amount} {future}, {first}?
        Can you {change} {matter}, please?
        Could you send {name} a copy of {paper} {digits}?
        How much is the {new} {article} with {number} percent off?
        I apologize for the {mishap} with {matter}.
        I bought a {new} {article} in {month}, but it {fails}.
        I can't find {paper} {digits}.
        I don't understand {paper} {digits}.
        You charged me {amount} {past}.
        I forgot my password for account {digits}.
        I have {some} {articles}, but I ordered {number}.
        I have not received {matter}.
        I think that {name} promised me {amount}.
        I want to {return} the {paper} that I received {past}.
        I want to return the {new} {article} from {date}.
        I'd like to {return} order number {digits}.
        I'd like to {return} the {paper} from {date}, please.
        I'm calling about {matter}.
        I'm very sorry about the {mishap} with {paper} {digits}, {first}.
        Hello {first}, this is {name} from {department}.
        Hello, my name is {name} and I need {some} {articles}.
        Good {daytime}, this is {name}, my {article} {fails}.
        Is there anything else about {paper} {digits}, {first}?
        It's {digits}.
        Let me {change} {matter}, {first}.
        My {article} {fails}, can you refund {amount}?
        My phone number is {digits} {digits}.
        My {new} {article} {fails}, {first}.
        No, I said {digits}, not {digits}.
        One moment, {name} from {department} will help you.
        Please hold the line, {first}, I will call {name}.
        Please press {digit} for {department} or {digit} for {department}.
        Please turn the {article} off, {first}, and wait {number} {seconds}.
        Sorry {first}, the {new} {article} is sold out until {until}.
        Thank you for calling, {first}, my name is {name}.
        Thank you, {first}, your {code} is {digits}.
        Thanks for {waiting}, {first}, I found {matter}.
        The address is {number} {street} Street, {city}.
        The {new} {article} that arrived {past} {fails}.
        We {changed} your appointment from {day} to {date}.
        We offer {name} a discount of {number} percent.
        When will {paper} {digits} arrive?
        Where is the {new} {article} that I ordered {past}?
        Yes, that's right, the {code} is {digits}.
        Your account has a balance of {amount}, {first}.
        Your {article} was shipped {past} and will arrive {future}.
        Your refund of {amount} will arrive {future}.

        Are there any questions about {topic} or {topic}, {name}?
        Good {daytime} everyone, I'm {name} from {city}.
        In {month} we sold {number} {articles} in {city}.
        Let's {start} with the {ordinal} question from {name}.
        Our {ordinal} guest is {name}, a {teacher} from {city}.
        Please welcome {name} and {name}.
        Please welcome our {ordinal} {teacher}, {name}.
        The {next} {meeting} {begins} at {clock} on {day}.
        The {next} speaker is {name}, who will talk about {topic}.
        The {ordinal} prize of {amount} goes to {name}.
        The {train} from {city} to {city} leaves at {clock}.
        We have {number} people in the hall and {number} in the garden.
        Let's take a break of {number} minutes and continue at {clock}.
        Welcome {everyone}, and thank you for coming to {city}.
        Welcome to the {ordinal} {meeting} about {topic} and {topic}.
        {City and weather} and {city and weather}.
        {date} at {clock}.
        {paper} {digits} is {state}.
        {paper} {digits}, please.
        {name} said {amount}.
        {name} sold {number} {articles}.
        {name} and {name} are talking about {topic}.
        {name}, can you hear {name}?
        {name} will help you {future}.
        {name} wrote {some} books about {topic}.
    """,
    "return": "cancel|change|check|confirm|return",
    "change": "check|change|cancel",
    "changed": "changed|moved",
    "matter": "{paper} {digits}|{paper} {digits}|{paper} {digits}|the {paper} from {date}",
    "paper": "order|invoice|ticket|contract",
    "code": "password|code|account number|customer number",
    "article": "laptop|printer|camera|keyboard|router|battery|lamp",
    "articles": "laptops|printers|cameras|lamps",
    "new": "new|old|small|large|black|green",
    "state": "missing|wrong|closed",
    "fails": "is broken|is missing|is very slow|is very loud|does not work",
    "mishap": "delay|mistake|problem",
    "waiting": "waiting|calling",
    "department": "sales|support|billing|delivery|customer service",
    "seconds": "seconds|minutes",
    "meeting": "meeting|conference|lesson",
    "next": "next|last|{ordinal}",
    "begins": "begins|ends",
    "train": "train|bus",
    "teacher": "doctor|teacher|writer",
    "start": "start|continue",
    "topic": "music|history|energy|health|science|travel|water|climate",
    "everyone": "everyone|{name}|{name}|{name}",
    "City and weather": "{day} will be {sunny} in {city}|{month} was {sunny} in {city}",
    "city and weather": "{sunny} in {city}|{sunny} in {city} {today}",
    "sunny": "sunny|cloudy|warm|cold",
    "first": "Anna|Maria|David|Peter|Laura|Thomas|Julia|Robert|Helen|Daniel|Emma|Oliver|Linda|Victor",
    "last": "Lopez|Miller|Johnson|Wilson|Garcia|Cooper|Bennett|Foster|Morgan|Turner|Jackson|Patel",
    "name": "{first} {last}",
    "city": "London|Berlin|Paris|Boston|Chicago|Madrid",
    "street": "Park|Station",
    "day": "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    "daytime": "morning|afternoon|evening",
    "today": "today|this {daytime}",
    "past": "yesterday|last {week}|on {day}|on {date}|on {date}",
    "future": "tomorrow|next {week}|on {date}|in {some} {weeks}|soon",
    "until": "{day}|{month}|next {week}",
    "week": "week|month|year|{day}",
    "weeks": "days|weeks|months",
    "month": "January|February|March|April|May|June|July|August|September|October|November|December",
    "ordinal": "{ordinal to ninth}|{ordinal to ninth}|{ordinal from tenth}",
    "ordinal to ninth": "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth",
    "ordinal from tenth": "tenth|eleventh|twelfth|twentieth|thirtieth",
    "date": "{month} {ordinal}|{month} {ordinal}|{month} twenty {ordinal to ninth}",
    "digit": "zero|one|two|three|four|five|six|seven|eight|nine",
    "digits": "{digit} {digit} {digit}|{digit} {digit} {digit} {digit}",
    "one to nine": "one|two|three|four|five|six|seven|eight|nine",
    "some": "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve",
    "teen": "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen",
    "tens": "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety",
    "number": "{teen}|{tens}|{tens} {one to nine}",
    "amount": "{number} dollars|{some} dollars and {number} cents|{one to nine} {hundred} dollars",
    "hundred": "hundred|thousand",
    "clock": "{some} o'clock|half past {some}|{some} in the {daytime}",
}

GERMAN: Final = {
    "sentence": """
        Auf Wiederhören, {Frau} {Nachname}, bis {Montag} {um elf Uhr}.
        Bitte warten Sie bis {um elf Uhr}, {Frau Anna} {Nachname}.
        Die {Lampe} {Ziffern} ist {kaputt}.
        Die {Lampe} {Ziffern} kommt {heute}.
        Die {Lampe} {Ziffern} kostet {Betrag}.
        Guten {Tag}, hier ist {Name}, ich möchte die {Lampe} {Ziffern} {bestellen}.
        Guten {Tag}, {Frau} {Nachname}, meine Nummer ist {Ziffern}.
        Ich habe {etwas} am {Montag} {bestellt}.
        Ich möchte {etwas} am {Montag} {bestellen}.
        Ja, {Montag} {um elf Uhr} ist gut, {Frau Anna} {Nachname}.
        Können Sie {etwas} {heute} {bestellen}, {Frau} {Nachname}?
        Mein Name ist {Name} und meine Nummer ist {Ziffern}.
        Nein, meine Nummer ist nicht {Ziffern}, sondern {Ziffern}.
        Vielen Dank, {Frau} {Nachname}, die Nummer ist {Ziffern}.
        Wann kommt {meine} {Lampe} {Ziffern}, {Frau} {Nachname}?
        Wo ist {meine} {Lampe} mit der Nummer {Ziffern}?
        {Frau Anna} {Nachname} kommt am {Montag} {um elf Uhr}.
        {Meine} {Lampe} kostet {Betrag} und kommt am {Montag} {um elf Uhr}.
        {Meine} Nummer ist {Ziffern}, {Frau} {Nachname}.
        {Nummer} {Ziffern}, bitte.
    """,
    "Tag": "Tag|Abend",
    "Name": "{Vorname} {Nachname}",
    "Vorname": "Anna|Lukas|Sabine|Peter",
    "Nachname": "Schneider|Weber|Fischer|Becker|Hoffmann",
    "Frau Anna": "Frau Anna|Frau Sabine|Herr Peter|Herr Lukas",
    "Frau": "Frau|Herr",
    "Nummer": "Nummer|{Lampe}",
    "Meine": "Meine|Ihre|Die",
    "meine": "meine|Ihre|die",
    "etwas": "die {Lampe} {Ziffern}|meine {Lampe} {Ziffern}|{zwei} {Lampen} für {Betrag}",
    "bestellen": "bestellen|bezahlen|ändern",
    "bestellt": "bestellt|bezahlt",
    "Lampe": "Rechnung|Lieferung|Lampe|Kamera",
    "Lampen": "Lampen|Kameras",
    "kaputt": "kaputt|gut",
    "heute": "heute|morgen|am {Montag}",
    "Montag": "Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag",
    "um elf Uhr": "um {zwei} Uhr|um {zwei} Uhr {zwanzig}|um {zwei} Uhr {zwanzig}",
    "Ziffer": "null|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun",
    "Ziffern": "{Ziffer} {Ziffer} {Ziffer}|{Ziffer} {Ziffer} {Ziffer} {Ziffer}",
    "zwei": "zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf",
    "Betrag": "{zwanzig} Euro|{zwei} Euro {zwanzig}|{zwei} Euro und {zwanzig} Cent",
    "zwanzig": "zehn|zwanzig|dreißig|vierzig",
}

_RULES: Final[dict[str, dict[str, list[str]]]] = {
    language: {
        name: [text.strip() for text in re.split(r"[|\n]", rule.strip()) if text.strip()]
        for name, rule in rules.items()
    }
    for language, rules in (("en", ENGLISH), ("de", GERMAN))
}


def sentence(language: str, random: np.random.Generator) -> str:
    """One sentence of 3 to 16 words, punctuated."""
    rules = _RULES[language]

    def drawn(name: str) -> str:
        alternatives = rules[name]
        text = alternatives[random.integers(len(alternatives))]
        return _SLOT.sub(lambda slot: drawn(slot[1]), text)

    text = drawn("sentence")
    return text[0].upper() + text[1:]


def vocabulary(language: str) -> frozenset[str]:
    """All words that its sentences may hold, in lower case."""
    texts = (_SLOT.sub("", text) for alternatives in _RULES[language].values() for text in alternatives)
    return frozenset(word for text in texts for word in _WORD.findall(text.lower()))
