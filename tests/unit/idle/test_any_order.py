"""Whatever happens in whatever order: never stops what is in use, never runs two, always comes up after a wake."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from octostar_runtime.errors import ServiceBusy
from octostar_runtime.idle.wakes import Wake
from octostar_runtime.models.services import ServiceState
from tests.unit.idle.bench import Bench, FakeService

NAMES = ("web", "model")


class GuardedService(FakeService):
    """Notes when it is stopped although somebody uses it."""

    bench: Bench | None = None
    wronged: str | None = None
    forced = False

    def stop(self, *, timeout_s: float) -> None:
        bench = self.bench
        if bench is not None and self.processes and bench.state(self.info.name) is ServiceState.STOPPING:
            if (bench.sessions or bench.runs) and not self.forced:
                self.wronged = f"stopped with {len(bench.sessions)} sessions and {len(bench.runs)} runs"
            if self.info.name == "model" and any(s.processes for s in bench.services if s.info.name == "web"):
                self.wronged = "stopped below a dependant"
        super().stop(timeout_s=timeout_s)


class AnyOrder(RuleBasedStateMachine):
    """Sessions, tasks, wakes, stops, failures and clocks, in any order, also in the middle of a backend's calls."""

    @initialize()
    def begin(self) -> None:
        web = GuardedService("web", depends_on=("model",))
        model = GuardedService("model")
        services = {"web": {"idle_after": 5}, "model": {"idle_after": 3}}
        self.bench = Bench(services=[model, web], policy={"services": services, "start_retries": 2})
        for service in (web, model):
            service.bench = self.bench
        self.services = {"web": web, "model": model}
        self.count = 0
        self.wakes: list[Wake] = []

    @rule(seconds=st.sampled_from([0.2, 1.0, 2.0, 6.0]))
    def time_passes(self, seconds: float) -> None:
        self.bench.clock.advance(seconds)
        self.bench.tick()

    @rule(seconds=st.sampled_from([60.0, 4000.0]))
    def the_machine_sleeps(self, seconds: float) -> None:
        before = {name: service.processes for name, service in self.services.items()}
        self.bench.clock.advance(seconds)
        self.bench.tick()
        for name, service in self.services.items():
            if self.bench.record(name).state is ServiceState.STOPPED and before[name]:
                assert service.calls[-1] == "stop"

    @rule(step=st.sampled_from([-86_400.0, 86_400.0]))
    def the_wall_clock_is_stepped(self, step: float) -> None:
        self.bench.clock.step_wall(step)

    @rule()
    def somebody_comes(self) -> None:
        self.count += 1
        self.bench.connect(f"s{self.count}")

    @precondition(lambda self: self.bench.sessions)
    @rule()
    def somebody_leaves(self) -> None:
        self.bench.disconnect(next(iter(self.bench.sessions)))

    @rule()
    def a_task_starts(self) -> None:
        self.count += 1
        self.bench.run_task(f"r{self.count}")

    @precondition(lambda self: self.bench.runs)
    @rule()
    def a_task_ends(self) -> None:
        self.bench.end_task(next(iter(self.bench.runs)))

    @rule(name=st.sampled_from(NAMES))
    def a_wake(self, name: str) -> None:
        self.wakes.append(self.bench.controller.wake(name))

    @rule(name=st.sampled_from(NAMES))
    def an_operator_stops_it(self, name: str) -> None:
        try:
            self.bench.controller.stop_now(name, "ada", "test")
        except ServiceBusy:
            return

    @rule(name=st.sampled_from(NAMES), when=st.sampled_from(["probe", "drain", "stop"]), what=st.sampled_from("wst"))
    def something_in_the_middle_of(self, name: str, when: str, what: str) -> None:
        service = self.services[name]

        def once() -> None:
            setattr(service, f"during_{when}", lambda: None)
            if what == "w":
                self.a_wake(name)
            elif what == "s" and when != "stop":
                self.somebody_comes()
            elif what == "t" and when != "stop":
                self.a_task_starts()

        setattr(service, f"during_{when}", once)

    @rule(name=st.sampled_from(NAMES), times=st.integers(0, 4))
    def starts_fail(self, name: str, times: int) -> None:
        self.services[name].fail_starts = times

    @rule(name=st.sampled_from(NAMES), times=st.integers(0, 2))
    def stops_fail(self, name: str, times: int) -> None:
        self.services[name].fail_stops = times

    @rule(name=st.sampled_from(NAMES), broken=st.booleans())
    def probes_fail(self, name: str, broken: bool) -> None:
        self.services[name].probe_error = RuntimeError("no answer") if broken else None

    @rule(name=st.sampled_from(NAMES))
    def it_dies(self, name: str) -> None:
        self.services[name].processes = 0

    @rule()
    def the_controller_is_killed(self) -> None:
        self.bench.leases.rows.pop("idle-controller", None)
        self.bench.controller = self.bench.boot(f"node-{self.count}")
        self.bench.tick()

    @rule(name=st.sampled_from(NAMES))
    def all_is_well_again_and_a_wake_makes_it_ready(self, name: str) -> None:
        for service in self.services.values():
            service.fail_starts = service.fail_stops = 0
            service.probe_error = None
            service.during_probe = service.during_drain = service.during_stop = lambda: None
        self.bench.run(2)
        wake = self.bench.controller.wake(name)
        for _ in range(60):
            if wake.done:
                break
            self.bench.run(1)
        assert wake.wait(0), f"{name}: {self.bench.record(name)}"

    @invariant()
    def never_two_processes_and_never_stopped_in_use(self) -> None:
        for name, service in getattr(self, "services", {}).items():
            assert service.most_processes <= 1, f"{name} ran twice"
            assert service.wronged is None, f"{name}: {service.wronged}"


AnyOrder.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnyOrder = AnyOrder.TestCase
