"""Rollback of a deployment to containers: from an alarm to all traffic on the old version"""
import os
import subprocess
import sys
import threading
import time

ROUNDS = 5


class Watcher(threading.Thread):
    """Asks the listener all the time; when it last saw each answer."""

    def __init__(self, connect, port):
        super().__init__(daemon=True)
        self.connect, self.port = connect, port
        self.last, self.failed, self.ended = {}, 0, False

    def run(self):
        connection = self.connect(self.port)
        while not self.ended:
            asked = time.time()
            status, _, body = connection.get()
            self.failed += status != 200
            self.last[body] = asked

    def end(self):
        self.ended = True
        self.join()


def back_after(service, connect, alarm, definition):
    """Milliseconds from the alarm's change to the last request that the new version answered."""
    deployment = service.deploy(definition)
    service.reaches(deployment, "AllowTraffic")
    watcher = Watcher(connect, service.port)
    watcher.start()
    while "v2" not in watcher.last:
        time.sleep(0.01)
    alarm("ALARM")
    changed = service.server.client("cloudwatch").describe_alarms(AlarmNames=["errors"])[
        "MetricAlarms"][0]["StateUpdatedTimestamp"].timestamp()
    info = service.ends(deployment)
    service.ends(info["rollbackInfo"]["rollbackDeploymentId"])
    watcher.end()
    alarm("OK")
    assert watcher.failed == 0
    return max(0, (watcher.last["v2"] - changed) * 1000)


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    sys.path.insert(0, os.path.join(bench.root, "tests", "lib"))
    from backends import Connection
    from rootfs import Registry, eventually, layer
    from services import Service
    import towpath
    towpath.TOWPATH = bench.towpath
    registry = Registry()

    def image(text):
        return registry.push(f"web-{text}", layer({"www": None, "www/index.html": text.encode()}),
                             Cmd=["httpd", "-f", "-p", "8000", "-h", "/www"])
    server = towpath.Server()
    try:
        server.start()
        cw = server.client("cloudwatch")
        cw.put_metric_alarm(AlarmName="errors", Namespace="N", MetricName="m", Statistic="Sum", Period=60,
                            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
                            TreatMissingData="ignore")
        server.client("codedeploy").create_deployment_config(
            deploymentConfigName="Half", computePlatform="ECS", trafficRoutingConfig={
                "type": "TimeBasedCanary",
                "timeBasedCanary": {"canaryPercentage": 50, "canaryInterval": 60}})
        service = Service(server, "bench", image("v1"), desired=1)
        eventually(lambda: service.state()["runningCount"] == 1)
        service.group(events=["DEPLOYMENT_STOP_ON_ALARM"], deploymentConfigName="Half",
                      alarmConfiguration={"enabled": True, "alarms": [{"name": "errors"}]})
        definition = service.define(image("v2"))
        delays = [back_after(service, Connection,
                             lambda state: cw.set_alarm_state(AlarmName="errors", StateValue=state,
                                                              StateReason="bench"), definition)
                  for _ in range(ROUNDS)]
    finally:
        server.kill9()
        subprocess.run([bench.towpath, "destroy", "--yes", "--data", server.data], check=False)
        server.close()
        registry.close()
    bench.row("alarm to all requests on the old version, median", bench.median(delays), "ms",
              goal="well under 1,000 ms", beside="at half of the traffic; no request failed")
    bench.row("alarm to all requests on the old version, slowest", max(delays), "ms")
