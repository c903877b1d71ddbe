/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a bundle: OCI runtime specification, config.md and config-linux.md. */
#include <ctype.h>

#include "base/mem.h"
#include "base/path.h"
#include "codec/json.h"
#include "compute/oci_internal.h"

/* What a host's processes may do in a root of their own: install packages, change users, serve. */
static const char *const capabilities[] = {
	"CAP_AUDIT_WRITE",
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_MKNOD",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_RAW",
	"CAP_SETFCAP",
	"CAP_SETGID",
	"CAP_SETPCAP",
	"CAP_SETUID",
	"CAP_SYS_CHROOT",
};
static const char *const capability_sets[] = {"bounding", "effective", "permitted"};
static const char *const namespaces[] = {"pid", "mount", "uts", "ipc"};

static const char *const forbidden_calls[] = {
	"acct",
	"add_key",
	"bpf",
	"delete_module",
	"finit_module",
	"fsconfig",
	"fsmount",
	"fsopen",
	"fspick",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"mount",
	"mount_setattr",
	"move_mount",
	"nfsservctl",
	"open_by_handle_at",
	"open_tree",
	"perf_event_open",
	"pivot_root",
	"quotactl",
	"reboot",
	"request_key",
	"setns",
	"swapoff",
	"swapon",
	"umount2",
	"userfaultfd",
};

