/* SPDX-License-Identifier: Apache-2.0 */
/* The registry's routes, and who may take them. */
#include "api/registry.h"

#include <strings.h>

#include "api/registry_request.h"
#include "base/id.h"
#include "base/mem.h"
#include "codec/base64.h"

#define PREFIX "/v2/"
#define USER "AWS"

static const struct route {
	enum registry_target target;
	const char *method;
	bool stream;	    /* reads the body piece by piece */
	const char *action; /* that the caller must be allowed; NULL: none */
	registry_serve serve;
} routes[] = {
	{REGISTRY_BASE, "GET", false, NULL, registry_get_base},
	{REGISTRY_BASE, "HEAD", false, NULL, registry_get_base},
	{REGISTRY_CATALOG, "GET", false, "ecr:DescribeRepositories", registry_get_catalog},
	{REGISTRY_TAGS, "GET", false, "ecr:ListImages", registry_get_tags},
	{REGISTRY_REFERRERS, "GET", false, "ecr:BatchGetImage", registry_get_referrers},
	{REGISTRY_MANIFEST, "HEAD", false, "ecr:BatchGetImage", registry_get_manifest},
	{REGISTRY_MANIFEST, "GET", false, "ecr:BatchGetImage", registry_get_manifest},
	{REGISTRY_MANIFEST, "PUT", false, "ecr:PutImage", registry_put_manifest},
	{REGISTRY_MANIFEST, "DELETE", false, "ecr:BatchDeleteImage", registry_delete_manifest},
	{REGISTRY_BLOB, "HEAD", false, "ecr:BatchCheckLayerAvailability", registry_head_blob},
	{REGISTRY_BLOB, "GET", false, "ecr:GetDownloadUrlForLayer", registry_get_blob},
	{REGISTRY_BLOB, "DELETE", false, "ecr:BatchDeleteImage", registry_delete_blob},
	{REGISTRY_UPLOADS, "POST", true, "ecr:InitiateLayerUpload", registry_post_uploads},
	{REGISTRY_UPLOAD, "GET", true, "ecr:UploadLayerPart", registry_get_upload},
	{REGISTRY_UPLOAD, "PATCH", true, "ecr:UploadLayerPart", registry_patch_upload},
	{REGISTRY_UPLOAD, "PUT", true, "ecr:CompleteLayerUpload", registry_put_upload},
	{REGISTRY_UPLOAD, "DELETE", true, "ecr:UploadLayerPart", registry_delete_upload},
};

bool registry_matches(const struct http_exchange *x)
{
	const char *path = http_raw_path(x), *header = http_header(x, "Authorization");

	if (!streq(path, "/v2") && !starts_with(path, PREFIX))
		return false;
	return !(header && starts_with(header, "AWS4-")) &&
	       !strstr(http_raw_query(x), "X-Amz-Signature=");
}

/* ---- the path ---- */

/* Cuts "/<mark>/" and what follows off the name; NULL when it is not there. */
static const char *cut_last(char *name, const char *mark)
{
	char *at = NULL;

	for (char *next = strstr(name, mark); next; next = strstr(next + 1, mark))
		at = next;
	if (!at || at == name)
		return NULL;
	*at = '\0';
	return at + strlen(mark);
}

static bool find_target(struct registry_request *r, char *path)
{
	static const struct {
		const char *mark;
		enum registry_target target;
	} marks[] = {
		{"/blobs/uploads/", REGISTRY_UPLOAD},
		{"/blobs/", REGISTRY_BLOB},
		{"/manifests/", REGISTRY_MANIFEST},
		{"/referrers/", REGISTRY_REFERRERS},
		{"/tags/", REGISTRY_TAGS},
	};

	if (!*path || streq(path, "_catalog")) {
		r->target = *path ? REGISTRY_CATALOG : REGISTRY_BASE;
		return true;
	}
	if (ends_with(path, "/blobs/uploads"))
		path = arena_printf(r->a, "%s/", path);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		r->reference = cut_last(path, marks[i].mark);
		if (!r->reference)
			continue;
		r->name = path;
		r->target = marks[i].target;
		if (r->target == REGISTRY_UPLOAD && !*r->reference)
			r->target = REGISTRY_UPLOADS;
		return r->target != REGISTRY_TAGS || streq(r->reference, "list");
	}
	return false;
}

/* 0, or it has replied. */
static int parse(struct registry_request *r)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	const char *raw = http_raw_path(r->x);
	struct view path;

	raw = strlen(raw) > strlen(PREFIX) ? raw + strlen(PREFIX) : "";
	if (!form_decode(view_of(raw), false, r->a, &path) ||
		!find_target(r, arena_view_dup(r->a, path))) {
		registry_refuse(r, 404, "NAME_UNKNOWN", "There is nothing here.");
		return -1;
	}
	if (r->name && r->name[strspn(r->name, "abcdefghijklmnopqrstuvwxyz0123456789._-/")]) {
		registry_refuse(r, 400, "NAME_INVALID", "invalid repository name");
		return -1;
	}
	if (form_parse(view_of(http_raw_query(r->x)), r->a, &r->query, &err) < 0) {
		registry_error(r, &err);
		return -1;
	}
	return 0;
}

static const struct route *find_route(const struct registry_request *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (routes[i].target == r->target && streq(routes[i].method, http_method(r->x)))
			return &routes[i];
	return NULL;
}

/* ---- who, and whether ---- */

