"""Writes the model files of `signatures/`, once, with the libraries that people save models with.

    python make_signature_files.py

Needs scikit-learn, pandas, joblib, skops, onnx, keras with jax, and mlflow-skinny; nothing of the tests does.
"""

import os
import pathlib
import pickle
import warnings

os.environ["KERAS_BACKEND"] = "jax"
warnings.simplefilter("ignore")

import joblib
import keras
import numpy as np
import onnx
import pandas as pd
import skops.io
from mlflow.models import Model
from mlflow.models.signature import infer_signature
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDER = pathlib.Path(__file__).parent / "signatures"


def scikit_learn() -> None:
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=["age", "income", "été"])
    wanted = (table.age > 0).astype(int)
    named = LogisticRegression().fit(table, wanted)
    models = {
        "named": named, "nameless": LogisticRegression().fit(table.values, wanted),
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()).fit(table, wanted),
        "forest": RandomForestClassifier(3, max_depth=2, random_state=0).fit(table, wanted),
    }
    for name, model in models.items():
        for protocol in (0, 2, 5):
            (FOLDER / f"{name}-{protocol}.pkl").write_bytes(pickle.dumps(model, protocol=protocol))
        joblib.dump(model, FOLDER / f"{name}.joblib")
    joblib.dump(named, FOLDER / "compressed.joblib", compress=3)
    for name in ("named", "nameless", "pipeline"):
        skops.io.dump(models[name], FOLDER / f"{name}.skops", compression=8)
    mlflow("columns", table, np.array([0, 1]))


def mlflow(name: str, given: object, answer: object) -> None:
    model = Model(signature=infer_signature(given, answer), run_id="0" * 32, utc_time_created="2026-01-01 00:00:00")
    (FOLDER / name).mkdir(exist_ok=True)
    model.save(FOLDER / name / "MLmodel")


def graph() -> None:
    make, kinds = onnx.helper, onnx.TensorProto
    values = [make.make_tensor_value_info(*one) for one in (
        ("x", kinds.FLOAT, ["batch", 3]), ("w", kinds.FLOAT, [3, 2]), ("y", kinds.FLOAT, [None, 2]),
        ("count", kinds.INT64, []), ("any", kinds.DOUBLE, None),
    )]
    classes = make.make_value_info("classes", make.make_sequence_type_proto(make.make_tensor_type_proto(kinds.INT64, None)))
    body = make.make_graph(
        [make.make_node("Gemm", ["x", "w"], ["y"])], "g", values[:2], [*values[2:], classes],
        [make.make_tensor("w", kinds.FLOAT, [3, 2], [0.5] * 6)],
    )
    onnx.save(make.make_model(body), FOLDER / "graph.onnx")


def networks() -> None:
    image, age = keras.Input((28, 28, 1), name="image"), keras.Input((1,), name="age", dtype="int32")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(image), keras.layers.CategoryEncoding(3)(age)])
    keras.Model([image, age], keras.layers.Dense(1)(joined)).save(FOLDER / "functional.keras")
    keras.Sequential([keras.Input((4,), name="row"), keras.layers.Dense(1)]).save(FOLDER / "sequential.keras")


scikit_learn()
mlflow("tensors", np.zeros((5, 3, 8), np.float32), {"p": np.zeros((5, 2))})
graph()
networks()