struct standard_mount {
	const char *target, *type, *source;
	const char *options[6];
};
static const struct standard_mount standard_mounts[] = {
	{"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
	{"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
	{"/dev/pts", "devpts", "devpts",
		{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
	{"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
	{"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
	{"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
};

static const char *const masked[] = {"/proc/acpi", "/proc/kcore", "/proc/keys",
	"/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug", "/proc/scsi",
	"/sys/firmware"};
static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

/* Files of the bundle that an image's root has in its /etc. */
static const char *const own_files[] = {"hosts", "hostname", "resolv.conf"};

static void put_list(struct json_writer *w, const char *key, const char *const *v, size_t n)
{
	json_key(w, key);
	json_open(w, '[');
	for (size_t i = 0; i < n && v[i]; i++)
		json_put_text(w, v[i]);
	json_close(w, ']');
}

static void put_user(struct json_writer *w, const struct oci_user *user)
{
	json_key(w, "user");
	json_open(w, '{');
	json_key(w, "uid");
	json_put_int(w, user->uid);
	json_key(w, "gid");
	json_put_int(w, user->gid);
	json_key(w, "additionalGids");
	json_open(w, '[');
	for (size_t i = 0; i < user->n_groups; i++)
		json_put_int(w, user->groups[i]);
	json_close(w, ']');
	json_close(w, '}');
}

/* RLIM_INFINITY is more than the writer's numbers hold. */
static void put_unlimited(struct json_writer *w, int64_t v)
{
	if (v < 0)
		json_put_raw(w, VIEW("18446744073709551615"));
	else
		json_put_int(w, v);
}

static void put_ulimits(struct json_writer *w, const struct compute_spec *spec)
{
	json_key(w, "rlimits");
	json_open(w, '[');
	for (size_t i = 0; i < spec->n_ulimits; i++) {
		const struct compute_ulimit *u = &spec->ulimits[i];
		char name[32] = "RLIMIT_";

		for (size_t k = 0; u->name[k] && k < 20; k++)
			name[7 + k] = (char)toupper((unsigned char)u->name[k]);
		json_open(w, '{');
		json_put_member(w, "type", name);
		json_key(w, "soft");
		put_unlimited(w, u->soft);
		json_key(w, "hard");
		put_unlimited(w, u->hard);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_process(
	struct json_writer *w, const struct compute_spec *spec, const struct oci_user *user)
{
	static const char *const sleeping[] = {
		"/bin/sh", "-c", "while :; do sleep 86400; done", NULL};
	static const char *const plain_env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	struct str home CLEANUP_STR = STR_INIT;
	bool has_home = false;

	json_key(w, "process");
	json_open(w, '{');
	json_key(w, "terminal");
	json_put_bool(w, false);
	json_put_member(w, "cwd", spec->init_cwd ? spec->init_cwd : "/");
	put_list(w, "args", spec->init_argv ? spec->init_argv : sleeping, SIZE_MAX);
	json_key(w, "env");
	json_open(w, '[');
	for (const char *const *env = spec->init_envp ? (const char *const *)spec->init_envp
						      : plain_env;
		*env; env++) {
		json_put_text(w, *env);
		has_home |= starts_with(*env, "HOME=");
	}
	str_addf(&home, "HOME=%s", user->home);
	if (spec->n_lowers && !has_home)
		json_put_text(w, str_text(&home));
	json_close(w, ']');
	put_user(w, user);
	if (spec->n_ulimits)
		put_ulimits(w, spec);
	json_key(w, "capabilities");
	json_open(w, '{');
	for (size_t i = 0; i < ARRAY_SIZE(capability_sets); i++)
		put_list(w, capability_sets[i], capabilities, ARRAY_SIZE(capabilities));
	json_close(w, '}');
	json_key(w, "noNewPrivileges");
	json_put_bool(w, false);
	json_close(w, '}');
}

static void put_mount(struct json_writer *w, const char *target, const char *type,
	const char *source, const char *const *options, size_t n)
{
	json_open(w, '{');
	json_put_member(w, "destination", target);
	json_put_member(w, "type", type);
	json_put_member(w, "source", source);
	put_list(w, "options", options, n);
	json_close(w, '}');
}

static int put_spec_mount(struct json_writer *w, const struct compute_mount *m, struct err *err)
{
	struct str size CLEANUP_STR = STR_INIT;
	const char *bind[] = {"rbind", "nosuid", m->read_only ? "ro" : "rw"};
	const char *tmpfs[] = {"nosuid", "nodev", NULL};

	if (m->kind == COMPUTE_OVERLAY)
		return err_set(err, ERR_UNSUPPORTED,
			"the oci driver mounts no overlay at %s; bind it instead", m->target);
	if (m->kind == COMPUTE_BIND) {
		put_mount(w, m->target, "bind", m->source, bind, ARRAY_SIZE(bind));
		return 0;
	}
	str_addf(&size, "size=%zu", m->size);
	if (m->size)
		tmpfs[2] = str_text(&size);
	put_mount(w, m->target, "tmpfs", "tmpfs", tmpfs, ARRAY_SIZE(tmpfs));
	return 0;
}

static int put_mounts(struct json_writer *w, const struct compute_spec *spec, struct err *err)
{
	json_key(w, "mounts");
	json_open(w, '[');
	for (size_t i = 0; i < ARRAY_SIZE(standard_mounts); i++) {
		const struct standard_mount *m = &standard_mounts[i];

		put_mount(w, m->target, m->type, m->source, m->options, ARRAY_SIZE(m->options));
	}
	for (size_t i = 0; spec->n_lowers && i < ARRAY_SIZE(own_files); i++) {
		char *source CLEANUP(freep) = path_join(spec->dir, own_files[i]);
		char *target CLEANUP(freep) = path_join("/etc", own_files[i]);
		struct compute_mount m = {.source = source, .target = target};

		if (put_spec_mount(w, &m, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (put_spec_mount(w, &spec->mounts[i], err) < 0)
			return -1;
	json_close(w, ']');
	return 0;
}

static void put_cpu(struct json_writer *w, const struct compute_limits *l)
{
	json_key(w, "cpu");
	json_open(w, '{');
	if (l->cpu_milli) {
		json_key(w, "period");
		json_put_int(w, 100000);
		json_key(w, "quota");
		json_put_int(w, (int64_t)l->cpu_milli * 100);
	}
	if (l->cpu_shares) {
		json_key(w, "shares");
		json_put_int(w, MAX(l->cpu_shares, 2));
	}
	json_close(w, '}');
}

static void put_resources(struct json_writer *w, const struct compute_limits *l)
{
	json_key(w, "resources");
	json_open(w, '{');
	json_key(w, "devices");
	json_put_raw(w, VIEW("[{\"allow\":false,\"access\":\"rwm\"}]"));
	if (l->memory) {
		json_key(w, "memory");
		json_open(w, '{');
		json_key(w, "limit");
		json_put_int(w, (int64_t)l->memory);
		json_close(w, '}');
	}
	if (l->cpu_milli || l->cpu_shares)
		put_cpu(w, l);
	if (l->pids) {
		json_key(w, "pids");
		json_open(w, '{');
		json_key(w, "limit");
		json_put_int(w, l->pids);
		json_close(w, '}');
	}
	json_close(w, '}');
}

static void put_seccomp(struct json_writer *w)
{
	json_key(w, "seccomp");
	json_open(w, '{');
	json_put_member(w, "defaultAction", "SCMP_ACT_ALLOW");
	json_key(w, "syscalls");
	json_open(w, '[');
	json_open(w, '{');
	put_list(w, "names", forbidden_calls, ARRAY_SIZE(forbidden_calls));
	json_put_member(w, "action", "SCMP_ACT_ERRNO");
	json_close(w, '}');
	json_close(w, ']');
	json_close(w, '}');
}

static void put_linux(struct json_writer *w, const struct compute_spec *spec)
{
	char *cgroup CLEANUP(freep) = oci_cgroup(spec->pod, spec->id);
	char *network CLEANUP(freep) = spec->pod ? oci_pod_network(spec->pod) : NULL;

	json_key(w, "linux");
	json_open(w, '{');
	json_put_member(w, "cgroupsPath", cgroup);
	json_key(w, "namespaces");
	json_open(w, '[');
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		json_open(w, '{');
		json_put_member(w, "type", namespaces[i]);
		json_close(w, '}');
	}
	if (spec->network != COMPUTE_NET_HOST) {
		json_open(w, '{');
		json_put_member(w, "type", "network");
		json_put_member(w, "path", network);
		json_close(w, '}');
	}
	json_close(w, ']');
	put_resources(w, &spec->limits);
	put_list(w, "maskedPaths", masked, ARRAY_SIZE(masked));
	put_list(w, "readonlyPaths", read_only, ARRAY_SIZE(read_only));
	put_seccomp(w);
	json_close(w, '}');
}

int oci_bundle_text(const struct compute_spec *spec, struct str *out, struct err *err)
{
	struct json_writer w = {.out = out};
	char *tree CLEANUP(freep) = path_join(spec->dir, "root");
	struct oci_user user = {.home = "/root"};

	if (spec->n_lowers &&
		oci_user_find(tree, spec->init_user ? spec->init_user : "0", &user, err) < 0)
		return -1;
	json_open(&w, '{');
	json_put_member(&w, "ociVersion", "1.0.2");
	json_put_member(&w, "hostname", spec->hostname ? spec->hostname : spec->id);
	json_key(&w, "root");
	json_open(&w, '{');
	json_put_member(&w, "path", "root");
	json_key(&w, "readonly");
	json_put_bool(&w, spec->read_only);
	json_close(&w, '}');
	put_process(&w, spec, &user);
	if (put_mounts(&w, spec, err) < 0)
		return -1;
	put_linux(&w, spec);
	json_close(&w, '}');
	return 0;
}
