/* SPDX-License-Identifier: Apache-2.0 */
#include "api/gitssh.h"

#include "api/gitlfs.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/json.h"
#include "net/ssh_link.h"

#define PREFIX "v1/repos/"

/* A client, from login to its end. */
struct client {
	const struct git_access_config *config;
	int link;
	const char *address;
	struct arena arena;
	const char *user;	    /* the SSH key id last asked about */
	struct auth_principal *who; /* whose key it is; NULL: nobody's */
	const char *banner;	    /* of the client's program, once logged in */
	bool logged_in;
};

static int answer(struct client *c, const char *word, const char *more)
{
	const char *const fields[] = {word, more, NULL};

	return ssh_link_send(c->link, fields, NULL, 0, NULL);
}

/* ---- login ---- */

static void record_login(struct client *c, const struct err *err)
{
	struct call call = {.arena = &c->arena,
		.account = c->config->account,
		.region = c->config->region,
		.source_ip = c->address,
		.user_agent = c->banner};
	CLEANUP_STR struct str more = STR_INIT;
	struct json_writer w = {&more, false};
	struct audit_note n = {
		.auth = c->config->auth,
		.who = err ? NULL : c->who,
		.call = &call,
		.source = "codecommit",
		.name = "SSHLogin",
		.error_code = err ? "AccessDenied" : NULL,
		.error_message = err ? err_message(err) : NULL,
	};

	json_open(&w, '{');
	json_put_member(&w, "protocol", "SSH");
	json_put_member(&w, "sshPublicKeyId", c->user);
	json_close(&w, '}');
	n.more = str_text(&more);
	audit_note(&c->config->audit, &n);
}

/* A client may offer several keys before the right one, so that only its end tells whether it
 * failed. */
static int hear_key(struct client *c, const struct ssh_link_message *m)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	const struct auth *auth = c->config->auth;

	c->user = arena_strdup(&c->arena, m->fields[1]);
	c->who = NULL;
	if (auth->authenticate_ssh(
		    auth->arg, c->address, c->user, m->fields[2], &c->arena, &c->who, &err) == 0)
		return answer(c, "yes", NULL);
	c->who = NULL;
	log_debug("gitssh", "%s from %s: %s", c->user, c->address, err_message(&err));
	return answer(c, "no", NULL);
}

static int hear_login(struct client *c, const struct ssh_link_message *m)
{
	if (!c->who || c->logged_in)
		return answer(c, "no", NULL);
	c->banner = arena_strdup(&c->arena, m->fields[1]);
	c->logged_in = true;
	record_login(c, NULL);
	return answer(c, "yes", NULL);
}

static void note_failure(struct client *c)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	const struct auth *auth = c->config->auth;

	auth->note_ssh_failure(auth->arg, c->address, c->user);
	err_set(&err, ERR_DENIED, "%.40s: no key of the client is this SSH key", c->user);
	record_login(c, &err);
}

/* ---- a command ---- */

/* '/v1/repos/NAME', quoted or not; the name is checked where it is looked up. */
static int parse_path(struct client *c, struct view path, const char **ret_name, struct err *err)
{
	path = view_trim(path);
	if (path.len >= 2 && path.p[0] == '\'' && path.p[path.len - 1] == '\'')
		path = (struct view){path.p + 1, path.len - 2};
	if (view_starts_with(path, "/"))
		path = (struct view){path.p + 1, path.len - 1};
	if (!view_starts_with(path, PREFIX))
		return err_set(err, ERR_NOT_FOUND,
			"There is nothing there. A repository's URL is "
			"ssh://<SSH key id>@host:port/v1/repos/NAME.");
	*ret_name = arena_strndup(&c->arena, path.p + strlen(PREFIX), path.len - strlen(PREFIX));
	return 0;
}

/* Takes "git-upload-pack '/v1/repos/NAME'" apart. */
static int parse(struct client *c, const char *command, struct git_access *g, struct err *err)
{
	struct view rest = view_of(command), verb = view_cut(&rest, ' ');

	if (view_eq_str(verb, "git")) { /* git upload-pack */
		verb = view_cut(&rest, ' ');
		verb = view_of(arena_printf(&c->arena, "git-" VIEW_FMT, VIEW_ARG(verb)));
	}
	if (!git_access_find_service(verb, &g->service))
		return err_set(err, ERR_INVALID,
			"Only git-upload-pack, git-receive-pack and git-lfs-authenticate can be "
			"run here.");
	return parse_path(c, rest, &g->name, err);
}

struct pipes {
	int in, out;
	const struct interrupt *ending;
};

