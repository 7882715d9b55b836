"""Trains a softmax classifier on a CSV: a small head beside the language model. Pure Python, no randomness."""

import csv
import json
import math
import pathlib

HERE = pathlib.Path(__file__).parent


def params() -> dict[str, float]:
    lines = (HERE / "params.yaml").read_text().splitlines()
    return {key: float(value) for key, value in (line.split(":") for line in lines if ":" in line)}


def rows() -> tuple[list[list[float]], list[int]]:
    with (HERE / "data" / "iris.csv").open() as file:
        table = list(csv.reader(file))[1:]
    columns = [[float(value) for value in column] for column in list(zip(*table, strict=True))[:4]]
    means = [sum(column) / len(column) for column in columns]
    spread = [max(column) - min(column) for column in columns]
    inputs = [
        [(float(value) - mean) / width for value, mean, width in zip(row[:4], means, spread, strict=True)] + [1.0]
        for row in table
    ]
    return inputs, [int(row[4]) for row in table]


def softmax(weights: list[list[float]], x: list[float]) -> list[float]:
    scores = [math.exp(sum(w * v for w, v in zip(row, x, strict=True))) for row in weights]
    return [score / sum(scores) for score in scores]


def main() -> None:
    settings, (inputs, labels) = params(), rows()
    weights = [[0.0] * 5 for _ in range(3)]
    step = settings["lr"] / len(labels)
    for _ in range(int(settings["epochs"])):
        slope = [[0.0] * 5 for _ in range(3)]
        for x, label in zip(inputs, labels, strict=True):
            for k, p in enumerate(softmax(weights, x)):
                slope[k] = [s + (p - (k == label)) * v for s, v in zip(slope[k], x, strict=True)]
        weights = [[w - step * s for w, s in zip(*pair, strict=True)] for pair in zip(weights, slope, strict=True)]
    right = sum(
        max(range(3), key=lambda k: softmax(weights, x)[k]) == label for x, label in zip(inputs, labels, strict=True)
    )
    (HERE / "model" / "head.json").write_text(json.dumps([[round(w, 6) for w in row] for row in weights]) + "\n")
    (HERE / "metrics.json").write_text(json.dumps({"accuracy": round(right / len(labels), 4)}) + "\n")
    print(f"accuracy {right / len(labels):.4f}")


if __name__ == "__main__":
    main()
