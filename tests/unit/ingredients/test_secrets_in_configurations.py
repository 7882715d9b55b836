"""Under a key that names a secret everything is one that is not plainly something else; what models call so is none.

The values are made up. The negatives have the keys and values of Hugging Face, scikit-learn, Hydra, MLflow and other
configurations as their tools write them.
"""

from __future__ import annotations

import json

import pytest

from mvcs.ingredients.secret_names import promise_of
from mvcs.ingredients.secrets import PASSWORD, find_secrets

CHOSEN = "kq83hzpw91"
ISSUED = "zk93hfq8wm20xvb7"
SECRETS = [
    ("params.yaml", f"password: {CHOSEN}"), ("params.yaml", f"password: '{CHOSEN}'"), ("params.yaml", f'password: "{CHOSEN}"'), ("a.yml", f"db:\n  db_password: {CHOSEN}"),
    ("a.yaml", f"dbPassword: {CHOSEN}"), ("a.yaml", f"DB_PASSWORD: {CHOSEN}  # of the tracker"), ("a.yaml", f"- passwd: {CHOSEN}"), ("a.yaml", f"db: {{user: ada, password: {CHOSEN}}}"),
    ("a.yaml", f"db: {{password: {CHOSEN}, user: ada}}"), ("a.yaml", "passphrase: correcthorsebattery"), ("a.yaml", "password: 83910274"), ("a.yaml", "mlflow_tracking_password: correct-horse-9"),
    ("a.yaml", f"api_key: {ISSUED}"), ("a.yaml", f"apikey: {ISSUED}"), ("a.yaml", f"openai.api-key: {ISSUED}"), ("a.yaml", f"token: {CHOSEN}"), ("a.yaml", f"hub_token: {ISSUED}"), ("a.yaml", "private_key: kqzhwpmnvbxtrgdc"),
    ("a.toml", f'password = "{CHOSEN}"'), ("a.toml", f"secret_key = '{ISSUED}'"), ("a.toml", f'db = {{ user = "ada", password = "{CHOSEN}" }}'), ("pyproject.toml", f'[tool.x]\napi_key = "{ISSUED}"'),
    ("a.json", json.dumps({"user": "ada", "password": CHOSEN})), ("a.json", json.dumps({"password": CHOSEN, "user": "ada"}, separators=(",", ":"))), ("a.json", json.dumps({"a": {"clientSecret": ISSUED}}, indent=2)),
    ("a.json", json.dumps({"accessToken": ISSUED}, indent=2)), ("a.json", f'{{"wandb": {{"apiKey": "{ISSUED}"}}}}'), ("a.ini", f"[db]\npassword = {CHOSEN}"), ("a.cfg", f"secret = {ISSUED}"), (".env", f"REDIS_PASSWORD={CHOSEN}"),
    ("a.properties", f"spring.datasource.password={CHOSEN}"), ("config.json", json.dumps({"hf_token_prod": ISSUED})), ("a.yaml", f"signing_key: {ISSUED}"),
]


@pytest.mark.parametrize(("name", "text"), SECRETS, ids=lambda value: value[:40])
def test_a_value_under_a_name_of_a_secret_is_one(name, text):
    (found,) = find_secrets(f"conf/{name}".encode(), f"{text}\n".encode())
    assert (found.kind == PASSWORD) == ("pass" in text.lower())


