/* SPDX-License-Identifier: Apache-2.0 */
#include "api/githttp.h"

#include "api/gitlfs.h"
#include "base/log.h"
#include "base/mem.h"

#define PREFIX "/v1/repos/"

/* One request, taken apart. */
struct git_request {
	struct http_exchange *x;
	const char *tail; /* behind the name: "info/refs", "git-upload-pack", "git-receive-pack" */
	bool advertise, lfs;
	bool started; /* the reply has begun */
	struct git_access git;
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
	if (git_access_is_throttled(err))
		return 429;
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

/* 0, or an HTTP status and what to say. */
static int parse(struct git_request *r, const char **ret_text)
{
	struct view path = view_of(http_raw_path(r->x) + strlen(PREFIX));
	bool get = streq(http_method(r->x), "GET");

	r->git.name = arena_view_dup(http_arena(r->x), view_cut(&path, '/'));
	r->tail = path.p ? arena_view_dup(http_arena(r->x), path) : "";
	r->lfs = gitlfs_matches(r->tail);
	*ret_text = "There is nothing here. A repository is cloned from .../v1/repos/NAME.";
	if (!*r->git.name)
		return 404;
	if (r->lfs)
		return 0;
	r->advertise = streq(r->tail, "info/refs");
	if (r->advertise && get) {
		struct view service = query_value(http_raw_query(r->x), "service");

		if (git_access_find_service(service, &r->git.service))
			return 0;
		*ret_text = "Only git's smart protocol is served. Use git 1.7.9 or newer.";
		return service.p ? 403 : 400;
	}
	if (!git_access_find_service(view_of(r->tail), &r->git.service))
		return 404;
	*ret_text = "This needs another method.";
	return streq(http_method(r->x), "POST") ? 0 : 405;
}

/* ---- who, and whether ---- */

static void ask_for_credentials(struct http_exchange *x)
{
	http_set_header(x, "WWW-Authenticate", "Basic realm=\"Towpath git\", charset=\"UTF-8\"");
	reply_text(x, 401,
		"Give git credentials of an IAM user, or set up the credential helper of the AWS "
		"CLI.");
}

static int refuse(struct git_request *r, struct err *err)
{
	reply_err(r, status_of(err), err);
	return -1;
}

/* Finds out who asks, whether they may, and the repository; replies when it comes to nothing. */
static int admit(struct git_request *r)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct arena *a = http_arena(r->x);
	const struct auth *auth = r->git.config->auth;
	const char *user, *password, *path = arena_printf(a, PREFIX "%s", r->git.name);
	struct auth_principal *who;

	if (!git_access_basic(r->x, &user, &password)) {
		ask_for_credentials(r->x);
		return -1;
	}
	if (auth->authenticate_git(auth->arg, r->x, user, password, path, &who, &err) < 0) {
		git_access_record(&r->git, &err, false);
		return refuse(r, &err);
	}
	git_access_begin(&r->git, who, http_origin(r->x));
	if (git_access_take_turn_http(&r->git, r->x, &err) < 0 ||
		git_access_enter(&r->git, &err) < 0)
		return refuse(r, &err);
	return 0;
}

/* ---- serving ---- */

static void set_headers(struct git_request *r, const char *kind)
{
	http_set_header(r->x, "Content-Type",
		arena_printf(http_arena(r->x), "application/x-%s-%s",
			git_access_service_name(r->git.service), kind));
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

static const char *protocol_of(const struct http_exchange *x)
{
	return vcs_protocol(http_header(x, "Git-Protocol"));
}

static void serve_advertisement(struct git_request *r)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str out = STR_INIT;

	if (source_settle(r->git.config->source, &r->git.repository, &err) < 0 ||
		vcs_advertise_http(r->git.repository.path, r->git.service, protocol_of(r->x),
			git_access_nonce(&r->git), &out, &err) < 0) {
		reply_err(r, status_of(&err), &err);
		return;
	}
	set_headers(r, "advertisement");
	git_access_record(&r->git, NULL, false);
	http_reply(r->x, 200, str_view(&out));
}

static int serve_pack(struct git_request *r, const struct vcs_stream *s, struct err *err)
{
	if (r->git.service == VCS_RECEIVE_PACK)
		return git_access_receive(&r->git, s, false, err);
	return vcs_upload_pack(r->git.repository.path, protocol_of(r->x), s, err);
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
		git_access_record(&r->git, NULL, true);
		/* An answer may be empty: the client only probed. */
		http_finish(r->x, start_reply(r, &err) == 0);
		return;
	}
	git_access_record(&r->git, &err, true);
	if (!r->started) {
		reply_err(r, status_of(&err), &err);
		return;
	}
	log_warn("githttp", "%s %s broke off: %s", http_method(r->x), http_raw_path(r->x),
		err_message(&err));
	http_finish(r->x, false);
}

static struct git_request request_of(const struct git_access_config *c, struct http_exchange *x)
{
	return (struct git_request){.x = x,
		.git = {.config = c,
			.protocol = "HTTP",
			.call = {.arena = http_arena(x),
				.source_ip = http_peer(x),
				.user_agent = http_header(x, "User-Agent")}}};
}

enum http_mode githttp_classify(const struct git_access_config *c, struct http_exchange *x)
{
	struct git_request r = request_of(c, x);
	const char *user, *password, *text;
	int status = parse(&r, &text);

	if (status)
		reply_text(x, status, text);
	else if (!r.lfs && !git_access_basic(x, &user, &password))
		ask_for_credentials(x);
	else
		return HTTP_STREAM;
	return HTTP_REFUSE;
}

void githttp_handle(const struct git_access_config *c, struct http_exchange *x)
{
	struct git_request r = request_of(c, x);
	const char *text;

	if (parse(&r, &text))
		return;
	if (r.lfs) {
		gitlfs_handle(&r.git, x, r.tail);
		return;
	}
	if (admit(&r) < 0)
		return;
	if (r.advertise)
		serve_advertisement(&r);
	else
		serve_request(&r);
}
