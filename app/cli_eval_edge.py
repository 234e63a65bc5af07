"""`keyphase eval edge-popup`: what a network of the edge-popup paper consists of, and what it scores."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli_shared import show
from app.cli_train import AsJson, Device, Threads, prepare
from app.jobs import run_job
from models.domain.errors import KnownError
from models.domain.progress import Progress

if TYPE_CHECKING:
    from models.train.evaluate_hidden import Accuracy


def eval_edge_popup_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Checkpoint of hidden-networks or of 'train edge-popup'.")
    ],
    keep: Annotated[
        float | None, typer.Option(help="Share of weights kept, which the file does not say; published: 0.3.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="Such as ResNet50 (default: what the shapes fit).")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="CIFAR-10 (test.tar.gz) or val/CLASS/*.jpg like ImageNet's."),
    ] = None,
    pack: Annotated[
        Path | None, typer.Option(metavar="FILE.kpm", help="Write the supermask file, too.")
    ] = None,
    threads: Threads = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Load a network of the edge-popup paper strictly, tell its size, and score it."""
    from models.nets.edge_popup import lonely_layers
    from models.run.hidden_checkpoint import load_hidden
    from models.run.supermask import SUFFIX
    from models.run.supermask_pack import Drawing, pack_file
    from models.train.evaluate_hidden import evaluate_hidden

    if pack is not None and pack.suffix != SUFFIX:
        raise KnownError(f"{pack} is no name for a supermask file.", hint=f"End it in {SUFFIX}.")
    found = load_hidden(file, keep=keep, network=network)
    alone = [] if found.keep is None else lonely_layers(found.net, found.keep)
    if alone:
        print(f"keyphase: one weight only is kept in {', '.join(alone)}.", file=sys.stderr)
    kpm_bytes = file.stat().st_size if file.suffix == SUFFIX else None
    if pack is not None:
        pack_file(file, pack, Drawing(keep=found.keep))
        kpm_bytes = pack.stat().st_size
    elif kpm_bytes is None and found.keep is not None:
        with tempfile.TemporaryDirectory() as folder, suppress(KnownError):  # told in the report
            packed = Path(folder) / "size.kpm"
            pack_file(file, packed, Drawing(keep=found.keep))
            kpm_bytes = packed.stat().st_size
    result: dict[str, Any] = {
        "network": found.network,
        "width": found.width,
        "layers": len(found.layers),
        "weights": found.weights,
        "keep": found.keep,
        "kept": found.kept,
        "float32_bytes": 4 * found.weights,
        "kpm_bytes": kpm_bytes,
    }
    if data is not None:
        scores: list[Accuracy] = []
        on = prepare(threads, device)

        def job() -> Generator[Progress, None, None]:
            scores.append((yield from evaluate_hidden(found.network, found.net, data, device=on)))

        run_job(job())
        result |= {"pictures": scores[0].pictures, "top1": scores[0].top1, "top5": scores[0].top5}
    show(result, as_json, _text(result))


def _text(result: dict[str, Any]) -> str:
    width = "" if result["width"] == 1 else f", width {result['width']:g}"
    share = 100 * result["kept"] / result["weights"]
    lines = [
        f"{result['network']}{width}: {result['layers']} layers, {result['weights']:,} weights, "
        f"{result['kept']:,} kept ({share:.1f} %)."
    ]
    size = f"Size: {result['float32_bytes'] / 1e6:.1f} MB as float32"
    if result["kpm_bytes"]:
        size += f", {result['kpm_bytes'] / 1e6:.1f} MB as .kpm"
    elif result["keep"] is not None:
        size += "; as .kpm not possible, since its weights follow from no seed that is known"
    lines.append(f"{size}.")
    if "top1" in result:
        lines.append(
            f"{result['pictures']:,} pictures: top-1 {100 * result['top1']:.2f} %, "
            f"top-5 {100 * result['top5']:.2f} %."
        )
    return "\n".join(lines)
