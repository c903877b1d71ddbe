/* SPDX-License-Identifier: Apache-2.0 */
/* Images, as an engine brings them. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "codec/form.h"
#include "compute/docker_internal.h"

#define PULL_USEC (600 * USEC_PER_SEC)
#define TAR_BLOCK 512

/* ---- references ---- */

/* A copy, with ":latest" where neither tag nor digest is said. */
static const char *with_tag(const char *reference, struct arena *a)
{
	const char *slash = strrchr(reference, '/');

	if (strchr(reference, '@') || strchr(slash ? slash : reference, ':'))
		return arena_strdup(a, reference);
	return arena_printf(a, "%s:latest", reference);
}

static size_t repository_length(const char *reference)
{
	const char *at = strchr(reference, '@'), *slash = strrchr(reference, '/'),
		   *colon = strchr(slash ? slash : reference, ':');

	if (colon && (!at || colon < at))
		return (size_t)(colon - reference);
	return at ? (size_t)(at - reference) : strlen(reference);
}

/* ---- pulling ---- */

/* What an engine says while it pulls: a JSON object a line, with `error` in the last one when it
 * has failed. */
struct progress {
	struct str line;
	bool failed;
};

static int end_line(struct progress *p, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *node;
	const char *error = NULL;

	if (p->line.len && json_parse(str_view(&p->line), &a, &node, NULL) == 0)
		error = json_member_text(node, "error");
	str_clear(&p->line);
	if (!error)
		return 0;
	p->failed = true;
	return err_set(err, ERR_IO, "%s", error);
}

static int on_progress(void *arg, const char *bytes, size_t n, struct err *err)
{
	struct progress *p = arg;

	for (; n; bytes++, n--) {
		if (*bytes != '\n')
			str_add_c(&p->line, *bytes);
		else if (end_line(p, err) < 0)
			return -1;
	}
	return 0;
}

static int pull(struct docker_engine *e, const char *reference, const char *auth, struct err *err)
{
	struct str path CLEANUP_STR = STR_INIT;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct progress progress = {0};
	struct docker_call c = {.method = "POST",
		.registry_auth = auth,
		.timeout_usec = PULL_USEC,
		.write = on_progress,
		.arg = &progress};
	int r;

	str_add(&path, "/images/create?fromImage=");
	form_encode(view_of(reference), false, &path);
	c.path = str_text(&path);
	r = docker_call(e, &c, &a, NULL, err);
	if (r == 0)
		r = end_line(&progress, err);
	str_release(&progress.line);
	return r;
}

/* The digest by which the image's own repository knows it. */
static const char *digest_of(const struct json_node *image, const char *reference, struct arena *a)
{
	const struct json_node *all = json_member(image, "RepoDigests");
	size_t n = repository_length(reference);
	const char *at = strchr(reference, '@');

	if (at)
		return arena_strdup(a, at + 1);
	for (size_t i = 0; all && i < all->n; i++) {
		const char *one = all->items[i].text.p;
		const char *mark = one ? strchr(one, '@') : NULL;
		size_t len = mark ? (size_t)(mark - one) : 0;

		/* Short names of the public registry are known by their long ones. */
		if (mark && len >= n && strncmp(one + len - n, reference, n) == 0)
			return arena_strdup(a, mark + 1);
	}
	return NULL;
}

int docker_image_resolve(const struct compute_driver *d, const char *reference,
	const char *registry_auth, struct arena *a, struct compute_image *ret, struct err *err)
{
	struct docker_engine *e = docker_engine_of(d);
	struct err why CLEANUP_ERR = ERR_INIT;
	const char *name = with_tag(reference, a);
	const struct json_node *image;
	bool there = docker_get(e, a, &image, NULL, "/images/%s/json", name) == 0;

	/* What a digest names does not change; a tag is asked about each time, and only stands for
	 * what is there when its registry does not answer. */
	if ((!there || !strchr(name, '@')) && pull(e, name, registry_auth, &why) < 0) {
		if (!there)
			return err_move(err, &why);
		log_warn("compute", "image %s is used as it is on this host: %s", name,
			err_message(&why));
	}
	if (docker_get(e, a, &image, err, "/images/%s/json", name) < 0)
		return -1;
	ret->digest = digest_of(image, name, a);
	ret->reference = name;
	if (ret->digest && !strchr(name, '@'))
		ret->reference =
			arena_printf(a, "%.*s@%s", (int)repository_length(name), name, ret->digest);
	ret->stop_signal =
		arena_strdup(a, json_member_text(json_member(image, "Config"), "StopSignal"));
	return 0;
}

