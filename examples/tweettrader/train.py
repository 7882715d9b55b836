"""Trains on four of five tweets and measures on the fifth."""

import csv
import json

import joblib
import yaml
from architecture import build
from preprocess import clean

with open("params.yaml", encoding="utf-8") as file:
    params = yaml.safe_load(file)
rows = []
for name in params["data"]["files"]:
    with open(name, encoding="utf-8") as file:
        rows += csv.DictReader(file)
texts = [clean(row["text"], params["data"]) for row in rows]
labels = [int(row["label"]) for row in rows]
test = [number for number in range(len(rows)) if number % 5 == 0]
rest = [number for number in range(len(rows)) if number % 5]
model = build(params["model"])
model.fit([texts[i] for i in rest], [labels[i] for i in rest])
accuracy = round(float(model.score([texts[i] for i in test], [labels[i] for i in test])), 4)
joblib.dump(model, "model.joblib")
with open("metrics.json", "w", encoding="utf-8") as file:
    json.dump({"accuracy": accuracy, "tweets": len(rows)}, file)
    file.write("\n")
print("accuracy", accuracy, "on", len(test), "tweets")
