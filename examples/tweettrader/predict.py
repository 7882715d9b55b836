"""Says of one tweet whether it is positive.

    python predict.py TEXT
"""

import sys

import joblib
import yaml
from preprocess import clean

with open("params.yaml", encoding="utf-8") as file:
    params = yaml.safe_load(file)
found = joblib.load("model.joblib").predict([clean(sys.argv[1], params["data"])])[0]
print("positive" if found else "negative")
