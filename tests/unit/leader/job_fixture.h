/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs for tests of leaders: a folder, a spec made of a few lines, a run through the zygote. */
#ifndef TOWPATH_TESTS_JOB_FIXTURE_H
#define TOWPATH_TESTS_JOB_FIXTURE_H

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"
#include "codec/spool.h"
#include "leader/leader.h"

/* Less than the commands that never end by themselves, which sleep for 300 seconds. */
#define JOB_PATIENCE_MSEC 200000

struct job_fixture {
	char base[64]; /* what stands for the server's data folder */
	char dir[96];
	struct arena arena;
	struct towpath_leader_job job;
	struct leader_status status;
	struct str log;
};

static struct zygote *zygote;

static inline int job_setup(void **state)
{
	struct job_fixture *f = xcalloc(1, sizeof(*f));

	strcpy(f->base, "/var/lib/towpath-test.XXXXXX");
	assert_non_null(mkdtemp(f->base));
	snprintf(f->dir, sizeof(f->dir), "%s/job", f->base);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	f->job.build_id = arena_strdup(&f->arena, id_uuid().text);
	f->job.version = "0.2";
	wire_list_alloc(&f->arena, &f->job.hidden_paths, 1);
	f->job.hidden_paths.v[0] = f->base;
	*state = f;
	return 0;
}

static inline int job_teardown(void **state)
{
	struct job_fixture *f = *state;
	pid_t leader = leader_alive(f->dir);

	if (leader)
		kill(leader, SIGKILL);
	file_remove_tree(f->base, NULL);
	str_release(&f->log);
	arena_release(&f->arena);
	free(f);
	return 0;
}

static inline void set_list(
	struct job_fixture *f, struct towpath_string_list *l, const char *first, va_list more)
{
	const char *all[32];
	size_t n = 0;

	for (; first; first = va_arg(more, const char *))
		all[n++] = first;
	wire_list_alloc(&f->arena, l, n);
	for (size_t i = 0; i < n; i++)
		l->v[i] = all[i];
}

__attribute__((sentinel)) static inline void set_strings(
	struct job_fixture *f, struct towpath_string_list *l, const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	set_list(f, l, first, ap);
	va_end(ap);
}

/* Adds a phase; the list of commands ends with NULL. */
__attribute__((sentinel)) static inline struct towpath_leader_phase *add_phase(
	struct job_fixture *f, const char *name, ...)
{
	struct towpath_leader_phase *old = f->job.phases.v;
	size_t n = f->job.phases.n;
	va_list ap;
	const char *first;

	wire_list_alloc(&f->arena, &f->job.phases, n + 1);
	for (size_t i = 0; i < n; i++)
		f->job.phases.v[i] = old[i];
	f->job.phases.v[n].name = name;
	va_start(ap, name);
	first = va_arg(ap, const char *);
	set_list(f, &f->job.phases.v[n].commands, first, ap);
	va_end(ap);
	return &f->job.phases.v[n];
}

static inline pid_t launch(struct job_fixture *f)
{
	char path[128];
	struct str json CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/" LEADER_SPEC, f->dir);
	wire_encode_json(&towpath_leader_job_shape, &f->job, &json);
	assert_int_equal(file_write_atomic(path, str_view(&json), 0600, NULL), 0);
	if (leader_launch(zygote, f->dir, &pid, &err) < 0)
		fail_msg("%s", err_message(&err));
	return pid;
}

static inline void read_results(struct job_fixture *f)
{
	char path[128];
	struct err err CLEANUP_ERR = ERR_INIT;
	int fd CLEANUP_FD = open(f->base, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	if (leader_status_read(f->dir, &f->arena, &f->status, &err) < 0)
		fail_msg("%s", err_message(&err));
	snprintf(path, sizeof(path), "%s/" LEADER_LOG, f->dir);
	str_clear(&f->log);
	if (spool_export(path, fd, NULL) < 0)
		return; /* the leader is about to make it */
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(fd_read_all(fd, 16 * MIB, &f->log, NULL), 0);
}

static inline void await_exit(struct job_fixture *f, pid_t pid)
{
	int pidfd CLEANUP_FD = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {pidfd, POLLIN, 0};

	if (pidfd >= 0)
		assert_int_equal(poll(&p, 1, JOB_PATIENCE_MSEC), 1);
	read_results(f);
}

static inline void run_job(struct job_fixture *f)
{
	await_exit(f, launch(f));
}

static inline void expect_status(struct job_fixture *f, const char *want)
{
	if (!f->status.finished || !streq(f->status.build_status, want))
		fail_msg("status %s, not %s\n%s",
			f->status.build_status ? f->status.build_status : "none", want,
			str_text(&f->log));
}

static inline void expect_log(struct job_fixture *f, const char *text)
{
	if (!strstr(str_text(&f->log), text))
		fail_msg("not in the log: %s\n%s", text, str_text(&f->log));
}

static inline void expect_no_log(struct job_fixture *f, const char *text)
{
	if (strstr(str_text(&f->log), text))
		fail_msg("in the log: %s\n%s", text, str_text(&f->log));
}

static inline const struct towpath_leader_record *record_of(
	struct job_fixture *f, const char *kind, const char *phase)
{
	for (size_t i = 0; i < f->status.n_records; i++)
		if (streq(f->status.records[i].kind, kind) &&
			(!phase || streq(f->status.records[i].phase, phase)))
			return &f->status.records[i];
	return NULL;
}

static inline void expect_phase(struct job_fixture *f, const char *phase, const char *status)
{
	const struct towpath_leader_record *r = record_of(f, "phaseEnded", phase);

	if (!r || !streq(r->status, status))
		fail_msg("phase %s: %s, not %s\n%s", phase, r ? r->status : "none", status,
			str_text(&f->log));
}

#endif
