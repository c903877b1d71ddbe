/* SPDX-License-Identifier: Apache-2.0 */
/* Users of a root's own files. Its passwd and group are opened as if the root were "/", so that no
 * link of an image leads to the host's. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "compute/oci_internal.h"

#define ACCOUNTS_MAX (4 * MIB)

/* What stands in the file, nothing when it is missing. */
static int read_inside(const char *root, const char *name, struct str *out, struct err *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_IN_ROOT};
	int dir CLEANUP_FD = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd CLEANUP_FD = -1;

	if (dir < 0)
		return err_errno(err, errno, "%s", root);
	fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : err_errno(err, errno, "%s of the image", name);
	return fd_read_all(fd, ACCOUNTS_MAX, out, err);
}

static bool number(struct view v, long *ret)
{
	char text[16];

	if (!v.len || v.len > 10)
		return false;
	for (size_t i = 0; i < v.len; i++)
		if (!isdigit((unsigned char)v.p[i]))
			return false;
	snprintf(text, sizeof(text), VIEW_FMT, VIEW_ARG(v));
	*ret = strtol(text, NULL, 10);
	return *ret <= INT32_MAX;
}

/* name:password:uid:gid:text:home:shell */
static bool find_passwd(struct view text, struct view user, struct oci_user *ret)
{
	long wanted = -1, uid, gid;
	bool by_number = number(user, &wanted);

	while (text.len) {
		struct view line = view_cut(&text, '\n'), name = view_cut(&line, ':');
		struct view home;

		view_cut(&line, ':');
		if (!number(view_cut(&line, ':'), &uid) || !number(view_cut(&line, ':'), &gid) ||
			(by_number ? uid != wanted : !view_eq(name, user)))
			continue;
		view_cut(&line, ':');
		home = view_cut(&line, ':');
		ret->uid = (uid_t)uid;
		ret->gid = (gid_t)gid;
		snprintf(ret->home, sizeof(ret->home), VIEW_FMT, VIEW_ARG(home));
		return true;
	}
	return false;
}

/* name:password:gid:members. group set: looks for that one; else gathers those of the member. */
static bool scan_groups(
	struct view text, struct view group, struct view member, struct oci_user *ret)
{
	long gid;

	while (text.len) {
		struct view line = view_cut(&text, '\n'), name = view_cut(&line, ':');
		struct view members;

		view_cut(&line, ':');
		if (!number(view_cut(&line, ':'), &gid))
			continue;
		if (group.len) {
			if (!view_eq(name, group))
				continue;
			ret->gid = (gid_t)gid;
			return true;
		}
		members = view_cut(&line, ':');
		while (members.len)
			if (view_eq(view_cut(&members, ','), member) &&
				ret->n_groups < ARRAY_SIZE(ret->groups))
				ret->groups[ret->n_groups++] = (gid_t)gid;
	}
	return false;
}

int oci_user_find(const char *root, const char *user, struct oci_user *ret, struct err *err)
{
	struct str passwd CLEANUP_STR = STR_INIT, group CLEANUP_STR = STR_INIT;
	struct view name, rest = view_of(user);
	long n;

	*ret = (struct oci_user){.home = "/"};
	name = view_cut(&rest, ':');
	if (read_inside(root, "etc/passwd", &passwd, err) < 0 ||
		read_inside(root, "etc/group", &group, err) < 0)
		return -1;
	if (!find_passwd(str_view(&passwd), name, ret)) {
		if (!number(name, &n))
			return err_set(err, ERR_NOT_FOUND,
				"unable to find user " VIEW_FMT
				": no matching entries in the image's passwd file",
				VIEW_ARG(name));
		ret->uid = (uid_t)n;
	}
	if (!rest.len) {
		scan_groups(str_view(&group), (struct view){0}, name, ret);
		return 0;
	}
	if (number(rest, &n))
		ret->gid = (gid_t)n;
	else if (!scan_groups(str_view(&group), rest, name, ret))
		return err_set(err, ERR_NOT_FOUND,
			"unable to find group " VIEW_FMT
			": no matching entries in the image's group file",
			VIEW_ARG(rest));
	return 0;
}
