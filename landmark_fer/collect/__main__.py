"""The command ``collect``: record expressions of your own, list them, delete them.

``python -m landmark_fer.collect --help`` lists the options. Heavy imports come after they are parsed.
"""

import contextlib
import shlex
import sys
from pathlib import Path

from landmark_fer.collect.options import DEFAULT_SUBJECT, make_parser
from landmark_fer.core.command import run_command
from landmark_fer.core.errors import DataError, InputError, SourceError
from landmark_fer.core.paths import check_paths
from landmark_fer.live.options import web_token

TITLE = "landmark_fer: collect"


def main(argv=None):
    """Run the command; return its exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    return run_command(
        lambda: _run(parser, options),
        stopped="stopped; all complete takes are stored, and the same command continues",
    )


def _run(parser, options):
    check_paths(parser, options)
    if options.list:
        from landmark_fer.collect.takes import describe_takes

        print(describe_takes(options.out))
    elif options.delete is not None or options.delete_all:
        print(_delete(options))
    elif options.web is not None:
        _check_web(options)
        _collect_in_browser(options)
    elif options.spans is not None:
        _collect_spans(options)
    else:
        _collect_in_window(options)
    return 0


def _delete(options):
    from landmark_fer.datasets.collection_writer import delete_all, delete_subject

    n_takes = delete_all(options.out) if options.delete_all else delete_subject(options.out, options.delete)
    subject = "everybody" if options.delete_all else options.delete
    return (
        f"deleted {n_takes} takes of {subject} from {options.out}; models that were fitted on them still hold traces "
        "of them: delete those as well, or fit them again"
    )


def _collect_spans(options):
    """Store a take for each span of a video."""
    from landmark_fer.collect.spans import collect_spans, read_spans
    from landmark_fer.live.pacing import Interrupts
    from landmark_fer.live.sources.opening import open_source
    from landmark_fer.perception.tracking.following import FaceFollower

    if options.source is None:
        raise InputError("--spans needs the video that they label; add --source FILE")
    spans = read_spans(options.spans, subject=_subject(options))
    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        extractor, collection = _open_collection(options, stack)
        stack.callback(interrupts.hold_back)
        for subject in dict.fromkeys(span.subject for span in spans):
            _ask_consent_in_terminal(options, collection, subject)
        messages = collect_spans(
            stack.enter_context(open_source(options.source)),
            stack.enter_context(FaceFollower(extractor)),
            spans,
            collection,
            settings=extractor.settings,
            source=_source_name(options.source),
            keep_images=options.keep_images,
        )
        for message in messages:
            print(message, flush=True)
        print(_summary(collection))


def _collect_in_window(options):
    """Record the planned takes in a window."""
    from landmark_fer.collect.take_controller import TakeController
    from landmark_fer.collect.takes import TakeStore
    from landmark_fer.collect.window_session import WindowSession
    from landmark_fer.live.pacing import Interrupts
    from landmark_fer.live.sources.opening import open_source
    from landmark_fer.live.window import Window
    from landmark_fer.perception.tracking.following import FaceFollower

    subject, planner = _subject(options), _planner(options)
    _check_display()
    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        window = stack.enter_context(Window(TITLE))
        extractor, collection = _open_collection(options, stack)
        stack.callback(interrupts.hold_back)
        plan = _print_plan(planner, subject, collection)
        if plan and _ask_consent_on_screen(options, collection, subject, window):
            source = stack.enter_context(open_source(0 if options.source is None else options.source))
            follower = stack.enter_context(FaceFollower(extractor))
            name = _source_name("camera" if source.live else options.source)
            store = TakeStore(collection, subject=subject, source=name, interrupts=interrupts)
            controller = TakeController(
                plan,
                store,
                settings=extractor.settings,
                countdown_s=options.countdown,
                seconds=options.seconds,
                keep_images=options.keep_images,
            )
            WindowSession(source, follower, window, controller, store).run()
        _print_end(collection, subject)


def _collect_in_browser(options):
    """Record the planned takes on a web page, until Ctrl-C."""
    from landmark_fer.collect.browser_session import CollectionService
    from landmark_fer.collect.web.server import serve_collection
    from landmark_fer.live.pacing import Interrupts
    from landmark_fer.live.web.server import parse_address

    token = web_token(options)
    parse_address(options.web, token)
    subject, planner = _subject(options), _planner(options)
    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        extractor, collection = _open_collection(options, stack)
        stack.callback(interrupts.hold_back)
        if options.consent and not collection.consented(subject):
            collection.agree(subject, "--consent")
        _print_plan(planner, subject, collection)
        service = CollectionService(
            collection,
            extractor,
            subject=subject,
            planner=planner,
            countdown_s=options.countdown,
            seconds=options.seconds,
            keep_images=options.keep_images,
        )
        serve_collection(service, address=options.web, token=token, on_ready=_print_url)
        _print_end(collection, subject)


def _check_web(options):
    excluded = [f"--{name}" for name in ("source", "spans") if getattr(options, name) is not None]
    if excluded:
        raise InputError(f"--web records the browser's own camera and takes no {' or '.join(excluded)}; leave it out")


def _print_url(url):
    print(f"open {url} in a browser; Ctrl-C ends, and stored takes stay", flush=True)


def _planner(options):
    from landmark_fer.collect.plan import Planner, find_confusions, parse_expressions

    expressions = parse_expressions(options.expressions)
    confusions, message = find_confusions(options.out, options.model)
    if message:
        print(message, flush=True)
    return Planner(options.rounds, expressions, confusions)


def _print_plan(planner, subject, collection):
    """Print and return the takes to record."""
    takes = collection.takes(subject)
    plan = planner.plan_missing(takes)
    print("\n".join(planner.describe(plan, subject=subject, n_takes=len(takes))), flush=True)
    return plan


def _check_display():
    """Raise a SourceError that names the alternatives if no window can be opened."""
    from landmark_fer.live.window import check_display

    try:
        check_display()
    except SourceError as error:
        reason = str(error).partition(";")[0]
        raise SourceError(f"{reason}; collect needs a window, --web, or --source FILE --spans FILE.csv") from error


def _ask_consent_on_screen(options, collection, subject, window):
    """Return whether the subject agrees to be recorded, by --consent or in the window."""
    from landmark_fer.collect.window_session import ask_consent
    from landmark_fer.datasets.collection import notice

    paragraphs = notice(options.out, subject, images=options.keep_images)
    print("\n\n".join(paragraphs), flush=True)
    if collection.consented(subject):
        return True
    if options.consent or ask_consent(window, paragraphs):
        collection.agree(subject, "--consent" if options.consent else "on screen")
        return True
    return False


def _ask_consent_in_terminal(options, collection, subject):
    """Store the subject's consent, by --consent or at the terminal; raise InputError without it."""
    from landmark_fer.datasets.collection import notice

    if collection.consented(subject):
        return
    print("\n\n".join(notice(options.out, subject, images=options.keep_images)), flush=True)
    if options.consent:
        collection.agree(subject, "--consent")
        return
    if not sys.stdin.isatty() or input(f"Has {subject} agreed? Type yes: ").strip().lower() != "yes":
        raise InputError(f"{subject} must agree before being recorded, and has not; ask, then add --consent")
    collection.agree(subject, "at the terminal")


