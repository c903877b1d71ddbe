/* SPDX-License-Identifier: Apache-2.0 */
/* The oci driver: long-lived roots made by an OCI runtime (runc, or the program that
 * TOWPATH_OCI_RUNTIME names).
 *
 * The root is an overlay over the host's tree, made and mounted here; spec.dir is the bundle. The
 * root outlives this process. `oci-network` in the bundle remembers the bridge. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/path.h"
#include "base/spawn.h"
#include "base/vec.h"
#include "codec/json.h"
#include "compute/oci_internal.h"
#include "compute/sandbox.h"

#define MOUNT_OPTIONS_MAX 4095 /* the kernel takes a page, its end included */
#define RUNTIME_LIMIT_USEC (60 * USEC_PER_SEC)

struct oci {
	struct compute_root base;
	char *id, *dir;
	pid_t pid;
	int pidfd; /* of init, or of the monitor where there is one */
};

struct oci_exec {
	struct compute_exec base;
	int pidfd;
	char *pid_file; /* the process inside, by its number outside */
	bool reaped;
	struct compute_exit exit;
};

static struct oci *oci_of(struct compute_root *r)
{
	return CONTAINER_OF(r, struct oci, base);
}

static const char *runtime(void)
{
	const char *name = getenv("TOWPATH_OCI_RUNTIME");

	return name && *name ? name : "runc";
}

/* The runtime of a bundle. One that is not there has made nothing; any other takes the rest away.
 */
static char *runtime_for(const char *dir)
{
	char *program CLEANUP(freep) = oci_runtime_of(dir);

	return program && spawn_can_find(program) ? TAKE_PTR(program) : xstrdup(runtime());
}

int oci_runtime_run(const char *dir, int log_fd, struct str *ret_out, struct err *err, ...)
{
	char *log CLEANUP(freep) = path_join(dir, "runtime.log");
	char *program CLEANUP(freep) = runtime_for(dir);
	struct str text CLEANUP_STR = STR_INIT;
	struct spawn_result result CLEANUP_SPAWN_RESULT = {0};
	struct spawn spawn = SPAWN_INIT;
	VEC(const char *) argv = {0};
	const char *word;
	va_list ap;
	pid_t pid;
	int r;

	vec_push(&argv, program);
	vec_push(&argv, "--root");
	vec_push(&argv, OCI_STATE);
	vec_push(&argv, "--log");
	vec_push(&argv, log);
	va_start(ap, err);
	while ((word = va_arg(ap, const char *)))
		vec_push(&argv, word);
	va_end(ap);
	vec_push(&argv, NULL);
	spawn.argv = argv.v;
	spawn.stdout_fd = spawn.stderr_fd = log_fd;
	spawn.new_session = true;
	if (ret_out) {
		r = spawn_run(&spawn, (struct view){0}, MIB, RUNTIME_LIMIT_USEC, &result, err);
		if (r == 0)
			str_add_view(ret_out, str_view(&result.out));
	} else {
		r = spawn_start(&spawn, &pid, err);
		if (r == 0)
			r = spawn_wait(pid, &result, err);
	}
	if (r == 0 && result.exit_code != 0) {
		file_read(log, MIB, &text, NULL);
		r = err_set(err, ERR_IO, "%s %s: %.800s", argv.v[0], argv.v[5],
			text.len ? str_text(&text) + (text.len > 800 ? text.len - 800 : 0)
				 : str_text(&result.errout));
	}
	if (r == 0 || !err)
		unlink(log);
	vec_release(&argv);
	return r;
}

static int oci_probe(const struct compute_driver *d UNUSED, struct err *err)
{
	const char *programs[] = {runtime(), "ip", "iptables"};

	if (geteuid() != 0)
		return err_set(err, ERR_DENIED, "instances need root");
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (!spawn_can_find(programs[i])) {
			err_set(err, ERR_UNSUPPORTED, "the program %s is missing", programs[i]);
			return err_hint(err, "install the packages runc, iproute2 and iptables");
		}
	return 0;
}

/* ---- the tree ---- */

