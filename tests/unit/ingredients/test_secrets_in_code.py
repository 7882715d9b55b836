"""Code hands secrets on in more ways than by `=`: calls, defaults, fallbacks, the next line, cells that speak to a shell.

Nothing here is a secret: values are put together at run time from a generator with a fixed seed.
"""

from __future__ import annotations

import json
import random
import string

import pytest

from mvcs.ingredients.secret_values import is_random
from mvcs.ingredients.secrets import KEY, PASSWORD, find_secrets

HEX = "0123456789abcdef"
LETTERS = string.ascii_letters + string.digits


def made(length, alphabet=LETTERS, seed=7):
    chance = random.Random(seed)
    return "".join(chance.choice(alphabet) for _ in range(length))


DJANGO = made(50, "abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)")
LONG = made(32)
GOOD = "kV9#mQ2x!"
CODE = [
    f'wandb.login(key="{made(40, HEX)}")', f"wandb.login(relogin=True, key='{made(40, HEX)}')", f'wandb.login(\n    key="{made(40, HEX)}",\n)', f'SECRET_KEY = "{DJANGO}"', f"SECRET_KEY = '{made(50, LETTERS + '!@#$%^&*(-_=+)')}'",
    f'p.add_argument("--api-key", default="{LONG}")', f'p.add_argument("--api_key", "-k", type=str, help="the key (of x)", default="{LONG}")', f'p.add_argument(\n    "--hub-token",\n    default="{LONG}",\n)', f'@click.option("--api-key", default="{LONG}", show_default=True)',
    f'key = os.environ.get("API_KEY", "{LONG}")', f"key = os.getenv('X_TOKEN', '{LONG}')", f'key = os.getenv("X_TOKEN") or "{LONG}"', f'key = os.environ["X_TOKEN"] or "{LONG}"', f'os.environ.setdefault("API_KEY", "{LONG}")', f'os.environ.get(\n    "API_KEY", "{LONG}"\n)',
    f'session.headers.update([("X-Api-Key", "{LONG}")])', f'api_key: str | None = "{LONG}"', f'api_key: Optional[str] = Field(default="{LONG}")', f'api_key: SecretStr = SecretStr("{LONG}")', f'API_KEY = str("{LONG}")', f'API_KEY_PROD = "{LONG}"',
    f'api_key = (\n    "{LONG}"\n)', f'api_key = \\\n    "{LONG}"', f'config = {{\n    "api_key":\n        "{LONG}",\n}}', f'%env WANDB_API_KEY={made(40, HEX)}', f"export WANDB_API_KEY={made(40, HEX)}", f"!wandb login {made(40, HEX)}", f"wandb login --relogin --host https://w.corp.net {made(40, HEX)}",
]


@pytest.mark.parametrize("text", CODE, ids=lambda text: text.replace("\n", "|")[:45])
def test_a_key_is_found_where_code_hands_it_on(text):
    (found,) = find_secrets(b"train.py", f"import os\n{text}\n".encode())
    assert found.kind in {KEY, "Weights & Biases key"}
    line = next(number for number, line in enumerate(text.split("\n"), 2) if any(part in line for part in (LONG, DJANGO, made(40, HEX))) or "\n" not in text)
    assert found.line == line


@pytest.mark.parametrize("text", [text for text in CODE if "\n" not in text], ids=lambda text: text[:45])
def test_a_key_is_found_in_a_notebook_as_in_code(text):
    cells = [{"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": ["import os\n", text + "\n", "x = 1"]}]
    content = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()
    (found,) = find_secrets(b"train.ipynb", content)
    assert content.split(b"\n")[found.line - 1].strip().startswith(json.dumps(text)[:10].encode())


@pytest.mark.parametrize("text", [f'password = (\n    "{GOOD}"\n)', f'password = \\\n  "{GOOD}"', f'os.getenv("DB_PASSWORD", "{GOOD}")', f'os.getenv("DB_PASSWORD") or "{GOOD}"', f'p.add_argument("--password", default="{GOOD}")'])
def test_a_password_is_found_where_code_hands_it_on(text):
    assert [found.kind for found in find_secrets(b"train.py", f"{text}\n".encode())] == [PASSWORD]


@pytest.mark.parametrize("text", ["db:\n  password: |\n    kq83hzpw91\n", "password: >-\n  kq83hzpw91\n", "password:\n  kq83hzpw91\n", 'password:\n  "kq83hzpw91"\n'])
def test_a_value_below_its_key_is_found(text):
    (found,) = find_secrets(b"params.yaml", text.encode())
    assert text.split("\n")[found.line - 1].strip(' "') == "kq83hzpw91"


