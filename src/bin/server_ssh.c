/* SPDX-License-Identifier: Apache-2.0 */
/* Git over SSH: the server listens, the gate (src/gate, a process of its own) takes the connections
 * and tells of each over the control socket; a thread a connection answers it. A gate that dies is
 * started again. */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/gitssh.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/spawn.h"
#include "bin/server_parts.h"
#include "net/ssh_link.h"

#define BACKLOG 128
#define RESTART_SECONDS 1
#define GRACE_SECONDS 2 /* for clients to end by themselves */
#define WORDS_SECONDS 1 /* for what they are told to reach them */

struct server_ssh {
	const struct git_access_config *git;
	char *program, *keys;
	int listener;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int control; /* -1: no gate */
	pid_t gate;
	bool stopping, ready;
	int clients;
	struct interrupt ending;
	struct err failed; /* why the first gate did not start */
};

/* ---- listening ---- */

static int bind_to(const char *address, int port, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				.ai_flags = AI_PASSIVE | AI_NUMERICSERV},
			*found = NULL;
	CLEANUP_FD int fd = -1;
	char service[16];
	int on = 1, rc;

	snprintf(service, sizeof(service), "%d", port);
	rc = getaddrinfo(address, service, &hints, &found);
	if (rc != 0)
		return err_set(err, ERR_INVALID, "cannot listen for SSH on %s: %s", address,
			gai_strerror(rc));
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	rc = fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0;
	freeaddrinfo(found);
	if (rc)
		return err_errno(err, errno, "cannot listen for SSH on %s port %d", address, port);
	return TAKE_FD(fd);
}

static int port_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t n = sizeof(at);
	char port[16];

	if (getsockname(fd, (struct sockaddr *)&at, &n) < 0 ||
		getnameinfo((struct sockaddr *)&at, n, NULL, 0, port, sizeof(port),
			NI_NUMERICSERV) != 0)
		return 0;
	return atoi(port);
}

int server_ssh_listen(struct server *s, struct err *err)
{
	char *program CLEANUP(freep) = NULL;
	int fd;

	if (s->config.ssh_port < 0)
		return 0;
	program = spawn_own_program(SERVER_SSH_PROGRAM, err);
	fd = program ? bind_to(s->config.address, s->config.ssh_port, err) : -1;
	if (fd < 0)
		return -1;
	s->ssh = xcalloc(1, sizeof(*s->ssh));
	s->ssh->listener = fd;
	s->ssh->control = -1;
	s->ssh->ending = INTERRUPT_INIT;
	s->ssh->program = TAKE_PTR(program);
	s->ssh->keys = xasprintf("%s/keys", s->data_dir);
	pthread_mutex_init(&s->ssh->lock, NULL);
	pthread_cond_init(&s->ssh->changed, NULL);
	s->ssh_port = port_of(fd);
	return 0;
}

/* ---- clients ---- */

struct client {
	struct server_ssh *ssh;
	int link;
	char *address;
};

static void *serve_client(void *arg)
{
	struct client *c = arg;
	struct server_ssh *ssh = c->ssh;

	gitssh_serve(ssh->git, c->link, c->address);
	free(c->address);
	free(c);
	pthread_mutex_lock(&ssh->lock);
	ssh->clients--;
	pthread_cond_broadcast(&ssh->changed);
	pthread_mutex_unlock(&ssh->lock);
	return NULL;
}

static void take_client(struct server_ssh *ssh, struct ssh_link_message *m)
{
	struct client *c = xcalloc(1, sizeof(*c));
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	*c = (struct client){ssh, TAKE_FD(m->fds[0]), xstrdup(m->fields[1])};
	pthread_mutex_lock(&ssh->lock);
	ssh->clients++;
	pthread_mutex_unlock(&ssh->lock);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, serve_client, c);
	pthread_attr_destroy(&attr);
	if (rc == 0)
		return;
	log_warn("ssh", "no thread for a client: the connection is closed");
	fd_closep(&c->link);
	free(c->address);
	free(c);
	pthread_mutex_lock(&ssh->lock);
	ssh->clients--;
	pthread_mutex_unlock(&ssh->lock);
}

/* ---- the gate ---- */

static int start_gate(struct server_ssh *ssh, int *ret_control, struct err *err)
{
	char listener[16], control[16];
	const char *argv[] = {ssh->program, ssh->keys, listener, control, NULL};
	struct spawn spawn = SPAWN_INIT;
	int pair[2], keep[2], rc;
	pid_t pid;

	if (ssh_link_pair(pair, err) < 0)
		return -1;
	snprintf(listener, sizeof(listener), "%d", ssh->listener);
	snprintf(control, sizeof(control), "%d", pair[1]);
	keep[0] = ssh->listener;
	keep[1] = pair[1];
	spawn.argv = argv;
	spawn.cwd = "/";
	spawn.stderr_fd = STDERR_FILENO;
	spawn.keep_fds = keep;
	spawn.n_keep_fds = ARRAY_SIZE(keep);
	spawn.die_with_parent = true;
	rc = spawn_start(&spawn, &pid, err);
	close(pair[1]);
	if (rc < 0) {
		close(pair[0]);
		return -1;
	}
	pthread_mutex_lock(&ssh->lock);
	ssh->gate = pid;
	ssh->control = pair[0];
	if (ssh->stopping)
		kill(pid, SIGKILL);
	pthread_mutex_unlock(&ssh->lock);
	*ret_control = pair[0];
	return 0;
}

