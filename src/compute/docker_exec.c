/* SPDX-License-Identifier: Apache-2.0 */
/* Processes in containers of an engine. Their output is dropped: they are checks. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/vec.h"
#include "compute/docker_internal.h"

struct docker_process {
	struct compute_exec base;
	struct docker_engine *engine;
	char *id, *container; /* of the engine */
	int64_t since_sec;    /* true time, before it was started */
};

static struct docker_process *process_of(struct compute_exec *x)
{
	return CONTAINER_OF(x, struct docker_process, base);
}

static void process_body(const struct compute_process *p, struct str *out)
{
	struct json_writer w = {out, false};

	json_open(&w, '{');
	json_key(&w, "Cmd");
	json_open(&w, '[');
	for (const char *const *word = p->argv; *word; word++)
		json_put_text(&w, *word);
	json_close(&w, ']');
	if (p->envp) {
		json_key(&w, "Env");
		json_open(&w, '[');
		for (char *const *v = p->envp; *v; v++)
			json_put_text(&w, *v);
		json_close(&w, ']');
	}
	json_put_member(&w, "WorkingDir", p->inherit ? NULL : p->cwd);
	json_put_member(&w, "User", p->inherit ? NULL : p->user);
	json_close(&w, '}');
}

int docker_exec(struct compute_root *r, const struct compute_process *p, struct compute_exec **ret,
	struct err *err)
{
	struct docker_engine *e = docker_engine_of(r->driver);
	char *name CLEANUP(freep) =
		docker_name(CONTAINER_OF(r, struct docker_root, base)->follow->id);
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str body CLEANUP_STR = STR_INIT;
	struct docker_call c = {
		.method = "POST", .path = arena_printf(&a, "/containers/%s/exec", name)};
	const struct json_node *answer;
	struct docker_process *x;
	const char *id;
	int64_t since = time(NULL) - 1;

	process_body(p, &body);
	c.body = str_view(&body);
	if (docker_call(e, &c, &a, &answer, err) < 0)
		return -1;
	id = json_member_text(answer, "Id");
	if (!id)
		return err_set(err, ERR_MALFORMED, "the engine's answer names no process");
	c.path = arena_printf(&a, "/exec/%s/start", id);
	c.body = VIEW("{\"Detach\":true}");
	if (docker_call(e, &c, &a, NULL, err) < 0)
		return -1;
	x = xcalloc(1, sizeof(*x));
	x->base.root = r;
	x->base.end_fd = -1;
	x->engine = e;
	x->id = xstrdup(id);
	x->since_sec = since;
	*ret = &x->base;
	return 0;
}

/* 1: it has ended. *ret_pid: as the engine sees it. */
static int look(struct docker_process *x, struct compute_exit *ret, int *ret_pid, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *node, *running, *code, *pid;
	const char *container;

	if (docker_get(x->engine, &a, &node, err, "/exec/%s/json", x->id) < 0)
		return -1;
	running = json_member(node, "Running");
	code = json_member(node, "ExitCode");
	pid = json_member(node, "Pid");
	container = json_member_text(node, "ContainerID");
	if (!x->container)
		x->container = container ? xstrdup(container) : NULL;
	*ret_pid = pid ? (int)pid->integer : 0;
	if ((running && running->boolean) || !code || code->kind != JSON_KIND_INT)
		return 0;
	*ret = (struct compute_exit){.exit_code = (int)code->integer};
	return 1;
}

/* Stops the stream of events at the one that tells of this process. */
struct event_search {
	struct str line;
	const char *id;
	bool found;
};

static int on_events(void *arg, const char *bytes, size_t n, struct err *err)
{
	struct event_search *s = arg;

	for (; n; bytes++, n--) {
		if (*bytes != '\n') {
			str_add_c(&s->line, *bytes);
			continue;
		}
		if (strstr(str_text(&s->line), s->id)) {
			s->found = true;
			return err_set(err, ERR_CANCELLED, "found");
		}
		str_clear(&s->line);
	}
	return 0;
}

/* Events are told from a moment before the start on, so that none is missed. */
static int await_event(struct docker_process *x, int64_t timeout_usec, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err own CLEANUP_ERR = ERR_INIT;
	struct event_search s = {.id = x->id};
	struct docker_call c = {
		.path = arena_printf(&a,
			"/events?since=%lld&filters=%%7B%%22event%%22%%3A%%5B%%22exec_die%%22%%5D"
			"%%2C%%22container%%22%%3A%%5B%%22%s%%22%%5D%%7D",
			(long long)x->since_sec, x->container ? x->container : ""),
		.timeout_usec = timeout_usec < 0 ? -1 : MAX(timeout_usec, 1),
		.write = on_events,
		.arg = &s};
	int r = docker_call(x->engine, &c, &a, NULL, &own);

	str_release(&s.line);
	if (r == 0 || s.found || err_is(&own, ERR_TIMEOUT))
		return 0;
	return err_move(err, &own);
}

int docker_exec_wait(
	struct compute_exec *x, int64_t timeout_usec, struct compute_exit *ret, struct err *err)
{
	struct docker_process *p = process_of(x);
	int64_t until = monotonic_usec() + timeout_usec;

	for (;;) {
		int64_t left = timeout_usec < 0 ? -1 : until - monotonic_usec();
		int pid, ended = look(p, ret, &pid, err);

		if (ended != 0)
			return ended;
		if (timeout_usec >= 0 && left <= 0)
			return 0;
		if (await_event(p, left, err) < 0)
			return -1;
	}
}

/* The Engine API has no way to end a process that it has started: the signal goes straight to it,
 * if it is in the container that it is said to be in. */
int docker_exec_signal(struct compute_exec *x, int signal, struct err *err)
{
	struct docker_process *p = process_of(x);
	struct str groups CLEANUP_STR = STR_INIT;
	char *path CLEANUP(freep) = NULL;
	struct compute_exit end;
	int pid = 0, ended = look(p, &end, &pid, err);

	if (ended != 0)
		return ended < 0 ? -1 : 0;
	path = xasprintf("/proc/%d/cgroup", pid);
	if (pid <= 1 || !p->container || file_read(path, 64 * KIB, &groups, NULL) < 0 ||
		!strstr(str_text(&groups), p->container))
		return err_set(err, ERR_NOT_FOUND,
			"a process of container %.12s is not to be found on this host",
			p->container ? p->container : "");
	if (kill(pid, signal) < 0 && errno != ESRCH)
		return err_errno(err, errno, "cannot signal process %d", pid);
	return 0;
}

void docker_exec_free(struct compute_exec *x)
{
	struct docker_process *p = x ? process_of(x) : NULL;

	if (!p)
		return;
	free(p->id);
	free(p->container);
	free(p);
}
