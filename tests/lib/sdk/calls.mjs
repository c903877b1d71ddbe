// SPDX-License-Identifier: Apache-2.0
// Calls of the JavaScript SDK, one function a service: node calls.mjs FOLDER-OF-THE-SDK FUNCTION.
// Endpoint, region and keys come from the environment, as the SDK reads it by itself.
import assert from "node:assert/strict";
import dns from "node:dns";
import http from "node:http";
import { createRequire } from "node:module";
import { Readable } from "node:stream";

const [sdk, name] = process.argv.slice(2);
const load = createRequire(sdk + "/package.json");
const role = `arn:aws:iam::${process.env.ACCOUNT}:role/`;

// The error that the call fails with: of the model's class, with status and request id.
async function failure(promise) {
	const error = await promise.then(() => assert.fail("it did not fail"), (e) => e);
	assert.ok(error.$metadata?.requestId, String(error));
	return [error.name, error.$metadata.httpStatusCode, error];
}

async function all(pages, member) {
	const found = [];
	let n = 0;
	for await (const page of pages) {
		found.push(...(page[member] ?? []));
		n++;
	}
	return [found, n];
}

const functions = {
	async sts() {
		const { STS } = load("@aws-sdk/client-sts");
		const sts = new STS();
		assert.equal((await sts.getCallerIdentity()).Account, process.env.ACCOUNT);
		const { Credentials: c } = await sts.assumeRole({ RoleArn: process.env.ROLE, RoleSessionName: "js" });
		const assumed = new STS({ credentials: {
			accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretAccessKey, sessionToken: c.SessionToken } });
		assert.match((await assumed.getCallerIdentity()).Arn, /assumed-role\/js-role\/js$/);
		const [code, status] = await failure(assumed.assumeRole({ RoleArn: role + "none", RoleSessionName: "x1" }));
		assert.deepEqual([code, status], ["AccessDenied", 403]);
		const wrong = new STS({ credentials: { accessKeyId: "AKIAWRONGWRONGWRONG1", secretAccessKey: "x" } });
		assert.equal((await failure(wrong.getCallerIdentity()))[0], "InvalidClientTokenId");
	},

	async codecommit() {
		const { CodeCommit, RepositoryDoesNotExistException, paginateListPullRequests } =
			load("@aws-sdk/client-codecommit");
		const cc = new CodeCommit();
		const { repositoryMetadata: made } = await cc.createRepository({ repositoryName: "js", tags: { a: "b" } });
		assert.equal(made.Arn, `arn:aws:codecommit:${process.env.AWS_REGION}:${process.env.ACCOUNT}:js`);
		assert.ok(Math.abs(made.creationDate - Date.now()) < 600_000);
		const put = await cc.putFile({ repositoryName: "js", branchName: "main", filePath: "a/b",
			fileContent: Buffer.from([0, 1, 254, 255]) });
		const file = await cc.getFile({ repositoryName: "js", filePath: "a/b" });
		assert.deepEqual([...file.fileContent], [0, 1, 254, 255]);
		assert.equal(file.commitId, put.commitId);
		await cc.createBranch({ repositoryName: "js", branchName: "side", commitId: put.commitId });
		await cc.putFile({ repositoryName: "js", branchName: "side", filePath: "c", fileContent: Buffer.from("c"),
			parentCommitId: put.commitId });
		const ids = [];
		for (let i = 0; i < 5; i++)
			ids.unshift((await cc.createPullRequest({ title: "t", targets: [{ repositoryName: "js",
				sourceReference: "side", destinationReference: "main" }] })).pullRequest.pullRequestId);
		const [found, pages] = await all(paginateListPullRequests({ client: cc, pageSize: 2 },
			{ repositoryName: "js" }), "pullRequestIds");
		assert.deepEqual([found, pages], [ids, 3]);
		const [code, status, error] = await failure(cc.getRepository({ repositoryName: "none" }));
		assert.deepEqual([code, status], ["RepositoryDoesNotExistException", 400]);
		assert.ok(error instanceof RepositoryDoesNotExistException && error.$fault === "client");
	},

	async codebuild() {
		const { CodeBuild, paginateListProjects } = load("@aws-sdk/client-codebuild");
		const cb = new CodeBuild();
		const project = { source: { type: "NO_SOURCE", buildspec: "version: 0.2\nphases: {}" },
			artifacts: { type: "NO_ARTIFACTS" }, serviceRole: role + "build", environment: {
				type: "LINUX_CONTAINER", image: "aws/codebuild/standard:7.0", computeType: "BUILD_GENERAL1_SMALL" } };
		for (const name of ["js-1", "js-2"])
			assert.equal((await cb.createProject({ ...project, name })).project.name, name);
		assert.deepEqual((await cb.batchGetProjects({ names: ["js-1", "none"] })).projectsNotFound, ["none"]);
		const [found] = await all(paginateListProjects({ client: cb }, {}), "projects");
		assert.ok(found.includes("js-1") && found.includes("js-2"));
		assert.deepEqual((await failure(cb.createProject({ ...project, name: "js-1" }))).slice(0, 2),
			["ResourceAlreadyExistsException", 400]);
		assert.equal((await failure(cb.startBuild({ projectName: "none" })))[0], "ResourceNotFoundException");
	},

	async codepipeline() {
		const { CodePipeline, PipelineNotFoundException, paginateListPipelines } =
			load("@aws-sdk/client-codepipeline");
		const cp = new CodePipeline();
		const action = (name, category, provider, configuration, more) => ({ name, configuration,
			actionTypeId: { category, owner: "AWS", provider, version: "1" }, ...more });
		const pipeline = (name) => ({ name, roleArn: role + "pipeline",
			artifactStore: { type: "S3", location: "js-artifacts" }, stages: [
				{ name: "Source", actions: [action("Source", "Source", "CodeCommit",
					{ RepositoryName: "js-none", BranchName: "main" }, { outputArtifacts: [{ name: "App" }] })] },
				{ name: "Approve", actions: [action("Approve", "Approval", "Manual", {})] }] });
		for (const name of ["js-1", "js-2", "js-3"])
			assert.equal((await cp.createPipeline({ pipeline: pipeline(name) })).pipeline.version, 1);
		const state = await cp.getPipelineState({ name: "js-1" });
		assert.deepEqual(state.stageStates.map((s) => s.stageName), ["Source", "Approve"]);
		assert.equal(state.stageStates[1].inboundTransitionState.enabled, true);
		const [found, pages] = await all(paginateListPipelines({ client: cp, pageSize: 2 }, {}), "pipelines");
		assert.deepEqual([found.map((p) => p.name), pages], [["js-1", "js-2", "js-3"], 2]);
		const [code, , error] = await failure(cp.getPipeline({ name: "none" }));
		assert.ok(code === "PipelineNotFoundException" && error instanceof PipelineNotFoundException);
	},

	async codedeploy() {
		const { CodeDeploy, paginateListApplications, waitUntilDeploymentSuccessful } =
			load("@aws-sdk/client-codedeploy");
		const cd = new CodeDeploy();
		await cd.createApplication({ applicationName: "js" });
		await cd.createDeploymentGroup({ applicationName: "js", deploymentGroupName: "g",
			serviceRoleArn: role + "deploy",
			ec2TagFilters: [{ Key: "none", Value: "none", Type: "KEY_AND_VALUE" }] });
		const [found] = await all(paginateListApplications({ client: cd }, {}), "applications");
		assert.deepEqual(found, ["js"]);
		const info = await cd.getDeploymentConfig({ deploymentConfigName: "CodeDeployDefault.OneAtATime" });
		assert.equal(info.deploymentConfigInfo.minimumHealthyHosts.value, 1);
		assert.deepEqual((await failure(cd.getApplication({ applicationName: "none" }))).slice(0, 2),
			["ApplicationDoesNotExistException", 400]);
		// no instance matches: the deployment fails, and so does the waiter
		const { deploymentId } = await cd.createDeployment({ applicationName: "js", deploymentGroupName: "g",
			revision: { revisionType: "S3", s3Location: { bucket: "js-none", key: "k", bundleType: "zip" } } });
		const waited = await waitUntilDeploymentSuccessful({ client: cd, maxWaitTime: 180, minDelay: 1 },
			{ deploymentId }).then(() => "", (e) => JSON.parse(e.message).state);
		assert.equal(waited, "FAILURE");
	},

	async s3() {
		const { S3, NoSuchKey, paginateListObjectsV2, waitUntilBucketExists, waitUntilObjectExists } =
			load("@aws-sdk/client-s3");
		const { NodeHttpHandler } = load("@smithy/node-http-handler");
		const local = (host, options, done) => dns.lookup("127.0.0.1", options, done);
		const path = new S3({ forcePathStyle: true });
		await path.createBucket({ Bucket: "js-bucket" });
		await waitUntilBucketExists({ client: path, maxWaitTime: 180 }, { Bucket: "js-bucket" });
		const body = "0123456789".repeat(300_000);
		await path.putObject({ Bucket: "js-bucket", Key: "a b+c/ü", Body: body, Metadata: { who: "js" } });
		await path.putObject({ Bucket: "js-bucket", Key: "stream", Body: Readable.from(["one ", "two"]),
			ContentLength: 7 });
		await waitUntilObjectExists({ client: path, maxWaitTime: 180 }, { Bucket: "js-bucket", Key: "stream" });
		const got = await path.getObject({ Bucket: "js-bucket", Key: "a b+c/ü" });
		assert.equal(await got.Body.transformToString(), body);
		assert.equal(got.Metadata.who, "js");
		const part = await path.getObject({ Bucket: "js-bucket", Key: "stream", Range: "bytes=4-" });
		assert.equal(await part.Body.transformToString(), "two");
		const { UploadId } = await path.createMultipartUpload({ Bucket: "js-bucket", Key: "parts" });
		const where = { Bucket: "js-bucket", Key: "parts", UploadId };
		const parts = [];
		for (const [i, text] of [[1, "x".repeat(5 << 20)], [2, "end"]])
			parts.push({ PartNumber: i, ETag: (await path.uploadPart({ ...where, PartNumber: i, Body: text })).ETag });
		await path.completeMultipartUpload({ ...where, MultipartUpload: { Parts: parts } });
		const [found, pages] = await all(paginateListObjectsV2({ client: path, pageSize: 2 },
			{ Bucket: "js-bucket" }), "Contents");
		assert.deepEqual([found.map((o) => o.Key), pages], [["a b+c/ü", "parts", "stream"], 2]);
		if (process.env.AWS_ENDPOINT_URL.startsWith("http:")) { // the made certificate has no name below localhost
			const virtual = new S3({ endpoint: process.env.AWS_ENDPOINT_URL.replace("127.0.0.1", "localhost"),
				requestHandler: new NodeHttpHandler({ httpAgent: new http.Agent({ lookup: local }) }) });
			const same = await virtual.getObject({ Bucket: "js-bucket", Key: "stream" });
			assert.equal(await same.Body.transformToString(), "one two");
		}
		const [code, status, error] = await failure(path.getObject({ Bucket: "js-bucket", Key: "none" }));
		assert.deepEqual([code, status], ["NoSuchKey", 404]);
		assert.ok(error instanceof NoSuchKey);
		const deleted = await path.deleteObjects({ Bucket: "js-bucket",
			Delete: { Objects: found.map((o) => ({ Key: o.Key })) } });
		assert.equal(deleted.Deleted.length, 3);
		await path.deleteBucket({ Bucket: "js-bucket" });
	},

	// The same in each of the service's protocols; errors are of the model's classes in all of them.
	async cloudwatch() {
		const { CloudWatch, ResourceNotFound } = load("@aws-sdk/client-cloudwatch");
		const protocols = createRequire(load.resolve("@aws-sdk/client-cloudwatch"))("@aws-sdk/core/protocols");
		for (const protocol of ["AwsJson1_0Protocol", "AwsSmithyRpcV2CborProtocol", "AwsQueryProtocol"]) {
			const c = new CloudWatch({ protocol: protocols[protocol] });
			const metric = { Namespace: `js/${protocol}`, MetricName: "m" };
			const now = new Date(Math.floor(Date.now() / 60_000) * 60_000);
			const around = { StartTime: new Date(+now - 60_000), EndTime: new Date(+now + 60_000) };
			await c.putMetricData({ Namespace: metric.Namespace, MetricData: [
				{ MetricName: "m", Timestamp: now, Values: [1, 2.5], Counts: [2, 4] }] });
			const { Datapoints: points } = await c.getMetricStatistics({ ...metric, ...around, Period: 60,
				Statistics: ["Sum"] });
			assert.deepEqual(points, [{ Sum: 12, Timestamp: now, Unit: "None" }], protocol);
			const [name, status, error] = await failure(c.setAlarmState({ AlarmName: "none", StateValue: "OK",
				StateReason: "x" }));
			assert.deepEqual([name, status, error.Code], ["ResourceNotFound", 404, "ResourceNotFound"], protocol);
			assert.ok(error instanceof ResourceNotFound, protocol);
			const refused = await failure(c.putMetricData({ Namespace: "AWS/x", MetricData: [{ MetricName: "m" }] }));
			assert.deepEqual([refused[0], refused[2].Code], ["InvalidParameterValueException", "InvalidParameterValue"]);
			assert.equal((await failure(c.putMetricData({})))[0], "ValidationError", protocol);
		}
	},

	// AWS_ENDPOINT_URL leads nowhere: each client has an address of its own.
	async endpoints() {
		const { STS } = load("@aws-sdk/client-sts");
		const { CodeCommit } = load("@aws-sdk/client-codecommit");
		assert.ok((await new CodeCommit().listRepositories({})).repositories);
		const error = await new STS({ maxAttempts: 1 }).getCallerIdentity().then(() => null, (e) => e);
		assert.equal(error?.code, "ECONNREFUSED");
	},
};

await functions[name]();
