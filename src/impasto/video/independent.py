"""Each frame by itself: what every way of following is measured against."""

from collections.abc import Iterator

from impasto.video.shot import Shot
from impasto.video.shot_painter import Painted, ShotPainter
from impasto.video.store import State


class IndependentPainter(ShotPainter):
    """Paints every frame as `impasto paint` would."""

    def paint(self, shot: Shot, state: State | None) -> Iterator[Painted]:
        """Paint the frames of a shot, those that follow after `state` where there is one."""
        done = 0 if state is None else state.done
        for number, photo in enumerate(shot.photos(done), done):
            after = self.after(shot, number, photo)
            painting = self.first(photo)
            image = self.run(painting, photo, after)
            yield Painted(number, painting.finished_picture(image), self.state(number, {}))
