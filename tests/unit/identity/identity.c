/* SPDX-License-Identifier: Apache-2.0 */
/* The engine on a real store: sessions, trust, authorization, what survives a reopening. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/timefmt.h"
#include "identity/identity.h"
#include "store/iam.h"
#include "store/migrations.h"

#define ACCOUNT "111122223333"
#define ROLE "arn:aws:iam::" ACCOUNT ":role/builder"
#define READ_ONLY                                                                                 \
	"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:Get*\"," \
	"\"Resource\":\"*\"}}"
#define TRUST                                                                         \
	"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":" \
	"\"sts:AssumeRole\",\"Principal\":{\"Service\":\"codebuild.amazonaws.com\"}}}"

struct world {
	char dir[64];
	struct clock clock;
	struct db *db;
	struct durable *durable;
	struct identity_engine *e;
	struct arena arena;
	struct call call;
};

static struct world w;

static void open_world(void)
{
	struct identity_config c = {.account = ACCOUNT, .region = "us-east-1", .data_dir = w.dir};
	char url[128];

	snprintf(url, sizeof(url), "sqlite:%s/x.db", w.dir);
	assert_int_equal(db_open(url, &w.db, NULL), 0);
	assert_int_equal(store_migrate(w.db, NULL), 0);
	assert_int_equal(durable_new(w.db, &w.clock, &w.durable, NULL), 0);
	c.durable = w.durable;
	assert_int_equal(identity_engine_new(&c, &w.e, NULL), 0);
}

static void close_world(void)
{
	w.e = identity_engine_free(w.e);
	durable_free(w.durable);
	db_close(w.db);
}

static int setup(void **state)
{
	struct timespec now;

	(void)state;
	w = (struct world){.dir = "/tmp/towpath-identity-XXXXXX"};
	assert_non_null(mkdtemp(w.dir));
	clock_gettime(CLOCK_REALTIME, &now);
	clock_init_simulated(&w.clock, now.tv_sec * USEC_PER_SEC);
	w.call = (struct call){.arena = &w.arena,
		.account = ACCOUNT,
		.principal_arn = "arn:aws:iam::" ACCOUNT ":root"};
	open_world();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close_world();
	clock_release(&w.clock);
	arena_release(&w.arena);
	file_remove_tree(w.dir, NULL);
	return 0;
}

static void make_role(void)
{
	struct iam_create_role_request create = {
		.role_name = "builder", .assume_role_policy_document = TRUST};
	struct iam_put_role_policy_request put = {
		.role_name = "builder", .policy_name = "p", .policy_document = READ_ONLY};
	struct iam_create_role_response created;
	struct iam_put_role_policy_response done;

	assert_int_equal(identity_create_role(w.e, &w.call, &create, &created, NULL), 0);
	assert_string_equal(created.role->arn, ROLE);
	assert_int_equal(identity_put_role_policy(w.e, &w.call, &put, &done, NULL), 0);
}

/* Signs a request with the credentials and has it authenticated. */
static int authenticate(const char *id, const char *secret, const char *token,
	struct identity_principal *ret, struct err *err)
{
	struct sigv4_signer s = {.access_key_id = id,
		.secret = secret,
		.token = token,
		.region = "us-east-1",
		.service = "codecommit"};
	struct strv lines CLEANUP_STRV = {0};
	struct sigv4_header headers[8];
	struct sigv4_request r = {"POST", "/", "", headers, 0};
	struct sigv4_claim claim;
	struct identity_check check = {.request = &r,
		.claim = &claim,
		.service = "codecommit",
		.payload_hash = SIGV4_EMPTY_HASH};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	s.time_usec = now.tv_sec * USEC_PER_SEC;
	assert_int_equal(sigv4_sign(&s, "POST", "http://h", SIGV4_EMPTY_HASH, &lines, NULL), 0);
	for (; r.n_headers < lines.n; r.n_headers++) {
		char *line = arena_strdup(&w.arena, lines.v[r.n_headers]);
		char *colon = strchr(line, ':');

		*colon = '\0';
		headers[r.n_headers] = (struct sigv4_header){line, colon + 2};
	}
	assert_int_equal(sigv4_parse(&r, &w.arena, &claim, NULL), 1);
	return identity_authenticate(w.e, &check, &w.arena, ret, err);
}

