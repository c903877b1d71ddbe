/* SPDX-License-Identifier: Apache-2.0 */
#include "api/githttp.h"

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "codec/json.h"

#define PREFIX "/v1/repos/"
#define GIT_PULL "codecommit:GitPull"
#define GIT_PUSH "codecommit:GitPush"

/* One request, taken apart. */
struct git_request {
	const struct githttp_config *config;
	struct http_exchange *x;
	const char *name; /* of the repository */
	const char *tail; /* behind it: "info/refs", "git-upload-pack", "git-receive-pack" */
	enum vcs_service service;
	bool advertise;
	struct call call;
	struct auth_principal *who;
	struct source_repository repository;
	bool started; /* the reply has begun */
};

static const struct {
	const char *name, *action;
} services[] = {
	[VCS_UPLOAD_PACK] = {"git-upload-pack", GIT_PULL},
	[VCS_RECEIVE_PACK] = {"git-receive-pack", GIT_PUSH},
};

bool githttp_matches(const struct http_exchange *x)
{
	return starts_with(http_raw_path(x), PREFIX);
}

/* ---- refusals ---- */

/* git shows a text/plain body as lines of "remote: ...". */
static void reply_text(struct http_exchange *x, int status, const char *text)
{
	char *line = arena_printf(http_arena(x), "%s\n", text);

	http_set_header(x, "Content-Type", "text/plain; charset=utf-8");
	http_set_header(x, "Cache-Control", "no-cache, max-age=0, must-revalidate");
	http_reply(x, status, view_of(line));
}

static void reply_err(struct git_request *r, int status, struct err *err)
{
	if (status >= 500)
		log_error("githttp", "%s %s: %s", http_method(r->x), http_raw_path(r->x),
			err_message(err));
	reply_text(r->x, status, err_message(err));
}

static int status_of(const struct err *err)
{
	switch (err->kind) {
	case ERR_DENIED:
	case ERR_BAD_SIGNATURE:
		return 403;
	case ERR_NOT_FOUND:
		return 404;
	case ERR_MALFORMED:
	case ERR_INVALID:
		return 400;
	case ERR_BUSY:
	case ERR_UNAVAILABLE:
	case ERR_DISK_FULL:
		return 503;
	default:
		return 500;
	}
}

/* ---- the request line ---- */

/* The value of a query member; git's own need no decoding. */
static struct view query_value(const char *query, const char *name)
{
	struct view rest = view_of(query);

	while (rest.p) {
		struct view item = view_cut(&rest, '&');
		struct view key = view_cut(&item, '=');

		if (view_eq_str(key, name))
			return item;
	}
	return (struct view){NULL, 0};
}

static bool find_service(struct view name, enum vcs_service *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (view_eq_str(name, services[i].name)) {
			*ret = (enum vcs_service)i;
			return true;
		}
	}
	return false;
}

/* 0, or an HTTP status and what to say. */
static int parse(struct git_request *r, const char **ret_text)
{
	struct view path = view_of(http_raw_path(r->x) + strlen(PREFIX));
	bool get = streq(http_method(r->x), "GET");

	r->name = arena_view_dup(http_arena(r->x), view_cut(&path, '/'));
	r->tail = path.p ? arena_view_dup(http_arena(r->x), path) : "";
	*ret_text = "There is nothing here. A repository is cloned from .../v1/repos/NAME.";
	if (!*r->name)
		return 404;
	r->advertise = streq(r->tail, "info/refs");
	if (r->advertise && get) {
		struct view service = query_value(http_raw_query(r->x), "service");

		if (find_service(service, &r->service))
			return 0;
		*ret_text = "Only git's smart protocol is served. Use git 1.7.9 or newer.";
		return service.p ? 403 : 400;
	}
	if (!find_service(view_of(r->tail), &r->service))
		return 404;
	*ret_text = "This needs another method.";
	return streq(http_method(r->x), "POST") ? 0 : 405;
}

/* ---- the audit ---- */

