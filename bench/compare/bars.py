"""What a figure is held against: each bar says what it asks for and whether the medians meet it (None: not known)."""

from sitting import median  # bench/kit, on the path through workloads


class AtLeast:
    """Thalweg's figure is at least `times` that of Apache Kafka as it comes."""

    def __init__(self, times):
        self.times = times
        self.text = f">= {times:g} x Kafka"

    def met(self, ours, kafka, _):
        return None if kafka is None else ours >= self.times * kafka


class AtMost:
    """Thalweg's figure is at most `times` that of Apache Kafka as it comes."""

    def __init__(self, times):
        self.times = times
        self.text = f"<= {times:g} x Kafka"

    def met(self, ours, kafka, _):
        return None if kafka is None else ours <= self.times * kafka


class Below:
    """At most `limit` in the metric's own unit."""

    def __init__(self, limit):
        self.limit = limit
        self.text = f"<= {limit:g}"

    def met(self, ours, *_):
        return ours <= self.limit


class NearRawSync:
    """An acknowledgement costs little more than one raw synced write of the same run (w)."""

    text = "<= max(450, 1.5 w + 100)"

    def met(self, ours, _, runs):
        return ours <= max(450, 1.5 * median(runs, "raw_sync_p50_us") + 100)
