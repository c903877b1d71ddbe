# SPDX-License-Identifier: Apache-2.0
"""Report groups and reports of codebuild: real builds that leave the files of tests and coverage
behind, read back with boto3."""
import base64
import io
import json
import os
import time
import zipfile

import botocore.exceptions
import pytest

SAMPLES = os.path.join(os.environ["TOWPATH_SOURCE"], "tests/fuzz/corpus/report")
ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
               "computeType": "BUILD_GENERAL1_SMALL"}


@pytest.fixture(scope="module")
def codebuild(shared_server):
    return shared_server.client("codebuild")


def failure(call, **kwargs):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**kwargs)
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


def put(sample, path):
    """A command of a build that writes a sample."""
    with open(os.path.join(SAMPLES, sample), "rb") as f:
        text = base64.b64encode(f.read()).decode()
    return f"mkdir -p $(dirname {path}) && echo {text} | base64 -d > {path}"


def buildspec(commands, reports):
    lines = ["version: 0.2", "phases:", "  build:", "    commands:"]
    lines += [f"      - {c}" for c in commands]
    return "\n".join(lines) + "\nreports:\n" + reports


def run(codebuild, name, commands, reports, seconds=240):
    codebuild.create_project(name=name, environment=ENVIRONMENT, artifacts={"type": "NO_ARTIFACTS"},
                             source={"type": "NO_SOURCE", "buildspec": buildspec(commands, reports)},
                             serviceRole="arn:aws:iam::123456789012:role/build")
    return again(codebuild, name, seconds)


def again(codebuild, name, seconds=240):
    build = codebuild.start_build(projectName=name)["build"]["id"]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done = codebuild.batch_get_builds(ids=[build])["builds"][0]
        if done["buildComplete"]:
            return done
        time.sleep(0.05)
    raise AssertionError(f"{build} does not end: {done}")


def reports_of(codebuild, build):
    arns = build.get("reportArns", [])
    return codebuild.batch_get_reports(reportArns=arns)["reports"] if arns else []


def note_of(build):
    phase = [p for p in build["phases"] if p["phaseType"] == "UPLOAD_ARTIFACTS"][0]
    return phase["phaseStatus"], phase["contexts"][0].get("message", "")


