/* SPDX-License-Identifier: Apache-2.0 */
/* Builds by leaders: no-op builds one after another, and the throughput of one build's log beside
 * the floor of the same bytes through a pipe into a file. usage: leader FOLDER */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "leader/leader.h"

#define ROUNDS 100
#define LOG_MIB 512
/* Lines of 100 bytes. */
#define FLOOD                                                                                      \
	"yes "                                                                                     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaa | head -c %dM"

static void die(const struct err *err)
{
	fprintf(stderr, "bench: %s\n", err_message(err));
	exit(1);
}

static void write_job(const char *dir, const char *command, const char *hidden)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_leader_job job = {.build_id = id_uuid().text, .version = "0.2"};
	struct uuid_text id = id_uuid();
	char *path CLEANUP(freep) = xasprintf("%s/" LEADER_SPEC, dir);
	struct str json CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;

	job.build_id = id.text;
	wire_list_alloc(&a, &job.hidden_paths, 1);
	job.hidden_paths.v[0] = hidden;
	wire_list_alloc(&a, &job.phases, 1);
	job.phases.v[0].name = "BUILD";
	wire_list_alloc(&a, &job.phases.v[0].commands, 1);
	job.phases.v[0].commands.v[0] = command;
	wire_encode_json(&towpath_leader_job_shape, &job, &json);
	if (file_make_dirs(dir, 0700, &err) < 0 ||
		file_write_atomic(path, str_view(&json), 0600, &err) < 0)
		die(&err);
}

static void await(pid_t pid)
{
	int fd CLEANUP_FD = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {fd, POLLIN, 0};

	if (fd >= 0)
		poll(&p, 1, -1);
}

/* Launch to the end of the leader, cleaning up included. */
static int64_t run(struct zygote *z, const char *dir)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	int64_t start = monotonic_usec();
	pid_t pid;

	if (leader_launch(z, dir, &pid, &err) < 0)
		die(&err);
	await(pid);
	return monotonic_usec() - start;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double floor_rate(const char *base)
{
	char *command CLEANUP(freep) = xasprintf(FLOOD " | cat > %s/floor", LOG_MIB, base);
	const char *argv[] = {"sh", "-c", command, NULL};
	int64_t start = monotonic_usec();

	spawn_check(argv, NULL, NULL);
	return LOG_MIB * 1e6 / (double)(monotonic_usec() - start);
}

int main(int argc, char **argv)
{
	static int64_t took[ROUNDS];
	const char *base = argc > 1 ? argv[1] : "/var/tmp";
	struct zygote *z = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;
	char *flood CLEANUP(freep) = xasprintf(FLOOD, LOG_MIB);
	char *dir CLEANUP(freep) = xasprintf("%s/flood", base);

	if (leader_zygote_start(&z, &err) < 0)
		die(&err);
	for (int i = 0; i < ROUNDS; i++) {
		char *job CLEANUP(freep) = xasprintf("%s/job%d", base, i);

		write_job(job, "true", base);
		took[i] = run(z, job);
	}
	qsort(took, ROUNDS, sizeof(*took), by_value);
	printf("noop_usec %lld\n", (long long)took[ROUNDS / 2]);
	write_job(dir, flood, base);
	printf("log_rate %.0f\n", LOG_MIB * 1e6 / (double)run(z, dir));
	printf("floor_rate %.0f\n", floor_rate(base));
	zygote_free(z);
	return 0;
}
