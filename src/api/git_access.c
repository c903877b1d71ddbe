/* SPDX-License-Identifier: Apache-2.0 */
#include "api/git_access.h"

#include <time.h>

#include "base/id.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "codec/json.h"

static const struct {
	const char *name, *action;
} services[] = {
	[VCS_UPLOAD_PACK] = {"git-upload-pack", "codecommit:GitPull"},
	[VCS_RECEIVE_PACK] = {"git-receive-pack", "codecommit:GitPush"},
};

const char *git_access_service_name(enum vcs_service service)
{
	return services[service].name;
}

bool git_access_find_service(struct view name, enum vcs_service *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		if (view_eq_str(name, services[i].name)) {
			*ret = (enum vcs_service)i;
			return true;
		}
	}
	return false;
}

bool git_access_basic(struct http_exchange *x, const char **ret_user, const char **ret_password)
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

void git_access_begin(struct git_access *g, struct auth_principal *who, const char *endpoint)
{
	g->who = who;
	g->call.account = g->config->account;
	g->call.region = g->config->region;
	g->call.partition = "aws";
	g->call.principal_arn = who->arn;
	g->call.principal_id = who->id;
	g->call.request_id = arena_strdup(g->call.arena, id_uuid().text);
	g->call.endpoint = endpoint;
}

/* ---- rates ---- */

bool git_access_is_throttled(const struct err *err)
{
	return streq(err_wire_name(err), "ThrottlingException");
}

int git_access_take_turn(struct git_access *g, int64_t *ret_wait_sec, struct err *err)
{
	if (throttle_take_action(
		    g->config->throttle, services[g->service].action, ret_wait_sec, err) == 0)
		return 0;
	git_access_record(g, err, false);
	return -1;
}

int git_access_take_turn_http(struct git_access *g, struct http_exchange *x, struct err *err)
{
	int64_t wait;

	if (git_access_take_turn(g, &wait, err) == 0)
		return 0;
	http_set_header(x, "Retry-After", arena_printf(g->call.arena, "%lld", (long long)wait));
	return -1;
}

/* ---- the audit ---- */

static const char *error_code(const struct err *err)
{
	if (!err)
		return NULL;
	if (git_access_is_throttled(err))
		return err_wire_name(err);
	return err->kind == ERR_NOT_FOUND ? "RepositoryDoesNotExistException" : "AccessDenied";
}

void git_access_record(struct git_access *g, const struct err *err, bool transferred)
{
	struct arena *a = g->call.arena;
	const char *arn = arena_printf(
		a, "arn:aws:codecommit:%s:%s:%s", g->config->region, g->config->account, g->name);
	struct str more CLEANUP_STR = STR_INIT;
	struct json_writer w = {&more, false};
	struct audit_note n = {
		.auth = g->config->auth,
		.who = g->who,
		.call = &g->call,
		.source = "codecommit",
		.name = strchr(services[g->service].action, ':') + 1,
		.resources = &arn,
		.n_resources = 1,
		.error_code = error_code(err),
		.error_message = err ? err_message(err) : NULL,
	};

	g->call.account = g->config->account;
	g->call.region = g->config->region;
	json_open(&w, '{');
	json_put_member(&w, "protocol", g->protocol);
	json_key(&w, "dataTransferred");
	json_put_bool(&w, transferred);
	json_put_member(&w, "repositoryName", g->name);
	push_signer_describe(&g->signer, &w);
	json_close(&w, '}');
	n.more = str_text(&more);
	audit_note(&g->config->audit, &n);
}

/* ---- whether ---- */

static const char *const kinds[] = {
	[SOURCE_PUSH_CREATE] = "create",
	[SOURCE_PUSH_UPDATE] = "update",
	[SOURCE_PUSH_FORCE] = "force",
	[SOURCE_PUSH_DELETE] = "delete",
};

/* ref and kind NULL: not known yet; nor is it then whether the push is signed. */
static int authorize(
	struct git_access *g, const char *ref, const char *kind, bool is_signed, struct err *err)
{
	const char *arn = call_arn(&g->call, "codecommit", "%s", g->name);
	const char *conditions[] = {ref ? "codecommit:References" : NULL, ref,
		kind ? "towpath:PushKind" : NULL, kind, "towpath:PushSigned",
		is_signed ? "true" : "false", NULL};
	struct call_access access = {.action = services[g->service].action,
		.resources = &arn,
		.n_resources = 1,
		.conditions = conditions};

	return g->config->auth->authorize(g->config->auth->arg, g->who, &access, &g->call, err);
}

static int authorize_push(void *arg, const char *ref, enum source_push_kind kind, struct err *err)
{
	struct git_access *g = arg;
	const struct push_signer *signer = &g->signer;
	bool is_signed = signer->status == PUSH_SIGNER_VERIFIED;
	const char *reason;

	if (authorize(g, ref, kinds[kind], is_signed, err) == 0)
		return 0;
	if (!err || is_signed || authorize(g, ref, kinds[kind], true, NULL) < 0)
		return -1;
	/* A signature is all that is missing. */
	reason = arena_strdup(g->call.arena, err_message(err));
	return err_set(err, ERR_DENIED, "%s: only signed pushes may change it; %s", reason,
		signer->why ? signer->why : "use git push --signed with gpg.format=ssh");
}

static int verify_push(void *arg, const struct vcs_push_cert *cert, struct err *err)
{
	struct git_access *g = arg;

	return push_cert_verify(g->config->auth, g->who, g->repository.id, cert, time(NULL),
		g->call.arena, &g->signer, err);
}

const char *git_access_nonce(struct git_access *g)
{
	return g->service == VCS_RECEIVE_PACK ? push_cert_nonce(g->config->auth, g->repository.id,
							time(NULL), g->call.arena)
					      : NULL;
}

int git_access_enter(struct git_access *g, struct err *err)
{
	int found;

	if (authorize(g, NULL, NULL, false, err) < 0) {
		git_access_record(g, err, false);
		return -1;
	}
	found = source_find(g->config->source, g->name, g->call.arena, &g->repository, err);
	if (found == 0)
		return err_set(err, ERR_NOT_FOUND, "The repository %s does not exist.", g->name);
	return found < 0 ? -1 : 0;
}

int git_access_may_push(struct git_access *g, const char *ref, struct err *err)
{
	return authorize(g, ref, NULL, false, err);
}

int git_access_receive(
	struct git_access *g, const struct vcs_stream *s, bool stateful, struct err *err)
{
	struct source_push push = {.repository = &g->repository,
		.actor_arn = g->who->arn,
		.stateful = stateful,
		.verify = verify_push,
		.ret_cert = &g->signer.certificate,
		.authorize = authorize_push,
		.arg = g};

	return source_receive_pack(g->config->source, &push, s, err);
}