/* The hosts of a swarm pull by themselves. Where nobody knows the digest, they look for the tag. */
int swarm_image_resolve(const struct compute_driver *d, const char *reference,
	const char *registry_auth, struct arena *a, struct compute_image *ret, struct err *err)
{
	const char *name = with_tag(reference, a);
	struct docker_call c = {.path = arena_printf(a, "/distribution/%s/json", name),
		.registry_auth = registry_auth};
	struct err why CLEANUP_ERR = ERR_INIT;
	const struct json_node *answer;
	const char *at = strchr(name, '@');

	*ret = (struct compute_image){.reference = name};
	if (at) {
		ret->digest = arena_strdup(a, at + 1);
		return 0;
	}
	if (docker_call(docker_engine_of(d), &c, a, &answer, &why) < 0) {
		if (err_is(&why, ERR_UNAVAILABLE) || err_is(&why, ERR_TIMEOUT))
			return err_move(err, &why);
		log_warn("compute", "nobody knows the digest of image %s: %s", name,
			err_message(&why));
		return 0;
	}
	ret->digest =
		arena_strdup(a, json_member_text(json_member(answer, "Descriptor"), "digest"));
	if (ret->digest)
		ret->reference =
			arena_printf(a, "%.*s@%s", (int)repository_length(name), name, ret->digest);
	return 0;
}

/* ---- the image of pods ---- */

/* One file, /pause, in the ustar format. */
static void pause_tar(struct str *out)
{
	char head[TAR_BLOCK] = {0};
	size_t rest = docker_pause_len % TAR_BLOCK;
	unsigned sum = 0;

	strcpy(head, "pause");
	strcpy(head + 100, "0000755");
	strcpy(head + 108, "0000000");
	strcpy(head + 116, "0000000");
	snprintf(head + 124, 12, "%011o", (unsigned)docker_pause_len);
	snprintf(head + 136, 12, "%011o", 0U);
	memset(head + 148, ' ', 8);
	head[156] = '0';
	strcpy(head + 257, "ustar");
	head[263] = head[264] = '0';
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)head[i];
	snprintf(head + 148, 8, "%06o", sum);
	str_add_n(out, head, sizeof(head));
	str_add_n(out, docker_pause, docker_pause_len);
	memset(head, 0, sizeof(head));
	str_add_n(out, head, rest ? TAR_BLOCK - rest : 0);
	str_add_n(out, head, sizeof(head));
	str_add_n(out, head, sizeof(head));
}

int docker_pause_image(struct docker_engine *e, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str tar CLEANUP_STR = STR_INIT;
	struct progress progress = {0};
	const struct json_node *image;
	struct docker_call c = {.method = "POST",
		.path = "/images/create?fromSrc=-&repo=" DOCKER_PAUSE_REPOSITORY "&tag=1",
		.body_type = "application/x-tar",
		.write = on_progress,
		.arg = &progress};
	int r;

	if (docker_get(e, &a, &image, NULL, "/images/" DOCKER_PAUSE_IMAGE "/json") == 0)
		return 0;
	pause_tar(&tar);
	c.body = str_view(&tar);
	r = docker_call(e, &c, &a, NULL, err);
	if (r == 0)
		r = end_line(&progress, err);
	str_release(&progress.line);
	return r < 0 ? err_wrap(err, "cannot make the image " DOCKER_PAUSE_IMAGE) : 0;
}