static int ask(const struct identity_principal *who, const char *action, struct err *err)
{
	const char *resources[] = {"arn:aws:s3:::bucket/key"};
	struct identity_question q = {.action = action, .resources = resources, .n_resources = 1};

	return identity_authorize(w.e, who, &q, err);
}

static void root_may_do_everything(void **state)
{
	struct identity_principal who;
	const char *id, *secret;

	(void)state;
	identity_root_key(w.e, &id, &secret);
	assert_int_equal(authenticate(id, secret, NULL, &who, NULL), 0);
	assert_int_equal(who.kind, IDENTITY_ROOT);
	assert_int_equal(ask(&who, "s3:PutObject", NULL), 0);
	assert_int_equal(authenticate(id, "wrong", NULL, &who, NULL), -1);
	assert_int_equal(authenticate("AKIANOBODY", secret, NULL, &who, NULL), -1);
	/* a token does not belong to a long-lived key */
	assert_int_equal(authenticate(id, secret, "token", &who, NULL), -1);
}

static void root_key_survives(void **state)
{
	const char *id, *secret, *again, *secret_again;
	char kept[64], kept_secret[64];

	(void)state;
	identity_root_key(w.e, &id, &secret);
	snprintf(kept, sizeof(kept), "%s", id);
	snprintf(kept_secret, sizeof(kept_secret), "%s", secret);
	close_world();
	open_world();
	identity_root_key(w.e, &again, &secret_again);
	assert_string_equal(again, kept);
	assert_string_equal(secret_again, kept_secret);
}

static void sessions_have_their_roles_rights(void **state)
{
	struct identity_principal who;
	struct identity_session s;
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	make_role();
	assert_int_equal(identity_session_new(w.e, ROLE, "build-1", NULL, 3600 * USEC_PER_SEC,
				 &w.arena, &s, NULL),
		0);
	assert_int_equal(authenticate(s.access_key_id, s.secret, s.token, &who, NULL), 0);
	assert_int_equal(who.kind, IDENTITY_SESSION);
	assert_string_equal(who.arn, "arn:aws:sts::" ACCOUNT ":assumed-role/builder/build-1");
	assert_int_equal(ask(&who, "s3:GetObject", NULL), 0);
	assert_int_equal(ask(&who, "s3:PutObject", &err), -1);
	assert_int_equal(err.kind, ERR_DENIED);
	assert_string_equal(err_message(&err),
		"User: arn:aws:sts::" ACCOUNT ":assumed-role/builder/build-1 is not authorized to "
		"perform: s3:PutObject on resource: arn:aws:s3:::bucket/key because no "
		"identity-based policy allows the s3:PutObject action");
	assert_int_equal(authenticate(s.access_key_id, s.secret, NULL, &who, NULL), -1);
	assert_int_equal(authenticate("ASIAOTHER", s.secret, s.token, &who, NULL), -1);
}

static void sessions_end(void **state)
{
	struct identity_principal who;
	struct identity_session s;
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	make_role();
	assert_int_equal(
		identity_session_new(w.e, ROLE, "b", NULL, 60 * USEC_PER_SEC, &w.arena, &s, NULL),
		0);
	clock_advance(&w.clock, 61 * USEC_PER_SEC);
	assert_int_equal(authenticate(s.access_key_id, s.secret, s.token, &who, &err), -1);
	assert_string_equal(err_wire_name(&err), "ExpiredToken");
	assert_int_equal(identity_session_new(w.e, "arn:aws:iam::" ACCOUNT ":role/none", "b", NULL,
				 1, &w.arena, &s, NULL),
		-1);
}

