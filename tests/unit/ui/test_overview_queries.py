"""The overview: figures, curves, and what needs attention."""

from dataclasses import replace

from octostar_runtime.models.fleet import HostSample, StoreHealth
from octostar_runtime.models.groups import RunGroup
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries import overview, task_groups
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


def test_the_day_goes_up_to_now_and_no_further_back_than_24_hours() -> None:
    snapshot = sample_snapshot()
    old = replace(snapshot.host_day[0], at=snapshot.taken_at - 90_000)

    day = overview.whole_day(replace(snapshot, host_day=(old, *snapshot.host_day)))

    assert old not in day
    assert day[-1] == snapshot.host
    assert 287 <= len(day) <= 289


def test_a_stretch_without_tasks_is_a_zero_and_no_gap() -> None:
    some = RunGroup(at=3600.0, count=3, failed=1, live=0, newest_at=3700.0)

    found = task_groups.without_gaps([some], since=0.0, until=7200.0, step_s=1800.0)

    assert [(group.at, group.count) for group in found] == [(0.0, 0), (1800.0, 0), (3600.0, 3), (5400.0, 0)]


def test_a_clock_that_disagrees_is_told_with_its_direction() -> None:
    snapshot = sample_snapshot()
    behind = replace(snapshot.nodes[1], clock_skew_s=-90.0)
    said = [one.why for one in overview.concerns(replace(snapshot, nodes=(snapshot.nodes[0], behind)), Links())]

    assert "its clock is 1 min 30 s behind this one's" in said