def _open_collection(options, stack):
    """Return an extractor and the collection for its faces, opened on an exit stack."""
    from landmark_fer.datasets.collection import is_collection, made_with, read_description
    from landmark_fer.datasets.collection_writer import Collection
    from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor
    from landmark_fer.perception.predictor_file import find_predictor, sha256_of

    settings = ExtractorSettings()
    if is_collection(options.out):
        settings = ExtractorSettings.from_dict(read_description(options.out)["made_with"]["extractor"])
    extraction = made_with(settings, sha256_of(find_predictor(options.predictor)))
    collection = stack.enter_context(Collection(options.out, extraction))
    return FaceExtractor(settings, predictor=options.predictor), collection


def _subject(options):
    from landmark_fer.datasets.collection_writer import checked_subject

    return checked_subject(DEFAULT_SUBJECT if options.subject is None else options.subject)


def _source_name(source):
    """Return a name that identifies a video without its folder."""
    path = Path(source)
    return f"{path.name}, {path.stat().st_size} bytes" if path.is_file() else str(source)


def _print_end(collection, subject):
    print(_summary(collection) if collection.takes(subject) else f"no take of {subject} was stored")


def _summary(collection):
    takes = collection.takes()
    if not takes:
        raise DataError(f"{collection.path} holds no takes; was a face visible in those seconds?")
    return (
        f"{collection.path} holds {len(takes)} takes, {sum(take['faces'] for take in takes)} faces; "
        f"fit on them: python -m landmark_fer.fit --data {shlex.quote(str(collection.path))} --out artifacts/mine"
    )


if __name__ == "__main__":
    sys.exit(main())