static void a_session_policy_narrows(void **state)
{
	struct identity_principal who;
	struct identity_session s;

	(void)state;
	make_role();
	assert_int_equal(identity_session_new(w.e, ROLE, "b",
				 "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\","
				 "\"Resource\":\"*\"}}",
				 60 * USEC_PER_SEC, &w.arena, &s, NULL),
		0);
	assert_int_equal(authenticate(s.access_key_id, s.secret, s.token, &who, NULL), 0);
	assert_int_equal(ask(&who, "s3:GetObject", NULL), 0);
	assert_int_equal(ask(&who, "s3:GetObjectTagging", NULL), -1);
	/* without a role the policy alone decides */
	assert_int_equal(identity_session_new(w.e, NULL, "i-1", READ_ONLY, 60 * USEC_PER_SEC,
				 &w.arena, &s, NULL),
		0);
	assert_int_equal(authenticate(s.access_key_id, s.secret, s.token, &who, NULL), 0);
	assert_int_equal(ask(&who, "s3:GetObjectTagging", NULL), 0);
	assert_int_equal(ask(&who, "s3:PutObject", NULL), -1);
}

static void drop_policy(void)
{
	struct iam_delete_role_policy_request drop = {.role_name = "builder", .policy_name = "p"};
	struct iam_delete_role_policy_response dropped;

	assert_int_equal(identity_delete_role_policy(w.e, &w.call, &drop, &dropped, NULL), 0);
}

static void delete_role(void)
{
	struct iam_delete_role_request delete = {.role_name = "Builder"};
	struct iam_delete_role_response deleted;

	assert_int_equal(identity_delete_role(w.e, &w.call, &delete, &deleted, NULL), 0);
}

static void a_deleted_role_has_no_rights(void **state)
{
	struct identity_principal who;
	struct identity_session s;

	(void)state;
	make_role();
	assert_int_equal(
		identity_session_new(w.e, ROLE, "b", NULL, 60 * USEC_PER_SEC, &w.arena, &s, NULL),
		0);
	assert_int_equal(authenticate(s.access_key_id, s.secret, s.token, &who, NULL), 0);
	assert_int_equal(ask(&who, "s3:GetObject", NULL), 0);
	drop_policy();
	assert_int_equal(ask(&who, "s3:GetObject", NULL), -1);
	delete_role();
	assert_int_equal(ask(&who, "s3:GetObject", NULL), -1);
}

/* Whether the role trusts the service for one project. */
static int trusts(const char *role_arn, const char *service, const char **ret_why)
{
	const struct identity_actor who = {.service = service,
		.role_arn = role_arn,
		.source_arn = "arn:aws:codebuild:eu-central-1:" ACCOUNT ":project/shop"};

	return identity_role_trusts(w.e, &who, &w.arena, ret_why, NULL);
}

