/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a signed request cost, in the process and over the data of a stopped server:
 * the signature, the policies, the store. usage: requests DATA ACCOUNT REGION FILE FILE is a
 * recorded GetRepository of the repository "r". Prints microseconds of processor time. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/access.h"
#include "api/svc_codecommit.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "identity/identity.h"
#include "store/migrations.h"

#define ROUNDS 20000
#define MAX_HEADERS 16
#define REPOSITORY "r"

struct bench {
	struct db *db;
	struct clock clock;
	struct durable *durable;
	struct identity_engine *identity;
	struct source_engine *source;
	struct call_service service;
	const struct wire_operation *operation;
	const char *account, *region;
	struct sigv4_header headers[MAX_HEADERS];
	struct sigv4_request request;
	struct view body;
};

/* What a request has found out on its way. */
struct round {
	struct arena arena;
	struct call call;
	struct identity_principal who;
};

static void die(struct err *err, const char *what)
{
	fprintf(stderr, "requests: %s: %s\n", what, err_message(err));
	exit(1);
}

/* ---- the recorded request ---- */

static struct view next_line(struct view *rest)
{
	return view_trim(view_cut(rest, '\n'));
}

static void read_request(struct bench *b, const char *path, struct arena *a)
{
	struct str text = STR_INIT; /* of the process */
	struct view rest, line;
	struct err err = ERR_INIT;

	if (file_read(path, MIB, &text, &err) < 0)
		die(&err, "the request");
	rest = str_view(&text);
	for (next_line(&rest); (line = next_line(&rest)).len > 0;) {
		struct view name = view_cut(&line, ':');

		if (b->request.n_headers == MAX_HEADERS)
			BUG("more than %d headers", MAX_HEADERS);
		b->headers[b->request.n_headers++] = (struct sigv4_header){
			arena_view_dup(a, name), arena_view_dup(a, view_trim(line))};
	}
	b->body = rest;
	b->request.method = "POST";
	b->request.path = "/";
	b->request.query = "";
	b->request.headers = b->headers;
}

/* ---- the engines ---- */

static void open_all(struct bench *b, const char *dir)
{
	char *url CLEANUP(freep) = xasprintf("sqlite:%s/towpath.db", dir);
	struct err err = ERR_INIT;
	struct identity_config identity = {
		.account = b->account, .region = b->region, .data_dir = dir};
	struct source_config source = {.account = b->account, .region = b->region, .data_dir = dir};

	clock_init_real(&b->clock, 1.0);
	if (db_open(url, &b->db, &err) < 0 || store_migrate(b->db, &err) < 0 ||
		durable_new(b->db, &b->clock, &b->durable, &err) < 0)
		die(&err, "store");
	identity.durable = source.durable = b->durable;
	if (identity_engine_new(&identity, &b->identity, &err) < 0 ||
		source_engine_new(&source, &b->source, &err) < 0)
		die(&err, "engines");
	b->service = svc_codecommit(b->source);
	b->operation = wire_operation_find(b->service.wire, VIEW("GetRepository"));
}

static void close_all(struct bench *b)
{
	source_engine_free(b->source);
	identity_engine_free(b->identity);
	durable_free(b->durable);
	db_close(b->db);
}

/* ---- the parts, as the server does them ---- */

static void check_signature(struct bench *b, struct round *r)
{
	struct sigv4_claim claim = {0};
	struct digest_value d = digest_of(DIGEST_SHA256, b->body);
	struct digest_text hash = digest_hex(&d);
	struct identity_check check = {.request = &b->request,
		.claim = &claim,
		.service = "codecommit",
		.payload_hash = hash.text};
	struct err err CLEANUP_ERR = ERR_INIT;

	if (sigv4_parse(&b->request, &r->arena, &claim, &err) <= 0 ||
		identity_authenticate(b->identity, &check, &r->arena, &r->who, &err) < 0)
		die(&err, "signature");
}

static void check_policies(struct bench *b, struct round *r)
{
	const struct codecommit_get_repository_request req = {.repository_name = REPOSITORY};
	struct call_access access = {0};
	struct identity_question q = {.source_ip = "127.0.0.1", .user_agent = "bench"};
	struct err err CLEANUP_ERR = ERR_INIT;

	if (api_access(api_access_find(b->service.wire), &b->service, &r->call, &req, &access,
		    &err) < 0)
		die(&err, "access");
	q.action = access.action;
	q.resources = access.resources;
	q.n_resources = access.n_resources;
	q.conditions = access.conditions;
	if (identity_authorize(b->identity, &r->who, &q, &err) < 0)
		die(&err, "policies");
}

static void read_store(struct bench *b, struct round *r)
{
	const struct codecommit_get_repository_request req = {.repository_name = REPOSITORY};
	struct codecommit_get_repository_response resp = {0};
	struct err err CLEANUP_ERR = ERR_INIT;

	if (source_get_repository(b->source, &r->call, &req, &resp, &err) < 0)
		die(&err, "store");
}

/* Processor time: what else runs on the machine does not count. */
static double spent_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Rounds of one part; who asks is known to those behind the signature. */
static double measure(struct bench *b, void (*part)(struct bench *, struct round *))
{
	struct round first = {.arena = ARENA_INIT};
	double start;

	check_signature(b, &first);
	start = spent_usec();
	for (int i = 0; i < ROUNDS; i++) {
		struct round r = {.arena = ARENA_INIT, .who = first.who};

		r.call = (struct call){.arena = &r.arena,
			.account = b->account,
			.region = b->region,
			.partition = "aws",
			.operation = b->operation,
			.principal_arn = r.who.arn};
		part(b, &r);
		arena_release(&r.arena);
	}
	start = (spent_usec() - start) / ROUNDS;
	arena_release(&first.arena);
	return start;
}

int main(int argc, char **argv)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct bench b = {0};

	if (argc != 5) {
		fprintf(stderr, "usage: requests DATA ACCOUNT REGION FILE\n");
		return 2;
	}
	b.account = argv[2];
	b.region = argv[3];
	read_request(&b, argv[4], &a);
	open_all(&b, argv[1]);
	printf("signature_usec %f\n", measure(&b, check_signature));
	printf("policy_usec %f\n", measure(&b, check_policies));
	printf("store_usec %f\n", measure(&b, read_store));
	close_all(&b);
	return 0;
}
