"""Checks what ``fit`` and ``live`` wrote in a CI run; the folder is the only argument."""

import json
import sys
from pathlib import Path

import pandas as pd

from landmark_fer import EXPRESSIONS, load_artifact
from landmark_fer.models.candidates import CANDIDATES

folder = Path(sys.argv[1])
artifact = load_artifact(folder / "model")
scores = artifact.manifest["scores"]["PublicTest"]
assert scores["n"] == 3589, scores["n"]
assert scores["accuracy"] > 0.58, scores["accuracy"]
assert scores["accuracy_leak_free"] > 0.55, scores["accuracy_leak_free"]
assert {row["name"] for row in artifact.manifest["comparison"]} == set(CANDIDATES)

log = pd.read_csv(folder / "demo.csv")
classes = [name for name in EXPRESSIONS if name in log.columns]
first = ["frame", "time_s", "track_id", "x", "y", "width", "height", "expression", "confidence"]
assert list(log.columns) == [*first, *classes, "wall_time", "label", "reason", "baseline"], list(log.columns)
assert log.frame.nunique() > 200, "the demo shows a face in most of its frames"
assert (log.groupby("frame").size() == 2).sum() > 20, "the demo shows a second face for a while"
assert all(name in label for name, label in zip(log.expression, log.label, strict=True) if name in classes)
assert ((log[classes].sum(axis=1) - 1).abs() < 1e-3).all()
named = set(log.expression) & set(classes)
assert len(named) >= 3, f"the demo shows several expressions, and live named {sorted(named)}"
mouth_open = log[(log.track_id == log.track_id.min()) & log.time_s.between(1.8, 2.2)]
assert (mouth_open[classes].idxmax(axis=1) == "surprise").mean() > 0.5, "an open mouth must be read as surprise"

lines = [json.loads(line) for line in (folder / "demo.jsonl").read_text().splitlines()]
assert lines and set(first) <= set(lines[-1]), lines[-1:]
print(f"outputs are right: {len(log)} rows of live, fit at {scores['accuracy']:.3f}")