/* Guards against confused deputies, as the services' manuals recommend them. */
static void roles_trust_for_an_account_and_a_source(void **state)
{
	static const struct {
		const char *condition;
		int trusted;
	} cases[] = {
		{"\"StringEquals\":{\"aws:SourceAccount\":\"" ACCOUNT "\"}", 1},
		{"\"StringEquals\":{\"aws:SourceAccount\":\"999999999999\"}", 0},
		{"\"StringEquals\":{\"aws:PrincipalServiceName\":\"codebuild.amazonaws.com\"}", 1},
		{"\"Bool\":{\"aws:PrincipalIsAWSService\":\"false\"}", 0},
		{"\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:codebuild:*:" ACCOUNT ":project/s*\"}",
			1},
		{"\"StringEquals\":{\"aws:SourceArn\":\"arn:aws:codebuild:eu-central-1:" ACCOUNT
		 ":project/shop\"}",
			1},
		{"\"ArnEquals\":{\"aws:SourceArn\":\"arn:aws:codebuild:eu-central-1:" ACCOUNT
		 ":project/other\"}",
			0},
		{"\"Null\":{\"aws:SourceArn\":\"true\"}", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = arena_printf(&w.arena, "for-%zu", i), *why;
		struct iam_create_role_request create = {.role_name = name,
			.assume_role_policy_document = arena_printf(&w.arena,
				"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\","
				"\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":"
				"\"codebuild.amazonaws.com\"},\"Condition\":{%s}}}",
				cases[i].condition)};
		struct iam_create_role_response made;

		assert_int_equal(identity_create_role(w.e, &w.call, &create, &made, NULL), 0);
		assert_int_equal(
			trusts(made.role->arn, "codebuild.amazonaws.com", &why), cases[i].trusted);
	}
}

static void roles_trust_whom_they_name(void **state)
{
	const char *why = NULL;

	(void)state;
	make_role();
	assert_int_equal(trusts(ROLE, "codebuild.amazonaws.com", &why), 1);
	assert_int_equal(trusts(ROLE, "codedeploy.amazonaws.com", &why), 0);
	assert_non_null(strstr(why, "is not authorized to perform: sts:AssumeRole"));
	assert_int_equal(
		trusts("arn:aws:iam::" ACCOUNT ":role/none", "codebuild.amazonaws.com", &why), 0);
	assert_non_null(strstr(why, "there is no role"));
}

/* ---- services on resources with policies ---- */

#define TOPIC "arn:aws:sns:eu-central-1:" ACCOUNT ":t"
#define RULE "arn:aws:events:eu-central-1:" ACCOUNT ":rule/r"
#define STATEMENT(effect, who, condition)                                                       \
	"{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"" effect                       \
	"\",\"Action\":\"sns:Publish\",\"Resource\":\"" TOPIC "\",\"Principal\":" who condition \
	"}}"
#define EVENTS "{\"Service\":\"events.amazonaws.com\"}"
#define SOURCE(arn) ",\"Condition\":{\"ArnLike\":{\"aws:SourceArn\":\"" arn "\"}}"

static void policies_of_resources_bind_services(void **state)
{
	static const struct {
		const char *policy;
		bool under_role;
		const char *why; /* NULL: allowed */
	} cases[] = {
		{STATEMENT("Allow", EVENTS, ""), false, NULL},
		{STATEMENT("Allow", EVENTS, SOURCE(RULE)), false, NULL},
		{STATEMENT("Allow", EVENTS, SOURCE("arn:aws:events:*:*:rule/other")), false,
			"User: events.amazonaws.com is not authorized to perform: SNS:Publish on "
			"resource: " TOPIC
			" because no resource-based policy allows the SNS:Publish action"},
		{STATEMENT("Allow", "{\"Service\":\"cloudwatch.amazonaws.com\"}", ""), false,
			"no "},
		{STATEMENT("Allow", "{\"Service\":\"cloudwatch.amazonaws.com\"}", ""), true, NULL},
		{STATEMENT("Allow", "{\"AWS\":\"" ACCOUNT "\"}", ""), false, "no "},
		{STATEMENT("Allow", "\"*\"", ""), false, NULL},
		{STATEMENT("Deny", "\"*\"",
			 ",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}"),
			true, NULL},
		{STATEMENT("Deny", "\"*\"", SOURCE("arn:aws:events:*:*:rule/r")), true,
			"with an explicit deny in a resource-based policy"},
	};
	const struct identity_actor who = {.service = "events.amazonaws.com", .source_arn = RULE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err CLEANUP_ERR = ERR_INIT;
		int r = identity_service_may(w.e, &who, cases[i].under_role, "SNS:Publish", TOPIC,
			cases[i].policy, &err);

		if ((r == 0) != !cases[i].why ||
			(r < 0 && !strstr(err_message(&err), cases[i].why)))
			fail_msg("row %zu: %s", i, r == 0 ? "allowed" : err_message(&err));
	}
}

/* ---- another key ---- */

static int change_key(struct db_tx *tx, void *arg, struct err *err)
{
	struct seal_key *keys = arg;
	size_t n = 0;

	return identity_reseal(tx, &keys[0], &keys[1], &n, err);
}

static void rotate(void)
{
	char *path CLEANUP(freep) = xasprintf("%s/keys/seal.key", w.dir);
	struct seal_key keys[2];

	assert_int_equal(seal_key_load(path, &keys[0], NULL), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(seal_key_load(path, &keys[1], NULL), 0);
	assert_int_equal(db_write(w.db, change_key, keys, NULL), 0);
	close_world();
	open_world();
}

static int count_old(struct db_tx *tx, void *arg, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_IAM_SESSION_KEY, &(struct store_document_filter){0},
		    &w.arena, &all, err) < 0)
		return -1;
	*(size_t *)arg = all.n;
	return 0;
}