static int tree_mount(const struct compute_spec *spec, struct err *err)
{
	char *target CLEANUP(freep) = path_join(spec->dir, "root");
	struct str options CLEANUP_STR = STR_INIT;

	if (strpbrk(spec->dir, ",:\\\""))
		return err_set(err, ERR_INVALID,
			"the folder %s has characters that overlay mounts do not take", spec->dir);
	str_add(&options, "lowerdir=");
	if (!spec->n_lowers)
		str_add(&options, spec->lower ? spec->lower : "/");
	for (size_t i = 0; i < spec->n_lowers; i++)
		str_addf(&options, "%s%s", i ? ":" : "", spec->lowers[i]);
	str_addf(&options, ",upperdir=%s/upper,workdir=%s/work", spec->dir, spec->dir);
	if (options.len >= MOUNT_OPTIONS_MAX)
		return err_set(err, ERR_TOO_LARGE,
			"the image of %s has %zu layers, more than one mount takes", spec->id,
			spec->n_lowers);
	if (mkdir(target, 0700) < 0 ||
		mount("overlay", target, "overlay", 0, str_text(&options)) < 0)
		return err_errno(err, errno, "cannot mount the root of %s", spec->id);
	return 0;
}

static void tree_unmount(const char *dir)
{
	char *target CLEANUP(freep) = path_join(dir, "root");

	if (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		log_warn("compute", "cannot unmount %s", target);
}

/* ---- network, remembered in the bundle ---- */

struct kept_bridge {
	char bridge[32], gateway[64];
};

static int network_keep(const struct compute_spec *spec, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	str_addf(&text, "%s %s\n", spec->bridge.bridge, spec->bridge.gateway);
	return oci_write(spec->dir, "oci-network", str_view(&text), 0600, err);
}

static void network_drop(const char *dir)
{
	char *path CLEANUP(freep) = path_join(dir, "oci-network");
	struct str text CLEANUP_STR = STR_INIT;
	struct kept_bridge kept;

	if (file_read(path, 256, &text, NULL) < 0 ||
		sscanf(str_text(&text), "%31s %63s", kept.bridge, kept.gateway) != 2)
		return;
	oci_network_leave(
		&(struct compute_bridge){.bridge = kept.bridge, .gateway = kept.gateway}, NULL);
}

/* ---- roots of images ---- */

int oci_write(const char *dir, const char *name, struct view text, mode_t mode, struct err *err)
{
	char *path CLEANUP(freep) = path_join(dir, name);
	char *fresh CLEANUP(freep) = xasprintf("%s.new", path);
	int fd CLEANUP_FD =
		open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0 || fchmod(fd, mode) < 0)
		return err_errno(err, errno, "cannot make %s", fresh);
	if (fd_write_all(fd, text.p, text.len, err) < 0)
		return err_wrap(err, "%s", fresh);
	return rename(fresh, path) < 0 ? err_errno(err, errno, "cannot replace %s", path) : 0;
}

/* Nothing of the image is looked at from here, since its links would lead into the host. */
static int image_layer_make(const struct compute_spec *spec, struct err *err)
{
	static const char *const dirs[] = {"upper", "work"};
	const char *hostname = spec->hostname ? spec->hostname : spec->id;
	struct str text CLEANUP_STR = STR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char *path CLEANUP(freep) = path_join(spec->dir, dirs[i]);

		if (mkdir(path, 0755) < 0 || chmod(path, 0755) < 0)
			return err_errno(err, errno, "cannot make %s", path);
	}
	str_addf(&text, "127.0.0.1 localhost\n::1 localhost\n%s %s\n",
		spec->address ? spec->address : "127.0.1.1", hostname);
	if (oci_write(spec->dir, "hosts", str_view(&text), 0644, err) < 0)
		return -1;
	str_clear(&text);
	str_addf(&text, "%s\n", hostname);
	if (oci_write(spec->dir, "hostname", str_view(&text), 0644, err) < 0)
		return -1;
	str_clear(&text);
	file_read("/etc/resolv.conf", MIB, &text, NULL);
	return oci_write(spec->dir, "resolv.conf", str_view(&text), 0644, err);
}

