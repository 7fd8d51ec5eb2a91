"""Door: collect own faces: record expressions that are asked for, list them, delete them.

``python -m landmark_fer.collect --help`` lists the options. Everything heavy is imported after they are parsed.
"""

import contextlib
import shlex
import sys
from pathlib import Path

from landmark_fer.doorway import run_door
from landmark_fer.errors import DataError, InputError, SourceError
from landmark_fer.streaming.collecting.options import DEFAULT_SUBJECT, make_parser

TITLE = "landmark_fer: collect"


def main(argv=None):
    """Run the door; return its exit status."""
    options = make_parser().parse_args(argv)
    return run_door(lambda: _run(options), stopped="stopped; every whole take is kept, and the same command goes on")


def _run(options):
    if options.list:
        print(_listed(options.out))
    elif options.delete is not None or options.delete_all:
        print(_deleted(options))
    elif options.spans is not None:
        _from_spans(options)
    else:
        _in_a_window(options)
    return 0


def _listed(path):
    """Return who and what is in a folder, as a table."""
    from landmark_fer.datasets.collection import read_about, read_takes

    about, takes = read_about(path), read_takes(path)
    lines = [f"{path}: {len(takes)} takes, {sum(take['faces'] for take in takes)} faces"]
    for subject in sorted({take["subject"] for take in takes} | set(about["consent"])):
        own = [take for take in takes if take["subject"] == subject]
        agreed = about["consent"].get(subject, {}).get("agreed", "never")
        lines.append(f"\n{subject} (agreed {agreed})")
        for expression in dict.fromkeys(take["expression"] for take in own):
            shown = [take for take in own if take["expression"] == expression]
            lines.append(f"  {expression:9} {len(shown):3} takes  {sum(take['faces'] for take in shown):5} faces")
    return "\n".join(lines)


def _deleted(options):
    """Delete what the options ask for and return what was deleted."""
    from landmark_fer.datasets.collection_writer import delete_all, delete_subject

    n_takes = delete_all(options.out) if options.delete_all else delete_subject(options.out, options.delete)
    whose = "everybody" if options.delete_all else options.delete
    return (
        f"deleted {n_takes} takes of {whose} from {options.out}; models that were fitted on them hold traces of them "
        "still: fit anew, or delete those, too"
    )


def _from_spans(options):
    """Keep a take for each span of a film."""
    from landmark_fer.perception.following import FaceFollower
    from landmark_fer.streaming.collecting.from_spans import collect_spans
    from landmark_fer.streaming.collecting.spans import read_spans
    from landmark_fer.streaming.interrupts import Interrupts
    from landmark_fer.streaming.sources import open_source

    if options.source is None:
        raise InputError("--spans are of a film, and none is named; add --source FILE")
    spans = read_spans(options.spans, subject=_subject(options))
    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        extractor, collection = _opened(options, stack)
        stack.callback(interrupts.hold_back)
        for subject in dict.fromkeys(span.subject for span in spans):
            _agree_in_terminal(options, collection, subject)
        source = stack.enter_context(open_source(options.source))
        follower = stack.enter_context(FaceFollower(extractor))
        known = {"settings": extractor.settings, "source": _source_name(options.source)}
        kept = collect_spans(source, follower, spans, collection, keep_pictures=options.keep_pictures, **known)
        for sentence in kept:
            print(sentence, flush=True)
        print(_ending(collection))


def _in_a_window(options):
    """Ask for one expression after another, in a window."""
    from landmark_fer.perception.following import FaceFollower
    from landmark_fer.streaming.collecting.in_window import Sitting
    from landmark_fer.streaming.interrupts import Interrupts
    from landmark_fer.streaming.sources import open_source
    from landmark_fer.streaming.window import Window, check_display

    subject, expressions = _subject(options), _expressions(options)
    confusions = _confusions(options)
    _check_display(check_display)
    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        window = stack.enter_context(Window(TITLE))
        extractor, collection = _opened(options, stack)
        stack.callback(interrupts.hold_back)
        asks = _asks(options, collection, subject, expressions, confusions)
        if asks and _agrees_on_screen(options, collection, subject, window):
            source = stack.enter_context(open_source("0" if options.source is None else options.source))
            follower = stack.enter_context(contextlib.closing(FaceFollower(extractor)))
            name = _source_name("camera" if source.live else options.source)
            sitting = Sitting(
                source, follower, window, collection, subject=subject, source_name=name, interrupts=interrupts
            )
            lasting = {"countdown_s": options.countdown, "seconds": options.seconds}
            sitting.run(asks, settings=extractor.settings, keep_pictures=options.keep_pictures, **lasting)
        print(_ending(collection) if collection.takes(subject) else f"nothing of {subject} was kept")


