"""Make the file that WAMVIZ_LPIPS names: the published weights of LPIPS (AlexNet, version 0.1) as safetensors.

wamviz ships no such weights, fetches none, and never opens a pickle. This script is run once, by you, where you keep
such files; it needs torch and safetensors, which wamviz's environment has, and two published files:

    curl -O https://download.pytorch.org/models/alexnet-owt-7be5be79.pth      # torchvision's AlexNet, BSD-3-Clause
    pip download --no-deps lpips==0.1.4 && unzip lpips-*.whl -d lpips-wheel    # the learned heads, BSD-2-Clause
    python tools/convert_lpips.py --alexnet alexnet-owt-7be5be79.pth \\
        --heads lpips-wheel/lpips/weights/v0.1/alex.pth --out lpips-alex.safetensors
    export WAMVIZ_LPIPS=$PWD/lpips-alex.safetensors
    python -m wamviz doctor                                                   # says whether the file is understood

Both are read with ``torch.load(weights_only=True)``, which takes tensors and runs nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import warnings
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a checkout need not be installed
from wamviz.metrics.perceptual_weights import SHAPES, TRUNK  # noqa: E402

# Where each tensor comes from: (file, its name there).
SOURCES = {name: ("alexnet", name) for name in SHAPES if name.startswith("features.")} | {
    f"lin{k}.weight": ("heads", f"lin{k}.model.1.weight") for k in range(len(TRUNK))
}


class Refused(Exception):
    """One sentence for the person at the keyboard."""


def read(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a published file by name."""
    if not path.is_file():
        raise Refused(f"There is no file '{path}'.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice there is to open the file in the unsafe way
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader meets a file that is none with all kinds of them
        raise Refused(f"'{path.name}' cannot be read as weights alone ({type(error).__name__}).") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise Refused(f"'{path.name}' holds no dictionary of tensors.")
    return state


def convert(alexnet: Path, heads: Path) -> dict[str, torch.Tensor]:
    """The tensors of the file that wamviz reads, by name, in float32."""
    files, paths = {"alexnet": read(alexnet), "heads": read(heads)}, {"alexnet": alexnet, "heads": heads}
    found = {}
    for name, shape in SHAPES.items():
        file, theirs = SOURCES[name]
        if theirs not in files[file]:
            raise Refused(
                f"'{paths[file].name}' lacks '{theirs}'. --alexnet takes torchvision's AlexNet, --heads the file "
                "weights/v0.1/alex.pth of the package lpips."
            )
        tensor = files[file][theirs]
        if tuple(tensor.shape) != shape:
            raise Refused(f"'{theirs}' in '{paths[file].name}' has shape {tuple(tensor.shape)}, not {shape}.")
        found[name] = tensor.to(torch.float32).contiguous().clone()
    return found


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alexnet", type=Path, required=True, metavar="FILE", help="torchvision's AlexNet (.pth)")
    parser.add_argument("--heads", type=Path, required=True, metavar="FILE", help="lpips' weights/v0.1/alex.pth")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the safetensors file to write")
    asked = parser.parse_args(argv)
    try:
        tensors = convert(asked.alexnet, asked.heads)
        draft = asked.out.with_name(f".{asked.out.name}.draft")
        save_file(tensors, draft, metadata={"format": "pt", "holds": "LPIPS 0.1, AlexNet (arXiv 1801.03924)"})
        os.replace(draft, asked.out)
    except (Refused, OSError) as error:
        print(f"convert_lpips: {error}", file=sys.stderr)
        return 2
    digest = hashlib.sha256(asked.out.read_bytes()).hexdigest()
    print(f"{asked.out}: {asked.out.stat().st_size / 1e6:.1f} MB, sha256 {digest[:16]}…")
    print(f"Now: export WAMVIZ_LPIPS={asked.out.resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
