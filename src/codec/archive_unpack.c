/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking archives that nobody vouches for. Every name is walked part by part without following
 * links, so nothing is ever written outside of the folder, whatever the archive holds. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/mem.h"
#include "codec/archive.h"
#include "codec/archive_locale.h"

#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

struct unpacker {
	struct archive *in;
	int dir;
	bool layer; /* of an image: owners, set-id bits, links anywhere, whiteouts */
	int64_t max_entries, max_bytes;
	struct archive_stats stats;
};

int archive_kind_parse(const char *name, enum archive_kind *ret)
{
	static const struct {
		const char *name;
		enum archive_kind kind;
	} kinds[] = {{"zip", ARCHIVE_KIND_ZIP}, {"tar", ARCHIVE_KIND_TAR},
		{"tgz", ARCHIVE_KIND_TGZ}, {"tar.gz", ARCHIVE_KIND_TGZ}};

	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++)
		if (strcasecmp(kinds[i].name, name) == 0) {
			*ret = kinds[i].kind;
			return 0;
		}
	return -1;
}

static int refuse(const char *name, const char *why, struct err *err)
{
	return err_set(err, ERR_MALFORMED, "archive entry '%s' %s", name, why);
}

/* Opens the folder that name lies in, making what is missing; *ret_base is the last part, in
 * name. Links on the way are refused. */
static int open_parent(
	struct unpacker *u, char *name, int *ret_fd, const char **ret_base, struct err *err)
{
	CLEANUP_FD int at = fcntl(u->dir, F_DUPFD_CLOEXEC, 3);
	char *slash;

	if (at < 0)
		return err_errno(err, errno, "unpacking %s", name);
	while ((slash = strchr(name, '/'))) {
		int next;

		*slash = '\0';
		if (mkdirat(at, name, 0777) < 0 && errno != EEXIST)
			return err_errno(err, errno, "making the folder %s", name);
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && (errno == ELOOP || errno == ENOTDIR))
			return refuse(name, "is a link or a file, but others lie below it", err);
		if (next < 0)
			return err_errno(err, errno, "opening the folder %s", name);
		fd_closep(&at);
		at = next;
		name = slash + 1;
	}
	*ret_base = name;
	*ret_fd = TAKE_FD(at);
	return 0;
}

static int write_at(int fd, const char *p, size_t n, int64_t offset, struct err *err)
{
	while (n) {
		ssize_t done = pwrite(fd, p, n, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_errno(err, errno, "writing");
		p += done;
		n -= (size_t)done;
		offset += done;
	}
	return 0;
}

static int read_failed(struct unpacker *u, const char *name, struct err *err)
{
	const char *why = archive_error_string(u->in);

	return err_set(err, ERR_MALFORMED, "archive%s%s cannot be read: %s", *name ? " entry " : "",
		name, why ? why : "unknown form");
}

static int unpack_content(struct unpacker *u, const char *name, int fd, struct err *err)
{
	const void *block;
	size_t n;
	la_int64_t offset;
	int rc;

	while ((rc = archive_read_data_block(u->in, &block, &n, &offset)) == ARCHIVE_OK) {
		u->stats.bytes += (int64_t)n;
		if (u->stats.bytes > u->max_bytes || offset > u->max_bytes)
			return err_set(err, ERR_TOO_LARGE,
				"the archive unpacks to more than %lld bytes",
				(long long)u->max_bytes);
		if (write_at(fd, block, n, offset, err) < 0)
			return err_wrap(err, "unpacking %s", name);
	}
	return rc == ARCHIVE_EOF ? 0 : read_failed(u, name, err);
}

/* Owner and capabilities, as a layer has them. Attributes of the overlay itself are not taken. */
static int set_owner(struct archive_entry *entry, int fd, const char *base, struct err *err)
{
	const char *name;
	const void *value;
	size_t n;

	if (fchown(fd, (uid_t)archive_entry_uid(entry), (gid_t)archive_entry_gid(entry)) < 0)
		return err_errno(err, errno, "setting the owner of %s", base);
	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &n) == ARCHIVE_OK)
		if (strcmp(name, "security.capability") == 0 &&
			fsetxattr(fd, name, value, n, 0) < 0)
			return err_errno(err, errno, "setting the capabilities of %s", base);
	return 0;
}

