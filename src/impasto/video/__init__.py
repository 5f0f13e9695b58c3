"""Moving pictures: films, animations and folders of frames, painted so that strokes stay where they are."""
