/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the drivers docker and swarm, for their own files only. Both speak the Docker Engine
 * API (version 1.41, of engine 20.10, to 1.44) over a unix socket. */
#ifndef TOWPATH_COMPUTE_DOCKER_INTERNAL_H
#define TOWPATH_COMPUTE_DOCKER_INTERNAL_H

#include <pthread.h>

#include "base/str.h"
#include "codec/json.h"
#include "compute/compute.h"

#define DOCKER_LABEL_OWNER "towpath.owner"
#define DOCKER_LABEL_ROOT "towpath.root"

struct docker_engine {
	struct compute_driver base;
	char *name;   /* as compute_engine_new() was given it: what bundles remember */
	char *socket; /* path */
	bool swarm;

	pthread_mutex_t lock; /* all that follows, and what follows say */
	pthread_cond_t changed;
	char version[16];   /* of the API, once it is agreed on */
	struct map follows; /* id of a root: struct docker_follow */
	size_t n_threads;   /* that follow */
	bool closing;
	pthread_t watcher; /* swarm: looks at its tasks while there are follows */
	bool watching;
};

struct docker_engine *docker_engine_of(const struct compute_driver *d);

/* ---- requests (docker_api.c) ---- */

struct docker_call {
	const char *method; /* NULL: GET */
	const char *path;   /* "/containers/x/json?...", without the version */
	struct view body;   /* JSON, or what body_type says */
	const char *body_type;
	const char *registry_auth; /* or NULL */
	int64_t timeout_usec;	   /* 0: DOCKER_CALL_USEC; -1: none */
	/* Instead of a JSON answer: the bytes of a stream. */
	int (*write)(void *arg, const char *bytes, size_t n, struct err *err);
	bool (*cancelled)(void *arg);
	void *arg;
};
#define DOCKER_CALL_USEC (60 * USEC_PER_SEC)

/* One request. *ret (NULL where it is not wanted) is the JSON answer, NULL when it is empty.
 * ERR_NOT_FOUND (404), ERR_CONFLICT (409, and 304: it is so already), ERR_UNAVAILABLE and
 * ERR_TIMEOUT (the engine cannot be asked), ERR_IO with the engine's own words for the rest. */
int docker_call(struct docker_engine *e, const struct docker_call *c, struct arena *a,
	const struct json_node **ret, struct err *err);
