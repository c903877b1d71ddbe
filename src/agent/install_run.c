/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out one item of an installation. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/install_plan.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/spawn.h"

/* ---- copies keep mode, owner and time ---- */

static int copy_link(const char *source, const char *path, struct err *err)
{
	char target[4096];
	ssize_t n = readlink(source, target, sizeof(target) - 1);

	if (n < 0)
		return err_errno(err, errno, "%s", source);
	target[n] = '\0';
	if (symlink(target, path) < 0)
		return err_errno(err, errno, "%s", path);
	return 0;
}

static int copy_bytes(int from, int to, const char *path, struct err *err)
{
	char buf[65536];
	ssize_t n;

	while ((n = copy_file_range(from, NULL, to, NULL, GIB, 0)) > 0)
		;
	if (n == 0)
		return 0;
	if (errno == ENOSPC)
		return err_errno(err, errno, "%s", path);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (fd_write_all(to, buf, (size_t)n, err) < 0)
			return err_wrap(err, "%s", path);
	return n < 0 ? err_errno(err, errno, "reading for %s", path) : 0;
}

static int copy_file(const char *source, const struct stat *st, const char *path, struct err *err)
{
	int from CLEANUP_FD = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int to CLEANUP_FD = -1;
	struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (from < 0)
		return err_errno(err, errno, "%s", source);
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return err_errno(err, errno, "%s", path);
	if (copy_bytes(from, to, path, err) < 0)
		return -1;
	/* Only root can give files away; without that the copy is the agent's own. */
	if (fchown(to, st->st_uid, st->st_gid) < 0 && errno != EPERM)
		return err_errno(err, errno, "%s", path);
	if (fchmod(to, st->st_mode & 07777) < 0 || futimens(to, times) < 0)
		return err_errno(err, errno, "%s", path);
	return 0;
}

static int run_copy(const struct install_item *item, struct err *err)
{
	struct stat st;

	if (lstat(item->source, &st) < 0)
		return err_errno(err, errno, "%s", item->source);
	if (unlink(item->path) < 0 && errno != ENOENT)
		return err_errno(err, errno, "%s", item->path);
	if (S_ISLNK(st.st_mode))
		return copy_link(item->source, item->path, err);
	if (!S_ISREG(st.st_mode))
		return err_set(
			err, ERR_INVALID, "%s is neither file, folder nor link", item->source);
	return copy_file(item->source, &st, item->path, err);
}

/* ---- permissions ---- */

static int run_chmod(const struct install_item *item, struct err *err)
{
	mode_t mode = (mode_t)strtoul(item->permission->mode, NULL, 8);

	if (chmod(item->path, mode) < 0)
		return err_errno(err, errno, "%s", item->path);
	return 0;
}

static int run_chown(const struct install_item *item, struct err *err)
{
	const struct appspec_permission *p = item->permission;
	const struct passwd *user = p->owner ? getpwnam(p->owner) : NULL;
	const struct group *group = p->group ? getgrnam(p->group) : NULL;

	if (p->owner && !user)
		return err_set(err, ERR_NOT_FOUND, "can't find user for %s", p->owner);
	if (p->group && !group)
		return err_set(err, ERR_NOT_FOUND, "can't find group for %s", p->group);
	if (lchown(item->path, user ? user->pw_uid : (uid_t)-1, group ? group->gr_gid : (gid_t)-1) <
		0)
		return err_errno(err, errno, "%s", item->path);
	return 0;
}

static void add_triplet(struct str *out, const char *who, unsigned bits)
{
	str_addf(out, "%s::%c%c%c", who, bits & 4 ? 'r' : '-', bits & 2 ? 'w' : '-',
		bits & 1 ? 'x' : '-');
}

/* The entries given, and the base entries from the mode. */
static int run_setfacl(const struct install_item *item, struct err *err)
{
	const struct appspec_permission *p = item->permission;
	struct str acl CLEANUP_STR = STR_INIT;
	const char *argv[] = {"setfacl", "--set", NULL, "--", item->path, NULL};
	struct stat st;

	if (stat(item->path, &st) < 0)
		return err_errno(err, errno, "%s", item->path);
	add_triplet(&acl, "user", st.st_mode >> 6 & 7);
	str_add_c(&acl, ',');
	add_triplet(&acl, "group", st.st_mode >> 3 & 7);
	str_add_c(&acl, ',');
	add_triplet(&acl, "other", st.st_mode & 7);
	for (size_t i = 0; i < p->n_acls; i++)
		str_addf(&acl, ",%s%c:%s:%s", p->acls[i].is_default ? "d:" : "", p->acls[i].kind,
			p->acls[i].name, p->acls[i].permissions);
	argv[2] = str_text(&acl);
	return spawn_check(argv, NULL, err);
}

static int run_context(const struct install_item *item, struct err *err)
{
	const struct appspec_permission *p = item->permission;
	struct strv argv CLEANUP_STRV = {0};
	const char *restore[] = {"restorecon", "-v", item->path, NULL};

	strv_add(&argv, "semanage");
	strv_add(&argv, "fcontext");
	strv_add(&argv, "-a");
	if (p->context_user) {
		strv_add(&argv, "-s");
		strv_add(&argv, p->context_user);
	}
	strv_add(&argv, "-t");
	strv_add(&argv, p->context_type);
	if (p->context_range) {
		strv_add(&argv, "-r");
		strv_add(&argv, p->context_range);
	}
	strv_add(&argv, item->path);
	if (spawn_check((const char *const *)argv.v, NULL, err) < 0)
		return -1;
	return spawn_check(restore, NULL, err);
}

static int run_mkdir(const struct install_item *item, struct err *err)
{
	if (mkdir(item->path, 0755) < 0)
		return err_errno(err, errno, "%s", item->path);
	return 0;
}

int install_run_item(const struct install_item *item, struct err *err)
{
	static int (*const run[])(const struct install_item *, struct err *) = {
		[INSTALL_MKDIR] = run_mkdir,
		[INSTALL_COPY] = run_copy,
		[INSTALL_CHMOD] = run_chmod,
		[INSTALL_SETFACL] = run_setfacl,
		[INSTALL_CONTEXT] = run_context,
		[INSTALL_CHOWN] = run_chown,
	};

	return run[item->kind](item, err);
}
