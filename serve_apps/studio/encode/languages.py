"""Names of languages: ISO 639 codes as containers have them to BCP 47 tags, and what the language calls itself.

Pure; knows the languages that films come in, and passes on the tags of others.
"""

from __future__ import annotations

import itertools
import re

# BCP 47 tag: ISO 639-2 codes (bibliographic and terminologic), own name.
_TABLE = """
ar ara العربية|bg bul Български|bn ben বাংলা|bs bos Bosanski|ca cat Català|cs cze,ces Čeština|cy wel,cym Cymraeg|da dan Dansk
de ger,deu Deutsch|el gre,ell Ελληνικά|en eng English|es spa Español|et est Eesti|eu baq,eus Euskara|fa per,fas فارسی|fi fin Suomi
fr fre,fra Français|ga gle Gaeilge|gl glg Galego|gu guj ગુજરાતી|he heb עברית|hi hin हिन्दी|hr hrv Hrvatski|hu hun Magyar
hy arm,hye Հայերեն|id ind Indonesia|is ice,isl Íslenska|it ita Italiano|ja jpn 日本語|ka geo,kat ქართული|kk kaz Қазақша|kn kan ಕನ್ನಡ
ko kor 한국어|lt lit Lietuvių|lv lav Latviešu|mk mac,mkd Македонски|ml mal മലയാളം|mn mon Монгол|mr mar मराठी|ms may,msa Melayu
nb nob Norsk bokmål|nl dut,nld Nederlands|nn nno Nynorsk|no nor Norsk|pa pan ਪੰਜਾਬੀ|pl pol Polski|pt por Português|ro rum,ron Română
ru rus Русский|sk slo,slk Slovenčina|sl slv Slovenščina|sq alb,sqi Shqip|sr srp Српски|sv swe Svenska|sw swa Kiswahili|ta tam தமிழ்
te tel తెలుగు|th tha ไทย|fil fil,tgl Filipino|tr tur Türkçe|uk ukr Українська|ur urd اردو|uz uzb Oʻzbek|vi vie Tiếng Việt|zh chi,zho 中文
"""
_ENTRIES = [entry.split(" ", 2) for line in _TABLE.strip().splitlines() for entry in line.split("|")]
_NAMES = {tag: name for tag, _, name in _ENTRIES}
_TAGS = {code: tag for tag, codes, _ in _ENTRIES for code in codes.split(",")}
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\"<>&,=\\]")  # what attribute lists of manifests can't carry
_WELL_FORMED = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


def tag_of(code: str) -> str:
    """Return the BCP 47 tag of a code out of a container or a request; `und` if it is none."""
    primary, dash, rest = code.strip().replace("_", "-").partition("-")
    primary = primary.lower()
    tag = _TAGS.get(primary, primary) + dash + rest
    return tag if _WELL_FORMED.fullmatch(tag) and primary not in {"und", "unk", "mis", "mul", "zxx"} else "und"


def label_of(tag: str, title: str = "") -> str:
    """Return what to call a track of this language: the language's own name, and the track's title if it says more."""
    primary, _, region = tag.partition("-")
    name = _NAMES.get(primary, tag) if tag != "und" else ""
    if name and region:
        name = f"{name} ({region})"
    title = " ".join(_UNSAFE.sub(" ", title).split())[:80].strip()
    if not title or title.casefold() in {name.casefold(), tag.casefold()}:
        return name or "Unknown"
    return f"{name} ({title})" if name and name.casefold() not in title.casefold() else title


def distinct(labels: list[str]) -> list[str]:
    """Number the labels that occur before: players tell tracks apart by name."""
    told: list[str] = []
    for label in labels:
        numbered = (label if number == 1 else f"{label} {number}" for number in itertools.count(1))
        told.append(next(name for name in numbered if name not in told))
    return told
