/* SPDX-License-Identifier: Apache-2.0 */
/* The host agent's loop. */
#include "agent/agent.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/command.h"
#include "agent/tracking.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

#define BACKOFF_FIRST USEC_PER_SEC
#define BACKOFF_MAX (90 * USEC_PER_SEC)	    /* the server refuses */
#define BACKOFF_AWAY_MAX (5 * USEC_PER_SEC) /* the server is not there */
#define CREDENTIALS_EVERY (1800 * USEC_PER_SEC)

struct agent {
	struct agent_config *config;
	struct uuid_text run;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct map running; /* command id -> anything */
	size_t workers;
	/* The worker that ended last; each joins the one before it, so that none outlives us. */
	pthread_t ended;
	bool has_ended;
};

/* Set by the signal handler; the eventfd wakes who waits. */
static atomic_int stop_signals;
static int stop_fd = -1;

static void on_signal(int sig)
{
	uint64_t one = 1;

	if (atomic_fetch_add(&stop_signals, 1) > 0)
		_exit(128 + sig);
	if (write(stop_fd, &one, sizeof(one)) < 0)
		_exit(128 + sig);
}

static bool stopping(void *arg)
{
	(void)arg;
	return atomic_load(&stop_signals) > 0;
}

static void catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	stop_fd = eventfd(0, EFD_CLOEXEC);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static struct agent_client client(struct agent *g, bool (*cancelled)(void *arg))
{
	struct http_client *http = http_client_new();

	http_client_trust(http, g->config->ca_bundle);
	return (struct agent_client){
		.config = g->config, .http = http, .run = g->run.text, .cancelled = cancelled};
}

/* Waits for the time given, or until the agent is to stop. */
static void wait_usec(int64_t usec)
{
	struct pollfd fd = {stop_fd, POLLIN, 0};

	if (usec > 0 && !stopping(NULL))
		poll(&fd, 1, (int)((usec + 999) / 1000));
}

/* ---- workers ---- */

struct worker {
	struct agent *agent;
	struct arena a;
	struct towpath_agent_command record;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct agent *g = w->agent;
	/* A command that has been taken is brought to its end also while stopping. */
	struct agent_client c = client(g, NULL);
	pthread_t before;
	bool has_before;

	agent_command_run(&c, &w->record);
	http_client_free(c.http);
	pthread_mutex_lock(&g->lock);
	map_remove(&g->running, w->record.host_command_identifier);
	g->workers--;
	before = g->ended;
	has_before = g->has_ended;
	g->ended = pthread_self();
	g->has_ended = true;
	pthread_cond_broadcast(&g->wake);
	pthread_mutex_unlock(&g->lock);
	if (has_before)
		pthread_join(before, NULL);
	arena_release(&w->a);
	free(w);
	return NULL;
}

static bool is_running(struct agent *g, const char *command_id)
{
	bool running;

	pthread_mutex_lock(&g->lock);
	running = map_has(&g->running, command_id);
	pthread_mutex_unlock(&g->lock);
	return running;
}

/* Takes w. False when the command is under way already. */
static bool start_worker(struct agent *g, struct worker *w)
{
	const char *id = w->record.host_command_identifier;
	bool fresh;
	pthread_t thread;

	pthread_mutex_lock(&g->lock);
	fresh = !map_has(&g->running, id);
	if (fresh) {
		map_set(&g->running, id, g);
		g->workers++;
	}
	pthread_mutex_unlock(&g->lock);
	if (!fresh) {
		arena_release(&w->a);
		free(w);
		return false;
	}
	if (pthread_create(&thread, NULL, work, w) != 0)
		BUG("no thread for a host command");
	return true;
}

static void wait_for_workers(struct agent *g)
{
	pthread_t last = 0;
	bool has_last;

	pthread_mutex_lock(&g->lock);
	while (g->workers)
		pthread_cond_wait(&g->wake, &g->lock);
	if (g->has_ended)
		last = g->ended;
	has_last = TAKE(g->has_ended, false);
	pthread_mutex_unlock(&g->lock);
	if (has_last)
		pthread_join(last, NULL);
}

