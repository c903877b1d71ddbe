/* SPDX-License-Identifier: Apache-2.0 */
/* What a task definition may say: contradictions and what is not built are refused by name. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "fleet/containers.h"

#define CLIENT "ClientException"
#define CONTAINERS_MAX 10
#define SIZE_LARGEST (1 << 30)

const struct ecs_container_definition *fleet_container_definition(
	const struct ecs_task_definition *d, const char *name)
{
	wire_foreach (c, &d->container_definitions) {
		if (streq(c->name, name))
			return c;
	}
	return NULL;
}

const struct ecs_container_override *fleet_container_override(
	const struct ecs_task_override *o, const char *name)
{
	if (o)
		wire_foreach (c, &o->container_overrides) {
			if (streq(c->name, name))
				return c;
		}
	return NULL;
}

bool fleet_container_essential(const struct ecs_container_definition *c)
{
	return wire_or(c->essential, true);
}

/* ---- one container ---- */

static int refuse_unbuilt_container(const struct ecs_container_definition *c, struct err *err)
{
	const struct {
		bool used;
		const char *name;
	} unbuilt[] = {
		{c->credential_specs.n, "credentialSpecs"},
		{wire_or(c->disable_networking, false), "disableNetworking"},
		{c->dns_search_domains.n, "dnsSearchDomains"},
		{c->dns_servers.n, "dnsServers"},
		{c->docker_security_options.n, "dockerSecurityOptions"},
		{c->environment_files.n, "environmentFiles"},
		{c->extra_hosts.n, "extraHosts"},
		{c->firelens_configuration, "firelensConfiguration"},
		{c->hostname, "hostname"},
		{wire_or(c->interactive, false), "interactive"},
		{c->links.n, "links"},
		{c->linux_parameters, "linuxParameters"},
		{wire_or(c->privileged, false), "privileged"},
		{wire_or(c->pseudo_terminal, false), "pseudoTerminal"},
		{c->repository_credentials, "repositoryCredentials"},
		{c->resource_requirements.n, "resourceRequirements"},
		{c->restart_policy && wire_or(c->restart_policy->enabled, false), "restartPolicy"},
		{c->system_controls.n, "systemControls"},
		{c->volumes_from.n, "volumesFrom"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(unbuilt); i++)
		if (unbuilt[i].used)
			return err_set_wire(err, CLIENT,
				"%s of container '%s' is not implemented; leave it out",
				unbuilt[i].name, c->name);
	return 0;
}

static int check_log(const struct ecs_container_definition *c, struct err *err)
{
	const struct ecs_log_configuration *log = c->log_configuration;
	bool group = false;

	if (!log)
		return 0;
	if (!streq(log->log_driver, "awslogs") || log->secret_options.n)
		return err_set_wire(err, CLIENT,
			"Log driver '%s' of container '%s' is not implemented; use awslogs without "
			"secretOptions",
			log->log_driver, c->name);
	wire_foreach (o, &log->options)
		group |= streq(o->key, "awslogs-group");
	if (!group)
		return err_set_wire(err, CLIENT,
			"Log driver awslogs requires options: awslogs-group (container '%s')",
			c->name);
	return 0;
}

static int check_health(const struct ecs_container_definition *c, struct err *err)
{
	const struct ecs_health_check *h = c->health_check;

	if (!h)
		return 0;
	if (h->command.n < 2 ||
		(!streq(h->command.v[0], "CMD") && !streq(h->command.v[0], "CMD-SHELL")))
		return err_set_wire(err, CLIENT,
			"The health check of container '%s' must start with CMD or CMD-SHELL, "
			"followed by what to run",
			c->name);
	if (wire_or(h->interval, 30) < 5 || wire_or(h->interval, 30) > 300 ||
		wire_or(h->timeout, 5) < 2 || wire_or(h->timeout, 5) > 60 ||
		wire_or(h->retries, 3) < 1 || wire_or(h->retries, 3) > 10 ||
		wire_or(h->start_period, 0) < 0 || wire_or(h->start_period, 0) > 300)
		return err_set_wire(err, CLIENT,
			"The health check of container '%s' is out of range: interval 5 to 300, "
			"timeout 2 to 60, retries 1 to 10, startPeriod 0 to 300",
			c->name);
	return 0;
}

static int check_ports(const struct ecs_container_definition *c, struct err *err)
{
	wire_foreach (p, &c->port_mappings) {
		int port = wire_or(p->container_port, 0);

		if (p->container_port_range)
			return err_set_wire(err, CLIENT,
				"containerPortRange of container '%s' is not implemented", c->name);
		if (port < 1 || port > 65535)
			return err_set_wire(err, CLIENT,
				"Container '%s' has a port mapping without a containerPort from 1 "
				"to 65535",
				c->name);
		if (wire_or(p->host_port, 0) != 0 && p->host_port.v != port)
			return err_set_wire(err, CLIENT,
				"When networkMode=awsvpc, the host ports and container ports in "
				"port mappings must match (container '%s')",
				c->name);
	}
	return 0;
}

static int check_dependencies(const struct ecs_task_definition *d,
	const struct ecs_container_definition *c, struct err *err)
{
	wire_foreach (dep, &c->depends_on) {
		const struct ecs_container_definition *other =
			fleet_container_definition(d, dep->container_name);

		if (!other || other == c)
			return err_set_wire(err, CLIENT,
				"Container '%s' depends on '%s', which is not another container of "
				"the task definition",
				c->name, dep->container_name);
		if (streq(dep->condition, "HEALTHY") && !other->health_check)
			return err_set_wire(err, CLIENT,
				"Container '%s' waits for '%s' to be HEALTHY, which has no health "
				"check",
				c->name, other->name);
		if ((streq(dep->condition, "COMPLETE") || streq(dep->condition, "SUCCESS")) &&
			fleet_container_essential(other))
			return err_set_wire(err, CLIENT,
				"Container '%s' waits for the end of '%s', which is essential",
				c->name, other->name);
	}
	return 0;
}

/* A dependency chain longer than there are containers goes in a circle. */
static bool in_circle(
	const struct ecs_task_definition *d, const struct ecs_container_definition *c, size_t depth)
{
	if (depth > d->container_definitions.n)
		return true;
	wire_foreach (dep, &c->depends_on) {
		if (in_circle(d, fleet_container_definition(d, dep->container_name), depth + 1))
			return true;
	}
	return false;
}

static int check_mounts(const struct ecs_task_definition *d,
	const struct ecs_container_definition *c, struct err *err)
{
	wire_foreach (m, &c->mount_points) {
		bool known = false;

		wire_foreach (v, &d->volumes)
			known |= streq(v->name, m->source_volume);
		if (!known)
			return err_set_wire(err, CLIENT, "Unknown volume '%s' (container '%s').",
				m->source_volume ? m->source_volume : "", c->name);
		if (!m->container_path || m->container_path[0] != '/')
			return err_set_wire(err, CLIENT,
				"A mount point of container '%s' needs an absolute containerPath",
				c->name);
	}
	return 0;
}

static int check_secrets(const struct ecs_task_definition *d,
	const struct ecs_container_definition *c, struct err *err)
{
	if (c->secrets.n && !d->execution_role_arn)
		return err_set_wire(err, CLIENT,
			"When you are specifying container secrets, you must also specify a value "
			"for 'executionRoleArn' (container '%s').",
			c->name);
	return 0;
}

static int check_container(const struct ecs_task_definition *d,
	const struct ecs_container_definition *c, struct err *err)
{
	if (!c->name || !fleet_ecs_name(c->name))
		return err_set_wire(err, CLIENT,
			"Container.name contains invalid characters or is missing: '%s'",
			c->name ? c->name : "");
	if (!c->image || !*c->image)
		return err_set_wire(err, CLIENT,
			"Container.image should not be null or empty "
			"(container '%s').",
			c->name);
	if (fleet_container_definition(d, c->name) != c)
		return err_set_wire(
			err, CLIENT, "Container name '%s' is used more than once.", c->name);
	if (wire_or(c->memory, 6) < 6 || wire_or(c->memory_reservation, 6) < 6)
		return err_set_wire(
			err, CLIENT, "Container '%s' needs at least 6 MiB of memory", c->name);
	if (wire_or(c->stop_timeout, 30) < 0 || wire_or(c->stop_timeout, 30) > 120)
		return err_set_wire(err, CLIENT,
			"stopTimeout of container '%s' must be from 0 to 120 seconds", c->name);
	if (refuse_unbuilt_container(c, err) < 0 || check_log(c, err) < 0 ||
		check_health(c, err) < 0 || check_ports(c, err) < 0 ||
		check_dependencies(d, c, err) < 0)
		return -1;
	if (check_secrets(d, c, err) < 0)
		return -1;
	return check_mounts(d, c, err);
}

/* ---- the task ---- */

static int refuse_unbuilt(const struct ecs_task_definition *d, struct err *err)
{
	const struct {
		bool used;
		const char *name;
	} unbuilt[] = {
		{d->inference_accelerators.n, "inferenceAccelerators"},
		{d->ipc_mode, "ipcMode"},
		{d->pid_mode, "pidMode"},
		{d->placement_constraints.n, "placementConstraints"},
		{d->proxy_configuration, "proxyConfiguration"},
		{wire_or(d->enable_fault_injection, false), "enableFaultInjection"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(unbuilt); i++)
		if (unbuilt[i].used)
			return err_set_wire(err, CLIENT, "%s is not implemented; leave it out",
				unbuilt[i].name);
	if (d->network_mode && !streq(d->network_mode, "awsvpc") && !streq(d->network_mode, "none"))
		return err_set_wire(err, CLIENT,
			"Network mode '%s' is not implemented; use awsvpc, where each task has an "
			"address of its own",
			d->network_mode);
	wire_foreach (v, &d->volumes) {
		if (!v->name || !fleet_ecs_name(v->name))
			return err_set_wire(err, CLIENT, "A volume needs a name");
		if ((v->host && v->host->source_path) || v->docker_volume_configuration ||
			v->efs_volume_configuration ||
			v->fsx_windows_file_server_volume_configuration ||
			v->s3files_volume_configuration || wire_or(v->configured_at_launch, false))
			return err_set_wire(err, CLIENT,
				"Volume '%s' is of a kind that is not implemented; only volumes "
				"that live and end with their task are",
				v->name);
	}
	return 0;
}

/* Hosts of a swarm may be of any kind; the swarm finds out. */
static int check_platform(const struct ecs_runtime_platform *p, struct err *err)
{
	struct utsname here = {0};
	bool arm;

	if (!p)
		return 0;
	if (p->operating_system_family && !streq(p->operating_system_family, "LINUX"))
		return err_set_wire(err, CLIENT,
			"Tasks for the operating system family %s cannot run on this machine; use "
			"LINUX",
			p->operating_system_family);
	uname(&here);
	arm = streq(here.machine, "aarch64");
	if (p->cpu_architecture && streq(p->cpu_architecture, "ARM64") != arm)
		return err_set_wire(err, CLIENT,
			"Tasks for the architecture %s cannot run on this machine, which is %s",
			p->cpu_architecture, here.machine);
	return 0;
}

int fleet_task_definition_fits(
	const struct fleet_engine *e, const struct ecs_task_definition *d, struct err *err)
{
	const struct compute_driver *compute = e->cfg.task_compute;

	if (!compute || !compute->remote)
		return check_platform(d->runtime_platform, err);
	if (d->container_definitions.n > 1)
		return err_set_wire(err, CLIENT,
			"A swarm places single containers: a task definition of several, which "
			"share a network, cannot be run with --compute swarm");
	if (streq(d->network_mode, "none"))
		return err_set_wire(
			err, CLIENT, "Network mode 'none' cannot be had with --compute swarm");
	if (d->task_role_arn)
		return err_set_wire(err, CLIENT,
			"taskRoleArn cannot be had with --compute swarm: the address where "
			"containers ask for its credentials is on the server's own machine. Give "
			"the container keys as secrets");
	return 0;
}

/* Fargate's sizes: CPU units, least and most memory in MiB, in steps. */
static const struct {
	int cpu, least, most, step;
} sizes[] = {
	{256, 512, 2048, 512}, /* and no 1536: steps double, checked below */
	{512, 1024, 4096, 1024},
	{1024, 2048, 8192, 1024},
	{2048, 4096, 16384, 1024},
	{4096, 8192, 30720, 1024},
	{8192, 16384, 61440, 4096},
	{16384, 32768, 122880, 8192},
};

int fleet_task_definition_fargate(const struct ecs_task_definition *d, struct err *err)
{
	int cpu = d->cpu ? atoi(d->cpu) : 0, memory = d->memory ? atoi(d->memory) : 0;

	if (d->network_mode && !streq(d->network_mode, "awsvpc"))
		return err_set_wire(err, CLIENT, "Fargate only supports network mode 'awsvpc'.");
	if (!cpu || !memory)
		return err_set_wire(err, CLIENT,
			"Fargate requires task definition to have a cpu and a memory value.");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (sizes[i].cpu == cpu && memory >= sizes[i].least && memory <= sizes[i].most &&
			memory % sizes[i].step == 0 && !(cpu == 256 && memory == 1536))
			return 0;
	return err_set_wire(err, CLIENT,
		"No Fargate configuration exists for given values: %d CPU, %d memory.", cpu,
		memory);
}

/* "0.5 vCPU", ".25 vcpu", "1 GB" in thousand-and-twenty-fourths of the unit, "256" as it stands. */
static int size_of(
	const char **text, const char *unit, const char *name, struct arena *a, struct err *err)
{
	char *end;
	double v;

	if (!*text)
		return 0;
	v = strtod(*text, &end);
	while (*end == ' ')
		end++;
	if (*end && strcasecmp(end, unit) == 0)
		v *= 1024;
	else if (*end)
		v = 0;
	if (!(v >= 1 && v <= SIZE_LARGEST))
		return err_set_wire(err, CLIENT,
			"Invalid '%s' setting for task: '%s'. It is a whole number of %s, or one "
			"of %s such as '1 %s'.",
			name, *text, streq(name, "cpu") ? "CPU units" : "MiB", unit, unit);
	*text = arena_printf(a, "%d", (int)v);
	return 0;
}

int fleet_task_size(const char **cpu, const char **memory, struct arena *a, struct err *err)
{
	if (size_of(cpu, "vCPU", "cpu", a, err) < 0)
		return -1;
	return size_of(memory, "GB", "memory", a, err);
}

int fleet_task_definition_runs(const struct ecs_task_definition *d, const char *launch_type,
	const struct ecs_network_configuration *network, struct err *err)
{
	bool able = false;

	wire_foreach (c, &d->compatibilities)
		able |= streq(*c, launch_type);
	if (!able)
		return err_set_wire(err, "InvalidParameterException",
			"Task definition %s does not support launch_type %s.",
			d->task_definition_arn, launch_type);
	if (streq(d->network_mode, "awsvpc") && (!network || !network->awsvpc_configuration))
		return err_set_wire(err, "InvalidParameterException",
			"Network Configuration must be provided when networkMode 'awsvpc' is "
			"specified.");
	return 0;
}

int fleet_task_definition_check(const struct ecs_task_definition *d, struct err *err)
{
	bool essential = false;
	int64_t memory = 0;

	if (!fleet_ecs_name(d->family))
		return err_set_wire(err, CLIENT,
			"Family contains invalid characters when it should only contain letters, "
			"numbers, hyphens, and underscores.");
	if (!d->container_definitions.n || d->container_definitions.n > CONTAINERS_MAX)
		return err_set_wire(err, CLIENT,
			"A task definition needs 1 to %d container definitions.", CONTAINERS_MAX);
	if (refuse_unbuilt(d, err) < 0)
		return -1;
	wire_foreach (c, &d->container_definitions) {
		if (check_container(d, c, err) < 0)
			return -1;
		essential |= fleet_container_essential(c);
		memory += wire_or(c->memory, wire_or(c->memory_reservation, 0));
		if (!d->memory && !c->memory.set && !c->memory_reservation.set)
			return err_set_wire(err, CLIENT,
				"Invalid setting for container '%s'. At least one of 'memory' or "
				"'memoryReservation' must be specified.",
				c->name);
	}
	wire_foreach (c, &d->container_definitions) {
		if (in_circle(d, c, 0))
			return err_set_wire(err, CLIENT,
				"Container '%s' depends on itself by way of others", c->name);
	}
	if (!essential)
		return err_set_wire(err, CLIENT, "No essential container specified.");
	if (d->memory && memory > atoi(d->memory))
		return err_set_wire(err, CLIENT,
			"The memory of the containers, %lld MiB, is more than the task's, %s",
			(long long)memory, d->memory);
	wire_foreach (c, &d->requires_compatibilities) {
		if (streq(*c, "FARGATE"))
			return fleet_task_definition_fargate(d, err);
	}
	return 0;
}
