/* SPDX-License-Identifier: Apache-2.0 */
/* The zygote of leaders: its argument is a job folder. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "leader/job.h"

struct answer {
	pid_t pid;
	int kind; /* enum err_kind; ERR_NONE: runs */
	char message[512];
};

static void answer_ready(void *arg, const struct err *err)
{
	int fd = *(int *)arg;
	struct answer a = {.pid = getpid()};

	if (err) {
		a.kind = (int)err->kind;
		snprintf(a.message, sizeof(a.message), "%s", err_message(err));
	}
	/* a server that is gone changes nothing: the build runs all the same */
	fd_write_all(fd, (const char *)&a, sizeof(a), NULL);
	close(fd);
}

static void leader_main(const char *job_dir, int answer_fd)
{
	char *path CLEANUP(freep) = path_join(job_dir, "leader.err");
	int log CLEANUP_FD =
		open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (log >= 0)
		dup2(log, 2);
	job_lead(job_dir, answer_ready, &answer_fd);
}

/* What the libraries do at their first use, once for all leaders instead of once in each. */
static void prepare(void)
{
	compute_sandbox_prepare(NULL);
	tzset();
	digest_of(DIGEST_SHA256, VIEW(""));
}

static const struct zygote_role role = {
	.what = "leaders",
	.process = "towpath-leader",
	.prepare = prepare,
	.main = leader_main,
};

int leader_zygote_start(struct zygote **ret, struct err *err)
{
	return zygote_start(&role, ret, err);
}

int leader_launch(struct zygote *z, const char *job_dir, pid_t *ret_pid, struct err *err)
{
	int answer CLEANUP_FD = -1;
	struct answer a;

	BUG_ON(job_dir[0] != '/');
	if (zygote_fork(z, job_dir, &answer, err) < 0)
		return -1;
	if (fd_read_full(answer, &a, sizeof(a), NULL) != (ssize_t)sizeof(a))
		return err_set(err, ERR_IO, "the leader for %s did not start", job_dir);
	if (a.kind != ERR_NONE)
		return err_set(err, (enum err_kind)a.kind, "%s", a.message);
	if (ret_pid)
		*ret_pid = a.pid;
	return 0;
}