/* GitPull or GitPush: asking what there is, or handing it over. */
static void record(struct git_request *r, const struct err *err, bool transferred)
{
	struct arena *a = http_arena(r->x);
	struct call nobody = {.arena = a,
		.account = r->config->account,
		.region = r->config->region,
		.source_ip = http_peer(r->x),
		.user_agent = http_header(r->x, "User-Agent")};
	const char *arn = arena_printf(
		a, "arn:aws:codecommit:%s:%s:%s", r->config->region, r->config->account, r->name);
	struct str more CLEANUP_STR = STR_INIT;
	struct json_writer w = {&more, false};
	struct audit_note n = {
		.auth = r->config->auth,
		.who = r->who,
		.call = r->call.arena ? &r->call : &nobody,
		.source = "codecommit",
		.name = strchr(services[r->service].action, ':') + 1,
		.resources = &arn,
		.n_resources = 1,
		.error_code = err ? (err->kind == ERR_NOT_FOUND ? "RepositoryDoesNotExistException"
								: "AccessDenied")
				  : NULL,
		.error_message = err ? err_message(err) : NULL,
	};

	json_open(&w, '{');
	json_put_member(&w, "protocol", "HTTP");
	json_key(&w, "dataTransferred");
	json_put_bool(&w, transferred);
	json_put_member(&w, "repositoryName", r->name);
	json_close(&w, '}');
	n.more = str_text(&more);
	audit_note(&r->config->audit, &n);
}

/* ---- who, and whether ---- */

/* Splits the Basic credentials; false when there are none. */
static bool read_basic(struct http_exchange *x, const char **ret_user, const char **ret_password)
{
	const char *header = http_header(x, "Authorization");
	struct view text, user;

	if (!header || strncasecmp(header, "Basic ", 6) != 0 ||
		!base64_decode(view_trim(view_of(header + 6)), http_arena(x), &text))
		return false;
	user = view_cut(&text, ':');
	if (!text.p || !user.len)
		return false;
	*ret_user = arena_view_dup(http_arena(x), user);
	*ret_password = arena_view_dup(http_arena(x), text);
	return true;
}

static void ask_for_credentials(struct http_exchange *x)
{
	http_set_header(x, "WWW-Authenticate", "Basic realm=\"Towpath git\", charset=\"UTF-8\"");
	reply_text(x, 401,
		"Give git credentials of an IAM user, or set up the credential helper of the AWS "
		"CLI.");
}

static int authorize(struct git_request *r, const char *ref, struct err *err)
{
	const char *arn = call_arn(&r->call, "codecommit", "%s", r->name);
	const char *conditions[] = {ref ? "codecommit:References" : NULL, ref, NULL};
	struct call_access access = {.action = services[r->service].action,
		.resources = &arn,
		.n_resources = 1,
		.conditions = conditions};

	return r->config->auth->authorize(r->config->auth->arg, r->who, &access, &r->call, err);
}

static void fill_call(struct git_request *r)
{
	struct arena *a = http_arena(r->x);

	r->call = (struct call){.arena = a,
		.account = r->config->account,
		.region = r->config->region,
		.partition = "aws",
		.principal_arn = r->who->arn,
		.principal_id = r->who->id,
		.request_id = arena_strdup(a, id_uuid().text),
		.source_ip = http_peer(r->x),
		.user_agent = http_header(r->x, "User-Agent"),
		.endpoint = http_origin(r->x)};
}

/* Finds out who asks, whether they may, and the repository; replies when it comes to nothing. */
static int admit(struct git_request *r)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct arena *a = http_arena(r->x);
	const char *user, *password, *path = arena_printf(a, PREFIX "%s", r->name);
	int found;

	if (!read_basic(r->x, &user, &password)) {
		ask_for_credentials(r->x);
		return -1;
	}
	if (r->config->auth->authenticate_git(
		    r->config->auth->arg, r->x, user, password, path, &r->who, &err) < 0) {
		record(r, &err, false);
		reply_err(r, status_of(&err), &err);
		return -1;
	}
	fill_call(r);
	if (authorize(r, NULL, &err) < 0) {
		record(r, &err, false);
		reply_err(r, status_of(&err), &err);
		return -1;
	}
	found = source_find(r->config->source, r->name, a, &r->repository, &err);
	if (found == 0)
		reply_text(
			r->x, 404, arena_printf(a, "The repository %s does not exist.", r->name));
	else if (found < 0)
		reply_err(r, 500, &err);
	return found > 0 ? 0 : -1;
}

