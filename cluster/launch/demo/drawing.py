"""Draws the demo's films and posters: ffmpeg's generators for picture and sound, Pillow for letters (no font needed).

Main path: `draw_film` -> a generator and filters by look -> title, credits and running time laid over -> a small mp4; the same each time.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Final

import imageio_ffmpeg
from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageFont

from cluster.errors import MatineeError
from cluster.launch.demo.programme import CREDITS_S, TITLE_S, Cast, Look, Short

WIDTH: Final = 640
HEIGHT: Final = 360
FRAME_RATE: Final = 24

_LOOKS: Final[dict[Look, str]] = {
    "spiral": "gradients=s=320x180:r={r}:n=2:c0={a}:c1={b}:speed=0.015:type=spiral:seed={seed},scale={s}:flags=bicubic",
    "radial": "gradients=s={s}:r={r}:n=2:c0={a}:c1={b}:speed=0.03:type=radial:seed={seed}",
    "mandelbrot": "mandelbrot=s=320x180:r={r}:maxiter=160:end_scale=0.02:end_pts=1200,scale={s}:flags=bicubic,{tint}",
    "life": "life=s=320x180:r={r}:mold=12:ratio=0.28:life_color={b}:death_color={a}:mold_color={a}:seed={seed},scale={s}:flags=neighbor",
    "sierpinski": "sierpinski=s={s}:r={r}:seed={seed}:jump=2,{tint}",
    "cellular": "cellauto=s=160x90:r={r}:rule=110:seed={seed}:full=1,scale={s}:flags=neighbor,format=yuv420p,{tint}",
    "zoneplate": "zoneplate=s={s}:r={r}:kx2=18:ky2=18:kt=4,format=yuv420p,{tint}",
    "clouds": "perlin=s=160x90:r={r}:octaves=4:xscale=2:yscale=2:tscale=0.4:seed={seed},scale={s}:flags=bicubic,format=yuv420p,{tint}",
    "mirror": "gradients=s=320x180:r={r}:n=4:c0={a}:c1={b}:c2={a}:c3={b}:speed=0.05:seed={seed},split=4[m0][m1][m2][m3];"
    "[m1]hflip[h];[m2]vflip[v];[m3]hflip,vflip[hv];[m0][h]hstack[top];[v][hv]hstack[low];[top][low]vstack",
    "echo": "life=s=160x90:r={r}:ratio=0.2:life_color={b}:death_color={a}:seed={seed},scale={s}:flags=bilinear,gblur=3,lagfun=decay=0.96",
    "stripes": "testsrc2=s={s}:r={r},format=gray,format=yuv420p,{tint}",
    "embers": "cellauto=s=160x90:r={r}:rule=30:seed={seed}:full=1,scale={s}:flags=bilinear,gblur=4,format=yuv420p,{tint}",
}


async def draw_film(short: Short, title: str, path: Path, cast: Cast = (), opens_s: int = 0) -> None:
    """Write the film as mp4 (640x360, 24 frames a second, stereo), with its running time in the picture.

    Its title is shown for TITLE_S from `opens_s` on, and who is in it for the last CREDITS_S.

    Raises:
        MatineeError: ffmpeg failed; carries its last words.
    """
    work = path.with_suffix(".parts")
    work.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(_letter, work, title, short, cast)
    a, b = (ImageColor.getrgb(colour)[:3] for colour in short.colours)
    tint = "format=gray,format=gbrp," + _curves(a, b)
    picture = _LOOKS[short.look].format(
        s=f"{WIDTH}x{HEIGHT}", r=FRAME_RATE, a=short.colours[0], b=short.colours[1], seed=short.seed, tint=tint
    )
    root, third, fifth = short.chord_hz
    pulse = 0.5 + (short.seed % 5) * 0.25
    sound = (
        f"aevalsrc='0.22*sin(2*PI*{root}*t)*(0.6+0.4*sin(2*PI*{pulse}*t))+0.12*sin(2*PI*{third}*t)*(0.5+0.5*sin(2*PI*{pulse / 3:.3f}*t))"
        f"|0.22*sin(2*PI*{root * 1.003:.3f}*t)+0.12*sin(2*PI*{fifth}*t)*(0.5+0.5*cos(2*PI*{pulse / 2:.3f}*t))':s=48000:d={short.duration_s}"
    )
    graph = (
        f"{picture},scale={WIDTH}:{HEIGHT},setsar=1,format=yuv420p,vignette=PI/5[p];"
        f"[p][1:v]overlay=x=0:y=0:enable='between(t,{opens_s},{opens_s + TITLE_S})'[t];"
        f"[t][2:v]overlay=x=0:y=0:enable='gte(t,{short.duration_s - CREDITS_S})'[c];"
        "[c][3:v]overlay=x=W-w-16:y=H-h-12:eof_action=repeat,format=yuv420p[out]"
    )
    arguments = [
        *("-f", "lavfi", "-i", sound),
        *("-i", str(work / "title.png"), "-i", str(work / "credits.png")),
        *("-framerate", "1", "-i", str(work / "time-%03d.png")),
        *("-filter_complex", graph, "-map", "[out]", "-map", "0:a", "-t", str(short.duration_s)),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-threads", "1", "-c:a", "aac", "-b:a", "128k"),
        *("-metadata:s:a:0", "language=eng", "-movflags", "+faststart", str(path)),
    ]
    process = await asyncio.create_subprocess_exec(
        "nice",
        "-n",
        "15",
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-hide_banner",
        "-loglevel",
        "error",
        "-nostdin",
        "-y",
        *arguments,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, words = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    for part in work.iterdir():
        part.unlink()
    work.rmdir()
    if process.returncode != 0:
        raise MatineeError(f"{title} could not be drawn: {words.decode(errors='replace').strip()[-300:]}")


def draw_poster(name: str, colours: tuple[str, str], seed: int, path: Path, *, width: int = 600, height: int = 900) -> None:
    """Write a poster as JPEG: shapes in the two colours and the name; or, wider than high, a backdrop, which others write the name on."""
    dice = random.Random(seed)
    low, high = (ImageColor.getrgb(colour)[:3] for colour in colours)
    image = Image.new("RGB", (width, height))
    canvas = ImageDraw.Draw(image, "RGBA")
    for y in range(height):
        share = (y / height) ** 1.4
        canvas.line(
            [(0, y), (width, y)], fill=tuple(round(h * (1 - share) * 0.8 + low_ * share) for h, low_ in zip(high, low, strict=True))
        )
    centre = (width * dice.uniform(0.3, 0.7), height * dice.uniform(0.25, 0.45))
    for step in range(9, 0, -1):
        radius = min(width, height) * 0.07 * step
        box = [centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius]
        colour = high if step % 2 else low
        if seed % 3 == 0:
            canvas.ellipse(box, fill=(*colour, 70))
        elif seed % 3 == 1:
            canvas.regular_polygon((centre[0], centre[1], radius), 3 + seed % 4, rotation=step * 13, fill=(*colour, 70))
        else:
            canvas.arc(box, dice.randrange(360), dice.randrange(360), fill=(*colour, 200), width=max(4, width // 60))
    image = image.filter(ImageFilter.SMOOTH)
    canvas = ImageDraw.Draw(image)
    if width > height:
        name = ""
    lines, size = _fit(name, round(width * 0.86), round(min(width, height) * 0.15))
    font = ImageFont.load_default(size)
    y = height - round(height * 0.07) - round(len(lines) * size * 1.15)
    for line in lines:
        canvas.text((width * 0.07 + 2, y + 3), line, font=font, fill=(0, 0, 0))
        canvas.text((width * 0.07, y), line, font=font, fill=(250, 247, 240))
        y += round(size * 1.15)
    image.save(path, quality=88)


def _letter(work: Path, title: str, short: Short, cast: Cast) -> None:
    card = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    canvas = ImageDraw.Draw(card)
    lines, size = _fit(title, WIDTH - 80, 48)
    top = HEIGHT // 2 - round(len(lines) * size * 0.6)
    for number, line in enumerate(lines):
        canvas.text(
            (WIDTH // 2, top + number * size * 1.15),
            line,
            font=ImageFont.load_default(size),
            fill="white",
            anchor="ma",
            stroke_width=2,
            stroke_fill=(0, 0, 0, 160),
        )
    card.save(work / "title.png")
    _credits(title, cast).save(work / "credits.png")
    font = ImageFont.load_default(20)
    for second in range(short.duration_s + 1):
        clock = Image.new("RGBA", (480, 30), (0, 0, 0, 0))
        words = f"{title[:36]}  {second // 60}:{second % 60:02d} / {short.duration_s // 60}:{short.duration_s % 60:02d}"
        ImageDraw.Draw(clock).text((478, 4), words, font=font, fill="white", anchor="ra", stroke_width=1, stroke_fill=(0, 0, 0, 200))
        clock.save(work / f"time-{second:03d}.png", compress_level=1)


def _credits(title: str, cast: Cast) -> Image.Image:
    """Return the closing card: the picture darkened, roles on the left and names on the right of its middle."""
    card = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 190))
    canvas, line = ImageDraw.Draw(card), 34
    top = HEIGHT // 2 - round((len(cast) + 1.5) * line / 2)
    canvas.text((WIDTH // 2, top), title, font=ImageFont.load_default(22), fill="white", anchor="ma")
    for number, (name, role) in enumerate(cast):
        y = top + round((number + 1.5) * line)
        canvas.text((WIDTH // 2 - 12, y), role, font=ImageFont.load_default(18), fill=(200, 200, 200), anchor="ra")
        canvas.text((WIDTH // 2 + 12, y), name, font=ImageFont.load_default(18), fill="white", anchor="la")
    return card


def _fit(name: str, width: int, size: int) -> tuple[list[str], int]:
    """Break a name into at most four lines that fit the width, in the largest size up to `size`."""
    while size > 12:
        font = ImageFont.load_default(size)
        lines: list[str] = []
        for word in name.split():
            if lines and font.getlength(f"{lines[-1]} {word}") <= width:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        if len(lines) <= 4 and all(font.getlength(line) <= width for line in lines):
            return lines, size
        size = round(size * 0.9)
    return [name], size


def _curves(low: tuple[int, ...], high: tuple[int, ...]) -> str:
    """Return a filter that maps black to one colour and white to the other."""
    planes = zip("rgb", low, high, strict=True)
    return "curves=" + ":".join(f"{plane}='0/{a / 255:.3f} 1/{b / 255:.3f}'" for plane, a, b in planes)
