"""What kind of file this is, by its first bytes: the only thing that decides which demuxer reads it.

ffmpeg's own guess is never used: a playlist that is named .mp4 makes it open other files. Knows no names and no MIME types.
"""

from __future__ import annotations

from cluster.errors import MediaRefused

HEAD_BYTES = 4096
KNOWN = "mp4, m4v, mov, 3gp, mkv, webm, avi, ts, mpg, vob, wmv, flv, ogv, rm, mxf"

_EBML, _ASF, _MXF = b"\x1a\x45\xdf\xa3", bytes.fromhex("3026b2758e66cf11"), bytes.fromhex("060e2b34020501010d0102")
_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_PICTURE_BRANDS = {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"crx "}
_DEMUXERS = {
    _EBML: "matroska",
    _ASF: "asf",
    _MXF: "mxf",
    b"FLV\x01": "flv",
    b"OggS": "ogg",
    b".RMF": "rm",
    b"\x00\x00\x01\xba": "mpeg",
    b"\x00\x00\x01\xb3": "mpegvideo",
}
_REFUSED = {
    b"#EXTM3U": "a playlist",
    b"ffconcat": "a playlist",
    b"[playlist]": "a playlist",
    b"v=0": "a playlist",
    b"\xff\xd8\xff": "a picture",
    b"\x89PNG": "a picture",
    b"GIF8": "a picture",
    b"BM": "a picture",
    b"II*\x00": "a picture",
    b"MM\x00*": "a picture",
    b"8BPS": "a picture",
    b"ID3": "a sound file without a picture",
    b"\xff\xfb": "a sound file without a picture",
    b"\xff\xf3": "a sound file without a picture",
    b"\xff\xf1": "a sound file without a picture",
    b"\xff\xf9": "a sound file without a picture",
    b"fLaC": "a sound file without a picture",
    b"FORM": "a sound file without a picture",
    b"#!AMR": "a sound file without a picture",
    b"wvpk": "a sound file without a picture",
    b"PK\x03\x04": "an archive",
    b"7z\xbc\xaf\x27\x1c": "an archive",
    b"Rar!": "an archive",
    b"\x1f\x8b": "an archive",
    b"%PDF": "a document",
    b"\xd0\xcf\x11\xe0": "a document",
    b"FWS": "a Flash program",
    b"CWS": "a Flash program",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}


def sniff(head: bytes) -> str:
    """Return the name of ffmpeg's demuxer for a file that begins like this.

    Raises:
        MediaRefused: it is empty, or not a kind of video file that is known; the sentence says what it looks like.
    """
    if not head:
        raise MediaRefused("The file is empty.")
    if head[4:8] in _BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
            raise _refusal("a picture")
        return "mov"
    if head[:4] == b"RIFF":
        kind = head[8:12]
        if kind == b"AVI ":
            return "avi"
        raise _refusal({b"WAVE": "a sound file without a picture", b"WEBP": "a picture"}.get(kind, "of an unknown kind"))
    for magic, demuxer in _DEMUXERS.items():
        if head.startswith(magic):
            return demuxer
    if _is_transport_stream(head):
        return "mpegts"
    for magic, words in _REFUSED.items():
        if head.startswith(magic):
            raise _refusal(words)
    raise _refusal(_looks_like(head))


def _is_transport_stream(head: bytes) -> bool:
    # Packets of 188 bytes, or 192 with a time stamp (Blu-ray), 204 with a checksum; the file may begin inside one.
    for size in (188, 192, 204):
        for start in range(min(size, len(head))):
            if all(head[at : at + 1] == b"\x47" for at in range(start, start + 5 * size, size)):
                return True
    return False


def _looks_like(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"<":
        return "a playlist or a document"
    if b"\x00" not in head and sum(byte < 9 or 13 < byte < 32 for byte in head) == 0:
        return "a text"
    return "of an unknown kind"


def _refusal(words: str) -> MediaRefused:
    return MediaRefused(f"The file is {words}, not a video that can be encoded ({KNOWN}).")
