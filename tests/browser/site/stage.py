"""A film for the player, and the edges that deliver it: real media, small; each edge can be ended, or fail some of its files."""

from __future__ import annotations

import functools
import http.server
import re
import socket
import subprocess
import threading
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import imageio_ffmpeg

from tests.browser.site.catalogue import Json

DURATION_S: Final = 40
SEGMENT_S: Final = 2
HEIGHTS: Final = (360, 180)
SIGNED: Final = "/t/1.9999999999.session.signature/film/v1"


def film(folder: Path) -> Path:
    """Write a film of two renditions, English and German sound, English and French subtitles, with thumbnails, as HLS."""
    sizes = [f"{height * 16 // 9}x{height}" for height in HEIGHTS]
    streams = " ".join(
        [
            *(f"v:{at},agroup:sound,name:{height}" for at, height in enumerate(HEIGHTS)),
            "a:0,agroup:sound,language:en,name:en,default:yes",
            "a:1,agroup:sound,language:de,name:de",
        ]
    )
    subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y"),
            *("-f", "lavfi", "-i", f"testsrc2=s={sizes[0]}:r=24:d={DURATION_S}"),
            *("-f", "lavfi", "-i", f"sine=330:d={DURATION_S}:r=48000", "-f", "lavfi", "-i", f"sine=880:d={DURATION_S}:r=48000"),
            *("-map", "0:v", "-map", "0:v", "-map", "1:a", "-map", "2:a"),
            *(
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-g",
                str(24 * SEGMENT_S),
                "-keyint_min",
                str(24 * SEGMENT_S),
                "-sc_threshold",
                "0",
            ),
            *("-s:v:0", sizes[0], "-b:v:0", "700k", "-s:v:1", sizes[1], "-b:v:1", "200k", "-c:a", "aac", "-b:a", "64k"),
            *("-f", "hls", "-hls_time", str(SEGMENT_S), "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"),
            *("-hls_fmp4_init_filename", "init_%v.mp4", "-hls_segment_filename", str(folder / "%v_%03d.m4s")),
            *("-master_pl_name", "master.m3u8", "-var_stream_map", streams, str(folder / "%v.m3u8")),
        ],
        check=True,
        cwd=folder,
    )
    _subtitled(folder)
    sheet = "color=c=navy:s=320x90:d=1"
    picture = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-f", "lavfi", "-i", sheet, "-frames:v", "1"]
    subprocess.run([*picture, str(folder / "thumbnails_001.jpg")], check=True)
    half = "{:02d}.000 --> 00:{:02d}.000\nthumbnails_001.jpg#xywh={},0,160,90\n"
    (folder / "thumbnails.vtt").write_text(f"WEBVTT\n\n00:{half.format(0, 20, 0)}\n00:{half.format(20, DURATION_S, 160)}")
    return folder


def _subtitled(folder: Path) -> None:
    master = folder / "master.m3u8"
    lines = re.sub(r'NAME="[^"]*"', lambda _: 'NAME="?"', master.read_text()).splitlines()
    named = []
    for line in lines:
        if line.startswith("#EXT-X-STREAM-INF"):
            named.append(f'{line},SUBTITLES="texts"')
        else:
            named.append(line.replace('NAME="?"', 'NAME="English"' if 'LANGUAGE="en"' in line else 'NAME="Deutsch"'))
    for language, label, word in (("en", "English", "Hello"), ("fr", "Français", "Bonjour")):
        cues = "".join(f"00:{at:02d}.000 --> 00:{at + 4:02d}.000\n{word} at {at}\n\n" for at in range(0, DURATION_S, 5))
        (folder / f"text_{language}.vtt").write_text(f"WEBVTT\n\n{cues}")
        (folder / f"text_{language}.m3u8").write_text(
            f"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{DURATION_S}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
            f"#EXTINF:{DURATION_S}.0,\ntext_{language}.vtt\n#EXT-X-ENDLIST\n"
        )
        named.append(
            f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="texts",LANGUAGE="{language}",NAME="{label}",DEFAULT=NO,AUTOSELECT=YES,'
            f'FORCED=NO,URI="text_{language}.m3u8"'
        )
    master.write_text("\n".join(named) + "\n")


class Edge:
    """An edge that delivers the film under any signed path."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self._failing: list[str] = []
        self._connections: set[socket.socket] = set()
        edge = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                edge._connections.add(self.request)
                super().setup()

            def translate_path(self, path: str) -> str:
                return super().translate_path("/" + path.rpartition("/")[2])

            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                edge.asked.append(name)
                if any(fnmatchcase(name, pattern) for pattern in edge._failing):
                    self.send_error(503)
                else:
                    super().do_GET()

            def end_headers(self) -> None:
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Cache-Control", "no-store")
                super().end_headers()

            def log_message(self, *args: Any) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        self._server.daemon_threads = True
        self._alive = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def fail(self, *patterns: str) -> None:
        """Answer 503 for these files from now on."""
        self._failing = list(patterns)

    def kill(self) -> None:
        """End it as kill -9 would: nobody listens, what is open breaks."""
        if not self._alive:
            return
        self._alive = False
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def session(playable_id: str, title_id: str, edges: list[Edge], **changed: Any) -> Json:
    """A session as playback answers it."""
    return {
        "session_id": f"session-of-{playable_id}",
        "playable_id": playable_id,
        "title_id": title_id,
        "hls_url": f"{edges[0].url}{SIGNED}/master.m3u8",
        "dash_url": f"{edges[0].url}{SIGNED}/manifest.mpd",
        "thumbnails_url": f"{edges[0].url}{SIGNED}/thumbnails.vtt",
        "edges": [{"url": edge.url} for edge in edges],
        "path": SIGNED,
        "subtitles": [{"language": "en", "label": "English"}, {"language": "fr", "label": "Français"}],
        "audio": [{"language": "en", "label": "English"}, {"language": "de", "label": "Deutsch"}],
        "markers": None,
        "duration_s": float(DURATION_S),
        "position_s": 0.0,
        "next_playable_id": None,
        "heartbeat_interval_s": 1.0,
        "lease_s": 30.0,
        **changed,
    }
