/* SPDX-License-Identifier: Apache-2.0 */
/* How long one request takes against the policies of a principal: 50 statements in 10 documents,
 * of which the last statement allows. Prints microseconds an evaluation. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "identity/policy.h"

#define DOCUMENTS 10
#define STATEMENTS 5
#define ROUNDS 20000

/* Statements as people write them: actions with wildcards, ARNs, conditions, a variable. */
static void write_document(struct str *out, int n)
{
	str_add(out, "{\"Version\":\"2012-10-17\",\"Statement\":[");
	for (int i = 0; i < STATEMENTS; i++) {
		const char *repo = n == DOCUMENTS - 1 && i == STATEMENTS - 1 ? "shop-api" : "other";

		str_addf(out,
			"%s{\"Effect\":\"%s\",\"Action\":[\"codecommit:Git*\",\"codecommit:Get*\","
			"\"s3:GetObject\"],\"Resource\":[\"arn:aws:codecommit:us-east-1:"
			"111122223333:%s-%d%s\",\"arn:aws:s3:::home/${aws:username}/*\"],"
			"\"Condition\":{\"StringLike\":{\"codecommit:References\":[\"refs/tags/*\","
			"\"refs/heads/*\"]},\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\","
			"\"127.0.0.0/8\"]},\"DateGreaterThan\":{\"aws:CurrentTime\":"
			"\"2020-01-01T00:00:00Z\"}}}",
			i ? "," : "", n % 3 == 2 && i == 0 ? "Deny" : "Allow", repo, i,
			i % 2 ? "*" : "");
	}
	str_add(out, "]}");
}

static struct policy *make_document(struct arena *a, int n)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct policy *p;

	write_document(&text, n);
	if (policy_parse(str_view(&text), POLICY_IDENTITY, a, &p, &err) < 0) {
		fprintf(stderr, "%s\n", err_message(&err));
		exit(1);
	}
	return p;
}

static double now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

int main(void)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct policy *documents[DOCUMENTS];
	const struct policy_key keys[] = {
		{"codecommit:References", "refs/heads/main", 0},
		{"aws:CurrentTime", "2026-01-01T00:00:00Z", 0},
		{"aws:EpochTime", "1767225600", 0},
		{"aws:SourceIp", "127.0.0.1", 0},
		{"aws:SecureTransport", "false", 0},
		{"aws:UserAgent", "git/2.39", 0},
		{"aws:RequestedRegion", "us-east-1", 0},
		{"aws:PrincipalAccount", "111122223333", 0},
		{"aws:PrincipalArn", "arn:aws:iam::111122223333:user/ann", 0},
		{"aws:userid", "AIDAEXAMPLE", 0},
		{"aws:username", "ann", 0},
	};
	struct policy_key hashed[ARRAY_SIZE(keys)];
	struct policy_request r = {.action = "codecommit:GitPush",
		.resource = "arn:aws:codecommit:us-east-1:111122223333:shop-api-4",
		.principal = "arn:aws:iam::111122223333:user/ann",
		.keys = hashed,
		.n_keys = ARRAY_SIZE(keys)};
	double start;
	int allowed = 0;

	for (int i = 0; i < DOCUMENTS; i++)
		documents[i] = make_document(&a, i);
	start = now_usec();
	for (int n = 0; n < ROUNDS; n++) {
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			hashed[i] = keys[i];
			hashed[i].hash = policy_hash_name(view_of(keys[i].name));
		}
		for (int i = 0; i < DOCUMENTS; i++)
			allowed += policy_evaluate(documents[i], &r) == POLICY_ALLOWS;
	}
	printf("usec %f\n", (now_usec() - start) / ROUNDS);
	printf("allowed %f\n", (double)allowed / ROUNDS);
	return 0;
}
