/* SPDX-License-Identifier: Apache-2.0 */
/* towpath-ssh, the SSH gate: started by the server with a listening socket, it speaks SSH with
 * clients, a process each. It holds the host keys and nothing else of the server's: who may log in
 * and what a command does is asked of the server (net/ssh_link.h). Once the keys are read it gives
 * up its rights: another user, no programs, no sockets, no files of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "gate/gate.h"
#include "net/ssh_link.h"

#define SESSIONS_MAX 256
#define NOBODY 65534

struct gate {
	int listener, control, children;
	struct host_keys keys;
	int sessions;
};

/* ---- rights ---- */

static int forbid_calls(struct err *err)
{
	static const int calls[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace),
		SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(socket),
		SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(mount),
		SCMP_SYS(umount2), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(bpf),
		SCMP_SYS(perf_event_open), SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(unlink),
		SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
		SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink), SCMP_SYS(symlinkat),
		SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(chmod), SCMP_SYS(fchmodat),
		SCMP_SYS(truncate), SCMP_SYS(creat)};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = filter ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(calls); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc < 0 ? err_errno(err, -rc, "cannot give up rights") : 0;
}

static int drop_rights(struct err *err)
{
	struct rlimit none = {0, 0};

	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
				      setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return err_errno(err, errno, "cannot become another user");
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* another user's process has lost it */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(err, errno, "cannot give up rights");
	return forbid_calls(err);
}

/* ---- connections ---- */

NORETURN static void be_session(const struct gate *g, int client, int link)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(g->listener);
	close(g->control);
	close(g->children);
	session_serve(&g->keys, client, link);
	_exit(0);
}

/* Tells the server of the client and gives it a process. */
static void admit(struct gate *g, int client, const char *address)
{
	const char *const fields[] = {"connection", address, NULL};
	int link[2];
	pid_t pid;

	if (ssh_link_pair(link, NULL) < 0)
		return;
	if (ssh_link_send(g->control, fields, &link[1], 1, NULL) == 0) {
		pid = fork();
		if (pid == 0) {
			close(link[1]);
			be_session(g, client, link[0]);
		}
		g->sessions += pid > 0;
	}
	close(link[0]);
	close(link[1]);
}

static void accept_one(struct gate *g)
{
	struct sockaddr_storage from;
	socklen_t n = sizeof(from);
	CLEANUP_FD int client = accept4(g->listener, (struct sockaddr *)&from, &n, SOCK_CLOEXEC);
	char address[NI_MAXHOST];
	int on = 1;

	if (client < 0)
		return;
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (getnameinfo((struct sockaddr *)&from, n, address, sizeof(address), NULL, 0,
		    NI_NUMERICHOST) == 0)
		admit(g, client, address);
}

static void reap(struct gate *g)
{
	struct signalfd_siginfo info;

	if (read(g->children, &info, sizeof(info)) < 0)
		return;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		g->sessions--;
}

static void serve(struct gate *g)
{
	for (;;) {
		struct pollfd p[] = {
			{.fd = g->control, .events = POLLIN},
			{.fd = g->children, .events = POLLIN},
			/* More wait in the kernel's queue. */
			{.fd = g->sessions < SESSIONS_MAX ? g->listener : -1, .events = POLLIN},
		};

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return;
		if (p[0].revents) /* the server is gone: it never says anything here */
			return;
		if (p[1].revents)
			reap(g);
		if (p[2].revents)
			accept_one(g);
	}
}

/* ---- life ---- */

static int prepare(struct gate *g, const char *keys, struct err *err)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal(SIGPIPE, SIG_IGN);
	g->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (g->children < 0)
		return err_errno(err, errno, "cannot watch child processes");
	if (ssh_init() != SSH_OK)
		return err_set(err, ERR_INTERNAL, "libssh does not start");
	if (host_keys_load(keys, &g->keys, err) < 0)
		return -1;
	return drop_rights(err);
}

/* towpath-ssh KEYS-FOLDER LISTENING-FD CONTROL-FD */
int main(int argc, char **argv)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct gate g = {0};

	if (argc != 4) {
		fputs("towpath-ssh is started by `towpath serve --ssh PORT`.\n", stderr);
		return 2;
	}
	g.listener = atoi(argv[2]);
	g.control = atoi(argv[3]);
	if (prepare(&g, argv[1], &err) < 0) {
		const char *const failed[] = {"failed", err_message(&err), NULL};

		ssh_link_send(g.control, failed, NULL, 0, NULL);
		_exit(1);
	}
	{
		const char *const ready[] = {
			"ready", g.keys.fingerprints[0], g.keys.fingerprints[1], NULL};

		if (ssh_link_send(g.control, ready, NULL, 0, NULL) == 0)
			serve(&g);
	}
	_exit(0);
}
