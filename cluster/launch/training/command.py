"""`matinee train` makes a candidate, `matinee evaluate` prints the table of all models on one split, others' beside ours.

What goes on is told on stderr, results on stdout.
"""

from __future__ import annotations

import dataclasses
import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from cluster.errors import Misconfigured
from cluster.launch import kept_in
from cluster.launch.training import beside, data
from cluster.launch.training.beside import Beside
from cluster.launch.training.telling import Telling, tell
from cluster.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.data import Interactions, Split
    from models.evaluate import Evaluation
    from models.fitting import FittingParameters
    from models.ranking import Recommender
    from models.sequence import SequenceParameters

Data = Annotated[str, typer.Option("--data", help="`log`, or a file of interactions, or a folder with one.", metavar="log|PATH")]
Format = Annotated[str | None, typer.Option("--format", help=f"{', '.join(data.FORMATS)}; by default told by the file's name.")]
SplitName = Annotated[str, typer.Option("--split", help=f"What is asked: {' or '.join(data.SPLITS)}.")]
Core = Annotated[
    int,
    typer.Option(
        "--core", help="Keep the users and items that have so many of one another: published tables of Amazon and Steam say 5.", min=1
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same result.", min=0, max=2**31 - 1)]
Epochs = Annotated[int | None, typer.Option("--epochs", help="The most epochs of the sequence model.", min=1)]
Besides = Annotated[
    list[str] | None,
    typer.Option(
        "--beside",
        help="Another program's model in the same table; may be given again. COMMAND gets a folder as its last argument, learns from "
        "split.npz in it, and writes ranking.npz there (docs/models.md has the format).",
        metavar="NAME=COMMAND",
    ),
]
BesideTimeout = Annotated[float, typer.Option("--beside-timeout-s", help="How long each such command may take, in seconds.", min=1)]
Generated = Annotated[
    int | None,
    typer.Option(
        "--generated",
        help="No data: a made-up population of so many users, the same for the same --seed, whose best ranking (the oracle) is known.",
        metavar="USERS",
        min=1,
        max=data.MOST_GENERATED,
    ),
]
OffPolicy = Annotated[
    bool, typer.Option("--off-policy", help="Judge by what pages have shown, how likely that was and what came of it (IPS, SNIPS).")
]
Clip = Annotated[float | None, typer.Option("--clip", help="The most that one card counts for, with --off-policy.")]


class Served(StrEnum):
    """What `train` makes."""

    mixture = "mixture"
    sequence = "sequence"


RUN_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("train")(train)
    app.command("evaluate")(evaluate)


def train(
    source: Data = data.LOG,
    file_format: Format = None,
    split_name: SplitName = "leave-one-out",
    core: Core = 1,
    model: Annotated[
        Served | None,
        typer.Option(
            "--model",
            help="What recommends: the sequence model and EASE, as the validation weighs them, or the first alone;"
            " by default as the live model is made, and where none is, both.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Workers on Ray (RAY_ADDRESS, else one of its own), by default 1; 0: this process.", min=0)
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="A GPU for each worker.")] = False,
    run: Annotated[
        str | None,
        typer.Option(help="Its name: a training that was broken off goes on; by default after its data and parameters.", metavar="NAME"),
    ] = None,
    seed: Seed = 0,
    epochs: Epochs = None,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Go on from the live model with what was watched since its data ended; in this process.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model on what was watched, judge it, and keep it as a candidate: `matinee models promote` makes it the live one."""
    if run is not None and not RUN_NAME.fullmatch(run):
        raise Misconfigured(f"--run {run!r}: letters, digits, . _ and -, at most 64, and no . at the beginning")
    if incremental and (workers or run is not None or gpu or core > 1):
        raise Misconfigured(
            "--incremental is short, and runs in this process: --workers, --gpu, --run and --core are for a model from the beginning"
        )
    workers = 0 if incremental else 1 if workers is None else workers
    if gpu and not workers:
        raise Misconfigured("--gpu is for workers; without them a GPU of this machine is used by itself")
    settings = load()
    kept_in.require_named(settings)
    data.require_torch()
    from cluster.launch.training import snapshot

    # More is watched while a training lasts: one that has a name goes on with what it was begun with.
    named = run if source == data.LOG and workers else None
    folder = settings.data / "training"
    with data.refusals():
        begun_with = snapshot.begun_with(folder, named) if named else None
        found = begun_with or data.core(data.interactions(settings, source, file_format, tell), core)
        split = data.split(found, split_name)
    if named and begun_with is None:
        snapshot.keep(folder, named, found)
    from cluster.launch.training.candidates import NOTHING_KNOWN, How, make, make_from_live, read_known
    from models.evaluate import Figure

    sequence, fitting = parameters(len(split.train.histories.item_N), seed, epochs)
    mixed = None if model is None else model is Served.mixture
    with data.refusals():
        known = read_known(settings, found, tell) if source == data.LOG else NOTHING_KNOWN
        if incremental:
            entry = make_from_live(settings, found, split_name, fitting, known=known, mixed=mixed)
        else:
            tell(split)
            tell(f"{sequence} {fitting}")
            entry = make(settings, split, sequence, fitting, How(workers, gpu, run, mixed), known=known)
    if named:
        snapshot.forget(folder, named)
    if as_json:
        print(msgspec.json.encode(entry).decode())
        return
    figures = {name: Figure(*found["NDCG@10"]) for name, found in entry.about.metrics.items()}
    print(f"model {entry.bundle_id}: {entry.state}\n{entry.verdict.reason}")
    for name, figure in figures.items():
        print(f"  {name}: NDCG@10 {figure}")


def evaluate(
    source: Data = data.LOG,
    file_format: Format = None,
    split_name: SplitName = "leave-one-out",
    models: Annotated[str | None, typer.Option(help="Some models only, by commas; popularity is always among them.")] = None,
    core: Core = 1,
    generated: Generated = None,
    besides: Besides = None,
    beside_timeout_s: BesideTimeout = 3600,
    seed: Seed = 0,
    epochs: Epochs = None,
    off_policy: OffPolicy = False,
    clip: Clip = None,
    as_json: AsJson = False,
) -> None:
    """Train all models on one split and print how well each recommends, with intervals over users, and what ours are not above."""
    settings = load()
    kept_in.require_named(settings)
    data.require_torch()
    if off_policy and (source != data.LOG or generated):
        raise Misconfigured("--off-policy judges by what pages have shown, which the log alone tells")
    if off_policy and core > 1:
        raise Misconfigured("--core is for tables; --off-policy judges all that pages have shown")
    if off_policy and besides:
        raise Misconfigured("--beside answers the questions of a split; --off-policy asks others")
    if clip is not None and not off_policy:
        raise Misconfigured("--clip is for --off-policy")
    if generated and (source != data.LOG or file_format is not None or core > 1):
        raise Misconfigured("--generated makes its data: --data, --format and --core are for others")
    if off_policy:
        split_name = "global-time"  # who has learned from what came of the pages judges itself
    commands = beside.besides(besides or [])
    population = data.generated(generated, seed, tell) if generated else None
    with data.refusals():
        found = population.interactions() if population else data.core(data.interactions(settings, source, file_format, tell), core)
        split = data.split(found, split_name)
    # PyTorch takes seconds to come: after all that can be refused without it.
    from models import lineup
    from models.fitting import SequenceRecommender
    from models.generate import Oracle

    with data.refusals():
        tell(str(split))
        sequence, fitting = parameters(len(split.train.histories.item_N), seed, epochs)
        names = lineup.NAMES if models is None else [name.strip() for name in models.split(",")]
        others = [Beside(name, argv, split, beside_timeout_s, seed, tell) for name, argv in commands.items()]
        line = lineup.recommenders(
            names, sequence, fitting, Telling(fitting).epoch, [*([Oracle(population)] if population else []), *others]
        )
        if any(isinstance(each, SequenceRecommender) for each in line):
            tell(f"sequence model: {sequence} {fitting}")
        judged = list(lineup.judge(split, line, population.genre_IG if population else data.genres(source, found), tell))
    if off_policy:
        shown([model for model, _ in judged], found, split, settings, clip, seed, as_json=as_json)
        return
    report(judged, split, seed, {} if population is None else {"generated": vars(population.parameters)}, as_json=as_json)


def report(judged: Sequence[tuple[Recommender, Evaluation]], split: Split, seed: int, about: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the table, how ours compare with all others, and what they are not above; where few users judge, who they are."""
    from models import lineup
    from models.evaluate import comparisons, not_above, table
    from models.fitting import SequenceRecommender
    from models.mixture import Mixture

    evaluations = [evaluation for _, evaluation in judged]
    learned = [evaluation for model, evaluation in judged if isinstance(model, SequenceRecommender | Mixture)]
    others = [evaluation for evaluation in evaluations if evaluation not in learned]
    compared = comparisons(learned[::-1], others, ("NDCG@10", "HR@10"))
    users = data.asked_users(split.train, split.test)
    if as_json:
        found = {
            "split": {"name": split.name, "hash": split.hash},
            "seed": seed,
            **about,
            "models": [evaluation.as_json() | lineup.parameters_of(model) for model, evaluation in judged],
            "differences": [each.as_json() for each in compared],
            "test_users": users,
        }
        print(json.dumps(found))
        return
    few = data.few(users)
    print(f"{split}\n" + (f"{few}\n" if few else "") + f"\n{table(evaluations)}\n")
    print(*compared, "", *not_above(compared), sep="\n")


def shown(
    models: Sequence[Recommender], found: Interactions, split: Split, settings: Settings, clip: float | None, seed: int, *, as_json: bool
) -> None:
    """Print what each model would be worth by what pages have shown since the split's test began."""
    from cluster.launch.training.off_policy import report
    from models.off_policy import CLIP, table

    limit = CLIP if clip is None else clip
    with data.refusals():
        judged = report(settings, models, found, split, clip=limit, seed=seed, tell=tell)
    if as_json:
        figures = [{"name": name, **judgement.as_json()} for name, judgement in judged.items()]
        print(json.dumps({"split": {"name": split.name, "hash": split.hash}, "seed": seed, "clip": limit, "models": figures}))
    else:
        print(f"{split}\n\n{table(judged)}")


def parameters(interactions: int, seed: int, epochs: int | None) -> tuple[SequenceParameters, FittingParameters]:
    """Return the sequence model's parameters, with what the command says."""
    from models import lineup

    fitting = lineup.fitting_parameters(interactions, seed)
    return lineup.SEQUENCE_PARAMETERS, fitting if epochs is None else dataclasses.replace(fitting, most_epochs=epochs)