static void say_started(struct server_ssh *ssh, struct err *err)
{
	pthread_mutex_lock(&ssh->lock);
	if (!ssh->ready && err)
		err_move(&ssh->failed, err);
	ssh->ready = true;
	pthread_cond_broadcast(&ssh->changed);
	pthread_mutex_unlock(&ssh->lock);
}

static void hear(struct server_ssh *ssh, struct ssh_link_message *m)
{
	CLEANUP_ERR struct err err = ERR_INIT;

	if (streq(m->fields[0], "connection") && m->fds[0] >= 0) {
		take_client(ssh, m);
	} else if (streq(m->fields[0], "ready")) {
		log_info("ssh", "git over SSH at port %d; host keys %s, %s", port_of(ssh->listener),
			m->fields[1], m->fields[2]);
		say_started(ssh, NULL);
	} else {
		err_set(&err, ERR_UNAVAILABLE, "the SSH gate: %s", m->fields[1]);
		log_error("ssh", "%s", err_message(&err));
		say_started(ssh, &err);
	}
}

/* One life of the gate. */
static int run_gate(struct server_ssh *ssh, struct err *err)
{
	CLEANUP(freep) struct ssh_link_message *m = xcalloc(1, sizeof(*m));
	struct spawn_result result = {0};
	int control;
	pid_t pid;

	if (start_gate(ssh, &control, err) < 0)
		return -1;
	while (ssh_link_receive(control, m, NULL) > 0) {
		hear(ssh, m);
		ssh_link_message_release(m);
	}
	pthread_mutex_lock(&ssh->lock);
	pid = TAKE(ssh->gate, 0);
	fd_closep(&ssh->control);
	pthread_mutex_unlock(&ssh->lock);
	kill(pid, SIGKILL);
	spawn_wait(pid, &result, NULL);
	return err_set(err, ERR_UNAVAILABLE, "the SSH gate has ended");
}

static void *keep_gate(void *arg)
{
	struct server_ssh *ssh = arg;
	bool stopping = false;

	while (!stopping) {
		CLEANUP_ERR struct err err = ERR_INIT;
		struct timespec pause;

		run_gate(ssh, &err);
		pthread_mutex_lock(&ssh->lock);
		if (!ssh->stopping) {
			clock_gettime(CLOCK_REALTIME, &pause);
			pause.tv_sec += RESTART_SECONDS;
			log_warn("ssh", "%s; it is started again", err_message(&err));
			if (!ssh->ready)
				err_move(&ssh->failed, &err);
			ssh->ready = true;
			pthread_cond_broadcast(&ssh->changed);
			pthread_cond_timedwait(&ssh->changed, &ssh->lock, &pause);
		}
		stopping = ssh->stopping;
		pthread_mutex_unlock(&ssh->lock);
	}
	return NULL;
}

int server_ssh_open(struct server *s, struct err *err)
{
	struct server_ssh *ssh = s->ssh;
	int rc;

	if (!ssh)
		return 0;
	if (interrupt_init(&ssh->ending, err) < 0)
		return -1;
	s->git.ending = &ssh->ending;
	ssh->git = &s->git;
	rc = pthread_create(&ssh->thread, NULL, keep_gate, ssh);
	if (rc != 0)
		return err_errno(err, rc, "cannot start the thread of SSH");
	ssh->has_thread = true;
	pthread_mutex_lock(&ssh->lock);
	while (!ssh->ready)
		pthread_cond_wait(&ssh->changed, &ssh->lock);
	rc = ssh->failed.kind ? err_move(err, &ssh->failed) : 0;
	pthread_mutex_unlock(&ssh->lock);
	return rc;
}

/* Until no client is left, or the time is up. Lock held. */
static void await_clients(struct server_ssh *ssh, int seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	while (ssh->clients &&
		pthread_cond_timedwait(&ssh->changed, &ssh->lock, &until) != ETIMEDOUT)
		;
}

/* Clients may end what they do, then those that still send are told. At last the gate's processes
 * die, so that their links and pipes end and with them the clients' threads. */
void server_ssh_close(struct server *s)
{
	struct server_ssh *ssh = TAKE_PTR(s->ssh);

	if (!ssh)
		return;
	pthread_mutex_lock(&ssh->lock);
	await_clients(ssh, GRACE_SECONDS);
	interrupt_raise(&ssh->ending);
	await_clients(ssh, WORDS_SECONDS);
	ssh->stopping = true;
	if (ssh->gate)
		kill(ssh->gate, SIGKILL);
	pthread_cond_broadcast(&ssh->changed);
	pthread_mutex_unlock(&ssh->lock);
	if (ssh->has_thread)
		pthread_join(ssh->thread, NULL);
	pthread_mutex_lock(&ssh->lock);
	while (ssh->clients)
		pthread_cond_wait(&ssh->changed, &ssh->lock);
	pthread_mutex_unlock(&ssh->lock);
	fd_closep(&ssh->listener);
	interrupt_release(&ssh->ending);
	pthread_mutex_destroy(&ssh->lock);
	pthread_cond_destroy(&ssh->changed);
	err_release(&ssh->failed);
	free(ssh->program);
	free(ssh->keys);
	free(ssh);
}