/* ---- serving ---- */

static void set_headers(struct git_request *r, const char *kind)
{
	http_set_header(r->x, "Content-Type",
		arena_printf(
			http_arena(r->x), "application/x-%s-%s", services[r->service].name, kind));
	http_set_header(r->x, "Cache-Control", "no-cache, max-age=0, must-revalidate");
	http_set_header(r->x, "Pragma", "no-cache");
	http_set_header(r->x, "Expires", "Fri, 01 Jan 1980 00:00:00 GMT");
}

static ssize_t stream_read(void *arg, void *buf, size_t n, struct err *err)
{
	struct git_request *r = arg;

	return http_read(r->x, buf, n, err);
}

static int start_reply(struct git_request *r, struct err *err)
{
	if (r->started)
		return 0;
	r->started = true;
	set_headers(r, "result");
	return http_start(r->x, 200, -1, err);
}

static int stream_write(void *arg, const void *bytes, size_t n, struct err *err)
{
	struct git_request *r = arg;

	return start_reply(r, err) < 0 ? -1 : http_write(r->x, bytes, n, err);
}

/* "version=2" and the like; anything else is not handed to git. */
static const char *protocol_of(const struct http_exchange *x)
{
	const char *text = http_header(x, "Git-Protocol");

	if (!text || strlen(text) > 256 ||
		text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789=:-")])
		return NULL;
	return text;
}

static void serve_advertisement(struct git_request *r)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str out = STR_INIT;

	if (source_settle(r->config->source, &r->repository, &err) < 0 ||
		vcs_advertise(r->repository.path, r->service, protocol_of(r->x), &out, &err) < 0) {
		reply_err(r, status_of(&err), &err);
		return;
	}
	set_headers(r, "advertisement");
	record(r, NULL, false);
	http_reply(r->x, 200, str_view(&out));
}

static int authorize_ref(void *arg, const char *ref, struct err *err)
{
	return authorize(arg, ref, err);
}

static int serve_pack(struct git_request *r, const struct vcs_stream *s, struct err *err)
{
	struct source_push push = {.repository = &r->repository,
		.actor_arn = r->who->arn,
		.authorize = authorize_ref,
		.arg = r};

	if (r->service == VCS_RECEIVE_PACK)
		return source_receive_pack(r->config->source, &push, s, err);
	return vcs_upload_pack(r->repository.path, protocol_of(r->x), s, err);
}

static void serve_request(struct git_request *r)
{
	CLEANUP(vcs_gunzip_freep) struct vcs_gunzip *z = NULL;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct vcs_stream s = {stream_read, stream_write, r};
	const char *encoding = http_header(r->x, "Content-Encoding");

	if (encoding && (streq(encoding, "gzip") || streq(encoding, "x-gzip"))) {
		z = vcs_gunzip_new(&s);
		s = vcs_gunzip_stream(z);
	}
	if (serve_pack(r, &s, &err) == 0) {
		record(r, NULL, true);
		/* An answer may be empty: the client only probed. */
		http_finish(r->x, start_reply(r, &err) == 0);
		return;
	}
	record(r, &err, true);
	if (!r->started) {
		reply_err(r, status_of(&err), &err);
		return;
	}
	log_warn("githttp", "%s %s broke off: %s", http_method(r->x), http_raw_path(r->x),
		err_message(&err));
	http_finish(r->x, false);
}

enum http_mode githttp_classify(const struct githttp_config *c, struct http_exchange *x)
{
	struct git_request r = {.config = c, .x = x};
	const char *user, *password, *text;
	int status = parse(&r, &text);

	if (status)
		reply_text(x, status, text);
	else if (!read_basic(x, &user, &password))
		ask_for_credentials(x);
	else
		return HTTP_STREAM;
	return HTTP_REFUSE;
}

void githttp_handle(const struct githttp_config *c, struct http_exchange *x)
{
	struct git_request r = {.config = c, .x = x};
	const char *text;

	if (parse(&r, &text) || admit(&r) < 0)
		return;
	if (r.advertise)
		serve_advertisement(&r);
	else
		serve_request(&r);
}
