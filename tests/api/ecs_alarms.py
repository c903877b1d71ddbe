# SPDX-License-Identifier: Apache-2.0
"""Alarms of rolling deployments (deploymentConfiguration.alarms): services that want no tasks, whose deployments so
have nothing to do but bake. With tasks: tests/api/ecs.py."""
import pytest
from asking import code_of, eventually, standing
from gitwork import journal
from towpath import Server

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
WINDOW = 6 * 60  # five periods, and the minute in which they are evaluated


class World:
    def __init__(self):
        self.server = Server().start()
        self.connect()
        self.ecs.create_cluster(clusterName="c")
        for revision in range(3):
            self.ecs.register_task_definition(family="q", containerDefinitions=[
                {"name": "app", "image": "none", "memory": 64 + revision}])

    def connect(self):
        self.ecs, self.cloudwatch = self.server.newest_client("ecs"), self.server.client("cloudwatch")

    def close(self):
        self.server.close()

    def again(self, *arguments):
        """kill -9 and a new start."""
        self.server.kill9()
        self.server.restart(*arguments)
        self.connect()

    def hours_pass(self, check):
        self.again("--clock-rate", "2000")
        got = eventually(check)
        self.again("--clock-rate", "1")
        return got

    def alarm(self, name):
        self.cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="n", MetricName=name, Statistic="Sum", Period=60, EvaluationPeriods=5,
            Threshold=1, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore")

    def state(self, name, value):
        self.cloudwatch.set_alarm_state(AlarmName=name, StateValue=value, StateReason="test")

    def service(self):
        return self.ecs.describe_services(cluster="c", services=["s"])["services"][0]

    def rollout(self, state):
        return next((s for s in [self.service()] if s["deployments"][0]["rolloutState"] == state), None)

    def deploy(self, revision, **more):
        return self.ecs.update_service(cluster="c", service="s", taskDefinition=f"q:{revision}",
                                       **more)["service"]["deployments"][0]["id"]


@pytest.fixture(scope="module")
def world():
    yield from standing(World())


def alarms(*names, enable=True, rollback=True):
    return {"alarms": {"alarmNames": list(names), "enable": enable, "rollback": rollback}}


def says(service, words):
    return any(words in event["message"] for event in service["events"])


def test_refused(world):
    plan = dict(cluster="c", serviceName="r", taskDefinition="q", desiredCount=0, networkConfiguration=NETWORK)
    create = world.ecs.create_service
    for config in (alarms(), alarms(""), alarms("a" * 256, enable=False), alarms(*["a"] * 101)):
        assert code_of(create, **plan, deploymentConfiguration=config) == "InvalidParameterException"
    assert code_of(create, cluster="c", serviceName="r", deploymentController={"type": "EXTERNAL"},
                   deploymentConfiguration=alarms("a")) == "InvalidParameterException"
    made = create(**plan, deploymentConfiguration=alarms(enable=False, rollback=False))["service"]
    assert made["deploymentConfiguration"]["alarms"] == {"alarmNames": [], "enable": False, "rollback": False}
    assert code_of(world.ecs.update_service, cluster="c", service="r", deploymentConfiguration=alarms()) == \
        "InvalidParameterException"
    world.ecs.delete_service(cluster="c", service="r", force=True)


def test_watched(world):
    """A deployment bakes as long as its alarms look back; one that goes off fails it, through kill -9 as well."""
    world.alarm("errors")
    both = alarms("errors", "later")
    both["deploymentCircuitBreaker"] = {"enable": True, "rollback": False}
    world.ecs.create_service(cluster="c", serviceName="s", taskDefinition="q:1", desiredCount=0,
                             networkConfiguration=NETWORK, deploymentConfiguration=both)
    assert world.service()["deploymentConfiguration"]["alarms"] == both["alarms"]
    first = world.hours_pass(lambda: world.rollout("COMPLETED"))["deployments"]
    assert (first[0]["updatedAt"] - first[0]["createdAt"]).total_seconds() >= WINDOW

    # an alarm that came into being after the service; the rollback itself is not watched
    failed = world.deploy(2)
    world.alarm("later")
    baking = world.rollout("IN_PROGRESS")
    assert [d["status"] for d in baking["deployments"]] == ["PRIMARY", "ACTIVE"]
    world.state("later", "ALARM")
    world.again()
    back = eventually(lambda: world.rollout("COMPLETED"))
    assert back["taskDefinition"].endswith("q:1") and len(back["deployments"]) == 1
    assert says(back, f"(deployment {failed}) deployment failed: alarm detected.")
    assert says(back, f"rolling back to deployment {first[0]['id']}.")
    told = {d["event"]: d["reason"] for d in journal(world.server, "ecs.service") if d.get("deploymentId") == failed}
    assert told["SERVICE_DEPLOYMENT_FAILED"] == "ECS deployment alarms: alarm detected. Alarm: later"
    started = [d.get("reason") for d in journal(world.server, "ecs.service")
               if d.get("deploymentId") == back["deployments"][0]["id"]]
    assert started[0] == f"ECS deployment alarms: rolling back to deploymentId {first[0]['id']}."


def test_in_alarm_from_the_start(world):
    """Such a deployment is not watched, so that what repairs a service can be deployed."""
    world.state("later", "ALARM")
    world.deploy(3)
    done = eventually(lambda: world.rollout("COMPLETED"))
    assert done["taskDefinition"].endswith("q:3") and says(done, "is not watched by alarms: later is in ALARM already.")


def test_composite_alarm_without_rollback(world):
    """It has the window of the alarms in its rule. What has failed stays; the next one may be rolled back all the
    same."""
    for name in ("errors", "later"):
        world.state(name, "OK")
    world.cloudwatch.put_composite_alarm(AlarmName="any", AlarmRule="ALARM(errors) OR ALARM(later)")
    world.deploy(1, deploymentConfiguration=alarms("any", rollback=False))
    assert world.rollout("IN_PROGRESS")
    world.state("errors", "ALARM")
    failed = eventually(lambda: world.rollout("FAILED"))
    assert failed["taskDefinition"].endswith("q:1") and "any" in failed["deployments"][0]["rolloutStateReason"]
    world.state("errors", "OK")
    eventually(lambda: world.cloudwatch.describe_alarms(
        AlarmNames=["any"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]["StateValue"] == "OK")
    world.deploy(2, deploymentConfiguration=alarms("any"))
    assert world.rollout("IN_PROGRESS")
    world.state("errors", "ALARM")
    assert eventually(lambda: world.rollout("COMPLETED"))["taskDefinition"].endswith("q:3")
    world.ecs.delete_service(cluster="c", service="s", force=True)