char *oci_cgroup(const char *pod, const char *id)
{
	return pod ? xasprintf("/towpath/%s/%s", pod, id) : xasprintf("/towpath/%s", id);
}

/* ---- life ---- */

static int discard(
	const struct compute_driver *d UNUSED, const char *id, const char *dir, struct err *err)
{
	oci_monitor_break_off(dir);
	if (oci_runtime_run(dir, -1, NULL, err, "delete", "--force", id, NULL) < 0)
		return -1;
	tree_unmount(dir);
	network_drop(dir);
	return 0;
}

static int read_pid(const char *dir, pid_t *ret, struct err *err)
{
	char *path CLEANUP(freep) = path_join(dir, "init.pid");
	struct str text CLEANUP_STR = STR_INIT;

	if (file_read(path, 64, &text, err) < 0)
		return -1;
	*ret = (pid_t)strtol(str_text(&text), NULL, 10);
	return 0;
}

/* Takes the descriptor. */
static struct oci *oci_new(const char *id, const char *dir, pid_t pid, int pidfd)
{
	struct oci *o = xcalloc(1, sizeof(*o));

	o->base.driver = &compute_oci;
	o->id = xstrdup(id);
	o->dir = xstrdup(dir);
	o->pid = pid;
	o->pidfd = pidfd;
	return o;
}

static struct oci *oci_new_watched(const char *id, const char *dir, pid_t pid, struct err *err)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd >= 0)
		return oci_new(id, dir, pid, pidfd);
	err_set(err, ERR_NOT_FOUND, "the first process of root %s is gone", id);
	return NULL;
}

static void oci_free(struct oci *o)
{
	free(o->id);
	free(o->dir);
	fd_closep(&o->pidfd);
	free(o);
}

static int write_bundle(const struct compute_spec *spec, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	if (oci_bundle_text(spec, &text, err) < 0)
		return -1;
	return oci_write(spec->dir, "config.json", str_view(&text), 0600, err);
}

/* The root of a monitored bundle; while the monitor lives, init does, or has just ended. One that
 * was made a moment ago may have ended by now: its watch says so at once. */
static struct oci *oci_new_monitored(
	const char *id, const char *dir, bool just_made, struct err *err)
{
	int pidfd CLEANUP_FD = oci_monitor_pidfd(dir);
	pid_t pid;

	if (pidfd < 0 && just_made)
		pidfd = eventfd(1, EFD_CLOEXEC);
	if (pidfd < 0 || read_pid(dir, &pid, err) < 0) {
		if (pidfd < 0)
			err_set(err, ERR_NOT_FOUND, "the monitor of root %s is gone", id);
		return NULL;
	}
	return oci_new(id, dir, pid, TAKE_FD(pidfd));
}

static int prepare(const struct compute_spec *spec, struct err *err)
{
	int r = spec->n_lowers ? image_layer_make(spec, err) : sandbox_layer_make(spec, NULL, err);

	if (r < 0 || tree_mount(spec, err) < 0 || write_bundle(spec, err) < 0)
		return -1;
	return file_make_dirs(OCI_STATE, 0700, err);
}

static int create_steps(const struct compute_spec *spec, struct oci **ret, struct err *err)
{
	char *pid_file CLEANUP(freep) = path_join(spec->dir, "init.pid");
	pid_t pid;

	if (prepare(spec, err) < 0)
		return -1;
	if (spec->monitors) {
		if (oci_monitor_start(spec, err) < 0)
			return -1;
		*ret = oci_new_monitored(spec->id, spec->dir, true, err);
		return *ret ? 0 : -1;
	}
	if (oci_runtime_run(spec->dir, spec->log_fd, NULL, err, "create", "--bundle", spec->dir,
		    "--pid-file", pid_file, spec->id, NULL) < 0 ||
		read_pid(spec->dir, &pid, err) < 0)
		return -1;
	if (spec->network == COMPUTE_NET_BRIDGE &&
		(network_keep(spec, err) < 0 ||
			oci_network_join(spec->id, &spec->bridge, pid, err) < 0))
		return -1;
	*ret = oci_new_watched(spec->id, spec->dir, pid, err);
	if (!*ret || oci_runtime_run(spec->dir, -1, NULL, err, "start", spec->id, NULL) < 0)
		return -1;
	return 0;
}