def _check_display(check):
    """Raise SourceError with what helps here where no window can be opened."""
    try:
        check()
    except SourceError as error:
        reason = str(error).partition(";")[0]
        raise SourceError(f"{reason}; collect needs a window, or --source FILE --spans FILE.csv") from error


def _asks(options, collection, subject, expressions, confusions):
    """Return what is asked for, and print what is missing and why the first is first."""
    from landmark_fer.streaming.collecting.plan import plan_asks

    takes = [take["expression"] for take in collection.takes(subject)]
    counts = {name: takes.count(name) for name in expressions}
    asks = plan_asks(counts, rounds=options.rounds, expressions=expressions, confusions=confusions)
    if not asks:
        print(f"{subject} has {options.rounds} takes of each expression; --rounds {options.rounds + 2} asks for more")
        return asks
    print(f"{subject}: {len(takes)} takes are there, {len(asks)} are asked for", flush=True)
    for reason in dict.fromkeys(ask.reason for ask in asks if ask.reason):
        print(f"  {reason}", flush=True)
    return asks


def _confusions(options):
    """Return what the model that was named, or was fitted on this folder last, confuses."""
    from landmark_fer.errors import ArtifactError
    from landmark_fer.recognition.fit_options import DEFAULT_OUT
    from landmark_fer.recognition.manifest import read_manifest
    from landmark_fer.streaming.collecting.plan import read_confusions

    source = Path(options.out).resolve().name
    if options.model is not None:
        return read_confusions(read_manifest(options.model), source)
    try:
        manifest = read_manifest(DEFAULT_OUT)
    except ArtifactError:
        return {}
    fitted_on = str((manifest.get("data") or {}).get("source", "")).split(" + ")
    if source not in fitted_on:
        return {}
    print(f"{DEFAULT_OUT} was fitted on {source}: what it confuses is asked for first", flush=True)
    return read_confusions(manifest, source)


def _agrees_on_screen(options, collection, subject, window):
    from landmark_fer.datasets.collection_texts import notice
    from landmark_fer.streaming.collecting.in_window import ask_consent

    paragraphs = notice(options.out, subject, pictures=options.keep_pictures)
    print("\n\n".join(paragraphs), flush=True)
    if collection.consented(subject):
        return True
    if options.consent or ask_consent(window, paragraphs):
        collection.agree(subject, "--consent" if options.consent else "on screen")
        return True
    return False


def _expressions(options):
    from landmark_fer.face.expressions import expression_named
    from landmark_fer.streaming.collecting.plan import ASKED

    if options.expressions is None:
        return ASKED
    words = [word for word in options.expressions.split(",") if word.strip()]
    if not words:
        raise InputError(f"--expressions must name some, got {options.expressions!r}; leave it out for all")
    return tuple(dict.fromkeys(expression_named(word) for word in words))


def _opened(options, stack):
    """Return an extractor and the open collection that its faces go to."""
    from landmark_fer.datasets.collection import is_collection, made_with, read_about
    from landmark_fer.datasets.collection_writer import Collection
    from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor
    from landmark_fer.perception.predictor_file import find_predictor, sha256_of

    settings = ExtractorSettings()
    if is_collection(options.out):
        settings = ExtractorSettings.from_dict(read_about(options.out)["made_with"]["extractor"])
    made = made_with(settings, sha256_of(find_predictor(options.predictor)))
    collection = stack.enter_context(Collection(options.out, made))
    return FaceExtractor(settings, predictor=options.predictor), collection


def _agree_in_terminal(options, collection, subject):
    """Have somebody agree, by --consent or at the terminal; raise where nobody can be asked."""
    from landmark_fer.datasets.collection_texts import notice

    if collection.consented(subject):
        return
    print("\n\n".join(notice(options.out, subject, pictures=options.keep_pictures)), flush=True)
    if options.consent:
        collection.agree(subject, "--consent")
        return
    if not sys.stdin.isatty() or input(f"Has {subject} agreed? Type yes: ").strip().lower() != "yes":
        raise InputError(f"{subject} must agree before being recorded, and has not; ask, then add --consent")
    collection.agree(subject, "at the terminal")


def _subject(options):
    from landmark_fer.datasets.collection import checked_subject

    return checked_subject(DEFAULT_SUBJECT if options.subject is None else options.subject)


def _source_name(spec):
    """Return what tells a film from others, without the place where it lies."""
    path = Path(spec)
    return f"{path.name}, {path.stat().st_size} bytes" if path.is_file() else str(spec)


def _ending(collection):
    takes = collection.takes()
    if not takes:
        raise DataError(f"{collection.path} holds no takes; was a face to be seen in those seconds?")
    return (
        f"{collection.path} holds {len(takes)} takes, {sum(take['faces'] for take in takes)} faces; "
        f"fit on them: python -m landmark_fer.fit --data {shlex.quote(str(collection.path))} --out artifacts/mine"
    )


if __name__ == "__main__":
    sys.exit(main())
