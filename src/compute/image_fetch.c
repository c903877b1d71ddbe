/* SPDX-License-Identifier: Apache-2.0 */
/* Images in OCI image layout on the disk, and fetched into one by skopeo. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/spawn.h"
#include "codec/json.h"
#include "compute/image.h"

#define FETCH_LIMIT_USEC (1800 * USEC_PER_SEC)
#define TAG_ANNOTATION "org.opencontainers.image.ref.name"

int image_layout_open(void *arg, const char *digest, int *ret_fd, struct err *err)
{
	const char *hex = strchr(digest, ':');
	char *path CLEANUP(freep) = NULL;

	if (!hex || strchr(hex, '/'))
		return err_set(err, ERR_MALFORMED, "'%.80s' is no digest", digest);
	path = xasprintf(
		"%s/blobs/%.*s/%s", (const char *)arg, (int)(hex - digest), digest, hex + 1);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_errno(err, errno, "there is no such blob");
	return 0;
}

int image_layout_digest(
	const char *dir, const char *tag, struct arena *a, const char **ret, struct err *err)
{
	char *path CLEANUP(freep) = path_join(dir, "index.json");
	struct str text CLEANUP_STR = STR_INIT;
	const struct json_node *index, *manifests;

	if (file_read(path, MIB, &text, err) < 0 ||
		json_parse((struct view){arena_view_dup(a, str_view(&text)), text.len}, a, &index,
			err) < 0)
		return err_wrap(err, "%s", path);
	manifests = json_member(index, "manifests");
	for (size_t i = 0; manifests && i < manifests->n; i++) {
		const struct json_node *m = &manifests->items[i];

		if (tag && !streq(json_member_text(json_member(m, "annotations"), TAG_ANNOTATION),
				   tag))
			continue;
		*ret = json_member_text(m, "digest");
		if (*ret)
			return 0;
	}
	return err_set(
		err, ERR_NOT_FOUND, "%s names no image%s%s", path, tag ? " " : "", tag ? tag : "");
}

/* Registries on this machine may speak plain HTTP, as with docker. */
static bool on_loopback(const char *reference)
{
	return starts_with(reference, "127.") || starts_with(reference, "localhost:") ||
	       starts_with(reference, "localhost/");
}

/* What skopeo says, without time and level. */
static int fetch_failed(const struct str *errout, struct err *err)
{
	const char *text = str_text(errout), *mark = strstr(text, "msg=\"");
	struct view said = view_trim(view_of(mark ? mark + strlen("msg=\"") : text));

	if (mark && said.len && said.p[said.len - 1] == '"')
		said.len--;
	return err_set(err, ERR_IO, "skopeo: " VIEW_FMT,
		VIEW_ARG(((struct view){said.p, MIN(said.len, 800)})));
}

int image_fetch(
	const char *reference, const char *dir, const struct interrupt *interrupt, struct err *err)
{
	char *from CLEANUP(freep) = xasprintf("docker://%s", reference);
	char *to CLEANUP(freep) = xasprintf("oci:%s:image", dir);
	const char *argv[] = {"skopeo", "copy", "--quiet", "--src-tls-verify=true", from, to, NULL};
	struct spawn_result result CLEANUP_SPAWN_RESULT = {0};
	struct spawn spawn = SPAWN_INIT;

	if (on_loopback(reference))
		argv[3] = "--src-tls-verify=false";
	spawn.argv = argv;
	spawn.new_session = true;
	spawn.interrupt = interrupt;
	if (spawn_run(&spawn, (struct view){0}, 64 * KIB, FETCH_LIMIT_USEC, &result, err) < 0)
		return err_wrap(err, "fetching it");
	if (result.timed_out)
		return err_set(err, ERR_TIMEOUT, "fetching it took too long");
	if (result.exit_code != 0)
		return fetch_failed(&result.errout, err);
	return 0;
}
