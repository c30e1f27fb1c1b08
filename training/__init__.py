"""The scripts that admins run: collect, prepare, train, evaluate, promote."""

from importlib.util import find_spec

missing = [name for name in ("pyarrow", "tqdm", "bs4", "imagehash") if find_spec(name) is None]
if missing:
    raise SystemExit(
        f"The training scripts need {', '.join(missing)}: start them with `uv run --extra training python -m ...`."
    )
