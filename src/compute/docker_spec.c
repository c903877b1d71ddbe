/* SPDX-License-Identifier: Apache-2.0 */
/* What containers and services are asked for with. */

#include "compute/docker_internal.h"

/* The engine's log is the one copy until the server has read it, so it must not be rotated away:
 * a size that no log reaches, in the place of one that the engine may be configured with. */
#define LOG_SIZE "1000t"

char *docker_name(const char *id)
{
	return xasprintf("towpath-%s", id);
}

static void put_words(struct json_writer *w, const char *key, const char *const *words)
{
	if (!words)
		return;
	json_key(w, key);
	json_open(w, '[');
	for (; *words; words++)
		json_put_text(w, *words);
	json_close(w, ']');
}

static void put_number(struct json_writer *w, const char *key, int64_t v)
{
	if (!v)
		return;
	json_key(w, key);
	json_put_int(w, v);
}

static void put_flag(struct json_writer *w, const char *key, bool v)
{
	if (!v)
		return;
	json_key(w, key);
	json_put_bool(w, true);
}

static void open_object(struct json_writer *w, const char *key)
{
	json_key(w, key);
	json_open(w, '{');
}

static void put_labels(struct json_writer *w, const char *id, const char *owner)
{
	open_object(w, "Labels");
	json_put_member(w, DOCKER_LABEL_ROOT, id);
	json_put_member(w, DOCKER_LABEL_OWNER, owner);
	json_close(w, '}');
}

static void put_log(struct json_writer *w, const char *key, const char *name, const char *options)
{
	open_object(w, key);
	json_put_member(w, name, "json-file");
	open_object(w, options);
	json_put_member(w, "max-size", LOG_SIZE);
	json_close(w, '}');
	json_close(w, '}');
}

static void put_ulimits(struct json_writer *w, const struct compute_spec *spec)
{
	if (!spec->n_ulimits)
		return;
	json_key(w, "Ulimits");
	json_open(w, '[');
	for (size_t i = 0; i < spec->n_ulimits; i++) {
		json_open(w, '{');
		json_put_member(w, "Name", spec->ulimits[i].name);
		json_key(w, "Soft");
		json_put_int(w, spec->ulimits[i].soft);
		json_key(w, "Hard");
		json_put_int(w, spec->ulimits[i].hard);
		json_close(w, '}');
	}
	json_close(w, ']');
}

/* ---- a container on this machine ---- */

