/* SPDX-License-Identifier: Apache-2.0 */
/* A push: what it wants is checked before git sees it, then git receives it within one change of
 * references (ref_update.h). One reference that is refused refuses the push. */
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "source/ref_update.h"

#define PUSH_WAIT_USEC (600 * USEC_PER_SEC)

struct session {
	struct source_engine *e;
	const struct source_push *push;
	struct arena *arena;
	struct vcs_push request;
	const char *default_branch; /* full name or NULL */
	struct ref_update update;
};

/* What a command does, as far as it shows before the objects are here. */
static enum source_push_kind kind_of(const struct vcs_command *c)
{
	if (vcs_id_is_zero(&c->after))
		return SOURCE_PUSH_DELETE;
	if (vcs_id_is_zero(&c->before))
		return SOURCE_PUSH_CREATE;
	return starts_with(c->ref, "refs/heads/") ? SOURCE_PUSH_UPDATE : SOURCE_PUSH_FORCE;
}

/* Whether git must refuse to move the branch but forward. */
static bool forward_only(struct session *s, const struct vcs_command *c)
{
	return kind_of(c) == SOURCE_PUSH_UPDATE &&
	       s->push->authorize(s->push->arg, c->ref, SOURCE_PUSH_FORCE, NULL) < 0;
}

/* Why a reference may not be pushed to, or NULL. */
static const char *refuse_name(struct session *s, struct vcs_command *c)
{
	CLEANUP_ERR struct err err = ERR_INIT;

	if (!vcs_ref_name_valid(c->ref))
		return "not a valid reference name";
	if (starts_with(c->ref, "refs/heads/") &&
		source_check_branch_name(c->ref + strlen("refs/heads/"), &err) < 0)
		return "not a valid branch name";
	if (vcs_id_is_zero(&c->after) && streq(c->ref, s->default_branch))
		return "the default branch cannot be deleted";
	if (s->push->authorize(s->push->arg, c->ref, kind_of(c), &err) < 0)
		return arena_strdup(s->arena, err_message(&err));
	c->forward_only = forward_only(s, c);
	return NULL;
}

/* Reasons for each command; true when the push must be refused. What a forced move is shows once
 * the objects are here. */
static bool check_commands(struct session *s, const char **reasons)
{
	CLEANUP_MAP struct map seen = MAP_INIT;
	bool refused = false;

	for (size_t i = 0; i < s->request.n; i++) {
		struct vcs_command *c = &s->request.commands[i];

		reasons[i] = refuse_name(s, c);
		if (map_set(&seen, c->ref, s))
			reasons[i] = "named more than once";
		refused = refused || reasons[i];
	}
	for (size_t i = 0; refused && i < s->request.n; i++)
		if (!reasons[i])
			reasons[i] = "refused because another reference of this push was refused";
	return refused;
}

static int refuse(struct session *s, const char *const *reasons, const char *message,
	const struct vcs_stream *stream, struct err *err)
{
	if (vcs_push_drain(stream, err) < 0)
		return -1;
	return vcs_push_report(&s->request, reasons, message, stream, err);
}

static int prepare(void *arg, struct err *err)
{
	struct session *s = arg;

	return ref_update_begin(&s->update, s->arena, PUSH_WAIT_USEC, err);
}

static int settle(void *arg, struct err *err)
{
	struct session *s = arg;
	CLEANUP_ERR struct err failed = ERR_INIT;
	int rc = ref_update_finish(&s->update, &failed);

	/* Others need not wait until the client has read the report. */
	ref_update_release(&s->update);
	if (rc < 0 && err)
		err_move(err, &failed);
	else if (rc < 0)
		log_err("source", &failed, "push to %s", s->push->repository->name);
	return rc;
}