/* What an earlier process left is brought to its end. */
static int take_up(struct agent *g, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct tracking_list all;

	if (tracking_load(g->config, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct worker *w = xcalloc(1, sizeof(*w));
		struct towpath_agent_command *copy =
			wire_copy(&towpath_agent_command_shape, &all.v[i], &w->a);

		w->agent = g;
		w->record = *copy;
		log_info("agent", "%s: left by an earlier process as %s",
			copy->host_command_identifier, copy->status);
		start_worker(g, w);
	}
	return 0;
}

/* ---- polling ---- */

static int take_command(
	struct agent *g, const struct codedeploy_commands_host_command *c, struct err *err)
{
	const char *slash;
	struct worker *w;

	if (!c->host_command_identifier || !c->deployment_execution_id || !c->command_name)
		return err_set(err, ERR_SERVICE, "the server sent half a command");
	if (!c->host_identifier || !strstr(g->config->host_id, c->host_identifier)) {
		log_warn("agent", "Host Identifier mismatch: %s", c->host_identifier);
		return 0;
	}
	if (is_running(g, c->host_command_identifier))
		return 0; /* its record must stay as it is */
	w = xcalloc(1, sizeof(*w));
	slash = strrchr(c->deployment_execution_id, '/');
	w->agent = g;
	w->record = (struct towpath_agent_command){
		.host_command_identifier = arena_strdup(&w->a, c->host_command_identifier),
		.deployment_execution_id = arena_strdup(&w->a, c->deployment_execution_id),
		.command_name = arena_strdup(&w->a, c->command_name),
		.deployment_id =
			arena_strdup(&w->a, slash ? slash + 1 : c->deployment_execution_id),
		.status = TRACKING_POLLED};
	if (tracking_write(g->config, &w->record, err) < 0) {
		arena_release(&w->a);
		free(w);
		return -1;
	}
	start_worker(g, w);
	return 0;
}

/* 1: got a command; 0: none; -1 */
static int poll_once(struct agent *g, struct agent_client *c, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct codedeploy_commands_poll_host_command_request req = {
		.host_identifier = g->config->host_id};
	struct codedeploy_commands_poll_host_command_response resp = {0};

	if (agent_call(c, "PollHostCommand", &req, &a, &resp, err) < 0)
		return -1;
	if (!resp.host_command)
		return 0;
	return take_command(g, resp.host_command, err) < 0 ? -1 : 1;
}

static int64_t backoff(int failures, bool away)
{
	int64_t wait = BACKOFF_FIRST;

	while (--failures > 0 && wait < BACKOFF_MAX)
		wait = wait * 8 / 5;
	return MIN(wait, away ? BACKOFF_AWAY_MAX : BACKOFF_MAX);
}

static void poll_loop(struct agent *g)
{
	struct agent_client c = client(g, stopping);
	int64_t credentials = monotonic_usec();
	int failures = 0;

	while (!stopping(NULL)) {
		struct err why CLEANUP_ERR = ERR_INIT;
		int64_t begun = monotonic_usec();
		int got = poll_once(g, &c, &why);

		if (got < 0 && !stopping(NULL)) {
			int64_t wait = backoff(++failures, err_is(&why, ERR_UNAVAILABLE));

			log_err("agent", &why, "asking again in %lld s",
				(long long)(wait / USEC_PER_SEC));
			wait_usec(wait);
		} else {
			failures = 0;
		}
		/* A server that holds polls open sets the pace; one that does not is spared. */
		if (got == 0)
			wait_usec(g->config->wait_between_runs_sec * USEC_PER_SEC -
				  (monotonic_usec() - begun));
		if (monotonic_usec() - credentials > CREDENTIALS_EVERY) {
			credentials = monotonic_usec();
			if (agent_config_refresh(g->config, &why) < 0)
				log_err("agent", &why, "credentials");
		}
	}
	http_client_free(c.http);
}

int agent_run(struct agent_config *c, struct err *err)
{
	struct agent g = {.config = c, .run = id_uuid()};

	if (file_make_dirs(c->root_dir, 0755, err) < 0)
		return -1;
	pthread_mutex_init(&g.lock, NULL);
	pthread_cond_init(&g.wake, NULL);
	catch_signals();
	log_info("agent", "host %s asks %s, works in %s", c->host_id, c->endpoint, c->root_dir);
	if (take_up(&g, err) < 0)
		return -1;
	poll_loop(&g);
	wait_for_workers(&g);
	map_release(&g.running);
	return 0;
}
