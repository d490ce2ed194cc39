"""Where the photos come from: packages anyone can download, each under a free licence.

A photo's name is its package and its file's stem; README.md credits each package.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A package and which of its files are photos, as `fnmatch` patterns on their paths."""

    package: str
    kind: str  # "deb" of the distribution, "wheel" or "sdist" of PyPI
    photos: tuple[str, ...]
    besides: tuple[str, ...] = ()  # drawings, doubles, and what is cut to pieces


# The photographs among Plasma's wallpapers; the others are drawn.
WALLPAPERS = (
    "Autumn",
    "BytheWater",
    "ColdRipple",
    "ColorfulCups",
    "DarkestHour",
    "EveningGlow",
    "FallenLeaf",
    "Grey",
    "Kite",
    "OneStandsOut",
    "Path",
    "summer_1am",
)

SOURCES = (
    Source(
        "gcompris-qt-data",
        "deb",
        (
            "*/categorization/resource/images/*.webp",
            "*/clickgame/resource/*.webp",
            "*/details/resource/*_background.webp",
            "*/erase/resource/*.webp",
            "*/explore_farm_animals/resource/animals/*.webp",
            "*/explore_monuments/resource/*.webp",
            "*/explore_world_animals/resource/animals/*.webp",
            "*/explore_world_music/resource/music/*.webp",
            "*/louis-braille/resource/*.webp",
        ),
    ),
    Source(
        "plasma-workspace-wallpapers",
        "deb",
        tuple(f"*/wallpapers/{name}/contents/images/2560x1600.jpg" for name in WALLPAPERS),
    ),
    Source("plasma-workspace-data", "deb", ("*/plasma/avatars/photos/*.png",)),
    Source("gnome-control-center-data", "deb", ("*/pixmaps/faces/*.jpg",), ("*/legacy/*",)),
    Source("gnome-taquin", "deb", ("*/themes/cats/*.jpg",)),
    Source("palapeli-data", "deb", ("*/palapeli/collection/*.jpg",)),
    Source("mate-backgrounds", "deb", ("*/mate/nature/*.jpg",)),
    Source(
        "lomiri-wallpapers-16.04",
        "deb",
        ("*/backgrounds/*_by_*.jpg",),
        ("*/analogpattern*", "*/umang*"),
    ),
    Source("lomiri-wallpapers-20.04", "deb", ("*/Kleiber*.jpg",)),
    Source(
        "face_recognition==1.3.0",
        "sdist",
        ("*/test_images/biden.jpg", "*/test_images/obama*.jpg"),
        ("*_partial_*",),
    ),
    Source("matplotlib==3.11.2", "wheel", ("*/grace_hopper.jpg",)),
    Source("scikit-learn==1.9.1", "wheel", ("*/datasets/images/*.jpg",)),
    Source(
        "scikit-image==0.26.0",
        "wheel",
        tuple(f"*/skimage/data/{name}" for name in ("astronaut.png", "chelsea.png", "coffee.png")),
    ),
)

# Never trained on: the gallery and the SSIM are made of these. The first five are in samples/, the
# last is the one that face_recognition's cut-outs (left out above) are of.
HELD_OUT = frozenset(
    {
        "scikit-image-astronaut",
        "scikit-image-chelsea",
        "scikit-image-coffee",
        "lomiri-wallpapers-16.04-picosdeeuropa_by_Aitzol_Berasategi",
        "lomiri-wallpapers-16.04-friends_by_Aitzol_Berasategi",
        "lomiri-wallpapers-16.04-Wine_by_Jakkub_Mede",
        "lomiri-wallpapers-16.04-life_by_Aitzol_Berasategi",
        "scikit-learn-china",
        "plasma-workspace-data-Dog",
        "plasma-workspace-data-Air_Balloon",
        "plasma-workspace-data-Car",
        "gnome-control-center-data-hummingbird",
        "gnome-taquin-1-maine",
        "palapeli-data-cincinnati-bridge",
        "face_recognition-obama",
    }
)
