"""What a tweet is turned into before a model sees it."""


def clean(text: str, params: dict) -> str:
    if params["lower"]:
        text = text.lower()
    return text