static int oci_create(const struct compute_driver *d UNUSED, const struct compute_spec *spec,
	struct compute_root **ret, struct err *err)
{
	struct oci *o = NULL;

	if (create_steps(spec, &o, err) < 0) {
		if (o)
			oci_free(o);
		discard(&compute_oci, spec->id, spec->dir, NULL);
		return err_wrap(err, "cannot make instance %s", spec->id);
	}
	*ret = &o->base;
	return 0;
}

static int oci_attach(const struct compute_driver *d UNUSED, const char *id, const char *dir,
	struct compute_root **ret, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	struct str text CLEANUP_STR = STR_INIT;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *state, *pid;
	struct oci *o;

	if (oci_monitored(dir)) {
		o = oci_new_monitored(id, dir, false, err);
		*ret = o ? &o->base : NULL;
		return o ? 0 : -1;
	}
	if (oci_runtime_run(dir, -1, &text, &why, "state", id, NULL) < 0)
		return err_set(err, ERR_NOT_FOUND, "there is no root %s", id);
	if (json_parse(str_view(&text), &a, &state, err) < 0)
		return -1;
	pid = json_member(state, "pid");
	if (!streq(json_member_text(state, "status"), "running") || !pid)
		return err_set(err, ERR_NOT_FOUND, "root %s is not running", id);
	o = oci_new_watched(id, dir, (pid_t)pid->integer, err);
	if (!o)
		return -1;
	*ret = &o->base;
	return 0;
}

static int oci_kill_all(struct compute_root *r, struct err *err)
{
	struct oci *o = oci_of(r);

	return oci_runtime_run(o->dir, -1, NULL, err, "kill", "--all", o->id, "KILL", NULL);
}

static int oci_signal_init(struct compute_root *r, int signal, struct err *err)
{
	if (kill(oci_of(r)->pid, signal) < 0 && errno != ESRCH)
		return err_errno(err, errno, "cannot signal root %s", oci_of(r)->id);
	return 0;
}

static int oci_destroy(struct compute_root *r, struct err *err)
{
	struct oci *o;
	int result;

	if (!r)
		return 0;
	o = oci_of(r);
	result = discard(&compute_oci, o->id, o->dir, err);
	oci_free(o);
	return result;
}

static void oci_detach(struct compute_root *r)
{
	if (r)
		oci_free(oci_of(r));
}

static int oci_watch_fd(struct compute_root *r, struct err *err)
{
	(void)err;
	return oci_of(r)->pidfd;
}

static size_t oci_peak_memory(struct compute_root *r)
{
	static const char *const paths[] = {
		"/sys/fs/cgroup/memory/towpath/%s/memory.max_usage_in_bytes",
		"/sys/fs/cgroup/towpath/%s/memory.peak",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct str text CLEANUP_STR = STR_INIT;
		struct str path CLEANUP_STR = STR_INIT;
		const char *mark = strstr(paths[i], "%s");

		str_add_n(&path, paths[i], (size_t)(mark - paths[i]));
		str_add(&path, oci_of(r)->id);
		str_add(&path, mark + 2);
		if (file_read(str_text(&path), 64, &text, NULL) == 0)
			return strtoull(str_text(&text), NULL, 10);
	}
	return 0;
}

/* ---- processes ---- */

static int exec_words(
	struct oci *o, const struct compute_process *p, const char *pid_file, struct strv *v)
{
	char *program CLEANUP(freep) = runtime_for(o->dir);

	strv_add(v, program);
	strv_add(v, "--root");
	strv_add(v, OCI_STATE);
	strv_add(v, "exec");
	strv_add(v, "--pid-file");
	strv_add(v, pid_file);
	if (!p->inherit) {
		strv_add(v, "--cwd");
		strv_add(v, p->cwd ? p->cwd : "/");
	}
	if (p->user) {
		strv_add(v, "--user");
		strv_add(v, p->user);
	}
	for (char *const *env = p->envp; env && *env; env++) {
		strv_add(v, "--env");
		strv_add(v, *env);
	}
	strv_add(v, o->id);
	for (const char *const *arg = p->argv; *arg; arg++)
		strv_add(v, *arg);
	return 0;
}

