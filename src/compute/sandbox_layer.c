/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of a root before it is mounted. Parts of the host are hidden by what the overlay file
 * system itself offers, opaque folders and whiteouts. That costs no mounts, and a build can fill,
 * rename or remove what stands there as if it had always been empty.
 *
 * What hides the host is a layer of its own between the host and the written one, a template that
 * is made once for all roots that hide the same; its name is the digest of all it follows from. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/path.h"
#include "compute/sandbox.h"
#include "crypto/digest.h"

/* Where templates may lie: a layer of an overlay must not lie within another one, so it must be
 * another file system than the host's root. Made anew after each start of the machine. */
static const char *const template_dirs[] = {"/run/towpath/hide", "/dev/shm/towpath-hide"};

/* What is emptied for every root over the host's own tree. Missing ones are passed over. */
static const struct {
	const char *path;
	mode_t mode; /* of the empty folder; 0: as on the host */
} emptied[] = {
	{"/tmp", 01777},
	{"/var/tmp", 01777},
	{"/root", 0700},
	{"/home", 0755},
	{"/run", 0755},
	{"/mnt", 0},
	{"/media", 0},
	{"/boot", 0},
	{"/dev", 0755},
	{"/proc", 0555},
	{"/sys", 0555},
	{"/lost+found", 0},
	{"/etc/ssl/private", 0},
	{"/etc/ssh", 0},
	{"/etc/sudoers.d", 0},
	{"/etc/kubernetes", 0},
	{"/etc/docker", 0},
	{"/etc/cron.d", 0},
	{"/etc/wireguard", 0},
	{"/etc/letsencrypt", 0},
	{"/etc/NetworkManager", 0},
	{"/var/log", 0},
	{"/var/backups", 0},
	{"/var/mail", 0},
	{"/var/spool", 0},
	{"/var/lib/docker", 0},
	{"/var/lib/containerd", 0},
	{"/var/lib/kubelet", 0},
	{"/var/lib/postgresql", 0},
	{"/var/lib/mysql", 0},
	{"/var/lib/private", 0},
	{"/var/lib/systemd", 0},
	{"/var/lib/cloud", 0},
};

/* Password files: kept, with every password field replaced. */
static const char *const password_files[] = {
	"/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-"};

struct layer {
	char *upper; /* the folder on the host */
	const char *lower;
};

static char *lower_path(const struct layer *l, const char *path)
{
	return streq(l->lower, "/") ? xstrdup(path) : xasprintf("%s%s", l->lower, path);
}

/* Makes a folder of the layer, and those above it, with the mode and owner they have below. */
static int mirror_dir(const struct layer *l, const char *path, struct err *err)
{
	char *below CLEANUP(freep) = NULL, *above CLEANUP(freep) = NULL;
	char *parent CLEANUP(freep) = xstrdup(path);
	struct stat st;

	if (path[0] == '\0' || streq(path, "/"))
		return 0;
	above = xasprintf("%s%s", l->upper, path);
	if (file_exists(above))
		return 0;
	*strrchr(parent, '/') = '\0';
	if (mirror_dir(l, parent, err) < 0)
		return -1;
	below = lower_path(l, path);
	if (lstat(below, &st) < 0)
		st = (struct stat){.st_mode = S_IFDIR | 0755};
	if (mkdir(above, 0700) < 0 || chown(above, st.st_uid, st.st_gid) < 0 ||
		chmod(above, st.st_mode & 07777) < 0)
		return err_errno(err, errno, "cannot prepare %s of a sandbox", path);
	return 0;
}

/* A folder that shows nothing of what is below it. */
static int empty_dir(const struct layer *l, const char *path, mode_t mode, struct err *err)
{
	char *above CLEANUP(freep) = xasprintf("%s%s", l->upper, path);

	if (mirror_dir(l, path, err) < 0)
		return -1;
	if (setxattr(above, "trusted.overlay.opaque", "y", 1, 0) < 0) {
		err_errno(err, errno, "cannot hide %s from a sandbox", path);
		return err_hint(err, "keep the data folder on a file system with trusted "
				     "extended attributes (ext4, xfs, btrfs, tmpfs)");
	}
	if (mode && chmod(above, mode) < 0)
		return err_errno(err, errno, "cannot prepare %s of a sandbox", path);
	return 0;
}

