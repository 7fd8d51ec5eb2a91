"""Command: collect own faces: record expressions that are asked for, list them, delete them.

``python -m landmark_fer.collect --help`` lists the options. Everything heavy is imported after they are parsed.
"""

import contextlib
import functools
import os
import shlex
import sys
from pathlib import Path

from landmark_fer.collect.options import DEFAULT_SUBJECT, TOKEN_VARIABLE, make_parser
from landmark_fer.core.command import run_command
from landmark_fer.core.errors import DataError, InputError, SourceError
from landmark_fer.core.paths import check_paths

TITLE = "landmark_fer: collect"


def main(argv=None):
    """Run the command; return its exit status."""
    parser = make_parser()
    options = parser.parse_args(argv)
    return run_command(
        lambda: _run(parser, options), stopped="stopped; every whole take is kept, and the same command goes on"
    )


def _run(parser, options):
    check_paths(parser, options)
    if options.list:
        from landmark_fer.collect.recorder import describe_takes

        print(describe_takes(options.out))
    elif options.delete is not None or options.delete_all:
        print(_deleted(options))
    elif options.web is not None:
        _check_web(options)
        _in_a_browser(options)
    elif options.spans is not None:
        _from_spans(options)
    else:
        _in_a_window(options)
    return 0


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
    """Keep a take for each span of a video."""
    from landmark_fer.collect.spans import collect_spans, read_spans
    from landmark_fer.live.pacing import Interrupts
    from landmark_fer.live.sources.opening import open_source
    from landmark_fer.perception.tracking.following import FaceFollower

    if options.source is None:
        raise InputError("--spans are of a video, and none is named; add --source FILE")
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
        kept = collect_spans(source, follower, spans, collection, keep_images=options.keep_images, **known)
        for sentence in kept:
            print(sentence, flush=True)
        print(_ending(collection))


def _in_a_window(options):
    """Ask for one expression after another, in a window."""
    from landmark_fer.collect.window_session import Sitting
    from landmark_fer.live.pacing import Interrupts
    from landmark_fer.live.sources.opening import open_source
    from landmark_fer.live.window import Window, check_display
    from landmark_fer.perception.tracking.following import FaceFollower

    subject, plan, _ = _plan(options)
    _check_display(check_display)
    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        window = stack.enter_context(Window(TITLE))
        extractor, collection = _opened(options, stack)
        stack.callback(interrupts.hold_back)
        asks = _asked(options, plan, subject, collection.takes(subject))
        if asks and _agrees_on_screen(options, collection, subject, window):
            source = stack.enter_context(open_source(0 if options.source is None else options.source))
            follower = stack.enter_context(contextlib.closing(FaceFollower(extractor)))
            name = _source_name("camera" if source.live else options.source)
            sitting = Sitting(
                source, follower, window, collection, subject=subject, source_name=name, interrupts=interrupts
            )
            lasting = {"countdown_s": options.countdown, "seconds": options.seconds}
            sitting.run(asks, settings=extractor.settings, keep_images=options.keep_images, **lasting)
        print(_ending(collection) if collection.takes(subject) else f"nothing of {subject} was kept")


def _in_a_browser(options):
    """Ask for one expression after another on a page, until Ctrl-C."""
    from landmark_fer.collect.browser_session import CollectionServer
    from landmark_fer.collect.web.server import serve_desk
    from landmark_fer.live.pacing import Interrupts
    from landmark_fer.live.web.server import parse_address

    token = options.web_token or os.environ.get(TOKEN_VARIABLE) or None
    parse_address(options.web, token)
    subject, plan, expressions = _plan(options)
    chosen = {"keep_images": options.keep_images, "countdown_s": options.countdown, "seconds": options.seconds}
    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        extractor, collection = _opened(options, stack)
        stack.callback(interrupts.hold_back)
        if options.consent and not collection.consented(subject):
            collection.agree(subject, "--consent")
        _asked(options, plan, subject, collection.takes(subject))
        desk = CollectionServer(collection, extractor, subject=subject, plan=plan, expressions=expressions, **chosen)
        serve_desk(desk, address=options.web, token=token, ready=_invite)
        print(_ending(collection) if collection.takes(subject) else f"nothing of {subject} was kept")


def _check_web(options):
    given = [f"--{name}" for name in ("source", "spans") if getattr(options, name) is not None]
    if given:
        raise InputError(f"--web records the browser's own camera and takes no {' or '.join(given)}; leave it out")


def _invite(url):
    print(f"open {url} in a browser; Ctrl-C ends, and what was kept stays", flush=True)


def _plan(options):
    """Return who is asked, a function from their takes to what they are asked for, and all that may be asked for."""
    from landmark_fer.collect.plan import find_confusions, plan_missing, read_expressions

    subject, expressions = _subject(options), read_expressions(options.expressions)
    confusions, sentence = find_confusions(options.out, options.model)
    if sentence:
        print(sentence, flush=True)
    how = {"rounds": options.rounds, "expressions": expressions, "confusions": confusions}
    return subject, functools.partial(plan_missing, **how), expressions


def _asked(options, plan, subject, takes):
    """Return what is asked for, and print it."""
    from landmark_fer.collect.plan import say_plan

    asks = plan(takes)
    print("\n".join(say_plan(asks, subject=subject, n_takes=len(takes), rounds=options.rounds)), flush=True)
    return asks


def _check_display(check):
    """Raise SourceError with what helps here where no window can be opened."""
    try:
        check()
    except SourceError as error:
        reason = str(error).partition(";")[0]
        raise SourceError(f"{reason}; collect needs a window, --web, or --source FILE --spans FILE.csv") from error


def _agrees_on_screen(options, collection, subject, window):
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


def _subject(options):
    from landmark_fer.datasets.collection import checked_subject

    return checked_subject(DEFAULT_SUBJECT if options.subject is None else options.subject)


def _source_name(spec):
    """Return what tells a video from others, without the place where it lies."""
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