static int oci_exec(struct compute_root *r, const struct compute_process *p,
	struct compute_exec **ret, struct err *err)
{
	struct strv words CLEANUP_STRV = {0};
	char *pid_file CLEANUP(freep) = NULL;
	struct spawn spawn = SPAWN_INIT;
	struct oci_exec *e;
	char tail[13];
	pid_t pid;

	id_random_text(tail, 12, ID_ALPHABET_HEX);
	pid_file = xasprintf("%s/exec-%s.pid", oci_of(r)->dir, tail);
	exec_words(oci_of(r), p, pid_file, &words);
	spawn.argv = (const char *const *)words.v;
	spawn.stdin_fd = p->stdin_fd;
	spawn.stdout_fd = p->stdout_fd;
	spawn.stderr_fd = p->stderr_fd;
	spawn.new_session = true;
	if (spawn_start(&spawn, &pid, err) < 0)
		return -1;
	e = xcalloc(1, sizeof(*e));
	e->base.root = r;
	e->base.pid = pid;
	e->pid_file = TAKE_PTR(pid_file);
	e->pidfd = e->base.end_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	*ret = &e->base;
	return 0;
}

static int oci_wait(
	struct compute_exec *x, int64_t timeout_usec, struct compute_exit *ret, struct err *err)
{
	struct oci_exec *e = CONTAINER_OF(x, struct oci_exec, base);
	struct pollfd p = {.fd = e->pidfd, .events = POLLIN};
	struct spawn_result result CLEANUP_SPAWN_RESULT = {0};
	int r;

	if (!e->reaped) {
		do
			r = poll(&p, 1, timeout_usec < 0 ? -1 : (int)(timeout_usec / 1000));
		while (r < 0 && errno == EINTR);
		if (r == 0)
			return 0;
		if (spawn_wait(x->pid, &result, err) < 0)
			return -1;
		e->reaped = true;
		e->exit = (struct compute_exit){
			.exit_code = result.exit_code, .signal = result.signal};
	}
	*ret = e->exit;
	return 1;
}

/* The runtime passes signals on, all but this one. */
static void kill_inside(const struct oci_exec *e)
{
	struct str text CLEANUP_STR = STR_INIT;
	pid_t pid;

	if (file_read(e->pid_file, 64, &text, NULL) < 0)
		return;
	pid = (pid_t)strtol(str_text(&text), NULL, 10);
	if (pid > 1)
		kill(pid, SIGKILL);
}

static int oci_signal(struct compute_exec *x, int signal, struct err *err)
{
	if (signal == SIGKILL)
		kill_inside(CONTAINER_OF(x, struct oci_exec, base));
	if (kill(x->pid, signal) < 0 && errno != ESRCH)
		return err_errno(err, errno, "cannot signal process %d", (int)x->pid);
	return 0;
}

static void oci_exec_free(struct compute_exec *x)
{
	struct oci_exec *e;

	if (!x)
		return;
	e = CONTAINER_OF(x, struct oci_exec, base);
	fd_closep(&e->pidfd);
	unlink(e->pid_file);
	free(e->pid_file);
	free(e);
}

const struct compute_driver compute_oci = {
	.name = "oci",
	.probe = oci_probe,
	.create = oci_create,
	.attach = oci_attach,
	.exec = oci_exec,
	.wait = oci_wait,
	.signal = oci_signal,
	.exec_free = oci_exec_free,
	.kill_all = oci_kill_all,
	.peak_memory = oci_peak_memory,
	.destroy = oci_destroy,
	.detach = oci_detach,
	.watch_fd = oci_watch_fd,
	.discard = discard,
	.ended = oci_monitor_ended,
	.signal_init = oci_signal_init,
	.pod_make = oci_pod_make,
	.pod_drop = oci_pod_drop,
	.pod_usage = oci_pod_usage,
	.redirect = oci_network_redirect,
};