TOKENIZER = {
    "add_bos_token": True, "add_prefix_space": False, "added_tokens_decoder": {"0": {"content": "[PAD]", "lstrip": False, "normalized": False, "special": True}},
    "additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "bos_token": None, "chat_template": "{% if messages[0]['role'] == 'system' %}{{ token }}{% endif %}", "clean_up_tokenization_spaces": True,
    "cls_token": "[CLS]", "do_basic_tokenize": True, "do_lower_case": True, "eos_token": "<|endoftext|>", "errors": "replace", "mask_token": "[MASK]", "max_length": 128, "model_max_length": 1000000019884624838656,
    "never_split": None, "pad_to_multiple_of": None, "pad_token": "[PAD]", "pad_token_type_id": 0, "sep_token": "[SEP]", "split_special_tokens": False, "strategy": "longest_first", "tokenize_chinese_chars": True,
    "tokenizer_class": "Qwen2Tokenizer", "tokenizer_file": "/root/.cache/huggingface/hub/models--gpt2/snapshots/607a30d783dfa663caf39e06633721c8d4cfcd7e/tokenizer.json", "unk_token": "<unk>", "use_default_system_prompt": False,
    "image_token": "<image>", "audio_token": "<|AUDIO|>", "fill_token": "<FILL_ME>", "prefix_token": "▁<PRE>", "eot_token": "▁<EOT>", "src_lang": "eng_Latn", "token_type": "bert", "mask_token_sent": "<mask_1>", "word_delimiter_token": "|",
    "extra_ids": 100, "boi_token": "<start_of_image>", "sp_model_kwargs": {}, "legacy_behaviour": False, "reserved_token": "<|reserved_special_token_247|>", "token": "<s>", "language_token": "en_XX", "special_token": "<extra_id_99>",
}
MODEL = {
    "_name_or_path": "sentence-transformers/all-MiniLM-L6-v2", "architectures": ["BertModel"], "bos_token_id": 151643, "decoder_start_token_id": 2, "forced_eos_token_id": 2, "image_token_index": 32000, "pad_token_id": 0,
    "sep_token_id": 102, "summary_type": "cls_index", "tie_word_embeddings": False, "token_dropout": True, "tokenizer_class": None, "torch_dtype": "float32", "type_vocab_size": 2, "use_cache": True, "vocab_size": 30522,
    "num_key_value_heads": 8, "router_z_loss_coef": 0.001, "label2id": {"O": 0, "B-PASSWORD": 1, "I-API_KEY": 2}, "id2label": {"0": "O", "1": "B-PASSWORD"}, "key_dim": 64, "max_source_tokens": 1024,
}
TRAINER = {"hub_token": None, "push_to_hub_token": "<PUSH_TO_HUB_TOKEN>", "use_auth_token": True, "token": True, "include_num_input_tokens_seen": False, "hub_private_repo": None, "trust_remote_code": False}
VOCABULARY = {"password": 20786, "secret": 3595, "token": 19204, "tokens": 19204, "##token": 27321, "passwd": 151643, "api_key": 50256, "credentials": 9999999}
DOCUMENTS = {
    "tokenizer_config.json": TOKENIZER, "config.json": MODEL, "special_tokens_map.json": {"eos_token": {"content": "</s>", "lstrip": False}, "pad_token": "</s>", "unk_token": {"content": "<unk>"}},
    "generation_config.json": {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": [1, 106], "max_new_tokens": 512, "pad_token_id": 0, "suppress_tokens": [], "transformers_version": "4.46.1"},
    "training_args.json": TRAINER, "vocab.json": VOCABULARY, "added_tokens.json": {"<|im_end|>": 151645, "<secret>": 151646},
    "adapter_config.json": {"base_model_name_or_path": "meta-llama/Llama-3.1-8B", "task_type": "TOKEN_CLS", "token_dim": 768, "trainable_token_indices": None, "peft_type": "LORA"},
    "features.json": {"password": {"dtype": "string", "_type": "Value"}, "token": {"dtype": "int64"}, "secret": "string", "api_key": "str"}, "package.json": {"scripts": {"token": "node token.js"}, "password": "hidden"},
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_model_calls_a_token_is_none(name, indent):
    assert find_secrets(f"model/{name}".encode(), json.dumps(DOCUMENTS[name], indent=indent, ensure_ascii=False).encode()) == []


PLAIN = [
    ("a.yaml", line) for line in (
        "password:", 'password: ""', "password: null", "password: ~", "password: ???", "password: ${DB_PASSWORD}", "password: ${oc.env:DB_PASSWORD}", "password: ${oc.env:DB_PASSWORD,secret99x}", "password: env:DB_PW_1", "password: <your password>",
        "password: changeme", "password: change-me-1", "password: xxx", "password: xxxxxxxx", "password: '***'", "password: '********'", "password: DB_PASSWORD", "password: MLFLOW_TRACKING_PW_1", "password: db-password-2", "password: !vault |", "password: !ENV ${PW_1}",
        "password: {{ vault_password_1 }}", "password: /run/secrets/db_pw1", "password: ~/.pw1", "password_file: /run/secrets/db1", "password: file:pw1.txt", "password: vault:kv/db#pw1", "password: string", "password: required", "password: true", "password: false",
        "password: prompt", "password: keyring", "password: bcrypt", "password: Passwort", "password: Forgot it? Write to 4711", "password: postgres", "password_min_length: 12345678", "password_hash: 5f4dcc3b5aa765d61d8327deb882cf99", "PASSWORD_RESET_URL: reset99/x1",
        "max_tokens: 512", "max_new_tokens: 12345678", "token_type: bert", 'pad_token: "[PAD]"', "eos_token: </s>", "eos_token: <|im_end|>", "tokenizer: distilbert-base-uncased", "token: bert", "token: en_XX", "token: word2vec", "stop_token: '###'", "token_pattern: (?u)\\b\\w\\w+\\b",
        "next_token: CAESdab83kq91x", "continuation_token: kq83hzpw91x", "csrf_token: kq83hzpw91x", "cancellation_token: kq83hzpw91", "id_token: env:ID_9", "token: 3f8b1c2d-9a4e-4b5c-8d6f-0a1b2c3d4e5f", "secret: train-secret-2", "secretName: regcred9x8y7z", "secret_santa: draw2026x9y8",
        "data: secret_santa.csv", "secret: regcred", "credentials: service_account.json", "credentials: conf/local/gcp9.json", "private_key: ~/.ssh/id_ed25519", "private_key_path: keys/k93hfq8wm", "public_key: kq83hzpw91kq83hz", "partition_key: user83hzpw91", "sort_key: kq83hzpw91",
        "key: kq83hzpw91", "primary_key: id83hzpw91", "api_key: null", "api_key: OPENAI_API_KEY", "api_key: os.environ/OPENAI_KEY2", "api_key: sk-...", "api_key_env: KQ83HZPW91", "api_keys: 12345678", "secret_version: 12345678", "run_id: 83hzpw91kq83hzpw91kq83hzpw91kq83",
        "hydra.sweeper.params.token_dropout: 0.1", "seed: 12345678", "artifact_path: model8372", "_target_: mypkg.auth.token.Loader9", "pwd: ${hydra:runtime.cwd}", "pwd: /home/ada/exp1", "tok2vec: spacy.Tok2Vec.v2", "params: [token, secret, password]", "credentials: conf/local/k93hfq8wm.json",
    )
] + [
    ("a.toml", 'api_key = ""'), ("a.toml", 'password = "env:DB_1x"'), ("a.toml", "max_tokens = 12345678"), ("mvcs.toml", '"data/secret_santa.csv" = ["id"]'), ("mvcs.toml", 'data = ["data/secret_token_1.csv"]'), ("pyproject.toml", 'keywords = ["token", "secret", "kq83hzpw91"]'),
    ("a.ini", "password = %(PASSWORD_1)s"), (".env", "API_KEY="), (".env", "DB_PASSWORD=${PW9}"), ("MLmodel.yaml", "model_uuid: 7d1f2c3b4a5968778695a4b3c2d1e0f9"), ("a.json", '{"sklearn": {"token_pattern": "(?u)\\\\b\\\\w+\\\\b", "lowercase": true}}'), ("uv.lock.json", '{"integrity": "sha512-kq83hzpw91"}'),
    ("a.yaml", "password: kq83hzpw91  # mvcs: allow-secret"), ("tests/conf.yaml", "password: kq83hzpw91"), ("a.md", "password: kq83hzpw91"), ("a.py", "password: str = config9"),
]


@pytest.mark.parametrize(("name", "text"), PLAIN, ids=lambda value: value[:40])
def test_what_is_plainly_something_else_is_none(name, text):
    assert find_secrets(name.encode(), f"{text}\n".encode()) == []


@pytest.mark.parametrize(("name", "is_one"), [
    ("password", True), ("dbPassword", True), ("DB_PASSWORD", True), ("db-passwd-2", True), ("apiKey", True), ("APIKey", True), ("API_KEY", True), ("x.api-key", True), ("client_secret", True), ("HFToken", True), ("token_value", True),
    ("tokens", False), ("tokenizer", False), ("key", False), ("passwordless", False), ("compass", False), ("secretary", False), ("secret_santa.csv", False), ("password_length", False), ("eos_token", False), ("max_token", False), ("publicKey", False), ("", False), ("9", False),
])
def test_names_are_read_by_their_words(name, is_one):
    assert (promise_of(name) is not None) == is_one