static ssize_t read_pipe(void *arg, void *buf, size_t n, struct err *err)
{
	struct pipes *p = arg;
	struct pollfd ready[] = {
		{.fd = p->in, .events = POLLIN}, {.fd = interrupt_fd(p->ending), .events = POLLIN}};
	ssize_t got;

	while (poll(ready, ARRAY_SIZE(ready), -1) < 0)
		if (errno != EINTR)
			return err_errno(err, errno, "cannot wait for the client");
	if (ready[1].revents)
		return err_set(err, ERR_UNAVAILABLE,
			"The server is ending. Nothing of this push was kept; push again when it "
			"is "
			"back.");
	do
		got = read(p->in, buf, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_errno(err, errno, "cannot read from the client") : got;
}

static int write_pipe(void *arg, const void *bytes, size_t n, struct err *err)
{
	struct pipes *p = arg;

	return fd_write_all(p->out, bytes, n, err);
}

static int receive(struct git_access *g, const char *protocol, struct pipes *p, struct err *err)
{
	CLEANUP_STR struct str refs = STR_INIT;
	struct vcs_stream s = {read_pipe, write_pipe, p};

	if (vcs_advertise(g->repository.path, VCS_RECEIVE_PACK, protocol, git_access_nonce(g),
		    &refs, err) < 0 ||
		fd_write_all(p->out, refs.p, refs.len, err) < 0)
		return -1;
	return git_access_receive(g, &s, true, err);
}

static int enter(struct git_access *g, struct err *err)
{
	int64_t wait;

	return git_access_take_turn(g, &wait, err) < 0 ? -1 : git_access_enter(g, err);
}

static int serve_git(struct git_access *g, const char *protocol, struct pipes *p, struct err *err)
{
	int rc;

	if (enter(g, err) < 0 || source_settle(g->config->source, &g->repository, err) < 0)
		return -1;
	rc = g->service == VCS_RECEIVE_PACK
		     ? receive(g, protocol, p, err)
		     : vcs_upload_pack_fds(g->repository.path, protocol, p->in, p->out, err);
	git_access_record(g, rc < 0 ? err : NULL, true);
	return rc;
}

#define LFS_AUTHENTICATE "git-lfs-authenticate "

/* git-lfs-authenticate PATH OPERATION [OID]: LFS itself goes by HTTP. */
static int serve_lfs(
	struct client *c, struct git_access *g, const char *command, int out, struct err *err)
{
	CLEANUP_STR struct str json = STR_INIT;
	struct view rest = view_of(command + strlen(LFS_AUTHENTICATE));
	struct view path = view_cut(&rest, ' '), operation = view_cut(&rest, ' ');

	g->service = view_eq_str(operation, "upload") ? VCS_RECEIVE_PACK : VCS_UPLOAD_PACK;
	if (parse_path(c, path, &g->name, err) < 0)
		return -1;
	git_access_begin(g, c->who, "ssh://localhost");
	if (enter(g, err) < 0)
		return -1;
	gitlfs_authenticate(g, c->user, &json);
	return fd_write_all(out, json.p, json.len, err);
}

static int run(struct client *c, const struct ssh_link_message *m, struct err *err)
{
	struct git_access g = {.config = c->config,
		.protocol = "SSH",
		.call = {.arena = &c->arena, .source_ip = c->address, .user_agent = c->banner}};
	struct pipes pipes = {m->fds[0], m->fds[1], c->config->ending};

	if (!c->logged_in)
		return err_set(err, ERR_DENIED, "not logged in");
	if (starts_with(m->fields[1], LFS_AUTHENTICATE))
		return serve_lfs(c, &g, m->fields[1], pipes.out, err);
	if (parse(c, m->fields[1], &g, err) < 0)
		return -1;
	git_access_begin(&g, c->who, "ssh://localhost");
	return serve_git(&g, vcs_protocol(*m->fields[2] ? m->fields[2] : NULL), &pipes, err);
}

/* What went wrong is told on standard error, which ssh shows. */
static int hear_exec(struct client *c, struct ssh_link_message *m)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	int rc = run(c, m, &err);

	if (rc < 0) {
		CLEANUP(freep) char *text = xasprintf("%s\n", err_message(&err));

		log_debug("gitssh", "%s: %s", m->fields[1], err_message(&err));
		fd_write_all(m->fds[2], text, strlen(text), NULL);
	}
	ssh_link_message_release(m);
	return answer(c, "exit", rc < 0 ? "128" : "0");
}

/* ---- life ---- */

static int hear(struct client *c, struct ssh_link_message *m)
{
	static const struct {
		const char *verb;
		int (*hear)(struct client *c, const struct ssh_link_message *m);
	} verbs[] = {{"key", hear_key}, {"login", hear_login}};

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (streq(m->fields[0], verbs[i].verb))
			return verbs[i].hear(c, m);
	return streq(m->fields[0], "exec") && m->fds[2] >= 0 ? hear_exec(c, m) : -1;
}

void gitssh_serve(const struct git_access_config *config, int link, const char *address)
{
	CLEANUP_FD int owned = link;
	CLEANUP(freep) struct ssh_link_message *m = xcalloc(1, sizeof(*m));
	struct client c = {.config = config, .link = link, .address = address};
	int rc = 1;

	while (rc > 0) {
		rc = ssh_link_receive(owned, m, NULL);
		if (rc <= 0)
			break;
		rc = hear(&c, m) < 0 ? -1 : 1;
		ssh_link_message_release(m);
	}
	if (c.user && !c.logged_in)
		note_failure(&c);
	arena_release(&c.arena);
}
