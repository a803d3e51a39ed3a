"""The overview: figures, curves, and what needs attention."""

from octostar_runtime.models.fleet import HostSample, StoreHealth
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries import overview
from tests.support.fleet_samples import empty_snapshot, sample_host, sample_snapshot


def figure(snapshot: object, label: str) -> overview.Figure:
    return next(one for one in overview.figures(snapshot, Links()) if one.label == label)  # type: ignore[arg-type]


def test_tiles_lead_to_the_list_behind_them() -> None:
    links = Links()

    for one in overview.figures(sample_snapshot(), links):
        assert links.page_of(one.href) is not None, one.label


def test_people_and_those_who_watch_are_told_apart() -> None:
    people = figure(sample_snapshot(), "People connected")

    assert (people.value, people.note) == ("7", "and 1 operator watching")


def test_pool_use_is_busy_over_all_workers() -> None:
    assert figure(sample_snapshot(), "Pool use").value == "50 %"


def test_a_fleet_in_which_nothing_happened_yet_can_be_shown() -> None:
    snapshot = empty_snapshot()

    assert figure(snapshot, "Oldest wait").value == "none"
    assert overview.concerns(snapshot, Links()) == []


def test_what_needs_attention_names_node_task_service_and_callback() -> None:
    said = " ".join(one.what for one in overview.concerns(sample_snapshot(), Links()))

    for name in ("app-2", "profile_csv", "dask-workers", "push_presence"):
        assert name in said


def test_a_store_that_is_away_is_the_first_concern() -> None:
    away = StoreHealth(url="sqlite://", ok=False, error="disk is full", buffered=12)

    first = overview.concerns(sample_snapshot(store=away), Links())[0]

    assert "12 changes wait" in first.why


def test_curves_keep_still_between_two_points() -> None:
    history = sample_host()

    before = overview.bucketed(history[:-2])
    after = overview.bucketed(history[:-1])

    assert len(before) < 70
    assert before == after


def test_curves_are_aligned_to_the_clock_so_that_old_points_never_move() -> None:
    def at(second: float) -> HostSample:
        return HostSample(
            at=second,
            scope="machine",
            cpu_percent=second,
            memory_used=1,
            memory_limit=2,
            process_cpu_percent=0,
            process_memory=0,
        )

    samples = [at(float(second)) for second in range(0, 120, 2)]

    assert overview.bucketed(samples[5:])[1:3] == overview.bucketed(samples)[1:3]