static void put_mounts(struct json_writer *w, const struct compute_spec *spec, bool remote)
{
	if (!spec->n_mounts)
		return;
	json_key(w, "Mounts");
	json_open(w, '[');
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct compute_mount *m = &spec->mounts[i];

		json_open(w, '{');
		json_put_member(w, "Type", remote ? "volume" : "bind");
		if (!remote)
			json_put_member(w, "Source", m->source);
		json_put_member(w, "Target", m->target);
		put_flag(w, "ReadOnly", m->read_only);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_host_config(struct json_writer *w, const struct compute_spec *spec)
{
	char *pod CLEANUP(freep) = docker_name(spec->pod);
	char *network CLEANUP(freep) = xasprintf("container:%s", pod);

	open_object(w, "HostConfig");
	json_put_member(w, "NetworkMode", network);
	put_log(w, "LogConfig", "Type", "Config");
	put_number(w, "Memory", (int64_t)spec->limits.memory);
	put_number(w, "MemorySwap", (int64_t)spec->limits.memory);
	put_number(w, "NanoCpus", (int64_t)spec->limits.cpu_milli * 1000000);
	put_number(w, "CpuShares", spec->limits.cpu_shares);
	put_number(w, "PidsLimit", spec->limits.pids);
	put_flag(w, "ReadonlyRootfs", spec->read_only);
	put_mounts(w, spec, false);
	put_ulimits(w, spec);
	json_put_member(w, "Runtime", spec->runtime);
	json_close(w, '}');
}

void docker_container_body(const struct compute_spec *spec, struct str *out)
{
	struct json_writer w = {out, false};

	json_open(&w, '{');
	json_put_member(&w, "Image", spec->image);
	put_words(&w, "Entrypoint", spec->entrypoint);
	put_words(&w, "Cmd", spec->command);
	put_words(&w, "Env", (const char *const *)spec->init_envp);
	json_put_member(&w, "User", spec->init_user);
	json_put_member(&w, "WorkingDir", spec->init_cwd);
	put_labels(&w, spec->id, spec->owner);
	put_host_config(&w, spec);
	json_close(&w, '}');
}

void docker_pause_body(const struct compute_pod *pod, struct str *out)
{
	struct json_writer w = {out, false};

	json_open(&w, '{');
	json_put_member(&w, "Image", DOCKER_PAUSE_IMAGE);
	json_put_member(&w, "Hostname", pod->hostname);
	put_words(&w, "Entrypoint", (const char *const[]){"/pause", NULL});
	put_labels(&w, pod->id, pod->owner);
	open_object(&w, "HostConfig");
	json_put_member(&w, "NetworkMode", "none");
	put_flag(&w, "ReadonlyRootfs", true);
	put_log(&w, "LogConfig", "Type", "Config");
	json_close(&w, '}');
	json_close(&w, '}');
}

/* ---- a service of a swarm ---- */

static void put_check(struct json_writer *w, const struct compute_check *c)
{
	if (!c->argv)
		return;
	open_object(w, "Healthcheck");
	put_words(w, "Test", c->argv);
	put_number(w, "Interval", c->interval_sec * INT64_C(1000000000));
	put_number(w, "Timeout", c->timeout_sec * INT64_C(1000000000));
	put_number(w, "StartPeriod", c->start_period_sec * INT64_C(1000000000));
	put_number(w, "Retries", c->retries);
	json_close(w, '}');
}

/* Swarm's words: Command is the entry point, Args what follows it. */
static void put_container_spec(struct json_writer *w, const struct compute_spec *spec)
{
	open_object(w, "ContainerSpec");
	json_put_member(w, "Image", spec->image);
	json_put_member(w, "Hostname", spec->hostname);
	put_words(w, "Command", spec->entrypoint);
	put_words(w, "Args", spec->command);
	put_words(w, "Env", (const char *const *)spec->init_envp);
	json_put_member(w, "User", spec->init_user);
	json_put_member(w, "Dir", spec->init_cwd);
	put_labels(w, spec->id, spec->owner);
	put_flag(w, "ReadOnly", spec->read_only);
	put_mounts(w, spec, true);
	put_ulimits(w, spec);
	put_check(w, &spec->check);
	json_key(w, "StopGracePeriod");
	json_put_int(w, spec->stop_sec * INT64_C(1000000000));
	json_close(w, '}');
}

static void put_limits(struct json_writer *w, const struct compute_spec *spec)
{
	open_object(w, "Resources");
	open_object(w, "Limits");
	put_number(w, "MemoryBytes", (int64_t)spec->limits.memory);
	put_number(w, "NanoCPUs", (int64_t)spec->limits.cpu_milli * 1000000);
	put_number(w, "Pids", spec->limits.pids);
	json_close(w, '}');
	/* What placement counts with. */
	open_object(w, "Reservations");
	put_number(w, "MemoryBytes", (int64_t)spec->limits.memory);
	put_number(w, "NanoCPUs", (int64_t)spec->limits.cpu_milli * 1000000);
	json_close(w, '}');
	json_close(w, '}');
}

static void put_ports(struct json_writer *w, const struct compute_spec *spec)
{
	open_object(w, "EndpointSpec");
	json_put_member(w, "Mode", "dnsrr");
	json_key(w, "Ports");
	json_open(w, '[');
	for (size_t i = 0; i < spec->n_ports; i++) {
		json_open(w, '{');
		json_put_member(w, "Protocol", "tcp");
		json_put_member(w, "PublishMode", "host");
		put_number(w, "TargetPort", spec->ports[i]);
		json_close(w, '}');
	}
	json_close(w, ']');
	json_close(w, '}');
}

void docker_service_body(const struct compute_spec *spec, struct str *out)
{
	char *name CLEANUP(freep) = docker_name(spec->id);
	struct json_writer w = {out, false};

	json_open(&w, '{');
	json_put_member(&w, "Name", name);
	put_labels(&w, spec->id, spec->owner);
	open_object(&w, "TaskTemplate");
	put_container_spec(&w, spec);
	put_limits(&w, spec);
	put_log(&w, "LogDriver", "Name", "Options");
	open_object(&w, "RestartPolicy");
	json_put_member(&w, "Condition", "none");
	json_close(&w, '}');
	json_put_member(&w, "Runtime", "container");
	json_close(&w, '}');
	open_object(&w, "Mode");
	open_object(&w, "Replicated");
	json_key(&w, "Replicas");
	json_put_int(&w, 1);
	json_close(&w, '}');
	json_close(&w, '}');
	put_ports(&w, spec);
	json_close(&w, '}');
}
