"""What every tool is compared with on one release: LiteRT's outputs on seeded images.

    python -m field.reference MODEL.tflite FOLDER

writes `FOLDER/RELEASE.tflite` (a custom operator that stock LiteRT lacks is rewritten in
`litert.tflite`, LiteRT's own copy), `images.npy` (32, H, W, 3) float32, uniform in the release's
range, and `answers.npz`: each output of the first `COUNT` images, (COUNT, values), and its floor:
the largest error of LiteRT's two sets of kernels, XNNPACK's and the plain ones, against the float64
oracle, at least half a float32 spacing at its peak.
"""

import sys
from pathlib import Path

import numpy as np

COUNT, IMAGES, SEED = 3, 32, 0


def main(model: Path, folder: Path) -> None:
    from blazepalm.converter.convert import module_of
    from blazepalm.reports.backends.backend import Opening
    from blazepalm.reports.backends.litert import open_litert
    from blazepalm.reports.backends.litert_rewrite import without_custom_operators
    from blazepalm.reports.backends.torch_generic import oracle
    from blazepalm.reports.subjects.open_subject import value_range_of

    content = model.read_bytes()
    converted = module_of(model)
    opening = Opening(converted, without_custom_operators(content, str(model)).content)
    (_, height, width, channels), *_ = opening.input_shapes
    (low, high), _ = value_range_of(converted)
    random = np.random.Generator(np.random.PCG64(SEED))
    images = random.uniform(low, high, (IMAGES, height, width, channels)).astype(np.float32)
    given = images[:COUNT]
    litert, plain = (
        open_litert(
            opening.content, opening.outputs, source=opening.source, reference_kernels=kernels
        ).run(given)
        for kernels in (False, True)
    )
    exact = oracle(converted.generic, opening.outputs, opening.input_shapes)
    answers = {}
    for name, value in litert.items():
        truth = np.concatenate([exact.run(image[None])[name].reshape(1, -1) for image in given])
        found = value.reshape(COUNT, -1)
        costs = [np.abs(each - truth).max() for each in (found, plain[name].reshape(COUNT, -1))]
        spacing = np.spacing(np.float32(np.abs(truth).max())) / 2
        answers[name] = found
        answers[f"{name} floor"] = np.float64(max(*costs, spacing))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{folder.name}.tflite").write_bytes(content)
    (folder / "runs").mkdir(exist_ok=True)
    (folder / "runs" / "litert.tflite").write_bytes(opening.content)
    np.save(folder / "images.npy", images)
    np.savez(folder / "answers.npz", **answers)  # the last: the folder is whole


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
