"""Which model learns."""

from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def build(params: dict):
    words = HashingVectorizer(n_features=2**12, ngram_range=(1, 1))
    return make_pipeline(words, LogisticRegression(C=params["C"], max_iter=200))
