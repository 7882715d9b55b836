"""Writes labelled tweets about markets, the same at every call.

    python make_data.py english|german
"""

import csv
import pathlib
import random
import sys

WORDS = {
    "english": {
        1: ("good morning", "great day", "I love", "profits rise", "strong buy", "what a win", "happy with"),
        0: ("bad news", "terrible loss", "I hate", "profits fall", "strong sell", "what a mess", "angry about"),
        "about": ("the market", "this stock", "the bank", "our fund", "the euro", "tech shares", "the quarter"),
        "end": ("today", "again", "as expected", "it seems", "they say", ":)", ":("),
    },
    "german": {
        1: ("guten Morgen", "guten Tag", "ich liebe", "Gewinne steigen", "klarer Kauf", "was für ein Sieg"),
        0: ("schlechte Nachrichten", "furchtbarer Verlust", "ich hasse", "Gewinne fallen", "was für ein Chaos"),
        "about": ("der Markt", "diese Aktie", "die Bank", "unser Fonds", "der Euro", "das Quartal"),
        "end": ("heute", "wieder", "wie erwartet", "sagt man", ":)", ":("),
    },
}


def tweets(language: str, count: int) -> list[tuple[int, str, int]]:
    chance, words = random.Random(language), WORDS[language]
    rows = []
    for number in range(count):
        label = int(chance.random() < 0.45)
        parts = [chance.choice(words[label]), chance.choice(words["about"]), chance.choice(words["end"])]
        chance.shuffle(parts)
        noise = chance.random() < 0.06  # people who label tweets err
        rows.append((number + 1, " ".join(parts), 1 - label if noise else label))
    return rows


if __name__ == "__main__":
    target = pathlib.Path("data", f"{sys.argv[1]}.csv")
    target.parent.mkdir(exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "text", "label"))
        writer.writerows(tweets(sys.argv[1], 400))
    print(target)
