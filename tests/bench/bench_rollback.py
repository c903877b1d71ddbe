"""Rollback of a deployment to containers: from an alarm to all traffic on the old version"""
import http.client
import os
import subprocess
import sys
import threading
import time

ROUNDS = 5
PERIOD = 10


class Watcher(threading.Thread):
    """Asks the listener all the time; from which request on the old version answered."""

    def __init__(self, connect, port):
        super().__init__(daemon=True)
        self.connect, self.port = connect, port
        self.back, self.seen, self.failed, self.ended = 0, set(), 0, False

    def run(self):
        connection, before = self.connect(self.port), None
        while not self.ended:
            asked = time.time()
            status, _, body = connection.get()
            self.failed += status != 200
            self.seen.add(body)
            if before == "v2" and body == "v1":
                self.back = asked
            before = body

    def end(self):
        self.ended = True
        self.join()


def back_after(service, connect, breach, definition):
    """Milliseconds from what breach() answers, a time, to the first request after which the old
    version answered all."""
    deployment = service.deploy(definition)
    service.reaches(deployment, "AllowTraffic")
    watcher = Watcher(connect, service.port)
    watcher.start()
    while "v2" not in watcher.seen:
        time.sleep(0.01)
    begun = breach()
    info = service.ends(deployment)
    assert info["errorInformation"]["code"] == "ALARM_ACTIVE", info
    service.ends(info["rollbackInfo"]["rollbackDeploymentId"])
    watcher.end()
    assert watcher.failed == 0
    return (watcher.back - begun) * 1000


def fail_once(port):
    """A request that the new version answers with 404, early in a period; when that ends."""
    while not 1 <= time.time() % PERIOD <= PERIOD - 3:
        time.sleep(0.05)
    for _ in range(4):  # half of them go to the new version
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/missing")
        assert connection.getresponse().status == 404
        connection.close()
    now = time.time()
    return now - now % PERIOD + PERIOD


def calm(cw):
    while cw.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]["StateValue"] != "OK":
        time.sleep(0.2)


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    sys.path.insert(0, os.path.join(bench.root, "tests", "lib"))
    from backends import Connection
    from asking import eventually
    from rootfs import Registry, layer
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
        server.client("codedeploy").create_deployment_config(
            deploymentConfigName="Half", computePlatform="ECS", trafficRoutingConfig={
                "type": "TimeBasedCanary",
                "timeBasedCanary": {"canaryPercentage": 50, "canaryInterval": 60}})
        service = Service(server, "bench", image("v1"), desired=1)
        eventually(lambda: service.state()["runningCount"] == 1)
        arn = service.groups["b"]
        cw.put_metric_alarm(
            AlarmName="errors", Namespace="AWS/ApplicationELB", MetricName="HTTPCode_Target_4XX_Count",
            Dimensions=[{"Name": "TargetGroup", "Value": "targetgroup/" + arn.split(":targetgroup/")[1]}],
            Statistic="Sum", Period=PERIOD, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="notBreaching")
        service.group(events=["DEPLOYMENT_STOP_ON_ALARM"], deploymentConfigName="Half",
                      alarmConfiguration={"enabled": True, "alarms": [{"name": "errors"}]})
        definition = service.define(image("v2"))
        delays = []
        for _ in range(ROUNDS):
            calm(cw)
            delays.append(back_after(service, Connection, lambda: fail_once(service.port), definition))
    finally:
        server.kill9()
        subprocess.run([bench.towpath, "destroy", "--yes", "--data", server.data], check=False)
        server.close()
        registry.close()
    bench.row("end of the breaching period to the old version alone, median", bench.median(delays), "ms",
              goal="1,000 ms or less", beside="half of the traffic was on the new one; no request failed")
    bench.row("end of the breaching period to the old version alone, slowest", max(delays), "ms",
              goal="1,000 ms or less")