static int receive(struct session *s, const struct vcs_stream *stream, struct err *err)
{
	struct vcs_push_bracket bracket = {prepare, settle, s};
	struct ref_change *changes = arena_new_n(s->arena, s->request.n, struct ref_change);
	int rc;

	for (size_t i = 0; i < s->request.n; i++) {
		changes[i].ref = s->request.commands[i].ref;
		changes[i].after = s->request.commands[i].after;
	}
	s->update = (struct ref_update){.e = s->e,
		.repository_id = s->push->repository->id,
		.path = s->push->repository->path,
		.actor = s->push->actor_arn,
		.changes = changes,
		.n = s->request.n};
	rc = vcs_receive_pack(s->push->repository->path, &s->request, stream, &bracket, err);
	ref_update_release(&s->update);
	return rc;
}

/* One reason for all. */
static int refuse_all(
	struct session *s, const char *reason, const struct vcs_stream *stream, struct err *err)
{
	const char **reasons = arena_new_n(s->arena, s->request.n, const char *);

	for (size_t i = 0; i < s->request.n; i++)
		reasons[i] = reason;
	return refuse(s, reasons, reason, stream, err);
}

/* The certificate stays in the repository, as a blob that no reference names. One that is there
 * has been used, so nobody can send a push of another's again. */
static int keep_certificate(struct session *s, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	int rc;

	if (vcs_repository_open(s->push->repository->path, &git, err) < 0)
		return -1;
	rc = vcs_blob_write_once(git, s->request.cert->text, s->push->ret_cert, err);
	if (rc == 0)
		return err_set(err, ERR_DENIED,
			"This push certificate has been used before. Push again, which signs "
			"anew.");
	return rc < 0 ? -1 : 0;
}

/* What follows the commands: checks them, and receives or refuses. bad: what is wrong with them. */
static int serve_commands(
	struct session *s, const struct vcs_stream *stream, const struct err *bad, struct err *err)
{
	struct store_source_repository r;
	const char **reasons = arena_new_n(s->arena, s->request.n, const char *);
	CLEANUP_ERR struct err why = ERR_INIT;

	if (bad->kind)
		return refuse_all(s, err_message(bad), stream, err);
	if (source_load(s->e, s->push->repository->name, s->arena, &r, err) < 0)
		return -1;
	if (r.meta.default_branch)
		s->default_branch = arena_printf(s->arena, "refs/heads/%s", r.meta.default_branch);
	if (s->request.cert && s->push->verify(s->push->arg, s->request.cert, &why) < 0)
		return refuse_all(s, err_message(&why), stream, err);
	if (check_commands(s, reasons))
		return refuse(
			s, reasons, "The push was refused; nothing has changed.", stream, err);
	if (s->request.cert && keep_certificate(s, &why) < 0)
		return refuse_all(s, err_message(&why), stream, err);
	return receive(s, stream, err);
}

static int serve(struct session *s, const struct vcs_stream *stream, struct err *err)
{
	CLEANUP(vcs_pack_end_freep) struct vcs_pack_end *end = NULL;
	CLEANUP_ERR struct err bad = ERR_INIT;
	struct vcs_stream ending = *stream;

	if (vcs_push_read(stream, s->arena, &s->request, &bad) < 0 && !err_is(&bad, ERR_TOO_LARGE))
		return err_move(err, &bad);
	if (s->request.n == 0) /* the client only asks whether it may */
		return s->push->stateful ? 0 : vcs_push_drain(stream, err);
	if (s->push->stateful) {
		struct view begun = str_view(&s->request.raw);

		begun.p += s->request.head;
		begun.len -= s->request.head;
		end = vcs_pack_end_new(stream, begun, vcs_push_has_pack(&s->request));
		ending = vcs_pack_end_stream(end);
	}
	return serve_commands(s, &ending, &bad, err);
}

int source_receive_pack(struct source_engine *e, const struct source_push *p,
	const struct vcs_stream *stream, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct session s = {.e = e, .push = p, .arena = &a};
	int rc = serve(&s, stream, err);

	vcs_push_release(&s.request);
	return rc;
}