ISSUED = [
    ("SendGrid key", "SG." + made(22) + "." + made(43)), ("Groq key", "gsk_" + made(52)), ("xAI key", "xai-" + made(80)), ("OpenRouter key", "sk-or-v1-" + made(64, HEX)), ("LangSmith key", "lsv2_pt_" + made(32, HEX) + "_" + made(10, HEX)), ("Pinecone key", "pcsk_" + made(6) + "_" + made(63)),
    ("Perplexity key", "pplx-" + made(48)), ("Tavily key", "tvly-dev-" + made(32)), ("Together key", "tgp_v1_" + made(43)), ("Cerebras key", "csk-" + made(48, string.ascii_lowercase + string.digits)), ("Jina key", "jina_" + made(60)), ("RunPod key", "rpa_" + made(44, string.ascii_uppercase + string.digits)),
    ("Langfuse key", "sk-lf-" + "-".join(made(size, HEX) for size in (8, 4, 4, 4, 12))), ("Kaggle token", "KGAT_" + made(32, HEX)), ("Prefect key", "pnu_" + made(36)), ("AWS Bedrock key", "ABSK" + made(120)), ("Alibaba access key", "LTAI" + made(20)), ("DigitalOcean token", "dop_v1_" + made(64, HEX)),
    ("Supabase key", "sbp_" + made(40, HEX)), ("PlanetScale token", "pscale_tkn_" + made(43)), ("Fly token", "fo1_" + made(43)), ("GitLab token", "glsoat-" + made(20)), ("RubyGems key", "rubygems_" + made(48, HEX)), ("Artifactory key", "AKCp" + made(69)), ("Docker token", "dckr_oat_" + made(32)),
    ("Terraform token", made(14) + ".atlasv1." + made(64)), ("Pulumi token", "pul-" + made(40, HEX)), ("Doppler token", "dp.pt." + made(43)), ("Vault token", "hvs." + made(95)), ("Telegram token", "123498765" + ":AA" + made(33)), ("Discord webhook", "https://discord.com/api/webhooks/" + made(18, "123456789") + "/" + made(68)),
    ("Brevo key", "xkeysib-" + made(64, HEX) + "-" + made(16)), ("Stripe webhook secret", "whsec_" + made(32)), ("Shopify token", "shpat_" + made(32, HEX)), ("Sentry token", "sntryu_" + made(64, HEX)), ("Grafana token", "glsa_" + made(32) + "_" + made(8, HEX)), ("Atlassian token", "ATATT3" + made(186)),
    ("Postman key", "PMAK-" + made(24, HEX) + "-" + made(34, HEX)), ("Notion token", "ntn_" + made(11, string.digits) + made(35)), ("Linear key", "lin_api_" + made(40)), ("Figma token", "figd_" + made(40)), ("1Password token", "ops_eyJ" + made(300)), ("Slack token", "xoxe.xoxp-1-" + made(163, string.ascii_uppercase + string.digits)),
]


@pytest.mark.parametrize(("kind", "token"), ISSUED, ids=lambda value: value[:22])
def test_a_token_is_known_by_its_form_alone(kind, token):
    assert [found.kind for found in find_secrets(b"a.py", f'x = ["{token}"]\n'.encode())] == [kind]
    assert find_secrets(b"a.py", f'x = ["Z{token}Z"]\n'.encode()) == [] or kind in {"Discord webhook", "Terraform token", "1Password token", "Atlassian token", "AWS Bedrock key"}


CLEAN = [
    "SECRET_KEY = 'django-insecure-" + DJANGO + "'", 'SECRET_KEY = "$(cat /run/secrets/key_of_the_application_1)"', 'SECRET_KEY = os.environ.get("SECRET_KEY", "change-me-in-production-1")', 'key = os.environ.get("API_KEY", "")', 'key = os.getenv("API_KEY") or "none"', 'key = os.getenv("HF_TOKEN") or getpass("Token: ")',
    'key = os.getenv("API_KEY", os.getenv("OPENAI_API_KEY_2024"))', 'p.add_argument("--api-key", default=None, help="a1B2c3D4e5F6g7H8i9J0k1L2")', 'p.add_argument("--api-key-file", default="' + LONG + '")', 'p.add_argument("--token")\np.add_argument("--revision", default="' + made(40, HEX) + '")',
    'p.add_argument("--tokenizer", default="distilbert-base-uncased-finetuned-sst-2")', 'p.add_argument("--api-key", required=True)\n\ndef f(default="' + LONG + '"): pass', 'cache.login(key="user")', 'wandb.login(key=os.environ["WANDB_API_KEY"])', 'wandb.init(id="' + made(40, HEX) + '")', "wandb login",
    "wandb login --relogin", 'names = ["api_key", "' + made(32, HEX) + '"]', 'fields = {"token", "token_1x9y8z7w6v5u4t3s2r1q"}', 'x["token"] or "distilbert-base-uncased"', 'assert token == (\n    "' + LONG + '")', "if password in (\n    'kV9#mQ2x!'): pass", "%env CUDA_VISIBLE_DEVICES=0,1", "%env HF_TOKEN=$TOKEN_9",
    "export API_KEY=", 'token = tokenizer("' + "some words of a text 1 2 3" + '")', 'token = get("https://x.org/' + LONG + '")', "SG." + made(22) + "." + made(10), "gsk_" + made(20), "gsk_function_of_words_" + "with_a_name", "test_pul-" + made(40, HEX), 'secret = (\n    "sha256:' + made(64, HEX) + '")',
]


@pytest.mark.parametrize("text", CLEAN, ids=lambda text: text.replace("\n", "|")[:45])
def test_what_code_hands_on_beside_a_name_of_a_secret_is_none(text):
    assert find_secrets(b"train.py", f"{text}\n".encode()) == []


@pytest.mark.parametrize("text", ["token:\n  name: word2vec9\n", "secret:\n  - k93hfq8wm\n", "password:\n  min_length: 12345678\n", "token: |\n  a text of 9 words\n", "secret:\n  volume9x8y:\n    path: x\n", "password:\n\n# kq83hzpw91\n"])
def test_what_stands_below_a_key_is_not_taken_for_its_value(text):
    assert find_secrets(b"params.yaml", text.encode()) == []


def test_a_value_of_all_keys_of_the_keyboard_is_told_from_templates():
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)"
    assert sum(is_random(made(50, alphabet, seed).encode()) for seed in range(500)) > 480
    assert not any(map(is_random, (b"$(name_of_the_service)-%(stage)s-version-1234", b"1234567890-1234567890-1234567890-12", b"some-words-with-dashes-and-1-2-3-numbers", b"******************************************")))