static const char *read_password(const struct registry_request *r)
{
	const char *header = http_header(r->x, "Authorization");
	struct view text, user;

	if (!header || strncasecmp(header, "Basic ", 6) != 0 ||
		!base64_decode(view_trim(view_of(header + 6)), r->a, &text))
		return NULL;
	user = view_cut(&text, ':');
	return view_eq_str(user, USER) && text.p ? arena_view_dup(r->a, text) : NULL;
}

/* A ticket opens one blob, and nothing else; a password is none. */
static const char *ticket_of(const struct registry_request *r)
{
	return r->target == REGISTRY_BLOB && streq(http_method(r->x), "GET")
		       ? form_get(&r->query, "ticket")
		       : NULL;
}

static void ask_for_password(struct registry_request *r, const char *message)
{
	registry_set_header(r, "WWW-Authenticate",
		"Basic realm=\"%s/\",service=\"ecr.amazonaws.com\"", http_origin(r->x));
	registry_refuse(r, 401, "UNAUTHORIZED", message);
}

static void fill_call(struct registry_request *r)
{
	r->call = (struct call){.arena = r->a,
		.account = r->config->account,
		.region = r->config->region,
		.partition = "aws",
		.principal_arn = r->who->arn,
		.principal_id = r->who->id,
		.principal = r->who->identity,
		.request_id = arena_strdup(r->a, id_uuid().text),
		.source_ip = http_peer(r->x),
		.user_agent = http_header(r->x, "User-Agent"),
		.referer = http_header(r->x, "Referer"),
		.endpoint = http_origin(r->x)};
}

static int authenticate(struct registry_request *r)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	const struct auth *auth = r->config->auth;
	const char *ticket = ticket_of(r), *password = ticket ? ticket : read_password(r);
	const char *scope = arena_printf(
		r->a, "blob %s %s", r->name ? r->name : "", r->reference ? r->reference : "");

	if (!password) {
		ask_for_password(r, "Not Authorized: log in as AWS with the password of `aws ecr "
				    "get-login-password`");
		return -1;
	}
	if (auth->authenticate_registry(auth->arg, r->x, password, &r->who, &err) < 0) {
		if (streq(err.wire, "ExpiredToken"))
			registry_refuse(r, 403, "DENIED", err_message(&err));
		else if (err_is(&err, ERR_BAD_SIGNATURE))
			ask_for_password(r, err_message(&err));
		else
			registry_error(r, &err);
		return -1;
	}
	if (ticket ? !streq(r->who->ticket, scope) : r->who->ticket != NULL) {
		registry_refuse(r, 403, "DENIED", "This ticket is for something else.");
		return -1;
	}
	fill_call(r);
	return 0;
}

int registry_authorize(
	struct registry_request *r, const char *action, const char *name, struct err *err)
{
	const struct auth *auth = r->config->auth;
	const char *arn = name ? call_arn(&r->call, "ecr", "repository/%s", name) : "*";
	struct call_access access = {
		.action = action, .resources = &arn, .n_resources = 1, .resource_implied = true};

	if (name && artifact_image_policy(
			    r->config->artifact, name, r->a, &access.resource_policy, err) < 0)
		return -1;
	return auth->authorize(auth->arg, r->who, &access, &r->call, err);
}

/* Whether the rate leaves room for one more; replies when it does not. */
static int take_turn(struct registry_request *r, const struct route *route)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	int64_t wait;

	if (throttle_take_action(
		    r->config->throttle, route->action ? route->action : "ecr", &wait, &err) == 0)
		return 0;
	registry_set_header(r, "Retry-After", "%lld", (long long)wait);
	registry_refuse(r, 429, "TOOMANYREQUESTS", err_message(&err));
	return -1;
}

/* ---- the way in ---- */

static void init(
	struct registry_request *r, const struct registry_config *c, struct http_exchange *x)
{
	*r = (struct registry_request){.config = c, .x = x, .a = http_arena(x)};
	http_set_header(x, "Docker-Distribution-Api-Version", "registry/2.0");
}

enum http_mode registry_classify(const struct registry_config *c, struct http_exchange *x)
{
	struct registry_request *r = arena_new(http_arena(x), struct registry_request);
	const struct route *route;

	init(r, c, x);
	http_set_context(x, r);
	if (parse(r) < 0)
		return HTTP_REFUSE;
	route = find_route(r);
	if (!route) {
		registry_refuse(r, 405, "UNSUPPORTED", "This needs another method.");
		return HTTP_REFUSE;
	}
	if (!read_password(r) && !ticket_of(r)) {
		ask_for_password(r, "Not Authorized: log in as AWS with the password of `aws ecr "
				    "get-login-password`");
		return HTTP_REFUSE;
	}
	return route->stream ? HTTP_STREAM : HTTP_BUFFERED;
}

void registry_handle(const struct registry_config *c, struct http_exchange *x)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct registry_request *r = http_context(x);
	const struct route *route = find_route(r);

	(void)c;
	if (authenticate(r) < 0 || take_turn(r, route) < 0)
		return;
	if ((route->action && registry_authorize(r, route->action, r->name, &err) < 0) ||
		route->serve(r, &err) < 0)
		registry_error(r, &err);
}

int registry_get_base(struct registry_request *r, struct err *err)
{
	(void)err;
	http_set_header(r->x, "Content-Type", "application/json");
	http_reply(r->x, 200, VIEW("{}"));
	return 0;
}
