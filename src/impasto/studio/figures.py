"""What metrics say of a painting, in the words of people who look at pictures."""

from collections.abc import Mapping
from typing import Any

GROUPS = {
    "content": "The photograph in it",
    "style": "The painting in it",
    "faults": "Faults",
}
TITLES = {
    "content_features": "What is on it can be told",
    "self_similarity": "Parts go together as before",
    "structure_divergence": "Each part can be told from the others",
    "edges": "Outlines",
    "global_effects": "Colour and texture as a whole",
    "local_patterns": "Strokes and patterns",
    "gram_distance": "Texture",
    "sliced_wasserstein": "Variety of strokes",
    "frechet": "Character of the texture",
    "color_histogram": "Colours",
    "residual_noise": "Noise in even parts",
    "weave": "Weave of two pixels",
    "fine_pattern": "Fine regular pattern",
    "border": "A frame along the border",
    "clipping": "Burnt-out colours",
    "seams": "Seams",
    "region_boundary": "Edges between regions",
    "face_shift": "The face is out of place",
    "face_features": "Eyes and mouth are changed",
}
"""What the page calls the metrics, whose own names are those of the field."""
WORDS = {
    "content": {"fine": "kept", "visible": "loosened", "strong": "lost"},
    "style": {"fine": "reached", "visible": "in part", "strong": "missed"},
    "faults": {"fine": "none", "visible": "visible", "strong": "strong"},
}
GRADES = ("fine", "visible", "strong")


def arrange(record: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the values of an evaluation's `record` in groups; `metrics` are those of the registry, by id.

    What has no value is left out: it is about masks or faces that the painting has none of.
    """
    groups = []
    for group, title in GROUPS.items():
        rows = [
            {
                "id": key,
                "title": TITLES[metric.name],
                "meaning": metric.summary,
                "value": float(f"{record['values'][key]:.3g}"),
                "grade": record["grades"].get(key),
                "word": WORDS[group].get(record["grades"].get(key, ""), ""),
            }
            for key, metric in metrics.items()
            if metric.group == group and record["values"].get(key) is not None
        ]
        grade = verdict([row["grade"] for row in rows], worst=group == "faults")
        word = WORDS[group].get(grade or "", "")
        groups.append({"group": group, "title": title, "grade": grade, "word": word, "rows": rows})
    return groups


def verdict(grades: list[str | None], *, worst: bool) -> str | None:
    """Return the grade of a group: the `worst` of faults, as one is enough; else the middle one, the worse of two.

    None where nothing has a grade.
    """
    known = sorted(GRADES.index(grade) for grade in grades if grade is not None)
    return GRADES[known[-1 if worst else len(known) // 2]] if known else None