/* GET of a path in printf form. */
int docker_get(struct docker_engine *e, struct arena *a, const struct json_node **ret,
	struct err *err, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* A request with neither body nor answer. */
int docker_do(struct docker_engine *e, const char *method, struct err *err, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* member of member of ..., NULL-terminated; NULL where one is missing. */
const struct json_node *docker_member(const struct json_node *node, ...);
/* {"label": ["NAME=VALUE"]}, encoded for a query. */
char *docker_label_filter(const char *name, const char *value) MUST_CHECK;

/* ---- bodies of requests (docker_spec.c) ---- */

/* Names of containers and services in the engine. */
char *docker_name(const char *id) MUST_CHECK;
void docker_container_body(const struct compute_spec *spec, struct str *out);
void docker_pause_body(const struct compute_pod *pod, struct str *out);
void docker_service_body(const struct compute_spec *spec, struct str *out);

/* ---- images (docker_image.c) ---- */

#define DOCKER_PAUSE_REPOSITORY "towpath-pause"
#define DOCKER_PAUSE_IMAGE DOCKER_PAUSE_REPOSITORY ":1"
extern const unsigned char docker_pause[]; /* the program, pause.c */
extern const size_t docker_pause_len;
int docker_image_resolve(const struct compute_driver *d, const char *reference,
	const char *registry_auth, struct arena *a, struct compute_image *ret, struct err *err);
int swarm_image_resolve(const struct compute_driver *d, const char *reference,
	const char *registry_auth, struct arena *a, struct compute_image *ret, struct err *err);
/* Makes the image of the containers that hold a pod's network, where it is missing. */
int docker_pause_image(struct docker_engine *e, struct err *err);

/* ---- following a root (docker_follow.c) ---- */

/* A root's thread: brings what its processes write to its spool, and keeps how it ended; shared by
 * all that have the root attached. */
struct docker_follow {
	struct docker_engine *engine;
	char *id, *dir, *log_path; /* log_path NULL: what it writes is dropped */
	struct clock clock;	   /* of the times of its log */
	int end_fd;		   /* readable once it has ended, or is gone */
	int n_roots;
	bool stop, over;	/* over: its thread has done its work */
	struct docker_log *log; /* docker_log.c; NULL: nothing was read so far */

	/* swarm: what its task was at the last look (swarm.c) */
	char *task, *node;
	struct compute_place host; /* of the node; port 0 */
	struct {
		int inside, outside;
	} ports[32];
	size_t n_ports;
	bool started, ended;
	enum compute_health health;
	struct compute_exit exit;
};

struct docker_root {
	struct compute_root base;
	struct docker_follow *follow;
};

/* What stands in a root's folder: the engine's name, where its output goes and by which clock. */
int docker_bundle_write(
	const struct docker_engine *e, const struct compute_spec *spec, struct err *err);
/* A root whose thread follows it, or is started now. */
struct compute_root *docker_follow_root(struct docker_engine *e, const char *id, const char *dir);
/* The same only where there is one at work; NULL. */
struct compute_root *docker_follow_find(struct docker_engine *e, const char *id);
struct docker_follow *docker_follow_of(struct compute_root *r);
/* Of drivers: attaches to a root that has not ended and of which there() finds something with the
 * engine (-1: it does not; ERR_NOT_FOUND says that there is nothing any more). */
int docker_attach(const struct compute_driver *d, const char *id, const char *dir,
	int (*there)(struct docker_engine *e, const char *id, struct err *err),
	struct compute_root **ret, struct err *err);
/* What the driver's discard does, then the end of the root. */
int docker_destroy(struct compute_root *r, struct err *err);
void docker_detach(struct compute_root *r);
int docker_watch_fd(struct compute_root *r, struct err *err);
int docker_ended(const struct compute_driver *d, const char *id, const char *dir,
	struct compute_exit *ret, struct err *err);
/* Waits until the thread is asked to stop, something has changed, or a time has passed. */
void docker_follow_pause(struct docker_follow *f, int64_t usec);
bool docker_follow_stopped(void *follow);

/* ---- output (docker_log.c) ---- */

/* Reads the log at `path` (".../logs?stdout=1&...", without since) from where the spool ends.
 * follow: until the stream ends or cancelled() says so. */
int docker_log_read(struct docker_follow *f, const char *path, bool follow,
	bool (*cancelled)(void *arg), struct err *err);
/* The line that was not ended, and the mark that no more comes. Nothing without a log_path. */
int docker_log_finish(struct docker_follow *f, struct err *err);
struct docker_log *docker_log_free(struct docker_log *log);

/* ---- the drivers (docker.c, docker_exec.c, docker_pod.c, swarm.c) ---- */

extern const struct compute_driver docker_driver, swarm_driver;
/* How a container ended: 1; 0: it runs; ERR_NOT_FOUND. */
int docker_container_state(
	struct docker_engine *e, const char *id, struct compute_exit *ret, struct err *err);
/* Waits for the end of a container, or a root's stop. */
int docker_container_wait(struct docker_follow *f, struct err *err);
int docker_exec(struct compute_root *r, const struct compute_process *p, struct compute_exec **ret,
	struct err *err);
int docker_exec_wait(
	struct compute_exec *x, int64_t timeout_usec, struct compute_exit *ret, struct err *err);
int docker_exec_signal(struct compute_exec *x, int signal, struct err *err);
void docker_exec_free(struct compute_exec *x);
int docker_pod_make(const struct compute_driver *d, const struct compute_pod *pod, struct err *err);
int docker_pod_drop(const struct compute_driver *d, const struct compute_pod *pod, struct err *err);
int docker_redirect(
	const struct compute_driver *d, const struct compute_bridge *b, struct err *err);
/* swarm_watch.c */
void *swarm_watcher_main(void *engine);

#endif