static int unpack_file(
	struct unpacker *u, struct archive_entry *entry, int at, const char *base, struct err *err)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	CLEANUP_FD int fd = -1;

	if (unlinkat(at, base, 0) < 0 && errno != ENOENT)
		return err_errno(err, errno, "replacing %s", base);
	fd = openat(at, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "making the file %s", base);
	if (unpack_content(u, base, fd, err) < 0)
		return -1;
	if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0 &&
		archive_entry_size(entry) <= u->max_bytes &&
		ftruncate(fd, archive_entry_size(entry)) < 0) /* a hole at the end */
		return err_errno(err, errno, "writing %s", base);
	if (archive_entry_mtime_is_set(entry)) {
		times[1].tv_sec = archive_entry_mtime(entry);
		times[1].tv_nsec = archive_entry_mtime_nsec(entry);
	}
	if (u->layer && set_owner(entry, fd, base, err) < 0)
		return -1;
	if (fchmod(fd, archive_entry_perm(entry) & (u->layer ? 07777 : 0777)) < 0 ||
		futimens(fd, times) < 0)
		return err_errno(err, errno, "setting the mode of %s", base);
	return 0;
}

static int unpack_dir(
	struct unpacker *u, struct archive_entry *entry, int at, const char *base, struct err *err)
{
	CLEANUP_FD int fd = -1;

