"""What the catalogue says of a method: facts that need no torch, and where its class is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """What is to be known of one way of painting without importing it."""

    name: str
    line: str
    source: str
    cost: str
    """At 512x512 on two cores, after loading."""
    needs: str
    settings: tuple[str, ...]
    """The settings that it knows beside `catalogue.SHARED`."""
    styles: bool = True
    """It looks at paintings; else a network has learnt one."""
    textures: bool = False
    """It paints without a photograph too."""
    multiple: int = 1
    """Of this the sides of a picture that repeats are multiples."""
    implementation: str = ""
    """Module and class of it, imported when it paints."""
    training: str = ""
    """The command that makes its network."""
    networks: str = ""
    """The method whose networks it uses, where it has none of its own."""
    optimizes: bool = False
    """It optimises the picture itself, step by step."""
    style_key: str = "style_layers"
    """The setting that names the layers of its style term."""
    content_key: str = "content_layers"
    """The setting that names the layers of its content term."""
    laplacian: bool = False
    """What it optimises are the differences of a Laplacian pyramid, not pixels."""
    detail: bool = True
    """A level begins with what the level before could not hold of the photograph."""
    finishes: bool = False
    """Its last steps, at the last size, are of another kind."""
    init: str = ""
    """The `init` that it needs; empty: what the recipe says."""
    coarsest: int = 0
    """Pixels that the long side of an automatic pyramid's first level has at least; 0: as statistics need."""
    coarsest_texture: int = 0
    """The same where there is no photograph; 0: as `coarsest`. One matched patch of relu4_1 sees 84 pixels, and there
    the large forms are laid out; with a photograph, eyes and mouths were lost to what the style has."""
    steps: int = 200
    """What `iterations` is where it is automatic."""
    steps_from_photo: int = 0
    """The same from the photograph; 0: no other."""
    finishing: int = 40
    """What `finishing_steps` is where it is automatic."""
    finishing_from_photo: int = 0
    """The same from the photograph; 0: no other."""
    mean_from_photo: float = 0.0
    """What `mean_fraction` is from the photograph where it is automatic; from another start it is 0."""
    photo_colors: str = "own"
    """What `photo_colors` is where it is automatic."""
    variation: str = "vector"
    """What `tv` is where it is automatic."""
    step_ratio: float = 0.5
    """What `step_ratio` is where it is automatic: a level's steps over those of the next smaller one."""
    step_ratio_from_photo: float = 0.0
    """The same from the photograph; 0: no other."""
    rate_falls: bool = False
    """Adam's rate falls to a tenth over each level."""
    solver: str = ""
    """The solver that it needs; empty: what the recipe says."""
    holds: bool = False
    """It has a content term only where a strength asks for one."""
    landmarks: bool = False
    """It knows where faces are, in the photograph and in the first style."""

    keyframe: int = 1
    """Of moving pictures, one frame of so many is painted, and moved along the flow to those between."""

    @property
    def feed_forward(self) -> bool:
        """Return whether networks paint it in one pass, and nothing is optimised."""
        return not self.optimizes