def test_groups(codebuild, shared_server):
    arn = f"arn:aws:codebuild:us-east-1:{shared_server.account}:report-group/g-one"
    made = codebuild.create_report_group(name="g-one", type="TEST", exportConfig={
        "exportConfigType": "NO_EXPORT"}, tags=[{"key": "team", "value": "shop"}])["reportGroup"]
    assert made["arn"] == arn and made["status"] == "ACTIVE" and made["type"] == "TEST"
    assert failure(codebuild.create_report_group, name="g-one", type="TEST", exportConfig={
        "exportConfigType": "NO_EXPORT"}) == (
            "ResourceAlreadyExistsException", f"Report group already exists: {arn}")
    assert failure(codebuild.create_report_group, name="g-two", type="TEST", exportConfig={
        "exportConfigType": "S3"})[0] == "InvalidInputException"
    assert failure(codebuild.create_report_group, name="g/two", type="TEST", exportConfig={
        "exportConfigType": "NO_EXPORT"})[0] == "InvalidInputException"
    changed = codebuild.update_report_group(arn=arn, exportConfig={
        "exportConfigType": "S3", "s3Destination": {"bucket": "b"}})["reportGroup"]
    assert changed["exportConfig"]["s3Destination"] == {"bucket": "b", "packaging": "NONE"}
    assert changed["tags"] == made["tags"]
    got = codebuild.batch_get_report_groups(reportGroupArns=[arn, arn + "x"])
    assert [g["name"] for g in got["reportGroups"]] == ["g-one"]
    assert got["reportGroupsNotFound"] == [arn + "x"]
    for name in ("g-b", "g-a"):
        codebuild.create_report_group(name=name, type="TEST",
                                      exportConfig={"exportConfigType": "NO_EXPORT"})
    listed = [a.rsplit("/", 1)[1] for a in codebuild.list_report_groups()["reportGroups"]]
    assert [n for n in listed if n.startswith("g-")] == ["g-a", "g-b", "g-one"]
    pages, token = [], {}
    while True:
        page = codebuild.list_report_groups(sortBy="CREATED_TIME", sortOrder="DESCENDING",
                                            maxResults=1, **token)
        pages += page["reportGroups"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert [a.rsplit("/", 1)[1] for a in pages if "/g-" in a] == ["g-a", "g-b", "g-one"]
    assert failure(codebuild.update_report_group, arn=arn + "x")[0] == "ResourceNotFoundException"
    codebuild.delete_report_group(arn=arn)
    codebuild.delete_report_group(arn=arn)
    assert codebuild.batch_get_report_groups(reportGroupArns=[arn])["reportGroups"] == []


TEST_REPORTS = """  tests:
    files:
      - '**/*.xml'
    base-directory: out
  spec:
    files:
      - cucumber.json
    file-format: CucumberJson
"""


@pytest.fixture(scope="module")
def tested(codebuild):
    """A build whose tests fail: the build fails, its reports are there."""
    return run(codebuild, "r-tests", [
        put("jest-junit.xml", "out/a/jest.xml"), put("surefire.xml", "out/b/surefire.xml"),
        put("cucumber.json", "cucumber.json"), "exit 1"], TEST_REPORTS)


def test_test_report(codebuild, tested):
    assert tested["buildStatus"] == "FAILED"
    reports = reports_of(codebuild, tested)
    assert [r["name"] for r in reports] == ["r-tests-tests", "r-tests-spec"]
    one = reports[0]
    assert one["status"] == "FAILED" and one["type"] == "TEST" and not one["truncated"]
    assert one["executionId"] == tested["arn"]
    assert (one["expired"] - one["created"]).days == 30
    assert one["testSummary"]["total"] == 7
    assert one["testSummary"]["statusCounts"] == {
        "SUCCEEDED": 3, "FAILED": 2, "ERROR": 1, "SKIPPED": 1, "UNKNOWN": 0}
    assert one["testSummary"]["durationInNanoSeconds"] == 1000935000000
    cases = codebuild.describe_test_cases(reportArn=one["arn"])["testCases"]
    assert [c["status"] for c in cases[:3]] == ["FAILED", "FAILED", "ERROR"]
    sums = [c for c in cases if c["name"] == "sums"][0]
    assert sums["prefix"] == "com.example.CartTest"
    # Older boto3 do not know the member.
    assert sums.get("testSuiteName", "com.example.CartTest") == "com.example.CartTest"
    assert sums["message"].startswith("java.lang.AssertionError: expected:<3> but was:<4>\n")
    assert sums["testRawDataPath"] == "b/surefire.xml"
    assert sums["durationInNanoSeconds"] == 20000000 and sums["reportArn"] == one["arn"]


def test_filters_and_pages(codebuild, tested):
    arn = tested["reportArns"][0]

    def names(**filters):
        return [c["name"] for c in codebuild.describe_test_cases(reportArn=arn, filter=filters)["testCases"]]
    assert names(status="ERROR") == ["opens"]
    assert sorted(names(keyword="CartTest")) == ["adds", "opens", "sums"]
    assert names(keyword="refunds", status="SKIPPED") == ["payment api refunds"]
    pages, token = [], {}
    while True:
        page = codebuild.describe_test_cases(reportArn=arn, maxResults=3, **token)
        pages.append([c["name"] for c in page["testCases"]])
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert [len(p) for p in pages] == [3, 3, 1] and len(set(sum(pages, []))) == 7
    assert failure(codebuild.describe_test_cases, reportArn=arn[:-1] + "x")[0] == "ResourceNotFoundException"
    assert failure(codebuild.describe_test_cases, reportArn="x")[0] == "InvalidInputException"
    assert failure(codebuild.describe_test_cases, reportArn=arn, filter={"status": "PASSED"})[0] == \
        "InvalidInputException"
    assert failure(codebuild.describe_code_coverages, reportArn=arn)[0] == "InvalidInputException"


COVERAGE_REPORTS = """  coverage:
    files:
      - clover.xml
    file-format: CLOVERXML
"""


@pytest.fixture(scope="module")
def covered(codebuild):
    return run(codebuild, "r-cov", [put("jest-clover.xml", "clover.xml")], COVERAGE_REPORTS)


def test_coverage_report(codebuild, covered):
    assert covered["buildStatus"] == "SUCCEEDED"
    report = reports_of(codebuild, covered)[0]
    assert report["type"] == "CODE_COVERAGE" and report["status"] == "SUCCEEDED"
    assert report["codeCoverageSummary"] == {
        "lineCoveragePercentage": 85.0, "linesCovered": 17, "linesMissed": 3,
        "branchCoveragePercentage": 50.0, "branchesCovered": 3, "branchesMissed": 3}

    def paths(**args):
        got = codebuild.describe_code_coverages(reportArn=report["arn"], **args)
        return [c["filePath"] for c in got["codeCoverages"]]
    assert paths() == ["/src/cart.js", "/src/pay.js"]
    assert paths(sortBy="LINE_COVERAGE_PERCENTAGE") == ["/src/pay.js", "/src/cart.js"]
    assert paths(sortBy="LINE_COVERAGE_PERCENTAGE", sortOrder="DESCENDING")[0] == "/src/cart.js"
    assert paths(maxLineCoveragePercentage=90) == ["/src/pay.js"]
    assert paths(minLineCoveragePercentage=90) == ["/src/cart.js"]
    page = codebuild.describe_code_coverages(reportArn=report["arn"], maxResults=1)
    assert page["codeCoverages"][0]["lineCoveragePercentage"] == 100.0
    assert paths(nextToken=page["nextToken"]) == ["/src/pay.js"]
    assert failure(codebuild.describe_code_coverages, reportArn=report["arn"][:-1] + "x")[0] == (
        "InvalidInputException")
    assert failure(codebuild.describe_test_cases, reportArn=report["arn"])[0] == "InvalidInputException"


def test_lists_and_trend(codebuild, tested, covered):
    test_arn, cov_arn = tested["reportArns"][0], covered["reportArns"][0]
    again(codebuild, "r-cov")
    group = cov_arn.replace(":report/", ":report-group/").rsplit(":", 1)[0]
    listed = codebuild.list_reports_for_report_group(reportGroupArn=group)["reports"]
    assert len(listed) == 2 and listed[1] == cov_arn
    assert codebuild.list_reports_for_report_group(
        reportGroupArn=group, sortOrder="ASCENDING", maxResults=1)["reports"] == [cov_arn]
    assert codebuild.list_reports_for_report_group(
        reportGroupArn=group, filter={"status": "FAILED"})["reports"] == []
    assert failure(codebuild.list_reports_for_report_group, reportGroupArn=group + "x")[0] == (
        "ResourceNotFoundException")
    assert test_arn in codebuild.list_reports(filter={"status": "FAILED"})["reports"]
    assert cov_arn not in codebuild.list_reports(filter={"status": "FAILED"})["reports"]
    expected = {"LINE_COVERAGE": "85", "LINES_COVERED": "17", "LINES_MISSED": "3",
                "BRANCH_COVERAGE": "50", "BRANCHES_COVERED": "3", "BRANCHES_MISSED": "3"}
    for field, value in expected.items():
        trend = codebuild.get_report_group_trend(reportGroupArn=group, trendField=field)
        assert trend["stats"] == {"average": value, "max": value, "min": value}
        assert [d["data"] for d in trend["rawData"]] == [value, value]
    assert len(codebuild.get_report_group_trend(
        reportGroupArn=group, trendField="LINE_COVERAGE", numOfReports=1)["rawData"]) == 1
    tests = test_arn.replace(":report/", ":report-group/").rsplit(":", 1)[0]
    for field, value in {"PASS_RATE": "42.8571428571429", "DURATION": "1000.935", "TOTAL": "7"}.items():
        assert codebuild.get_report_group_trend(
            reportGroupArn=tests, trendField=field)["rawData"][0]["data"] == value
    assert failure(codebuild.get_report_group_trend, reportGroupArn=tests,
                   trendField="LINE_COVERAGE")[0] == "InvalidInputException"
    assert failure(codebuild.get_report_group_trend, reportGroupArn=tests + "x",
                   trendField="TOTAL")[0] == "ResourceNotFoundException"


def test_command(shared_server, tested, covered):
    shown = shared_server.towpath("reports", tested["id"]).stdout
    assert "r-tests-tests  FAILED" in shown and "7 cases: " in shown and "2 FAILED" in shown
    assert "com.example.CartTest: sums  java.lang.AssertionError: expected:<3> but was:<4>" in shown
    assert "pass rate, oldest first: 42.85%" in shown
    shown = shared_server.towpath("reports", "r-cov-coverage").stdout
    assert "85.0% of 20 lines, 50.0% of 6 branches" in shown
    assert shown.index("/src/pay.js") < shown.index("/src/cart.js")
    assert "line coverage, oldest first: 85%" in shown
    got = json.loads(shared_server.towpath("reports", "--json", tested["id"]).stdout)["reports"]
    assert len(got[0]["testCases"]) == 7 and got[0]["report"]["name"] == "r-tests-tests"
    assert "r-cov-coverage" in shared_server.towpath("reports").stdout
    done = shared_server.towpath("reports", "nobody", check=False)
    assert done.returncode == 1 and "there is no report group nobody" in done.stderr


def test_deleting(codebuild):
    build = run(codebuild, "r-del", [put("pytest.xml", "a.xml")], "  t:\n    files: [a.xml]\n")
    more = again(codebuild, "r-del")
    arn = build["reportArns"][0]
    group = arn.replace(":report/", ":report-group/").rsplit(":", 1)[0]
    # Whose group it is not called by, it is not found: permission was asked for the group that the ARN names.
    other = arn.replace(":report/", ":report/x")
    codebuild.delete_report(arn=other)
    assert codebuild.batch_get_reports(reportArns=[arn, other])["reportsNotFound"] == [other]
    assert failure(codebuild.describe_test_cases, reportArn=other)[0] == "ResourceNotFoundException"
    codebuild.delete_report(arn=arn)
    got = codebuild.batch_get_reports(reportArns=[arn])
    assert got["reports"] == [] and got["reportsNotFound"] == [arn]
    assert failure(codebuild.delete_report_group, arn=group)[0] == "InvalidInputException"
    codebuild.delete_report_group(arn=group, deleteReports=True)
    assert codebuild.batch_get_reports(reportArns=more["reportArns"])["reports"] == []


def test_export(codebuild, shared_server):
    s3 = shared_server.client("s3")
    s3.create_bucket(Bucket="exported")
    for packaging in ("NONE", "ZIP"):
        arn = codebuild.create_report_group(name=f"x-{packaging}", type="TEST", exportConfig={
            "exportConfigType": "S3", "s3Destination": {
                "bucket": "exported", "path": "raw/", "packaging": packaging}})["reportGroup"]["arn"]
        build = run(codebuild, f"x-{packaging}", [put("pytest.xml", "out/a.xml")],
                    f"  {arn}:\n    files: ['**/*.xml']\n")
        report = reports_of(codebuild, build)[0]
        assert report["status"] == "SUCCEEDED" and report["name"] == f"x-{packaging}"
        prefix = f"raw/x-{packaging}/{report['arn'].rsplit(':', 1)[1]}/"
        keys = [o["Key"] for o in s3.list_objects_v2(Bucket="exported", Prefix=prefix)["Contents"]]
        if packaging == "NONE":
            assert keys == [prefix + "out/a.xml"]
        else:
            assert keys == [prefix + "report.zip"]
            body = s3.get_object(Bucket="exported", Key=keys[0])["Body"].read()
            assert "out/a.xml" in zipfile.ZipFile(io.BytesIO(body)).namelist()
    lost = codebuild.create_report_group(name="x-lost", type="TEST", exportConfig={
        "exportConfigType": "S3", "s3Destination": {"bucket": "nobody"}})["reportGroup"]["arn"]
    build = run(codebuild, "x-lost", [put("pytest.xml", "a.xml")], f"  {lost}:\n    files: [a.xml]\n")
    assert build["buildStatus"] == "SUCCEEDED"
    assert reports_of(codebuild, build)[0]["status"] == "INCOMPLETE"
    assert "cannot export its files to s3://nobody/" in note_of(build)[1]


@pytest.mark.parametrize("sample, fmt, says", [
    ("bad-time.xml", "JUNITXML", "file.xml: line 3, column 2: time of testcase b: 'soon' is not a duration"),
    ("bomb.xml", "JUNITXML", "a DOCTYPE with declarations of its own is not allowed"),
    ("deep.xml", "JUNITXML", "elements are nested too deep"),
    ("page.html", "JUNITXML", "no file of format JUNITXML among 1: file.xml: line 2"),
])
def test_bad_files_fail_no_build(codebuild, sample, fmt, says):
    name = "bad-" + sample.replace(".", "-")
    build = run(codebuild, name, [put(sample, "file.xml")],
                f"  t:\n    files: [file.xml]\n    file-format: {fmt}\n")
    assert build["buildStatus"] == "SUCCEEDED"
    assert [r["status"] for r in reports_of(codebuild, build)] == ["INCOMPLETE"]
    status, note = note_of(build)
    assert status == "SUCCEEDED" and f"Report {name}-t: " in note and says in note, note


def test_no_group_no_report(codebuild, shared_server):
    arn = f"arn:aws:codebuild:us-east-1:{shared_server.account}:report-group/nobody"
    build = run(codebuild, "r-none", ["true"], f"  {arn}:\n    files: [a.xml]\n  t:\n    files: [a.xml]\n")
    assert build["buildStatus"] == "SUCCEEDED"
    assert [(r["name"], r["status"]) for r in reports_of(codebuild, build)] == [("r-none-t", "INCOMPLETE")]
    assert f"report group {arn} does not exist" in note_of(build)[1]
    assert "no file matches" in note_of(build)[1]


def test_type_of_group_and_files_differ(codebuild):
    arn = codebuild.create_report_group(name="typed", type="TEST", exportConfig={
        "exportConfigType": "NO_EXPORT"})["reportGroup"]["arn"]
    build = run(codebuild, "r-typed", [put("lcov.info", "lcov.info")],
                f"  {arn}:\n    files: [lcov.info]\n    file-format: LCOV\n")
    assert reports_of(codebuild, build)[0]["status"] == "INCOMPLETE"
    assert "report group typed is of type TEST, format LCOV is of type CODE_COVERAGE" in note_of(build)[1]


def test_jest_reports_of_the_scenario(codebuild):
    """files 'coverage/**' below './test-results', no format: JUnit is not there, Clover is."""
    build = run(codebuild, "r-jest", [
        put("jest-clover.xml", "test-results/coverage/clover.xml"),
        put("lcov.info", "test-results/coverage/lcov.info"),
        put("page.html", "test-results/coverage/lcov-report/index.html")],
        "  jest-reports:\n    files:\n      - 'coverage/**'\n    base-directory: './test-results'\n")
    assert build["buildStatus"] == "SUCCEEDED"
    got = {r["name"]: r for r in reports_of(codebuild, build)}
    assert got["r-jest-jest-reports"]["status"] == "INCOMPLETE"
    found = got["r-jest-CLOVERXML-AutoDiscovered"]
    assert found["status"] == "SUCCEEDED" and found["codeCoverageSummary"]["linesCovered"] == 17
    assert len(got) == 2


def test_sarif(codebuild):
    build = run(codebuild, "r-lint", [put("scan.sarif", "scan.sarif")],
                "  lint:\n    files: [scan.sarif]\n    file-format: SARIF\n")
    report = reports_of(codebuild, build)[0]
    assert report["status"] == "FAILED"
    assert report["testSummary"]["statusCounts"] == {
        "SUCCEEDED": 1, "FAILED": 1, "ERROR": 1, "SKIPPED": 1, "UNKNOWN": 1}