	if (mkdirat(at, base, 0777) < 0 && errno != EEXIST)
		return err_errno(err, errno, "making the folder %s", base);
	fd = openat(at, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return refuse(base, "is a folder where a link or a file stands", err);
	if (u->layer && set_owner(entry, fd, base, err) < 0)
		return -1;
	if (fchmod(fd, u->layer ? archive_entry_perm(entry) & 07777
				: (archive_entry_perm(entry) & 0777) | 0700) < 0)
		return err_errno(err, errno, "setting the mode of %s", base);
	return 0;
}

/* True for a target that stays inside: ".." only at its start, and no more of them than there are
 * (real) folders above the link. */
static bool link_is_inside(const char *name, const char *target)
{
	size_t depth = 0, up = 0;
	struct view rest = view_of(target), part;
	bool down = false;

	for (const char *p = name; *p; p++)
		depth += *p == '/';
	if (!*target || *target == '/')
		return false;
	while (rest.p) {
		part = view_cut(&rest, '/');
		if (view_eq_str(part, "..")) {
			if (down || ++up > depth)
				return false;
		} else if (part.len && !view_eq_str(part, ".")) {
			down = true;
		}
	}
	return true;
}

static int unpack_symlink(struct unpacker *u, struct archive_entry *entry, const char *name, int at,
	const char *base, struct err *err)
{
	const char *target = archive_entry_symlink(entry);

	/* A layer's links are followed by nobody but who has the image as its root. */
	if (!target || !*target || (!u->layer && !link_is_inside(name, target)))
		return refuse(name, "is a link that leads out of the folder", err);
	if (unlinkat(at, base, 0) < 0 && errno != ENOENT)
		return err_errno(err, errno, "replacing %s", base);
	if (symlinkat(target, at, base) < 0)
		return err_errno(err, errno, "making the link %s", base);
	if (u->layer && fchownat(at, base, (uid_t)archive_entry_uid(entry),
				(gid_t)archive_entry_gid(entry), AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, errno, "setting the owner of %s", base);
	return 0;
}

/* The name without "." and empty parts; NULL when it leads out or is no name at all. */
static char *clean_name(const char *name)
{
	struct view rest = view_of(name), part;
	CLEANUP_STR struct str out = STR_INIT;

	if (!name || *name == '/')
		return NULL;
	while (rest.p) {
		part = view_cut(&rest, '/');
		if (view_eq_str(part, ".."))
			return NULL;
		if (!part.len || view_eq_str(part, "."))
			continue;
		if (out.len)
			str_add_c(&out, '/');
		str_add_view(&out, part);
	}
	return str_take(&out);
}

static int unpack_hardlink(struct unpacker *u, const char *target, const char *name, int at,
	const char *base, struct err *err)
{
	CLEANUP(freep) char *clean = clean_name(target);
	CLEANUP_FD int from = -1;
	const char *from_base;
	struct stat st;

	if (!clean || !*clean)
		return refuse(name, "is a link that leads out of the folder", err);
	if (open_parent(u, clean, &from, &from_base, err) < 0)
		return -1;
	if (fstatat(from, from_base, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return refuse(name, "is a link to what is not a file of the archive", err);
	if (unlinkat(at, base, 0) < 0 && errno != ENOENT)
		return err_errno(err, errno, "replacing %s", base);
	if (linkat(from, from_base, at, base, 0) < 0)
		return err_errno(err, errno, "making the link %s", base);
	return 0;
}

/* What a layer takes away of those below (OCI image specification, layer.md, "Whiteouts"), in the
 * form that overlayfs has for it. */
static int unpack_whiteout(const char *name, int at, const char *base, struct err *err)
{
	const char *hidden = base + strlen(WHITEOUT);

	if (streq(base, OPAQUE)) {
		if (fsetxattr(at, "trusted.overlay.opaque", "y", 1, 0) < 0)
			return err_errno(err, errno, "making the folder of %s opaque", name);
		return 0;
	}
	if (starts_with(hidden, WHITEOUT))
		return 0; /* notes of an old storage driver */
	if (!*hidden || streq(hidden, ".") || streq(hidden, ".."))
		return refuse(name, "is a whiteout of nothing", err);
	if (mknodat(at, hidden, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST)
		return err_errno(err, errno, "making the whiteout %s", name);
	return 0;
}

static int unpack_entry(struct unpacker *u, struct archive_entry *entry, struct err *err)
{
	const char *name = archive_entry_pathname(entry);
	CLEANUP(freep) char *clean = clean_name(name), *walked = NULL;
	CLEANUP_FD int at = -1;
	const char *base;

	if (!clean)
		return refuse(name ? name : "?", "has a name that leads out of the folder", err);
	if (!*clean)
		return 0; /* the folder itself */
	if (++u->stats.entries > u->max_entries)
		return err_set(err, ERR_TOO_LARGE, "the archive has more than %lld entries",
			(long long)u->max_entries);
	walked = xstrdup(clean);
	if (open_parent(u, walked, &at, &base, err) < 0)
		return -1;
	if (u->layer && starts_with(base, WHITEOUT))
		return unpack_whiteout(clean, at, base, err);
	if (archive_entry_hardlink(entry))
		return unpack_hardlink(u, archive_entry_hardlink(entry), clean, at, base, err);
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return unpack_file(u, entry, at, base, err);
	case AE_IFDIR:
		return unpack_dir(u, entry, at, base, err);
	case AE_IFLNK:
		return unpack_symlink(u, entry, clean, at, base, err);
	default:
		return refuse(clean,
			u->layer ? "is a device, a socket or a pipe, which layers may not have"
				 : "is neither a file nor a folder nor a link",
			err);
	}
}

static void enable_formats(struct archive *in, enum archive_kind kind)
{
	if (kind == ARCHIVE_KIND_AUTO || kind == ARCHIVE_KIND_ZIP)
		archive_read_support_format_zip(in);
	if (kind != ARCHIVE_KIND_ZIP) {
		archive_read_support_format_tar(in);
		archive_read_support_filter_gzip(in);
	}
	if (kind == ARCHIVE_KIND_AUTO) {
		archive_read_support_filter_bzip2(in);
		archive_read_support_filter_xz(in);
		archive_read_support_filter_zstd(in);
	}
}

static void unpacker_release(struct unpacker *u)
{
	if (u->in)
		archive_read_free(u->in);
	fd_closep(&u->dir);
}

static int unpack(enum archive_kind kind, bool layer, int fd, const char *dir,
	const struct archive_limits *limits, struct archive_stats *stats, struct err *err)
{
	ARCHIVE_LOCALE(locale);
	CLEANUP(unpacker_release) struct unpacker u = {.dir = -1, .layer = layer};
	struct archive_entry *entry;
	int rc;

	u.max_entries = limits && limits->max_entries ? limits->max_entries : LIMIT_ARCHIVE_ENTRIES;
	u.max_bytes =
		limits && limits->max_bytes ? limits->max_bytes : (int64_t)LIMIT_ARCHIVE_BYTES;
	u.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u.dir < 0)
		return err_errno(err, errno, "opening %s", dir);
	u.in = archive_read_new();
	if (!u.in)
		BUG("out of memory");
	enable_formats(u.in, kind);
	if (layer)
		archive_read_support_filter_zstd(u.in);
	if (archive_read_open_fd(u.in, fd, 64 * 1024) != ARCHIVE_OK)
		return read_failed(&u, "", err);
	while ((rc = archive_read_next_header(u.in, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN)
		if (unpack_entry(&u, entry, err) < 0)
			return -1;
	if (rc != ARCHIVE_EOF)
		return read_failed(&u, "", err);
	if (stats)
		*stats = u.stats;
	return 0;
}

int archive_unpack(enum archive_kind kind, int fd, const char *dir,
	const struct archive_limits *limits, struct archive_stats *stats, struct err *err)
{
	return unpack(kind, false, fd, dir, limits, stats, err);
}

int archive_unpack_layer(int fd, const char *dir, const struct archive_limits *limits,
	struct archive_stats *stats, struct err *err)
{
	return unpack(ARCHIVE_KIND_TAR, true, fd, dir, limits, stats, err);
}
