/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the build engine on a simulated clock: a build's life, the queue, stops, timeouts,
 * retries, restarts, lists and the rules of projects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "build/build.h"
#include "sim/build_world.h"
#include "store/migrations.h"

#define START (INT64_C(1700000000) * USEC_PER_SEC)
#define MINUTE (60 * USEC_PER_SEC)

struct fixture {
	char dir[64];
	char *url;
	struct db *db;
	struct clock clock;
	struct durable *d;
	struct sim_build_world *world;
	struct build_engine *e;
	struct arena arena;
	struct call call;
	struct err err;
	const struct sim_build_script *scripts;
	size_t n_scripts;
	int slots;
};

#define OK(f, x)                                                        \
	do {                                                            \
		if ((x) < 0)                                            \
			fail_msg("%s: %s", #x, err_message(&(f)->err)); \
	} while (0)

static void open_all(struct fixture *f)
{
	struct build_config c = {.account = "123456789012",
		.region = "us-east-1",
		.data_dir = f->dir,
		.slots = f->slots ? f->slots : 2};

	OK(f, db_open(f->url, &f->db, &f->err));
	OK(f, store_migrate(f->db, &f->err));
	OK(f, durable_new(f->db, &f->clock, &f->d, &f->err));
	OK(f, sim_build_world_new(f->d, &f->world, &f->err));
	for (size_t i = 0; i < f->n_scripts; i++)
		sim_build_world_script(f->world, &f->scripts[i]);
	c.durable = f->d;
	c.ports = sim_build_world_ports(f->world);
	OK(f, build_engine_new(&c, &f->e, &f->err));
	OK(f, build_engine_recover(f->e, &f->err));
}

static void close_all(struct fixture *f)
{

	f->e = build_engine_free(f->e);
	f->world = sim_build_world_free(f->world);
	f->d = durable_free(f->d);
	f->db = db_close(f->db);
}

static void init(struct fixture *f)
{
	strcpy(f->dir, "/tmp/towpath-build-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->url = xasprintf("sqlite:%s/towpath.db", f->dir);
	clock_init_simulated(&f->clock, START);
	f->call = (struct call){.arena = &f->arena,
		.account = "123456789012",
		.region = "us-east-1",
		.partition = "aws",
		.principal_arn = "arn:aws:iam::123456789012:user/dev"};
	open_all(f);
}

static void release(struct fixture *f)
{
	if (f->db)
		close_all(f);
	file_remove_tree(f->dir, NULL);
	free(f->url);
	clock_release(&f->clock);
	arena_release(&f->arena);
	err_release(&f->err);
}
#define FIXTURE                                  \
	CLEANUP(release) struct fixture f = {0}; \
	init(&f)

/* Runs what is due, moving the clock on by at most usec. */
static void pass(struct fixture *f, int64_t usec)
{
	int64_t until = clock_now(&f->clock) + usec;

	if (durable_run(f->d, true, until, &f->err) < 0)
		fail_msg("%s", err_message(&f->err));
	if (clock_now(&f->clock) < until)
		clock_set(&f->clock, until);
}

#define INLINE_SPEC "version: 0.2\nphases:\n  build:\n    commands: ['true']\n"

static struct codebuild_create_project_request *project_request(struct fixture *f, const char *name)
{
	struct arena *a = &f->arena;
	struct codebuild_create_project_request *r =
		arena_new(a, struct codebuild_create_project_request);

	r->name = name;
	r->service_role = "arn:aws:iam::123456789012:role/build";
	r->source = arena_new(a, struct codebuild_project_source);
	r->source->type = "NO_SOURCE";
	r->source->buildspec = INLINE_SPEC;
	r->artifacts = arena_new(a, struct codebuild_project_artifacts);
	r->artifacts->type = "NO_ARTIFACTS";
	r->environment = arena_new(a, struct codebuild_project_environment);
	r->environment->type = "LINUX_CONTAINER";
	r->environment->image = "aws/codebuild/standard:7.0";
	r->environment->compute_type = "BUILD_GENERAL1_SMALL";
	return r;
}

static int create(struct fixture *f, struct codebuild_create_project_request *r)
{
	struct codebuild_create_project_response resp = {0};

	err_release(&f->err);
	return build_create_project(f->e, &f->call, r, &resp, &f->err);
}

static struct codebuild_build *start_with(
	struct fixture *f, struct codebuild_start_build_request *req)
{
	struct codebuild_start_build_response resp = {0};

	err_release(&f->err);
	if (build_start_build(f->e, &f->call, req, &resp, &f->err) < 0)
		return NULL;
	return resp.build;
}

static struct codebuild_build *start(struct fixture *f, const char *project)
{
	struct codebuild_start_build_request req = {.project_name = project};
	struct codebuild_build *b = start_with(f, &req);

	if (!b)
		fail_msg("%s", err_message(&f->err));
	return b;
}

static struct codebuild_build *get(struct fixture *f, const char *id)
{
	struct codebuild_batch_get_builds_request req = {.ids = {&id, 1, true}};
	struct codebuild_batch_get_builds_response resp = {0};

	OK(f, build_batch_get_builds(f->e, &f->call, &req, &resp, &f->err));
	assert_int_equal(resp.builds.n, 1);
	return &resp.builds.v[0];
}

static const char *phase_list(struct fixture *f, const struct codebuild_build *b)
{
	const char *text = "";

	wire_foreach (p, &b->phases)
		text = arena_printf(&f->arena, "%s%s%s%s%s", text, *text ? " " : "", p->phase_type,
			p->phase_status ? "=" : "", p->phase_status ? p->phase_status : "");
	return text;
}

static void a_build_lives(void **state UNUSED)
{
	FIXTURE;
	struct codebuild_build *b;
	const char *id;

	OK(&f, create(&f, project_request(&f, "shop")));
	b = start(&f, "shop");
	id = b->id;
	assert_int_equal(b->build_number.v, 1);
	assert_string_equal(b->build_status, "IN_PROGRESS");
	assert_string_equal(b->current_phase, "QUEUED");
	assert_string_equal(b->initiator, "dev");
	assert_string_equal(phase_list(&f, b), "SUBMITTED=SUCCEEDED QUEUED");
	pass(&f, USEC_PER_SEC / 2);
	b = get(&f, id);
	assert_string_equal(phase_list(&f, b),
		"SUBMITTED=SUCCEEDED QUEUED=SUCCEEDED PROVISIONING=SUCCEEDED "
		"DOWNLOAD_SOURCE=SUCCEEDED INSTALL");
	assert_string_equal(b->current_phase, "INSTALL");
	assert_string_equal(b->logs->group_name, "/aws/codebuild/shop");
	pass(&f, MINUTE);
	b = get(&f, b->arn);
	assert_string_equal(phase_list(&f, b),
		"SUBMITTED=SUCCEEDED QUEUED=SUCCEEDED PROVISIONING=SUCCEEDED "
		"DOWNLOAD_SOURCE=SUCCEEDED INSTALL=SUCCEEDED PRE_BUILD=SUCCEEDED "
		"BUILD=SUCCEEDED POST_BUILD=SUCCEEDED UPLOAD_ARTIFACTS=SUCCEEDED "
		"FINALIZING=SUCCEEDED COMPLETED");
	assert_string_equal(b->build_status, "SUCCEEDED");
	assert_true(b->build_complete.v);
	assert_int_equal(b->phases.v[4].duration_in_seconds.v, 1);
	assert_int_equal(b->phases.v[4].contexts.n, 1);
	assert_string_equal(b->phases.v[4].contexts.v[0].status_code, "");
	assert_false(b->phases.v[10].end_time.set);
	assert_int_equal(b->end_time.usec, START + 4 * USEC_PER_SEC);
}

static void failures_tell_why(void **state UNUSED)
{
	static const struct sim_build_script scripts[] = {
		{.project = "one", .fail_phase = "BUILD", .message = "exit status 1"},
		{.project = "two", .fail_phase = "PRE_BUILD"},
		{.project = "three", .lost_phase = "BUILD"},
	};
	CLEANUP(release)
	struct fixture f = {.scripts = scripts, .n_scripts = ARRAY_SIZE(scripts)};
	struct codebuild_build *b, *c, *d;

	init(&f);
	OK(&f, create(&f, project_request(&f, "one")));
	OK(&f, create(&f, project_request(&f, "two")));
	OK(&f, create(&f, project_request(&f, "three")));
	b = start(&f, "one");
	c = start(&f, "two");
	d = start(&f, "three");
	pass(&f, MINUTE);
	b = get(&f, b->id);
	assert_string_equal(b->build_status, "FAILED");
	assert_string_equal(b->phases.v[6].phase_status, "FAILED");
	assert_string_equal(b->phases.v[6].contexts.v[0].status_code, "COMMAND_EXECUTION_ERROR");
	assert_string_equal(b->phases.v[7].phase_type, "POST_BUILD");
	c = get(&f, c->id);
	assert_string_equal(c->build_status, "FAILED");
	assert_string_equal(c->phases.v[c->phases.n - 3].phase_type, "PRE_BUILD");
	assert_string_equal(c->phases.v[c->phases.n - 2].phase_type, "FINALIZING");
	d = get(&f, d->id);
	assert_string_equal(d->build_status, "FAULT");
	assert_string_equal(d->phases.v[6].contexts.v[0].status_code, "BUILD_CONTAINER_FOUND_DEAD");
}

static void bad_sources_fail_in_download(void **state UNUSED)
{
	static const struct sim_build_script scripts[] = {
		{.project = "gone", .fetch_error = "repository not found"},
		{.project = "hangs", .fetch_hangs = true},
	};
	CLEANUP(release) struct fixture f = {.scripts = scripts, .n_scripts = 2};
	struct codebuild_create_project_request *r;
	struct codebuild_start_build_request req = {.project_name = "gone"};
	struct codebuild_build *b, *c, *d, *late;
	const struct codebuild_build_phase *p;

	init(&f);
	r = project_request(&f, "hangs");
	r->source->type = "CODECOMMIT";
	r->source->location = "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/x";
	r->source->buildspec = NULL;
	OK(&f, create(&f, r));
	late = start(&f, "hangs");
	r = project_request(&f, "gone");
	r->source->type = "CODECOMMIT";
	r->source->location = "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/x";
	r->source->buildspec = NULL;
	OK(&f, create(&f, r));
	b = start(&f, "gone");
	req.source_type_override = "NO_SOURCE";
	req.source_location_override = "";
	req.buildspec_override = "version: 0.2\nphases: {}\n";
	c = start_with(&f, &req);
	assert_non_null(c);
	req.buildspec_override = "version: 0.2\nenv: {parameter-store: {A: /b}}\n"
				 "phases: {build: {commands: [a]}}\n";
	d = start_with(&f, &req);
	pass(&f, MINUTE);
	b = get(&f, b->id);
	assert_string_equal(b->build_status, "FAILED");
	p = &b->phases.v[3];
	assert_string_equal(p->phase_type, "DOWNLOAD_SOURCE");
	assert_string_equal(p->contexts.v[0].status_code, "CLIENT_ERROR");
	assert_string_equal(p->contexts.v[0].message, "repository not found");
	assert_string_equal(b->phases.v[4].phase_type, "FINALIZING");
	p = &get(&f, c->id)->phases.v[3];
	assert_string_equal(p->contexts.v[0].status_code, "YAML_FILE_ERROR");
	assert_non_null(strstr(p->contexts.v[0].message, "/codebuild/readonly/buildspec.yml:2:9"));
	p = &get(&f, d->id)->phases.v[3];
	assert_non_null(strstr(p->contexts.v[0].message, "Parameter Store"));
	late = get(&f, late->id);
	assert_string_equal(late->build_status, "TIMED_OUT");
	p = &late->phases.v[3];
	assert_string_equal(p->phase_type, "DOWNLOAD_SOURCE");
	assert_string_equal(p->phase_status, "TIMED_OUT");
	assert_string_equal(p->contexts.v[0].status_code, "BUILD_TIMED_OUT");
}

static void builds_queue_in_order(void **state UNUSED)
{
	CLEANUP(release) struct fixture f = {.slots = 2};
	const char *ids[7];
	struct codebuild_build *b;
	int started, most;

	init(&f);
	OK(&f, create(&f, project_request(&f, "shop")));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		ids[i] = start(&f, "shop")->id;
	pass(&f, USEC_PER_SEC);
	b = get(&f, ids[5]);
	assert_string_equal(b->current_phase, "QUEUED");
	assert_string_equal(b->phases.v[1].contexts.v[0].message,
		"Waiting for one of 2 build slots; place 4 in the queue.");
	pass(&f, MINUTE);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		b = get(&f, ids[i]);
		assert_string_equal(b->build_status, "SUCCEEDED");
		assert_int_equal(b->end_time.usec, START + (int64_t)(i / 2 + 1) * 4 * USEC_PER_SEC);
	}
	sim_build_world_count(f.world, &started, &most);
	assert_int_equal(started, 7);
	assert_int_equal(most, 2);
}

static void stops_and_timeouts(void **state UNUSED)
{
	CLEANUP(release) struct fixture f = {.slots = 1};
	struct codebuild_start_build_request req = {.project_name = "shop"};
	struct codebuild_stop_build_request stop = {0};
	struct codebuild_stop_build_response resp = {0};
	static const struct sim_build_script slow = {.phase_usec = 30 * MINUTE};
	const char *one, *two, *three;
	struct codebuild_build *b;

	f.scripts = &slow;
	f.n_scripts = 1;
	init(&f);
	OK(&f, create(&f, project_request(&f, "shop")));
	one = start(&f, "shop")->id;
	two = start(&f, "shop")->id;
	req.queued_timeout_in_minutes_override = WIRE_SET_INT(5);
	three = start_with(&f, &req)->id;
	pass(&f, MINUTE);
	stop.id = two;
	OK(&f, build_stop_build(f.e, &f.call, &stop, &resp, &f.err));
	assert_string_equal(resp.build->build_status, "STOPPED");
	assert_string_equal(
		phase_list(&f, resp.build), "SUBMITTED=SUCCEEDED QUEUED=STOPPED COMPLETED");
	pass(&f, 5 * MINUTE);
	b = get(&f, three);
	assert_string_equal(b->build_status, "TIMED_OUT");
	assert_string_equal(b->phases.v[1].contexts.v[0].status_code, "BUILD_TIMED_OUT");
	stop.id = one;
	OK(&f, build_stop_build(f.e, &f.call, &stop, &resp, &f.err));
	pass(&f, USEC_PER_SEC);
	b = get(&f, one);
	assert_string_equal(b->build_status, "STOPPED");
	assert_string_equal(b->phases.v[4].phase_status, "STOPPED");
	OK(&f, build_stop_build(f.e, &f.call, &stop, &resp, &f.err));
	assert_string_equal(resp.build->build_status, "STOPPED");
	stop.id = "shop:00000000-0000-0000-0000-000000000000";
	assert_int_equal(build_stop_build(f.e, &f.call, &stop, &resp, &f.err), -1);
	assert_string_equal(err_wire_name(&f.err), "ResourceNotFoundException");
}

static void restarts_take_builds_up(void **state UNUSED)
{
	CLEANUP(release) struct fixture f = {.slots = 1};
	const char *one, *two;

	init(&f);
	OK(&f, create(&f, project_request(&f, "shop")));
	one = start(&f, "shop")->id;
	two = start(&f, "shop")->id;
	close_all(&f);
	open_all(&f);
	pass(&f, USEC_PER_SEC);
	close_all(&f);
	clock_advance(&f.clock, 10 * USEC_PER_SEC); /* the leader ends meanwhile */
	open_all(&f);
	pass(&f, MINUTE);
	assert_string_equal(get(&f, one)->build_status, "SUCCEEDED");
	assert_int_equal(get(&f, one)->phases.v[7].end_time.usec, START + 4 * USEC_PER_SEC);
	assert_string_equal(get(&f, two)->build_status, "SUCCEEDED");
}

/* A file in the folder of a build. */
static char *put_leftover(struct fixture *f, const char *id, const char *folder)
{
	char *dir CLEANUP(freep) =
		xasprintf("%s/builds/%s/%s", f->dir, strchr(id, ':') + 1, folder);
	char *path = xasprintf("%s/file", dir);

	OK(f, file_make_dirs(dir, 0700, &f->err));
	OK(f, file_write_atomic(path, VIEW("left"), 0600, &f->err));
	return path;
}

/* Killed between the step that ended a build and the tidying of its folder. */
static void restarts_tidy_up(void **state UNUSED)
{
	CLEANUP(release) struct fixture f = {.slots = 2};
	const char *done, *running;
	char *gone[2] = {NULL}, *log, *kept;

	init(&f);
	OK(&f, create(&f, project_request(&f, "shop")));
	done = start(&f, "shop")->id;
	pass(&f, MINUTE);
	assert_string_equal(get(&f, done)->build_status, "SUCCEEDED");
	gone[0] = put_leftover(&f, done, "src");
	gone[1] = put_leftover(&f, done, "out");
	log = put_leftover(&f, done, "records");
	close_all(&f);
	open_all(&f);
	pass(&f, 59 * USEC_PER_SEC);
	running = start(&f, "shop")->id;
	kept = put_leftover(&f, running, "out");
	pass(&f, 2 * USEC_PER_SEC);
	assert_string_equal(get(&f, running)->build_status, "IN_PROGRESS");
	assert_false(file_exists(gone[0]));
	assert_false(file_exists(gone[1]));
	assert_true(file_exists(log));
	assert_true(file_exists(kept));
	free(gone[0]);
	free(gone[1]);
	free(log);
	free(kept);
}

static void tokens_and_limits(void **state UNUSED)
{
	FIXTURE;
	struct codebuild_start_build_request req = {
		.project_name = "shop", .idempotency_token = "t"};
	struct codebuild_create_project_request *r = project_request(&f, "shop");
	struct codebuild_build *b, *c;

	r->concurrent_build_limit = WIRE_SET_INT(2);
	OK(&f, create(&f, r));
	b = start_with(&f, &req);
	c = start_with(&f, &req);
	assert_string_equal(b->id, c->id);
	req.image_override = "other";
	assert_null(start_with(&f, &req));
	assert_string_equal(err_wire_name(&f.err), "InvalidInputException");
	req.idempotency_token = "u";
	assert_non_null(start_with(&f, &req));
	req.idempotency_token = NULL;
	assert_null(start_with(&f, &req));
	assert_string_equal(err_wire_name(&f.err), "AccountLimitExceededException");
	pass(&f, 10 * MINUTE);
	req.image_override = NULL;
	req.idempotency_token = "t";
	c = start_with(&f, &req);
	assert_string_not_equal(b->id, c->id);
	req.project_name = "nobody";
	assert_null(start_with(&f, &req));
	assert_string_equal(err_message(&f.err), "Project cannot be found: "
						 "arn:aws:codebuild:us-east-1:123456789012:"
						 "project/nobody");
}

static void retries(void **state UNUSED)
{
	static const struct sim_build_script fail = {.fail_phase = "INSTALL"};
	CLEANUP(release) struct fixture f = {.scripts = &fail, .n_scripts = 1};
	struct codebuild_create_project_request *r;
	struct codebuild_retry_build_request req = {0};
	struct codebuild_retry_build_response resp = {0};
	struct codebuild_build *b;

	init(&f);
	r = project_request(&f, "shop");
	r->auto_retry_limit = WIRE_SET_INT(2);
	OK(&f, create(&f, r));
	b = start(&f, "shop");
	pass(&f, MINUTE);
	b = get(&f, b->id);
	assert_non_null(b->auto_retry_config->next_auto_retry);
	b = get(&f, b->auto_retry_config->next_auto_retry);
	assert_int_equal(b->auto_retry_config->auto_retry_number.v, 1);
	b = get(&f, b->auto_retry_config->next_auto_retry);
	assert_int_equal(b->build_number.v, 3);
	assert_null(b->auto_retry_config->next_auto_retry);
	req.id = b->id;
	OK(&f, build_retry_build(f.e, &f.call, &req, &resp, &f.err));
	assert_int_equal(resp.build->build_number.v, 4);
	req.id = resp.build->id;
	assert_int_equal(build_retry_build(f.e, &f.call, &req, &resp, &f.err), -1);
	assert_string_equal(err_wire_name(&f.err), "InvalidInputException");
}

static void lists_page(void **state UNUSED)
{
	FIXTURE;
	struct codebuild_list_builds_for_project_request req = {.project_name = "shop"};
	struct codebuild_list_builds_for_project_response resp = {0}, next = {0};
	struct codebuild_batch_delete_builds_request del = {0};
	struct codebuild_batch_delete_builds_response gone = {0};
	const char *first = NULL, *ids[2];

	OK(&f, create(&f, project_request(&f, "shop")));
	for (int i = 0; i < 105; i++) {
		const char *id = start(&f, "shop")->id;

		first = first ? first : id;
	}
	OK(&f, build_list_builds_for_project(f.e, &f.call, &req, &resp, &f.err));
	assert_int_equal(resp.ids.n, 100);
	req.next_token = resp.next_token;
	OK(&f, build_list_builds_for_project(f.e, &f.call, &req, &next, &f.err));
	assert_int_equal(next.ids.n, 5);
	assert_string_equal(next.ids.v[4], first);
	assert_null(next.next_token);
	req.next_token = "x";
	assert_int_equal(build_list_builds_for_project(f.e, &f.call, &req, &next, &f.err), -1);
	ids[0] = first;
	ids[1] = resp.ids.v[0];
	del.ids.v = ids;
	del.ids.n = 2;
	pass(&f, 10 * USEC_PER_SEC);
	OK(&f, build_batch_delete_builds(f.e, &f.call, &del, &gone, &f.err));
	assert_int_equal(gone.builds_deleted.n, 1);
	assert_int_equal(gone.builds_not_deleted.n, 1);
	assert_string_equal(gone.builds_not_deleted.v[0].status_code, "BUILD_IN_PROGRESS");
}

static void projects_keep_their_rules(void **state UNUSED)
{
	FIXTURE;
	struct codebuild_create_project_request *r = project_request(&f, "shop");
	struct codebuild_update_project_request up = {.name = "shop", .description = "d"};
	struct codebuild_update_project_response resp = {0};
	struct codebuild_project_source extra[13] = {0};

	OK(&f, create(&f, r));
	assert_int_equal(create(&f, r), -1);
	assert_string_equal(err_wire_name(&f.err), "ResourceAlreadyExistsException");
	OK(&f, build_update_project(f.e, &f.call, &up, &resp, &f.err));
	assert_string_equal(resp.project->description, "d");
	assert_int_equal(resp.project->timeout_in_minutes.v, 60);
	assert_string_equal(resp.project->source->type, "NO_SOURCE");
	r = project_request(&f, "a1");
	r->source->location = "x";
	assert_int_equal(create(&f, r), -1);
	assert_string_equal(err_message(&f.err), "Invalid input: source location must be empty "
						 "for source type NO_SOURCE");
	r = project_request(&f, "a2");
	r->artifacts->type = "S3";
	assert_int_equal(create(&f, r), -1);
	assert_string_equal(err_message(&f.err), "Invalid artifacts: location is required");
	r = project_request(&f, "a3");
	r->secondary_sources.v = extra;
	r->secondary_sources.n = ARRAY_SIZE(extra);
	r->secondary_sources.set = true;
	assert_int_equal(create(&f, r), -1);
	assert_string_equal(err_message(&f.err),
		"Invalid input: the maximum number of secondary sources is 12");
	r = project_request(&f, "a4");
	r->artifacts->type = "CODEPIPELINE";
	assert_int_equal(create(&f, r), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_build_lives),
		cmocka_unit_test(failures_tell_why),
		cmocka_unit_test(bad_sources_fail_in_download),
		cmocka_unit_test(builds_queue_in_order),
		cmocka_unit_test(stops_and_timeouts),
		cmocka_unit_test(restarts_take_builds_up),
		cmocka_unit_test(restarts_tidy_up),
		cmocka_unit_test(tokens_and_limits),
		cmocka_unit_test(retries),
		cmocka_unit_test(lists_page),
		cmocka_unit_test(projects_keep_their_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
