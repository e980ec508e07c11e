"""What runs in Core AI's own processes (`blazepalm.child`): exported torch modules become a
`.aimodel` folder (coreai-torch), whose functions its runtime computes on a CPU (coreai-core).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]


class Exported(NamedTuple):
    """A module that torch exported, and the names of its inputs and outputs in Core AI."""

    program: Any
    inputs: Sequence[str]
    outputs: Sequence[str]


def open_exported(
    functions: Mapping[str, Mapping[str, Any]], folder: str, about: Mapping[str, str]
) -> Callable[[Arrays], Arrays]:
    """Converts files that `torch.export` wrote; each call makes `folder` anew. `functions`: by
    name `file`, `inputs` and `outputs` (names); `about`: the metadata of `save_asset`.
    """
    import torch

    torch.set_num_threads(1)

    def convert(_: Arrays) -> Arrays:
        programs = {
            name: Exported(torch.export.load(f["file"]), f["inputs"], f["outputs"])
            for name, f in functions.items()
        }
        save_asset(programs, Path(folder), about)
        return {}

    return convert


def save_asset(
    functions: Mapping[str, Exported], asset: Path, about: Mapping[str, str] | None = None
) -> None:
    """Converts exported modules to a new `.aimodel` folder, a function of each name. `about`: its
    `author`, `license` and `model_description`.
    """
    from coreai.runtime import AIModelAssetMetadata
    from coreai_torch import TorchConverter, get_decomp_table

    converter = TorchConverter(mode=TorchConverter.Mode.RELEASE)
    for name, (program, inputs, outputs) in functions.items():
        converter.add_exported_program(
            program.run_decompositions(get_decomp_table()),
            input_names=list(inputs),
            output_names=list(outputs),
            entrypoint_name=name,
        )
    metadata = AIModelAssetMetadata()
    for key, value in (about or {}).items():
        setattr(metadata, key, value)
    converter.to_coreai().save_asset(asset, metadata)


def open_asset(asset: str, function: str = "main") -> Callable[[Arrays], Arrays]:
    """Loads a `.aimodel` folder; the outputs of one function by name. Imports no torch."""
    from coreai.authoring.asset import AIModelAsset
    from coreai.runtime import NDArray

    loop = asyncio.new_event_loop()
    context = AIModelAsset.load(Path(asset)).executable()
    model = loop.run_until_complete(context.__aenter__())
    loaded: Any = model.load_function(function)

    async def call(arrays: Arrays) -> Arrays:
        found = await loaded({name: NDArray(value) for name, value in arrays.items()})
        return {name: np.array(value.numpy()) for name, value in found.items()}

    def run(arrays: Arrays) -> Arrays:
        assert context is not None  # kept: leaving it would unload the model
        return loop.run_until_complete(call(arrays))

    return run
