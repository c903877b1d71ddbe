/* SPDX-License-Identifier: Apache-2.0 */
/* The zygote: forked from the server before it has anything worth copying, it forks leaders. A
 * request is a job folder and the writing end of a pipe, on which the leader answers. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "leader/job.h"

struct leader_zygote {
	int socket;
	pid_t pid;
};

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
	if (write(fd, &a, sizeof(a)) < 0)
		errno = 0; /* the server is gone; the build runs all the same */
	close(fd);
}

static void set_stdio(const char *job_dir)
{
	char *path CLEANUP(freep) = path_join(job_dir, "leader.err");
	int null CLEANUP_FD = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log CLEANUP_FD =
		open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	dup2(null, 0);
	dup2(null, 1);
	dup2(log >= 0 ? log : null, 2);
}

NORETURN static void leader_main(const char *job_dir, int answer_fd)
{
	signal(SIGCHLD, SIG_DFL);
	setsid();
	prctl(PR_SET_NAME, "towpath-leader", 0, 0, 0);
	set_stdio(job_dir);
	job_lead(job_dir, answer_ready, &answer_fd);
	_exit(0);
}

/* Job folder and answer pipe of the next request; false when the server is gone. */
static bool receive(int socket, char *job_dir, size_t size, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {job_dir, size - 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c;
	ssize_t got;

	do
		got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	job_dir[got] = '\0';
	c = CMSG_FIRSTHDR(&msg);
	*ret_fd = -1;
	if (c)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return true;
}

/* What the libraries do at their first use, once for all leaders instead of once in each. */
static void warm_up(void)
{
	tzset();
	digest_of(DIGEST_SHA256, VIEW(""));
}

NORETURN static void zygote_main(int socket)
{
	char job_dir[PATH_MAX];
	int fd;

	prctl(PR_SET_NAME, "towpath-zygote", 0, 0, 0);
	setsid();
	if (dup2(socket, 3) < 0)
		_exit(1);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	syscall(SYS_close_range, 4U, ~0U, 0U);
	signal(SIGCHLD, SIG_IGN); /* leaders are reaped by the kernel */
	signal(SIGPIPE, SIG_IGN);
	compute_sandbox_prepare(NULL);
	warm_up();
	while (receive(3, job_dir, sizeof(job_dir), &fd)) {
		pid_t pid = fork();

		if (pid == 0) {
			close(3);
			leader_main(job_dir, fd);
		}
		fd_closep(&fd); /* a failed fork shows as a pipe that ends without an answer */
	}
	_exit(0);
}

int leader_zygote_start(struct leader_zygote **ret, struct err *err)
{
	struct leader_zygote *z;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "cannot start the zygote of leaders");
	pid = fork();
	if (pid == 0)
		zygote_main(pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_errno(err, errno, "cannot start the zygote of leaders");
	}
	z = xcalloc(1, sizeof(*z));
	z->socket = pair[0];
	z->pid = pid;
	*ret = z;
	return 0;
}

void leader_zygote_free(struct leader_zygote *z)
{
	if (!z)
		return;
	fd_closep(&z->socket);
	waitpid(z->pid, NULL, 0);
	free(z);
}

static int send_request(const struct leader_zygote *z, const char *job_dir, int fd, struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)job_dir, strlen(job_dir)};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(z->socket, &msg, MSG_NOSIGNAL) < 0) {
		err_set(err, ERR_UNAVAILABLE, "cannot start a leader for %s: the zygote is gone",
			job_dir);
		return err_hint(err, "restart the server");
	}
	return 0;
}

int leader_launch(struct leader_zygote *z, const char *job_dir, pid_t *ret_pid, struct err *err)
{
	struct answer a;
	int fds[2], bad;
	ssize_t got;

	BUG_ON(job_dir[0] != '/');
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start a leader for %s", job_dir);
	bad = send_request(z, job_dir, fds[1], err);
	close(fds[1]);
	got = bad ? -1 : fd_read_full(fds[0], &a, sizeof(a), NULL);
	close(fds[0]);
	if (bad)
		return -1;
	if (got != (ssize_t)sizeof(a))
		return err_set(err, ERR_IO, "the leader for %s did not start", job_dir);
	if (a.kind != ERR_NONE)
		return err_set(err, (enum err_kind)a.kind, "%s", a.message);
	if (ret_pid)
		*ret_pid = a.pid;
	return 0;
}
