/* SPDX-License-Identifier: Apache-2.0 */
/* Time to make a root, to run one command in it, and to take it away, beside the time of starting
 * the same command without a root. Prints medians in microseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/spawn.h"
#include "compute/compute.h"

#define ROUNDS 200

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print_median(const char *name, int64_t *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	printf("%s_usec %lld\n", name, (long long)v[n / 2]);
}

static void fail(struct err *err)
{
	fprintf(stderr, "%s\n", err_message(err));
	exit(1);
}

static void run_true(struct compute_root *root, struct err *err)
{
	const char *argv[] = {"/bin/sh", "-c", "true", NULL};
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	struct compute_exit ended;

	p.argv = argv;
	if (compute_sandbox.exec(root, &p, &e, err) < 0 ||
		compute_sandbox.wait(e, -1, &ended, err) < 0)
		fail(err);
}

int main(void)
{
	static int64_t made[ROUNDS], ran[ROUNDS], taken[ROUNDS], spawned[ROUNDS];
	const char *argv[] = {"/bin/sh", "-c", "true", NULL};
	char base[] = "/var/tmp/towpath-bench.XXXXXX", dir[64];
	struct err err CLEANUP_ERR = ERR_INIT;

	if (!mkdtemp(base) || compute_sandbox_prepare(&err) < 0)
		fail(&err);
	for (int i = 0; i < ROUNDS; i++) {
		struct compute_root *root = NULL;
		struct compute_spec spec = {
			.id = base + 9, .dir = dir, .hostname = "bench", .limits = {.pids = 1000}};
		int64_t start;

		snprintf(dir, sizeof(dir), "%s/%d", base, i);
		mkdir(dir, 0700);
		start = monotonic_usec();
		if (compute_sandbox.create(&compute_sandbox, &spec, &root, &err) < 0)
			fail(&err);
		made[i] = monotonic_usec() - start;
		start = monotonic_usec();
		run_true(root, &err);
		ran[i] = monotonic_usec() - start;
		start = monotonic_usec();
		compute_sandbox.destroy(root, NULL);
		taken[i] = monotonic_usec() - start;
		start = monotonic_usec();
		if (spawn_check(argv, NULL, &err) < 0)
			fail(&err);
		spawned[i] = monotonic_usec() - start;
	}
	file_remove_tree(base, NULL);
	print_median("create", made, ROUNDS);
	print_median("run", ran, ROUNDS);
	print_median("destroy", taken, ROUNDS);
	print_median("spawn", spawned, ROUNDS);
	return 0;
}
