/* SPDX-License-Identifier: Apache-2.0 */
#include "api/gitlfs.h"

#include <time.h>

#include "api/gitlfs_request.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/json.h"

#define BODY_MAX (4 * MIB)
#define TICKET_USEC (3600 * USEC_PER_SEC)
#define TICKET_SCHEME "RemoteAuth "

bool gitlfs_matches(const char *tail)
{
	return starts_with(tail, GITLFS_PATH);
}

/* ---- replies ---- */

void gitlfs_reply(struct gitlfs_request *r, int status, const struct str *json)
{
	http_set_header(r->x, "Content-Type", "application/vnd.git-lfs+json");
	http_reply(r->x, status, str_view(json));
}

void gitlfs_refuse(struct gitlfs_request *r, int status, const char *message)
{
	CLEANUP_STR struct str out = STR_INIT;
	struct json_writer w = {&out, false};

	if (status == 401)
		http_set_header(r->x, "LFS-Authenticate", "Basic realm=\"Towpath git\"");
	json_open(&w, '{');
	json_put_member(&w, "message", message);
	json_put_member(&w, "request_id", r->git->call.request_id);
	json_close(&w, '}');
	gitlfs_reply(r, status, &out);
}

static int status_of(const struct err *err)
{
	static const struct {
		enum err_kind kind;
		int status;
	} table[] = {
		/* 401 rather than 403: clients ask their helper for a fresh password. */
		{ERR_BAD_SIGNATURE, 401},
		{ERR_DENIED, 403},
		{ERR_NOT_FOUND, 404},
		{ERR_MALFORMED, 422},
		{ERR_INVALID, 422},
		{ERR_TOO_LARGE, 413},
		{ERR_DISK_FULL, 507},
	};

	if (git_access_is_throttled(err))
		return 429;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].kind == err->kind)
			return table[i].status;
	return err_http_status(err->kind);
}

int gitlfs_read_json(struct gitlfs_request *r, const struct json_node **ret, struct err *err)
{
	CLEANUP_STR struct str body = STR_INIT;
	char buf[16 * KIB];
	ssize_t got;

	while ((got = http_read(r->x, buf, sizeof(buf), err)) > 0) {
		str_add_n(&body, buf, (size_t)got);
		if (body.len > BODY_MAX)
			return err_set(err, ERR_TOO_LARGE, "the request is too long");
	}
	if (got < 0)
		return -1;
	return json_parse(view_of(arena_view_dup(r->a, str_view(&body))), r->a, ret, err);
}

/* ---- routes ---- */

static const struct {
	const char *method, *path; /* '*': one part, r->part */
	enum vcs_service service;  /* whose permission it needs */
	int (*serve)(struct gitlfs_request *r, struct err *err);
} routes[] = {
	{"POST", "objects/batch", VCS_UPLOAD_PACK, gitlfs_batch},
	{"POST", "objects/verify", VCS_RECEIVE_PACK, gitlfs_verify},
	{"GET", "objects/*", VCS_UPLOAD_PACK, gitlfs_download},
	{"PUT", "objects/*", VCS_RECEIVE_PACK, gitlfs_upload},
	{"POST", "locks", VCS_RECEIVE_PACK, gitlfs_lock},
	{"GET", "locks", VCS_UPLOAD_PACK, gitlfs_locks},
	{"POST", "locks/verify", VCS_RECEIVE_PACK, gitlfs_verify_locks},
	{"POST", "locks/*/unlock", VCS_RECEIVE_PACK, gitlfs_unlock},
};

static bool fits(struct gitlfs_request *r, const char *pattern, struct view path)
{
	struct view want = view_of(pattern);

	while (want.p && path.p) {
		struct view w = view_cut(&want, '/'), p = view_cut(&path, '/');

		if (view_eq_str(w, "*") && p.len)
			r->part = arena_view_dup(r->a, p);
		else if (!view_eq(w, p))
			return false;
	}
	return !want.p && !path.p;
}

/* The index of the route, or -1. */
static int find_route(struct gitlfs_request *r, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (streq(http_method(r->x), routes[i].method) &&
			fits(r, routes[i].path, view_of(path)))
			return (int)i;
	return -1;
}

/* ---- who ---- */

static int authenticate(struct gitlfs_request *r, struct auth_principal **ret, struct err *err)
{
	const struct auth *auth = r->git->config->auth;
	const char *header = http_header(r->x, "Authorization"), *user, *password;
	const char *path = arena_printf(r->a, "/v1/repos/%s", r->git->name);

	if (header && starts_with(header, TICKET_SCHEME) && auth->authenticate_ssh_ticket)
		return auth->authenticate_ssh_ticket(auth->arg, http_peer(r->x),
			header + strlen(TICKET_SCHEME), r->git->name, r->a, ret, err);
	if (!git_access_basic(r->x, &user, &password))
		return err_set(err, ERR_BAD_SIGNATURE, "Credentials needed");
	return auth->authenticate_git(auth->arg, r->x, user, password, path, ret, err);
}

static int serve(struct gitlfs_request *r, const char *path, struct err *err)
{
	int route = find_route(r, path);
	struct auth_principal *who;

	if (route < 0)
		return err_set(err, ERR_NOT_FOUND, "There is nothing here.");
	r->git->service = routes[route].service;
	if (authenticate(r, &who, err) < 0) {
		git_access_record(r->git, err, false);
		return -1;
	}
	git_access_begin(r->git, who, http_origin(r->x));
	if (git_access_take_turn_http(r->git, r->x, err) < 0 || git_access_enter(r->git, err) < 0)
		return -1;
	return routes[route].serve(r, err);
}

void gitlfs_handle(struct git_access *g, struct http_exchange *x, const char *tail)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct gitlfs_request r = {.git = g, .x = x, .a = g->call.arena};
	size_t n = strlen(g->name);

	/* git-lfs looks for LFS at REMOTE.git/info/lfs; no repository's name ends so. */
	if (n > strlen(".git") && ends_with(g->name, ".git"))
		g->name = arena_strndup(r.a, g->name, n - strlen(".git"));

	if (serve(&r, tail + strlen(GITLFS_PATH), &err) == 0)
		return;
	if (status_of(&err) >= 500)
		log_error(
			"gitlfs", "%s %s: %s", http_method(x), http_raw_path(x), err_message(&err));
	gitlfs_refuse(&r, status_of(&err), err_message(&err));
}

/* ---- over SSH ---- */

void gitlfs_authenticate(struct git_access *g, const char *ssh_key_id, struct str *out)
{
	const struct auth *auth = g->config->auth;
	struct arena *a = g->call.arena;
	int64_t expires = (int64_t)time(NULL) * USEC_PER_SEC + TICKET_USEC;
	struct json_writer w = {out, false};

	json_open(&w, '{');
	json_put_member(&w, "href",
		arena_printf(a, "%s/v1/repos/%s/info/lfs", g->config->endpoint, g->name));
	json_key(&w, "header");
	json_open(&w, '{');
	json_put_member(&w, "Authorization",
		arena_printf(a, TICKET_SCHEME "%s",
			auth->ssh_ticket(auth->arg, ssh_key_id, g->name, expires, a)));
	json_close(&w, '}');
	json_key(&w, "expires_in");
	json_put_int(&w, TICKET_USEC / USEC_PER_SEC);
	json_close(&w, '}');
	str_add_c(out, '\n');
}
