"""Takes from the spans of a video: no camera, no display, nobody who presses keys."""

from landmark_fer.collect.recorder import FEWEST_FACES, Recorder


def collect_spans(frames, follower, spans, collection, *, settings, source, keep_images=False):
    """Keep a take for each span of a video, and yield a sentence on each as soon as it is done.

    Spans of which there is a take already are left out, so that a run that was stopped is taken up again by the same
    command.

    Parameters
    ----------
    frames : iterable of Frame
    follower : FaceFollower
    spans : list of Span
        In the order of time.
    collection : Collection
        Open.
    settings : ExtractorSettings
    source : str
        What tells this video from others.
    keep_images : bool, default=False

    Yields
    ------
    str
    """
    known = [take for take in collection.takes() if take["source"] == source]
    waiting = [span for span in spans if not any(_is_take_of(take, span) for take in known)]
    for span in spans:
        if span not in waiting:
            yield f"{_words(span)}: there already"
    recorder = Recorder(settings, keep_images=keep_images)
    for frame in frames if waiting else ():
        followed = follower.follow(frame.image, time_s=frame.time_s)
        while waiting and frame.time_s >= waiting[0].end_s:
            yield _finish(waiting.pop(0), recorder, collection, source)
            recorder = Recorder(settings, keep_images=keep_images)
        if not waiting:
            break
        if frame.time_s >= waiting[0].start_s:
            recorder.add(frame, followed)
    for span in waiting:
        yield _finish(span, recorder, collection, source)
        recorder = Recorder(settings, keep_images=keep_images)


def _finish(span, recorder, collection, source):
    if not recorder.enough:
        seen = f"{len(recorder)} faces were seen" if len(recorder) else "no face was seen"
        return f"{_words(span)}: not kept, because {seen} and a take needs {FEWEST_FACES}"
    records, frames, images = recorder.take()
    take = collection.add(span.subject, span.expression, records, frames, source=source, images=images)
    return f"{_words(span)}: {take['faces']} faces, round {take['round']}"


def _is_take_of(take, span):
    same = (take["subject"], take["expression"]) == (span.subject, span.expression)
    return same and span.overlaps(take["begin_s"], max(take["end_s"], take["begin_s"] + 1e-3))


def _words(span):
    return f"{span.subject}, {span.expression}, {span.start_s:g} to {span.end_s:g} s"
