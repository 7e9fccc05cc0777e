"""`matinee evaluate`: the table of all models on one split. What goes on is told on stderr, results on stdout."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.launch import kept_in
from cluster.launch.training import data
from cluster.settings import load

if TYPE_CHECKING:
    from models.fitting import Epoch, FittingParameters
    from models.sequence import SequenceParameters

Data = Annotated[str, typer.Option("--data", help="`log`, or a file of interactions, or a folder with one.", metavar="log|PATH")]
Format = Annotated[str | None, typer.Option("--format", help=f"{', '.join(data.FORMATS)}; by default told by the file's name.")]
SplitName = Annotated[str, typer.Option("--split", help=f"What is asked: {' or '.join(data.SPLITS)}.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same result.", min=0, max=2**31 - 1)]
Epochs = Annotated[int | None, typer.Option("--epochs", help="The most epochs of the sequence model.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    source: Data = data.LOG,
    file_format: Format = None,
    split_name: SplitName = "leave-one-out",
    models: Annotated[str | None, typer.Option(help="Some models only, by commas; popularity is always among them.")] = None,
    seed: Seed = 0,
    epochs: Epochs = None,
    as_json: AsJson = False,
) -> None:
    """Train all models on one split and print how well each recommends, with intervals over users."""
    settings = load()
    kept_in.require_named(settings)
    data.require_torch()
    with data.refusals():
        found = data.interactions(settings, source, file_format, tell)
        split = data.split(found, split_name)
    # PyTorch takes seconds to come: after all that can be refused without it.
    from models import lineup
    from models.evaluate import difference, table

    with data.refusals():
        tell(str(split))
        sequence, fitting = parameters(len(split.train.histories.item_N), seed, epochs)
        names = lineup.NAMES if models is None else [name.strip() for name in models.split(",")]
        line = lineup.recommenders(names, sequence, fitting, tell_epoch)
        if lineup.SEQUENCE in names:
            tell(f"sequence model: {sequence} {fitting}")
        judged = list(lineup.judge(split, line, data.genres(source, found), tell))
    evaluations = [evaluation for _, evaluation in judged]
    if as_json:
        figures = [evaluation.as_json() | lineup.parameters_of(model) for model, evaluation in judged]
        print(json.dumps({"split": {"name": split.name, "hash": split.hash}, "seed": seed, "models": figures}))
        return
    print(f"{split}\n\n{table(evaluations)}\n")
    if lineup.SEQUENCE in names:
        *others, last = evaluations
        for other in others:
            gained = difference(last, other, "NDCG@10")
            judgement = "above" if gained.low > 0 else "below" if gained.high < 0 else "not told apart from"
            print(f"{last.name}: {judgement} {other.name}, by {gained} NDCG@10")


def parameters(interactions: int, seed: int, epochs: int | None) -> tuple[SequenceParameters, FittingParameters]:
    """Return the sequence model's parameters, with what the command says."""
    from models import lineup

    fitting = lineup.fitting_parameters(interactions, seed)
    return lineup.SEQUENCE_PARAMETERS, fitting if epochs is None else dataclasses.replace(fitting, most_epochs=epochs)


def tell(line: Any) -> None:
    """Tell a person what goes on."""
    print(line, file=sys.stderr, flush=True)


def tell_epoch(epoch: Epoch) -> None:
    """Tell how an epoch went."""
    tell(f"  epoch {epoch.number}: loss {epoch.loss:.3f}, NDCG@10 on the validation {epoch.ndcg:.4f}, {epoch.seconds:.0f} s of training")
