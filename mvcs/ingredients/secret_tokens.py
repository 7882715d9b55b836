"""Tokens that a service gives a form of its own: a prefix, a length, an alphabet.

Knows: what the services publish for secret scanning, and GitHub, gitleaks and TruffleHog look for. Refuses to know:
secrets that no service issued (`secret_assignments`), files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mvcs.ingredients.secret_values import PRIVATE_KEY, bits, is_placeholder

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_BITS_ISSUED = 2.5
"""Entropy of a character: what has a prefix needs to prove less."""


class Lazy:
    """A pattern that is compiled when it is first used: most texts need none of them, and all take 20 ms."""

    __slots__ = ("_flags", "_text")

    def __init__(self, text: bytes, flags: int = 0) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- what a compiled pattern has
        return getattr(re.compile(self._text, self._flags), name)


def _token(text: str) -> Lazy:
    # Where a token starts and ends is seen from its neighbours; without that, every place inside a run is tried.
    return Lazy(rb"(?<![A-Za-z0-9_+/-])(?:" + text.encode() + rb")(?![A-Za-z0-9_])")


_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TOKENS: tuple[tuple[tuple[bytes, ...], str, Lazy], ...] = (
    # Machine learning
    ((b"hf_",), "Hugging Face token", _token(r"hf_[A-Za-z0-9]{34,60}")),
    ((b"api_org_",), "Hugging Face token", _token(r"api_org_[A-Za-z0-9]{34,60}")),
    ((b"sk-",), "OpenAI key", _token(
        r"sk-(?:[A-Za-z0-9]{48}|(?:proj|svcacct|service|admin|None)-[A-Za-z0-9_-]{40,255})"
    )),
    ((b"sk-ant-",), "Anthropic key", _token(r"sk-ant-[a-z]+\d\d-[A-Za-z0-9_-]{60,255}")),
    ((b"sk-or-v1-",), "OpenRouter key", _token(r"sk-or-v1-[0-9a-f]{64}")),
    ((b"sk-lf-",), "Langfuse key", _token(rf"sk-lf-{_UUID}")),
    ((b"lsv2_",), "LangSmith key", _token(r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}")),
    ((b"gsk_",), "Groq key", _token(r"gsk_[A-Za-z0-9]{52}")),
    ((b"xai-",), "xAI key", _token(r"xai-[A-Za-z0-9_]{80}")),
    ((b"pplx-",), "Perplexity key", _token(r"pplx-[A-Za-z0-9]{48}")),
    ((b"csk-",), "Cerebras key", _token(r"csk-[a-z0-9]{48}")),
    ((b"tgp_v1_",), "Together key", _token(r"tgp_v1_[A-Za-z0-9_-]{43}")),
    ((b"tvly-",), "Tavily key", _token(r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}")),
    ((b"jina_",), "Jina key", _token(r"jina_[A-Za-z0-9_-]{60}")),
    ((b"pcsk_",), "Pinecone key", _token(r"pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}")),
    ((b"rpa_",), "RunPod key", _token(r"rpa_[A-Z0-9]{40,50}[a-z0-9]{0,8}")),
    ((b"wandb_v1_",), "Weights & Biases key", _token(r"wandb_v1_[A-Za-z0-9_]{40,200}")),
    ((b"KGAT_",), "Kaggle token", _token(r"KGAT_[0-9a-f]{32}")),
    ((b"nvapi-",), "NVIDIA API key", _token(r"nvapi-[A-Za-z0-9_-]{60,80}")),
    ((b"r8_",), "Replicate token", _token(r"r8_[A-Za-z0-9_-]{37}")),
    ((b"pnu_",), "Prefect key", _token(r"pnu_[A-Za-z0-9]{36}")),
    # Clouds
    ((b"AKIA", b"ASIA", b"ABIA", b"ACCA"), "AWS access key", _token(r"A(?:KI|SI|BI|CC)A[A-Z2-7]{16}")),
    ((b"ABSK",), "AWS Bedrock key", _token(r"ABSK[A-Za-z0-9+/]{109,269}")),
    ((b"AIza",), "Google API key", _token(r"AIza[A-Za-z0-9_-]{35}")),
    ((b"GOCSPX-",), "Google OAuth secret", _token(r"GOCSPX-[A-Za-z0-9_-]{28}")),
    ((b"ya29.",), "Google OAuth token", _token(r"ya29\.[A-Za-z0-9_-]{50,512}")),
    ((b"AccountKey=",), "Azure storage key", Lazy(rb"(?<=AccountKey=)[A-Za-z0-9+/]{86}==")),
    ((b"Q~",), "Azure client secret", _token(r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}")),
    ((b"&sig=", b"?sig="), "Azure SAS signature", Lazy(rb"(?<=[?&]sig=)[A-Za-z0-9%/+]{43,60}(?:%3[dD]|=)")),
    ((b"LTAI",), "Alibaba access key", _token(r"LTAI[A-Za-z0-9]{20}")),
    ((b"dop_v1_", b"doo_v1_", b"dor_v1_"), "DigitalOcean token", _token(r"do[por]_v1_[0-9a-f]{64}")),
    ((b"dapi",), "Databricks token", _token(r"dapi[0-9a-f]{32}(?:-\d)?")),
    ((b"fo1_", b"fm2_"), "Fly token", _token(r"fo1_[A-Za-z0-9_-]{43}|fm2_[A-Za-z0-9+/]{100,2000}")),
    ((b"sbp_", b"sb_secret_"), "Supabase key", _token(
        r"sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}"
    )),
    ((b"pscale_",), "PlanetScale token", _token(r"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9_=.-]{32,64}")),
    # Code, packages, containers
    ((b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"), "GitHub token", _token(r"gh[pousr]_[A-Za-z0-9]{36,255}")),
    ((b"github_pat_",), "GitHub token", _token(r"github_pat_[A-Za-z0-9_]{60,255}")),
    ((b"glpat-", b"gldt-", b"glrt-", b"glptt-", b"glft-", b"glsoat-", b"glagent-", b"gloas-", b"glcbt-"),
     "GitLab token", _token(r"gl(?:pat|dt|rt|ptt|ft|soat|agent|oas|cbt)-[A-Za-z0-9_.-]{20,255}")),
    ((b"pypi-AgE",), "PyPI token", _token(r"pypi-AgE[A-Za-z0-9_-]{50,512}")),
    ((b"npm_",), "npm token", _token(r"npm_[A-Za-z0-9]{36}")),
    ((b"rubygems_",), "RubyGems key", _token(r"rubygems_[0-9a-f]{48}")),
    ((b"AKCp",), "Artifactory key", _token(r"AKCp[A-Za-z0-9]{69}")),
    ((b"dckr_",), "Docker token", _token(r"dckr_(?:pat_[A-Za-z0-9_-]{27}|oat_[A-Za-z0-9_-]{32})")),
    ((b".atlasv1.",), "Terraform token", _token(r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}")),
    ((b"pul-",), "Pulumi token", _token(r"pul-[0-9a-f]{40}")),
    ((b"dp.pt.", b"dp.st.", b"dp.ct.", b"dp.sa."), "Doppler token", _token(
        r"dp\.(?:pt|st(?:\.[a-z0-9_-]{2,35})?|ct|sa)\.[A-Za-z0-9]{40,44}"
    )),
    ((b"hvs.", b"hvb."), "Vault token", _token(r"hv[sb]\.[A-Za-z0-9_-]{90,300}")),
    ((b"ops_eyJ",), "1Password token", _token(r"ops_eyJ[A-Za-z0-9+/]{250,4000}")),
    # Messages, money, monitoring, notes
    ((b"xox",), "Slack token", _token(
        r"xox[abeoprs]-(?:\d-)?[A-Za-z0-9]{6,}-[A-Za-z0-9-]{10,255}|xoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{146,166}"
    )),
    ((b"xapp-",), "Slack token", _token(r"xapp-\d-[A-Z0-9]{6,}-\d{6,}-[a-f0-9]{20,255}")),
    ((b"hooks.slack.com/services/T",), "Slack webhook", Lazy(
        rb"(?<=hooks\.slack\.com/services/)T[A-Z0-9]{6,20}/B[A-Z0-9]{6,20}/[A-Za-z0-9]{20,40}"
    )),
    ((b"/api/webhooks/",), "Discord webhook", Lazy(rb"(?<=/api/webhooks/)\d{17,20}/[A-Za-z0-9_-]{60,80}")),
    ((b":AA",), "Telegram token", _token(r"\d{8,10}:AA[A-Za-z0-9_-]{33}")),
    ((b"SG.",), "SendGrid key", _token(r"SG\.[A-Za-z0-9_-]{20,24}\.[A-Za-z0-9_-]{39,50}")),
    ((b"xkeysib-",), "Brevo key", _token(r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}")),
    ((b"sk_live_", b"rk_live_"), "Stripe key", _token(r"[sr]k_live_[A-Za-z0-9]{24,255}")),
    ((b"whsec_",), "Stripe webhook secret", _token(r"whsec_[A-Za-z0-9+/]{32}")),
    ((b"sq0atp-",), "Square token", _token(r"sq0atp-[A-Za-z0-9_-]{22}")),
    ((b"shpat_", b"shpca_", b"shppa_", b"shpss_"), "Shopify token", _token(r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}")),
    ((b"sntry",), "Sentry token", _token(r"sntry(?:u_[0-9a-f]{64}|s_eyJ[A-Za-z0-9+/=_]{60,500})")),
    ((b"glsa_", b"glc_"), "Grafana token", _token(
        r"glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}|glc_eyJ[A-Za-z0-9+/]{32,400}"
    )),
    ((b"ATATT3",), "Atlassian token", _token(r"ATATT3[A-Za-z0-9_=-]{180,200}")),
    ((b"PMAK-",), "Postman key", _token(r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}")),
    ((b"ntn_",), "Notion token", _token(r"ntn_\d{11}[A-Za-z0-9]{35}")),
    ((b"lin_api_",), "Linear key", _token(r"lin_api_[A-Za-z0-9]{40}")),
    ((b"figd_",), "Figma token", _token(r"figd_[A-Za-z0-9_-]{40}")),
    ((b"AGE-SECRET-KEY-1",), PRIVATE_KEY, _token(r"AGE-SECRET-KEY-1[A-Z0-9]{58}")),
)


_LOGIN = Lazy(rb"\bwandb login (?:--[a-z-]{1,30}(?:[ =][^\s-]\S{0,99})? ){0,4}([0-9a-f]{40})(?![0-9A-Za-z_])")
"""How the manual of Weights & Biases gives a key, which has no form of its own, to a shell."""

_RUNS = bytes(char if (chr(char).isalnum() and char < 128) or char in b"_.~+/=%&?:-" else 32 for char in range(256))
SHORTEST = 20
"""Characters of the shortest token."""


def issued(content: bytes) -> Iterator[tuple[int, bytes, str]]:
    """Yields (where, what, kind) of each token of a service."""
    # Most texts have few words as long as a token: looking for the prefixes in them alone takes a fifth of the time.
    words = b" ".join([word for word in content.translate(_RUNS).split() if len(word) >= SHORTEST])
    for needles, kind, pattern in _TOKENS:
        if any(needle in words for needle in needles):
            for match in pattern.finditer(content):
                if not is_placeholder(match[0]) and bits(match[0]) >= MIN_BITS_ISSUED:
                    yield match.start(), match[0], kind
    if b"wandb login " in content:
        for match in _LOGIN.finditer(content):
            yield match.start(1), match[1], "Weights & Biases key"