/* A file that is not there. */
static int hide_file(const struct layer *l, const char *path, struct err *err)
{
	char *above CLEANUP(freep) = xasprintf("%s%s", l->upper, path);
	char *parent CLEANUP(freep) = xstrdup(path);

	*strrchr(parent, '/') = '\0';
	if (mirror_dir(l, parent, err) < 0)
		return -1;
	if (mknod(above, S_IFCHR | 0000, makedev(0, 0)) < 0 && errno != EEXIST)
		return err_errno(err, errno, "cannot hide %s from a sandbox", path);
	return 0;
}

/* Whether a folder above the path shows nothing of the host already. */
static bool below_empty_dir(const struct layer *l, const char *path)
{
	char *above CLEANUP(freep) = xasprintf("%s%s", l->upper, path);
	char *slash, mark;

	while ((slash = strrchr(above, '/')) > above + strlen(l->upper)) {
		*slash = '\0';
		if (getxattr(above, "trusted.overlay.opaque", &mark, 1) == 1 && mark == 'y')
			return true;
	}
	return false;
}

/* Hides a path as it really is on the host, whatever links led to it. */
static int hide(const struct layer *l, const char *path, struct err *err)
{
	char *real CLEANUP(freep) = realpath(path, NULL);
	struct stat st;

	if (!real || lstat(real, &st) < 0 || streq(real, "/") || below_empty_dir(l, real))
		return 0; /* nothing there: nothing to see */
	if (S_ISDIR(st.st_mode))
		return empty_dir(l, real, 0, err);
	return hide_file(l, real, err);
}

static int put_file(const struct layer *l, const char *path, struct view bytes, mode_t mode,
	gid_t group, struct err *err)
{
	char *above CLEANUP(freep) = xasprintf("%s%s", l->upper, path);
	char *parent CLEANUP(freep) = xstrdup(path);
	int fd CLEANUP_FD = -1;

	*strrchr(parent, '/') = '\0';
	if (mirror_dir(l, parent, err) < 0)
		return -1;
	fd = open(above, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchown(fd, 0, group) < 0 || fchmod(fd, mode) < 0)
		return err_errno(err, errno, "cannot prepare %s of a sandbox", path);
	return fd_write_all(fd, bytes.p, bytes.len, err);
}

/* name:secret:rest becomes name:*:rest, line by line. */
static int blank_passwords(const struct layer *l, const char *path, struct err *err)
{
	char *below CLEANUP(freep) = lower_path(l, path);
	struct str in CLEANUP_STR = STR_INIT, out CLEANUP_STR = STR_INIT;
	struct view rest, line;
	struct stat st;

	if (lstat(below, &st) < 0)
		return 0;
	if (!S_ISREG(st.st_mode) || file_read(below, 4 * MIB, &in, err) < 0)
		return hide_file(l, path, err);
	rest = str_view(&in);
	while (rest.len) {
		line = view_cut(&rest, '\n');
		str_add_view(&out, view_cut(&line, ':'));
		view_cut(&line, ':');
		str_add(&out, ":*:");
		str_add_view(&out, line);
		str_add_c(&out, '\n');
	}
	return put_file(l, path, str_view(&out), st.st_mode & 0777, st.st_gid, err);
}

/* /etc/resolv.conf is often a link into /run, which is empty in a root. */
static int copy_resolver(const struct layer *l, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct stat st;

	if (lstat("/etc/resolv.conf", &st) < 0 || S_ISREG(st.st_mode))
		return 0;
	if (file_read("/etc/resolv.conf", 64 * KIB, &text, NULL) < 0)
		return 0;
	return put_file(l, "/etc/resolv.conf", str_view(&text), 0644, 0, err);
}