/* How many keys of before there are when so many hours have passed. */
static size_t old_keys_in(int hours)
{
	int64_t until = durable_now(w.durable) + hours * 3600 * USEC_PER_SEC;
	size_t n;

	assert_true(durable_run(w.durable, true, until, NULL) >= 0);
	clock_set(&w.clock, until);
	assert_int_equal(db_read(w.db, count_old, &n, NULL), 0);
	return n;
}

/* The part that sessions without a role are for. */
static int there_since(void *arg, int64_t *ret_usec, struct err *err)
{
	(void)err;
	*ret_usec = *(int64_t *)arg;
	return *ret_usec > 0;
}

static int alive(void *arg, const char *part, struct err *err)
{
	(void)part;
	(void)err;
	return *(int64_t *)arg > 0;
}

static void sessions_survive_a_new_key(void **state)
{
	int64_t since = durable_now(w.durable);
	struct identity_principal who;
	struct identity_session s, host;

	(void)state;
	make_role();
	assert_int_equal(identity_session_new(w.e, ROLE, "build-1", NULL, 3600 * USEC_PER_SEC,
				 &w.arena, &s, NULL),
		0);
	assert_int_equal(identity_session_new(w.e, NULL, "i-1", NULL, 1000 * 3600 * USEC_PER_SEC,
				 &w.arena, &host, NULL),
		0);
	rotate();
	rotate();
	identity_set_alive(w.e, "i-", alive, there_since, &since);
	assert_int_equal(authenticate(s.access_key_id, s.secret, s.token, &who, NULL), 0);
	assert_string_equal(who.arn, "arn:aws:sts::" ACCOUNT ":assumed-role/builder/build-1");
	/* the keys stay while something of before may use them, and no longer */
	assert_int_equal(old_keys_in(35), 2);
	assert_int_equal(authenticate(s.access_key_id, s.secret, s.token, &who, NULL), -1);
	assert_int_equal(old_keys_in(36), 2);
	assert_int_equal(authenticate(host.access_key_id, host.secret, host.token, &who, NULL), 0);
	since = 0;
	assert_int_equal(old_keys_in(36), 0);
	since = durable_now(w.durable);
	assert_int_equal(authenticate(host.access_key_id, host.secret, host.token, &who, NULL), -1);
}

/* A password of the registry by the credentials. */
static const char *password_by(const struct identity_session *s)
{
	struct identity_principal who;
	const char *password;
	int64_t expires;

	assert_int_equal(authenticate(s->access_key_id, s->secret, s->token, &who, NULL), 0);
	assert_int_equal(identity_password_new(w.e, &who, NULL, 12 * 3600 * USEC_PER_SEC, &w.arena,
				 &password, &expires, NULL),
		0);
	return password;
}

static void check_password(const char *password, enum err_kind wanted)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct identity_principal who;
	const char *scope;
	int r = identity_password_check(w.e, password, &w.arena, &who, &scope, &err);

	assert_int_equal(r, wanted ? -1 : 0);
	assert_int_equal(err.kind, wanted);
}

