/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod uses, from its control groups (version 1 and 2). */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "compute/cgroup.h"
#include "compute/oci_internal.h"

#define ROOT "/sys/fs/cgroup"

/* A file of the pod's group, in the first hierarchy that has it. */
static int read_first(const char *const *hierarchies, const char *pod, const char *name,
	struct str *ret, struct err *err)
{
	char *group CLEANUP(freep) = oci_cgroup(NULL, pod);

	for (; *hierarchies; hierarchies++) {
		char *path CLEANUP(freep) = xasprintf(ROOT "%s%s/%s", *hierarchies, group, name);

		if (file_exists(path))
			return file_read(path, 64 * KIB, ret, err);
	}
	return err_set(err, ERR_NOT_FOUND, "pod %s has no control group with %s", pod, name);
}

/* The number behind a word at the start of a line; 0 when it is not there. */
static int64_t number_of(const struct str *text, const char *word)
{
	struct view rest = str_view(text);
	size_t n = strlen(word);

	while (rest.len) {
		struct view line = view_cut(&rest, '\n');

		if (line.len > n && memcmp(line.p, word, n) == 0 && line.p[n] == ' ')
			return strtoll(line.p + n, NULL, 10);
	}
	return 0;
}

static int read_v2(const char *pod, struct compute_usage *ret, struct err *err)
{
	static const char *const unified[] = {"", NULL};
	struct str cpu CLEANUP_STR = STR_INIT, now CLEANUP_STR = STR_INIT,
		       stat CLEANUP_STR = STR_INIT;

	if (read_first(unified, pod, "cpu.stat", &cpu, err) < 0 ||
		read_first(unified, pod, "memory.current", &now, err) < 0 ||
		read_first(unified, pod, "memory.stat", &stat, err) < 0)
		return -1;
	ret->cpu_usec = number_of(&cpu, "usage_usec");
	ret->memory = strtoll(str_text(&now), NULL, 10) - number_of(&stat, "inactive_file");
	return 0;
}

static int read_v1(const char *pod, struct compute_usage *ret, struct err *err)
{
	static const char *const cpus[] = {"/cpuacct", "/cpu,cpuacct", "/cpu", NULL};
	static const char *const memories[] = {"/memory", NULL};
	struct str cpu CLEANUP_STR = STR_INIT, now CLEANUP_STR = STR_INIT,
		       stat CLEANUP_STR = STR_INIT;

	if (read_first(cpus, pod, "cpuacct.usage", &cpu, err) < 0 ||
		read_first(memories, pod, "memory.usage_in_bytes", &now, err) < 0 ||
		read_first(memories, pod, "memory.stat", &stat, err) < 0)
		return -1;
	ret->cpu_usec = strtoll(str_text(&cpu), NULL, 10) / 1000;
	ret->memory = strtoll(str_text(&now), NULL, 10) - number_of(&stat, "total_inactive_file");
	return 0;
}

int oci_pod_usage(const struct compute_driver *d UNUSED, const char *pod, struct compute_usage *ret,
	struct err *err)
{
	int r = cgroup_is_v2() ? read_v2(pod, ret, err) : read_v1(pod, ret, err);

	ret->memory = MAX(ret->memory, 0);
	return r;
}