static int name_host(const struct layer *l, const char *hostname, struct err *err)
{
	char *below CLEANUP(freep) = lower_path(l, "/etc/hosts");
	struct str text CLEANUP_STR = STR_INIT;

	if (file_read(below, MIB, &text, NULL) < 0)
		str_add(&text, "127.0.0.1 localhost\n");
	str_addf(&text, "127.0.1.1 %s\n", hostname);
	if (put_file(l, "/etc/hosts", str_view(&text), 0644, 0, err) < 0)
		return -1;
	str_clear(&text);
	str_addf(&text, "%s\n", hostname);
	return put_file(l, "/etc/hostname", str_view(&text), 0644, 0, err);
}

static int hide_host(const struct layer *l, const struct compute_spec *spec, struct err *err)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(emptied); i++) {
		if (lstat(emptied[i].path, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		if (empty_dir(l, emptied[i].path, emptied[i].mode, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(password_files); i++)
		if (blank_passwords(l, password_files[i], err) < 0)
			return -1;
	for (size_t i = 0; i < spec->n_hidden; i++)
		if (hide(l, spec->hidden[i], err) < 0)
			return -1;
	return copy_resolver(l, err);
}

/* ---- the template ---- */

static void key_of_file(struct str *key, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	str_addf(key, "%s %llu %lld %lld.%09ld\n", path, (unsigned long long)st.st_ino,
		(long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* All that the template's content follows from. */
static void key_of(const struct compute_spec *spec, struct str *key)
{
	static const char *const others[] = {"/etc/hosts", "/etc/resolv.conf"};

	str_addf(key, "2 %s\n", spec->hostname ? spec->hostname : spec->id);
	for (size_t i = 0; i < ARRAY_SIZE(emptied); i++)
		str_add_c(key, access(emptied[i].path, F_OK) == 0 ? '1' : '0');
	for (size_t i = 0; i < spec->n_points; i++)
		str_addf(key, "\n%s\n", spec->points[i]);
	for (size_t i = 0; i < spec->n_hidden; i++) {
		char *real CLEANUP(freep) = realpath(spec->hidden[i], NULL);

		str_addf(key, "\n%s\n", real ? real : "");
	}
	for (size_t i = 0; i < ARRAY_SIZE(password_files); i++)
		key_of_file(key, password_files[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		key_of_file(key, others[i]);
}

static int make_points(const struct layer *l, const struct compute_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->n_points; i++) {
		char *path CLEANUP(freep) = xstrdup(spec->points[i]);
		char *last = path + strlen(path) - 1;

		if (*last == '/')
			*last = '\0';
		if (*last ? put_file(l, path, VIEW(""), 0644, 0, err) < 0
			  : mirror_dir(l, path, err) < 0)
			return -1;
	}
	return 0;
}

static int fill_template(char *dir, const struct compute_spec *spec, struct err *err)
{
	struct layer l = {dir, "/"};

	if (chmod(dir, 0755) < 0)
		return err_errno(err, errno, "cannot prepare %s", dir);
	if (hide_host(&l, spec, err) < 0 || make_points(&l, spec, err) < 0)
		return -1;
	return name_host(&l, spec->hostname ? spec->hostname : spec->id, err);
}

/* A folder for templates that only user 0 can have put there; NULL when there is none. */
static const char *template_dir(void)
{
	struct stat root, st;

	if (stat("/", &root) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(template_dirs); i++) {
		const char *dir = template_dirs[i];

		if (lstat(dir, &st) < 0 &&
			(file_make_dirs(dir, 0700, NULL) < 0 || lstat(dir, &st) < 0))
			continue;
		if (S_ISDIR(st.st_mode) && st.st_uid == 0 && (st.st_mode & 077) == 0 &&
			st.st_dev != root.st_dev)
			return dir;
	}
	return NULL;
}

static int make_template(const char *path, const struct compute_spec *spec, struct err *err)
{
	char *temp CLEANUP(freep) = xasprintf("%s.XXXXXX", path);

	if (!mkdtemp(temp))
		return err_errno(err, errno, "cannot make %s", temp);
	if (fill_template(temp, spec, err) < 0) {
		file_remove_tree(temp, NULL);
		return -1;
	}
	/* Another maker may have been faster: its result is the same. */
	if (rename(temp, path) < 0)
		file_remove_tree(temp, NULL);
	return file_exists(path) ? 0 : err_set(err, ERR_IO, "cannot make %s", path);
}

/* *ret stays NULL where templates cannot be. */
static int find_template(const struct compute_spec *spec, char **ret, struct err *err)
{
	const char *dir = template_dir();
	struct str key CLEANUP_STR = STR_INIT;
	struct digest_value digest;
	char *path CLEANUP(freep) = NULL;

	if (!dir)
		return 0;
	key_of(spec, &key);
	digest = digest_of(DIGEST_SHA256, str_view(&key));
	path = xasprintf("%s/%.32s", dir, digest_hex(&digest).text);
	if (!file_exists(path) && make_template(path, spec, err) < 0)
		return -1;
	*ret = TAKE_PTR(path);
	return 0;
}

/* ---- the layer of one root ---- */

/* The root's own folder lies somewhere on the host: unless the template hides it already. */
static int hide_self(const struct compute_spec *spec, char *template, char *upper, struct err *err)
{
	char *real CLEANUP(freep) = realpath(spec->dir, NULL);
	struct layer shared = {template, "/"}, own = {upper, "/"};

	if (real && below_empty_dir(&shared, real))
		return 0;
	return hide(&own, spec->dir, err);
}

/* Targets in folders that the tree below has not got cost least when they are made here, beside
 * the file system that will show them. */
static void make_targets(const struct compute_spec *spec, const char *template, const char *upper)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const char *target = spec->mounts[i].target;
		char *top CLEANUP(freep) = xstrndup(target, strcspn(target + 1, "/") + 1);
		char *path CLEANUP(freep) = xasprintf("%s%s", upper, target);
		char *shared CLEANUP(freep) = xasprintf("%s%s", template, target);
		struct stat st;

		if (target[0] != '/' || lstat(shared, &st) == 0 || lstat(top, &st) == 0 ||
			!path_is_inside(target + 1) ||
			(spec->mounts[i].kind == COMPUTE_BIND &&
				stat(spec->mounts[i].source, &st) == 0 && !S_ISDIR(st.st_mode)))
			continue;
		file_make_dirs(path, 0755, NULL);
	}
}

int sandbox_layer_make(const struct compute_spec *spec, char **ret_template, struct err *err)
{
	char *upper CLEANUP(freep) = xasprintf("%s/upper", spec->dir);
	char *work CLEANUP(freep) = xasprintf("%s/work", spec->dir);
	const char *hostname = spec->hostname ? spec->hostname : spec->id;
	struct layer l = {upper, spec->lower ? spec->lower : "/"};

	if (ret_template)
		*ret_template = NULL;
	if (mkdir(upper, 0755) < 0 || mkdir(work, 0700) < 0)
		return err_errno(err, errno, "cannot make a sandbox in %s", spec->dir);
	if (chmod(upper, 0755) < 0)
		return err_errno(err, errno, "cannot make a sandbox in %s", spec->dir);
	if (spec->lower)
		return name_host(&l, hostname, err);
	if (ret_template && find_template(spec, ret_template, err) < 0)
		return -1;
	if (!ret_template || !*ret_template) {
		if (hide_host(&l, spec, err) < 0 || hide(&l, spec->dir, err) < 0)
			return -1;
		return name_host(&l, hostname, err);
	}
	if (hide_self(spec, *ret_template, upper, err) < 0)
		return -1;
	make_targets(spec, *ret_template, upper);
	return 0;
}
