/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and reads the buildspec. */
#include "build/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/mem.h"

#define DEFAULT_FILE "buildspec.yml"
#define INLINE_PATH "/codebuild/readonly/buildspec.yml"
#define S3_ARN "arn:aws:s3:::"

enum buildspec_origin build_locate_kind(const char *buildspec)
{
	if (!buildspec || !*buildspec)
		return BUILDSPEC_FILE;
	if (starts_with(buildspec, S3_ARN))
		return BUILDSPEC_OBJECT;
	if (strchr(buildspec, '\n') || starts_with(buildspec, "version:") || buildspec[0] == '{')
		return BUILDSPEC_INLINE;
	return BUILDSPEC_FILE;
}

/* Opens a file below dir; no symbolic link or ".." leads out of it. */
static int open_inside(const char *dir, const char *path)
{
	CLEANUP_FD int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	if (root < 0)
		return -1;
	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static int read_all(int fd, const char *name, struct str *ret, struct err *err)
{
	char buf[16384];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "stat %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "%s is not a file", name);
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		str_add_n(ret, buf, (size_t)n);
		if (ret->len > LIMIT_YAML_FILE)
			return err_set(err, ERR_TOO_LARGE, "%s is larger than %zu bytes", name,
				LIMIT_YAML_FILE);
	}
	return n < 0 ? err_errno(err, errno, "read %s", name) : 0;
}

static int read_file(const char *path, const char *source_dir, const char *name, struct str *ret,
	struct err *err)
{
	CLEANUP_FD int fd = open_inside(source_dir, path);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		err_set(err, ERR_NOT_FOUND,
			"YAML file does not exist: stat %s: no such file or directory", name);
		return err_hint(err, "Add the file to the source or name another buildspec in "
				     "the project.");
	}
	if (fd < 0)
		return err_errno(err, errno, "open %s", name);
	return read_all(fd, name, ret, err);
}

static int read_object(const struct build_sources *sources, const char *arn, struct arena *a,
	struct str *ret, struct err *err)
{
	const char *at = arn + strlen(S3_ARN), *slash = strchr(at, '/');

	if (!slash || slash == at || !slash[1])
		return err_set(err, ERR_INVALID,
			"buildspec %s is not of the form arn:aws:s3:::bucket/key", arn);
	return sources->read_object(sources->arg, arena_strndup(a, at, (size_t)(slash - at)),
		slash + 1, LIMIT_YAML_FILE, ret, err);
}

int build_locate(const struct build_sources *sources, const char *buildspec, const char *source_dir,
	const char *target_dir, struct arena *a, struct str *ret_text, const char **ret_origin,
	struct err *err)
{
	const char *path = buildspec && *buildspec ? buildspec : DEFAULT_FILE;

	switch (build_locate_kind(buildspec)) {
	case BUILDSPEC_INLINE:
		*ret_origin = INLINE_PATH;
		str_add(ret_text, buildspec);
		return 0;
	case BUILDSPEC_OBJECT:
		*ret_origin = buildspec;
		return read_object(sources, buildspec, a, ret_text, err);
	default:
		*ret_origin = arena_printf(a, "%s/%s", target_dir, path);
		return read_file(path, source_dir, *ret_origin, ret_text, err);
	}
}
