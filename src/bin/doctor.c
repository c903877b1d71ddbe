/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath doctor`: whether this machine can do all that Towpath does, and what to do if not. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "bin/command.h"
#include "bin/server.h"
#include "codec/json.h"

#define FREE_DISK_WANTED (2 * GIB)

enum verdict { FINE, LIMITED, BROKEN };

struct finding {
	enum verdict verdict;
	struct str text; /* what was found, and what to do */
};

/* One program or feature a row. */
struct program {
	const char *name, *package, *without; /* what is missing without it */
	enum verdict verdict;
};

static const struct program programs[] = {
	{"dockerd", "docker.io", "builds in privileged mode", LIMITED},
	{"git", "git", "pushes, clones and source downloads", BROKEN},
	{"haproxy", "haproxy", "load balancers and blue/green traffic", LIMITED},
	{"ip", "iproute2", "instances with addresses of their own", LIMITED},
	{"iptables", "iptables", "instances that reach the outside", LIMITED},
	{"node", "nodejs", "runtimes from the npm registry", LIMITED},
	{"npm", "npm", "runtimes from the npm registry", LIMITED},
	{"pasta", "passt", "builds in privileged mode", LIMITED},
	{"runc", "runc", "instances of fleets", LIMITED},
	{"slirp4netns", "slirp4netns", "builds in privileged mode", LIMITED},
	{"unzip", "unzip", "deployments by the stock host agent", LIMITED},
};

static void check_program(const struct program *p, struct finding *f)
{
	if (spawn_can_find(p->name)) {
		str_addf(&f->text, "%s is installed", p->name);
		return;
	}
	f->verdict = p->verdict;
	str_addf(&f->text, "%s is missing: no %s. Do: apt-get install %s", p->name, p->without,
		p->package);
}

static void check_root(struct finding *f, const char *data_dir)
{
	(void)data_dir;
	if (geteuid() == 0) {
		str_add(&f->text, "runs as root: builds and instances can be isolated");
		return;
	}
	f->verdict = BROKEN;
	str_add(&f->text, "does not run as root: builds and instances cannot be isolated. "
			  "Do: run `towpath serve` as root or as a systemd service");
}

static void check_overlay(struct finding *f, const char *data_dir)
{
	struct str text CLEANUP_STR = STR_INIT;

	(void)data_dir;
	if (file_read("/proc/filesystems", MIB, &text, NULL) == 0 &&
		strstr(str_text(&text), "\toverlay\n")) {
		str_add(&f->text, "the kernel has overlayfs");
		return;
	}
	f->verdict = BROKEN;
	str_add(&f->text, "the kernel has no overlayfs: no roots for builds. Do: modprobe overlay");
}

static void check_cgroups(struct finding *f, const char *data_dir)
{
	(void)data_dir;
	if (file_exists("/sys/fs/cgroup/cgroup.controllers")) {
		str_add(&f->text, "control groups, version 2");
	} else if (file_exists("/sys/fs/cgroup/memory") && file_exists("/sys/fs/cgroup/pids")) {
		str_add(&f->text, "control groups, version 1");
	} else {
		f->verdict = LIMITED;
		str_add(&f->text, "no control groups: memory and process limits of builds do not "
				  "hold. Do: mount cgroup2 at /sys/fs/cgroup");
	}
}

static void check_kernel(struct finding *f, const char *data_dir)
{
	struct utsname u;
	int major = 0, minor = 0;

	(void)data_dir;
	if (uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
		(major > 5 || (major == 5 && minor >= 10))) {
		str_addf(&f->text, "Linux %s", u.release);
		return;
	}
	f->verdict = BROKEN;
	str_add(&f->text, "the kernel is older than 5.10, or no Linux. Do: use Debian 12 or newer");
}

/* It is built and installed beside this program. */
static void check_ssh(struct finding *f, const char *data_dir)
{
	char *program CLEANUP(freep) = spawn_own_program(SERVER_SSH_PROGRAM, NULL);

	(void)data_dir;
	if (program && spawn_can_find(program)) {
		str_add(&f->text, SERVER_SSH_PROGRAM " stands beside this program: git over SSH");
		return;
	}
	f->verdict = LIMITED;
	str_add(&f->text,
		SERVER_SSH_PROGRAM " does not stand beside this program: no git over SSH. "
				   "Do: install both with meson install");
}

static void check_disk(struct finding *f, const char *data_dir)
{
	struct statvfs v;
	char *dir CLEANUP(freep) = xstrdup(data_dir);
	double free_bytes;

	while (statvfs(dir, &v) < 0) {
		char *slash = strrchr(dir, '/');

		if (!slash || slash == dir) {
			strcpy(dir, "/");
			break;
		}
		*slash = '\0';
	}
	free_bytes = statvfs(dir, &v) == 0 ? (double)v.f_bavail * (double)v.f_frsize : 0;
	str_addf(&f->text, "%.1f GB free for %s", free_bytes / 1e9, data_dir);
	if (free_bytes < (double)FREE_DISK_WANTED) {
		f->verdict = LIMITED;
		str_add(&f->text, ": little. Do: free space, or name another folder with --data");
	}
}

/* Signatures are refused when the clocks of client and server are five minutes apart. */
static void check_clock(struct finding *f, const char *data_dir)
{
	time_t now = time(NULL);
	struct stat st;

	(void)data_dir;
	if (stat("/proc/self/exe", &st) == 0 && now + 86400 < st.st_mtime) {
		f->verdict = BROKEN;
		str_add(&f->text, "the clock stands before the time this program was made. "
				  "Do: set it (timedatectl set-ntp true)");
		return;
	}
	str_add(&f->text, "the clock is plausible");
}

static void (*const checks[])(struct finding *f, const char *data_dir) = {
	check_kernel, check_root, check_overlay, check_cgroups, check_disk, check_clock, check_ssh};

static void report(struct finding *f, const struct options *o, enum verdict *worst, size_t number)
{
	static const char *const marks[] = {"✔", "!", "✘"}, *const words[] = {
								    "fine", "limited", "broken"};
	static const char *const colours[] = {"32", "33", "31"};

	if (option_flag(o, "json")) {
		struct str text CLEANUP_STR = STR_INIT;

		json_write_string(&text, str_view(&f->text));
		printf("%s{\"verdict\":\"%s\",\"finding\":%s}", number ? "," : "",
			words[f->verdict], str_text(&text));
	} else if (option_colours(o)) {
		printf("\033[%sm%s\033[0m %s\n", colours[f->verdict], marks[f->verdict],
			str_text(&f->text));
	} else {
		printf("%s %s\n", marks[f->verdict], str_text(&f->text));
	}
	*worst = MAX(*worst, f->verdict);
	str_release(&f->text);
}

static int run(const struct options *o, struct err *err)
{
	char *data_dir CLEANUP(freep) = option_data_dir(o);
	enum verdict worst = FINE;
	size_t n = 0;

	(void)err;
	printf("%s", option_flag(o, "json") ? "[" : "");
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct finding f = {FINE, STR_INIT};

		checks[i](&f, data_dir);
		report(&f, o, &worst, n++);
	}
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct finding f = {FINE, STR_INIT};

		check_program(&programs[i], &f);
		report(&f, o, &worst, n++);
	}
	printf("%s", option_flag(o, "json") ? "]\n" : "");
	return worst == BROKEN ? EXIT_FAILED : EXIT_OK;
}

const struct command command_doctor = {
	.name = "doctor",
	.summary = "check what this machine offers, and say what to do about the rest",
	.run = run,
};
