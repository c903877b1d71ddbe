/* SPDX-License-Identifier: Apache-2.0 */
/* A request to the zygote is the argument and the writing end of a pipe, in one message. */
#include "base/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define SOCKET 3 /* in the zygote */

struct zygote {
	const struct zygote_role *role;
	int socket;
	pid_t pid;
};

/* Room for one descriptor beside a message. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* ---- in the zygote ---- */

/* False when the server is gone. */
static bool receive(char *argument, size_t size, int *ret_fd)
{
	union control control;
	struct iovec iov = {argument, size - 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	const struct cmsghdr *c;
	ssize_t got;

	do
		got = recvmsg(SOCKET, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	argument[got] = '\0';
	c = CMSG_FIRSTHDR(&msg);
	*ret_fd = -1;
	if (c)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return true;
}

NORETURN static void child(const struct zygote_role *role, const char *argument, int answer_fd)
{
	int null CLEANUP_FD = open("/dev/null", O_RDWR | O_CLOEXEC);

	close(SOCKET);
	signal(SIGCHLD, SIG_DFL);
	setsid();
	prctl(PR_SET_NAME, role->process, 0, 0, 0);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	role->main(argument, answer_fd);
	_exit(0);
}

NORETURN static void zygote_main(const struct zygote_role *role, int socket)
{
	char argument[PATH_MAX];
	int fd;

	prctl(PR_SET_NAME, "towpath-zygote", 0, 0, 0);
	setsid();
	if (dup2(socket, SOCKET) < 0)
		_exit(1);
	fcntl(SOCKET, F_SETFD, FD_CLOEXEC);
	syscall(SYS_close_range, SOCKET + 1U, ~0U, 0U);
	signal(SIGCHLD, SIG_IGN); /* children are reaped by the kernel */
	signal(SIGPIPE, SIG_IGN);
	if (role->prepare)
		role->prepare();
	while (receive(argument, sizeof(argument), &fd)) {
		if (fork() == 0)
			child(role, argument, fd);
		fd_closep(&fd); /* a failed fork shows as a pipe that ends without an answer */
	}
	_exit(0);
}

/* ---- the caller's side ---- */

int zygote_start(const struct zygote_role *role, struct zygote **ret, struct err *err)
{
	struct zygote *z;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "cannot start the zygote of %s", role->what);
	pid = fork();
	if (pid == 0)
		zygote_main(role, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_errno(err, errno, "cannot start the zygote of %s", role->what);
	}
	z = xcalloc(1, sizeof(*z));
	z->role = role;
	z->socket = pair[0];
	z->pid = pid;
	*ret = z;
	return 0;
}

void zygote_free(struct zygote *z)
{
	if (!z)
		return;
	fd_closep(&z->socket);
	waitpid(z->pid, NULL, 0);
	free(z);
}

static int send_request(const struct zygote *z, const char *argument, int fd, struct err *err)
{
	union control control = {0};
	struct iovec iov = {(void *)argument, strlen(argument)};
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
		err_set(err, ERR_UNAVAILABLE,
			"cannot start a process for %s: the zygote of %s is gone", argument,
			z->role->what);
		return err_hint(err, "restart the server");
	}
	return 0;
}

int zygote_fork(struct zygote *z, const char *argument, int *ret_answer, struct err *err)
{
	int fds[2], bad;

	BUG_ON(!*argument || strlen(argument) >= PATH_MAX);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start a process for %s", argument);
	bad = send_request(z, argument, fds[1], err);
	close(fds[1]);
	if (bad < 0) {
		close(fds[0]);
		return -1;
	}
	*ret_answer = fds[0];
	return 0;
}
