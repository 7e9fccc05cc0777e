"""A plan in ffmpeg's words: how the source is read, what happens to its pictures, how renditions are encoded.

Pure: plan in, arguments out. The clock is kept as the container has it, the film's first picture is made 0, and every chunk counts
from there: that is what makes chunks fit, wherever the container enters on a seek.
"""

from __future__ import annotations

import math
from pathlib import Path

from serve_apps.studio.encode.ladder import Rendition
from serve_apps.studio.encode.plan import Chunk, Plan
from serve_apps.studio.encode.programs import source_input

TO_TELEVISION = {
    "": "",
    "wide": "setparams=color_primaries=bt2020:color_trc=bt2020-10:colorspace=bt2020nc,zscale=p=bt709:t=bt709:m=bt709:r=tv,",
    "hdr": (
        "setparams=color_primaries=bt2020:colorspace=bt2020nc,zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
        "tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,"
    ),
}
# Only pictures that say that they are interlaced; a film may change in the middle, and others pass at no cost.
DEINTERLACE = "bwdif=mode=send_frame:parity=auto:deint=interlaced"


def reading(plan: Plan, path: Path, seek_s: float | None) -> list[str]:
    """Return the arguments that open the source, entered at `seek_s` on its own clock."""
    clock = ["-copyts"] if plan.seekable else []
    seek = ["-seek_timestamp", "1", "-noaccurate_seek", "-ss", f"{seek_s:.6f}"] if seek_s is not None else []
    # A broken source is judged by what is missing, not by ffmpeg's patience.
    alone = ["-max_error_rate", "1", "-threads", "1", "-filter_threads", "1", "-filter_complex_threads", "1"]
    return [*alone, *clock, *seek, *source_input(plan.demuxer, path)]


def picture_graph(plan: Plan, chunk: Chunk, seek_s: float | None) -> str:
    """Return the filters from the source's pictures to the outputs [v0], [v1] … of the plan's renditions; `seek_s` as for `reading`."""
    picture, rate = plan.picture, plan.rate
    # The grid begins where reading does, so that a picture before the chunk can stand in for one that is missing at its beginning;
    # at the end the last one stands until the chunk is full.
    lead = first_read(plan, seek_s)
    begin_s, first = float(lead / rate.fraction), chunk.first_frame - lead
    grid = (
        f"fps={rate}:start_time={begin_s:.6f}:round=near,tpad=stop=-1:stop_mode=clone,"
        f"trim=start_frame={first}:end_frame={first + chunk.frames},setpts=PTS-STARTPTS"
    )
    return f"[0:{picture.index}]setpts='round(PTS-({plan.origin_s:.6f})/TB)',showinfo=checksum=0,{DEINTERLACE},{grid}," + _scales(plan)


def first_read(plan: Plan, seek_s: float | None) -> int:
    """Return the picture of the grid from which on the source is read if it is entered at `seek_s`."""
    return max(0, math.floor((seek_s - plan.origin_s) * plan.rate.fraction)) if seek_s is not None else 0


def black_graph(plan: Plan, chunk: Chunk) -> str:
    """Return filters that make a black chunk, for one of which nothing can be decoded."""
    top = plan.renditions[-1]
    return f"color=black:size={top.width}x{top.height}:rate={plan.rate},trim=end_frame={chunk.frames}," + _scales(plan)


def encoder(plan: Plan, rendition: Rendition) -> list[str]:
    """Return the arguments of x264 for one rendition: key pictures on the grid only, so that renditions can be changed at each."""
    rate = plan.rate
    grid = f"keyint={plan.gop_frames}:min-keyint={plan.gop_frames}:scenecut=0:open-gop=0:stitchable=1"
    return [
        *("-c:v", "libx264", "-preset", plan.preset, "-profile:v", "high", "-crf", str(rendition.crf)),
        *("-maxrate", str(rendition.maxrate_bps), "-bufsize", str(rendition.bufsize_bits), "-threads", "1", "-x264-params", grid),
        *("-enc_time_base", f"{rate.denominator}:{rate.numerator}", "-fps_mode", "passthrough"),
        *("-video_track_timescale", str(timescale(plan))),
        *("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "mp4"),
    ]


def timescale(plan: Plan) -> int:
    """Return the ticks a second of the encoded files: every picture falls on one."""
    return plan.rate.numerator if plan.rate.numerator >= 1000 else plan.rate.numerator * 1000


def _scales(plan: Plan) -> str:
    # Each rendition is made from the next larger one: scaling the source for each would cost more than encoding the small ones.
    matrix, chain, source = plan.picture.matrix, [], ""
    colours = f"flags=bicubic:in_color_matrix={matrix}:out_color_matrix={matrix}:out_range=tv"
    convert = TO_TELEVISION[plan.picture.convert]
    for number in reversed(range(len(plan.renditions))):
        rendition = plan.renditions[number]
        scaled = f"{source}scale={rendition.width}:{rendition.height}:{colours}"
        if not source:
            tags = f"setparams=range=tv:colorspace={matrix}:color_primaries={matrix}:color_trc=bt709"
            scaled = f"{convert}{scaled},format=yuv420p,{tags}"
        last = number == 0
        chain.append(f"{scaled},setsar=1" + (f"[v{number}]" if last else f",split=2[v{number}][n{number}]"))
        source = f"[n{number}]"
    return ";".join(chain)
