"""Really fine-tunes all-MiniLM-L6-v2 (BERT, 6 layers) with PyTorch, for benchmarks/finetunes.py.

AdamW, rate 2e-5, batches of 8 pairs, in-batch contrastive loss; a pair is the name and the docstring of a function of
Python's standard library. A few minutes on one core.
"""

import ast
import os
import pathlib
import re
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional

LAYERS, HEADS, LENGTH = 6, 12, 32
State = dict[str, torch.Tensor]


def pairs() -> list[tuple[str, str]]:
    """Returns names and docstrings of the functions of the standard library, in a fixed order."""
    found = []
    for path in sorted(pathlib.Path(os.__file__).parent.glob("*.py")):
        functions = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.FunctionDef)]
        texts = [(f"{path.stem} {node.name}".replace("_", " "), ast.get_docstring(node)) for node in functions]
        found += [(name, text) for name, text in texts if text and len(text) > 40]
    return found


def tokens(text: str, vocabulary: dict[str, int]) -> list[int]:
    """WordPiece: the longest known prefix of each word, then of the rest."""
    ids = [vocabulary["[CLS]"]]
    for word in re.findall(r"[a-z0-9]+|[^\sa-z0-9]", text.lower()):
        rest = word
        while rest and len(ids) < LENGTH:
            start = "" if rest == word else "##"
            size = next((size for size in range(len(rest), 0, -1) if start + rest[:size] in vocabulary), 0)
            ids.append(vocabulary[start + rest[:size]] if size else vocabulary["[UNK]"])
            rest = rest[size:] if size else ""
    return [*ids[: LENGTH - 1], vocabulary["[SEP]"]]


def embed(state: State, rows: list[list[int]]) -> torch.Tensor:
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = (ids != 0).float()

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-12)

    def dense(x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    x = state["embeddings.word_embeddings.weight"][ids] + state["embeddings.token_type_embeddings.weight"][0]
    x = norm(x + state["embeddings.position_embeddings.weight"][:longest], "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        q, k, v = (
            dense(x, f"{name}.attention.self.{part}").unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask.bool()[:, None, None, :])
        out = dense(seen.transpose(1, 2).flatten(-2), f"{name}.attention.output.dense")
        x = norm(x + out, f"{name}.attention.output.LayerNorm")
        out = dense(functional.gelu(dense(x, f"{name}.intermediate.dense")), f"{name}.output.dense")
        x = norm(x + out, f"{name}.output.LayerNorm")
    return functional.normalize((x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=-1)


def fine_tune(
    base: dict[str, np.ndarray], vocabulary: dict[str, int], steps: int, chosen: str = "", rank: int = 0
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Yields (step, fp32 tensors) after every ten steps.

    Args:
        base: The fp32 tensors to begin with.
        vocabulary: Id of each WordPiece.
        steps: How many batches of eight pairs.
        chosen: Regular expression of the tensors that are trained.
        rank: Not 0: train low-rank additions of this rank to the chosen matrices, and merge them.
    """
    torch.set_num_threads(1)
    torch.manual_seed(7)
    state = {name: torch.from_numpy(values.copy()) for name, values in base.items()}
    names = [name for name in state if re.search(chosen, name)]
    if rank:
        added = {name: (0.02 * torch.randn(rank, state[name].shape[1]), torch.zeros(state[name].shape[0], rank))
                 for name in names}
        trained = [part.requires_grad_() for pair in added.values() for part in pair]
    else:
        added, trained = {}, [state[name].requires_grad_() for name in names]
    optimiser = torch.optim.AdamW(trained, lr=2e-5 if not rank else 2e-4)
    examples = pairs()
    order = np.random.default_rng(7).permutation(len(examples))

    def merged() -> State:
        return state | {name: state[name] + b @ a for name, (a, b) in added.items()}

    for step in range(1, steps + 1):
        batch = [examples[order[(8 * step + at) % len(examples)]] for at in range(8)]
        now = merged()
        left, right = (embed(now, [tokens(pair[side], vocabulary) for pair in batch]) for side in (0, 1))
        loss = functional.cross_entropy(20 * left @ right.T, torch.arange(8))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 10 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
            yield step, {name: values.detach().numpy().copy() for name, values in merged().items()}