static void passwords_end_with_whom_they_speak_for(void **state)
{
	int64_t since = durable_now(w.durable);
	struct identity_session s, host;
	const char *of_role, *of_host;

	(void)state;
	make_role();
	assert_int_equal(identity_session_new(w.e, ROLE, "build-1", NULL, 3600 * USEC_PER_SEC,
				 &w.arena, &s, NULL),
		0);
	assert_int_equal(identity_session_new(w.e, NULL, "i-1", NULL, 3600 * USEC_PER_SEC, &w.arena,
				 &host, NULL),
		0);
	identity_set_alive(w.e, "i-", alive, there_since, &since);
	of_role = password_by(&s);
	of_host = password_by(&host);
	check_password(of_role, ERR_NONE);
	check_password(of_host, ERR_NONE);
	since = 0;
	check_password(of_host, ERR_BAD_SIGNATURE);
	drop_policy();
	delete_role();
	check_password(of_role, ERR_BAD_SIGNATURE);
	make_role(); /* another one of that name */
	check_password(of_role, ERR_BAD_SIGNATURE);
}

static void the_account_is_chosen_once(void **state)
{
	const char *first, *second;
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	assert_int_equal(identity_account(w.db, NULL, &w.arena, &first, NULL), 0);
	assert_int_equal(strlen(first), 12);
	assert_int_equal(identity_account(w.db, first, &w.arena, &second, NULL), 0);
	assert_string_equal(first, second);
	assert_int_equal(identity_account(w.db, "000000000001", &w.arena, &second, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(identity_account(w.db, "12", &w.arena, &second, &err), -1);
	assert_int_equal(err.kind, ERR_INVALID);
}

static void git_takes_the_helpers_password(void **state)
{
	struct identity_principal who;
	const char *id, *secret;
	struct str password CLEANUP_STR = STR_INIT;
	struct sigv4_signer s = {.region = "us-east-1", .service = "codecommit"};
	struct timespec now;
	struct timefmt t;

	(void)state;
	identity_root_key(w.e, &id, &secret);
	s.secret = secret;
	clock_gettime(CLOCK_REALTIME, &now);
	t = timefmt_basic(now.tv_sec * USEC_PER_SEC);
	t.text[15] = '\0';
	sigv4_git_password(&s, t.text, "127.0.0.1", "/v1/repos/r", &password);
	assert_int_equal(identity_authenticate_git(w.e, id, str_text(&password), "127.0.0.1:80",
				 "/v1/repos/r", &w.arena, &who, NULL),
		0);
	assert_int_equal(identity_authenticate_git(w.e, id, str_text(&password), "127.0.0.1:80",
				 "/v1/repos/other", &w.arena, &who, NULL),
		-1);
	str_clear(&password);
	t = timefmt_basic((now.tv_sec - 16 * 60) * USEC_PER_SEC);
	t.text[15] = '\0';
	sigv4_git_password(&s, t.text, "127.0.0.1", "/v1/repos/r", &password);
	assert_int_equal(identity_authenticate_git(w.e, id, str_text(&password), "127.0.0.1:80",
				 "/v1/repos/r", &w.arena, &who, NULL),
		-1);
}

/* ---- policies of resources ---- */

#define BUCKET "arn:aws:s3:::b"
#define ONE(effect, who, action, resource)                                      \
	"{\"Effect\":\"" effect "\",\"Principal\":" who ",\"Action\":\"" action \
	"\",\"Resource\":\"" resource "\"}"
#define POLICY(statement) "{\"Version\":\"2012-10-17\",\"Statement\":" statement "}"

static const struct {
	const char *policy;
	const char *why; /* NULL: it is good */
} subjects[] = {
	{POLICY(ONE("Allow", "{\"AWS\":\"" ROLE "\"}", "s3:Get*", BUCKET "/*")), NULL},
	{POLICY(ONE("Allow", "{\"AWS\":\"" ACCOUNT "\"}", "*", BUCKET "*")), NULL},
	{POLICY(ONE("Deny", "\"*\"", "s3:list*", BUCKET)), NULL},
	{POLICY(ONE("Allow", "{\"AWS\":\"arn:aws:sts::" ACCOUNT ":assumed-role/builder/s\"}",
		 "s3:GetObject", BUCKET "/${aws:username}")),
		NULL},
	{POLICY(ONE("Allow", "{\"AWS\":\"" ROLE "s\"}", "s3:Get*", BUCKET "/*")),
		"Invalid principal in policy: \"AWS\":\"" ROLE "s\""},
	{POLICY(ONE("Allow", "{\"AWS\":\"arn:aws:sts::" ACCOUNT ":assumed-role/no/s\"}", "s3:Get*",
		 BUCKET "/*")),
		"Invalid principal in policy: \"AWS\":\"arn:aws:sts::" ACCOUNT
		":assumed-role/no/s\""},
	{POLICY(ONE(
		 "Allow", "{\"AWS\":\"arn:aws:iam::444455556666:root\"}", "s3:Get*", BUCKET "/*")),
		"Invalid principal in policy: \"AWS\":\"arn:aws:iam::444455556666:root\""},
	{POLICY(ONE("Deny", "\"*\"", "s3:GetObject", BUCKET)),
		"Action does not apply to any resource(s) in statement"},
	{POLICY(ONE("Deny", "\"*\"", "s3:GetObject", BUCKET "b/*")), "Policy has invalid resource"},
	{POLICY(ONE("Deny", "\"*\"", "s3:Put*", BUCKET "/*")), "Policy has invalid action"},
};

static void a_policy_speaks_of_its_subject(void **state)
{
	static const struct identity_policy_action actions[] = {
		{"s3:GetObject", true}, {"s3:ListBucket", false}};
	static const char *const keys[] = {"s3:prefix"};
	const struct identity_policy_subject subject = {
		BUCKET, actions, ARRAY_SIZE(actions), keys, ARRAY_SIZE(keys)};
	bool is_public;

	(void)state;
	make_role();
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		struct err err CLEANUP_ERR = ERR_INIT;
		int r = identity_subject_policy_check(
			w.e, subjects[i].policy, &subject, &is_public, &err);

		if ((r == 0) != !subjects[i].why ||
			(r < 0 && strcmp(err_message(&err), subjects[i].why) != 0))
			fail_msg("row %zu: %s", i, r < 0 ? err_message(&err) : "good");
	}
}

static void who_is_unknown_has_what_everybody_has(void **state)
{
	const char *resource = BUCKET "/k";
	const char *const more[] = {
		POLICY(ONE("Deny", "\"*\"", "s3:PutObject", BUCKET "/*")), NULL};
	struct identity_question q = {.action = "s3:GetObject",
		.resources = &resource,
		.n_resources = 1,
		.source_ip = "192.0.2.1"};
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	assert_int_equal(identity_authorize(w.e, NULL, &q, &err), -1);
	assert_true(err_is(&err, ERR_DENIED));
	q.resource_policy = POLICY(ONE("Allow", "{\"AWS\":\"" ACCOUNT "\"}", "*", BUCKET "/*"));
	assert_int_equal(identity_authorize(w.e, NULL, &q, NULL), -1);
	q.resource_policy = POLICY(ONE("Allow", "\"*\"", "*", BUCKET "/*"));
	assert_int_equal(identity_authorize(w.e, NULL, &q, NULL), 0);
	/* what the account says of such resources counts as well */
	q.account_policies = more;
	assert_int_equal(identity_authorize(w.e, NULL, &q, NULL), 0);
	q.action = "s3:PutObject";
	assert_int_equal(identity_authorize(w.e, NULL, &q, NULL), -1);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(root_may_do_everything),
		CASE(a_policy_speaks_of_its_subject),
		CASE(who_is_unknown_has_what_everybody_has),
		CASE(root_key_survives),
		CASE(sessions_have_their_roles_rights),
		CASE(sessions_end),
		CASE(a_session_policy_narrows),
		CASE(a_deleted_role_has_no_rights),
		CASE(policies_of_resources_bind_services),
		CASE(roles_trust_for_an_account_and_a_source),
		CASE(roles_trust_whom_they_name),
		CASE(sessions_survive_a_new_key),
		CASE(passwords_end_with_whom_they_speak_for),
		CASE(the_account_is_chosen_once),
		CASE(git_takes_the_helpers_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
