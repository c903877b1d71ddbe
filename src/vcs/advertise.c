/* SPDX-License-Identifier: Apache-2.0 */
/* What git says at the start of a connection. What it says of itself is the same for all
 * repositories with one configuration, so it is asked once; references are read in this process.
 * That takes the start of a process off every push, listing, fetch and clone. */
#include <pthread.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "vcs/child.h"
#include "vcs/pkt.h"
#include "vcs/transport.h"

#define CONFIG_MAX (64 * KIB)
#define NO_REFERENCES "capabilities^{}"

static const struct {
	const char *command, *name;
} services[] = {
	[VCS_UPLOAD_PACK] = {"upload-pack", "git-upload-pack"},
	[VCS_RECEIVE_PACK] = {"receive-pack", "git-receive-pack"},
};

/* What git said of itself where the configuration was this one: the whole answer of upload-pack in
 * protocol 2, the capabilities of receive-pack. */
static struct {
	pthread_mutex_t mutex;
	struct {
		struct str config, text;
	} of[ARRAY_SIZE(services)];
} known = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static bool has_version(const char *protocol, const char *version)
{
	return protocol && strstr(protocol, version) != NULL;
}

/* Appends what is known; false when nothing is. */
static bool recall(enum vcs_service service, const struct str *config, struct str *out)
{
	bool found;

	pthread_mutex_lock(&known.mutex);
	found = known.of[service].text.len &&
		view_eq(str_view(config), str_view(&known.of[service].config));
	if (found)
		str_add_view(out, str_view(&known.of[service].text));
	pthread_mutex_unlock(&known.mutex);
	return found;
}

static void remember(enum vcs_service service, const struct str *config, struct view text)
{
	pthread_mutex_lock(&known.mutex);
	str_clear(&known.of[service].config);
	str_add_view(&known.of[service].config, str_view(config));
	str_clear(&known.of[service].text);
	str_add_view(&known.of[service].text, text);
	pthread_mutex_unlock(&known.mutex);
}

/* Behind the first reference, up to the end of its line. A signed push's nonce holds once. */
static struct view capabilities_of(struct view answer)
{
	struct view line = answer;

	view_cut(&line, '\0');
	line = view_cut(&line, '\n');
	return line.len && !memmem(line.p, line.len, "push-cert=", 10) ? line
								       : (struct view){NULL, 0};
}

static int ask_git(const char *path, enum vcs_service service, const char *protocol,
	struct str *out, struct err *err)
{
	const char *const args[] = {
		services[service].command, "--http-backend-info-refs", path, NULL};
	const struct vcs_child_how how = {.protocol = protocol};
	CLEANUP_VCS_CHILD struct vcs_child child = VCS_CHILD_INIT;

	if (vcs_child_start(path, args, &how, &child, err) < 0)
		return -1;
	fd_closep(&child.in);
	if (fd_read_all(child.out, GIB, out, err) < 0 || vcs_child_wait(&child, err) < 0)
		return err_wrap(err, "cannot list the references");
	return 0;
}

static void add_ref(struct str *out, const char *id, const char *name, struct view capabilities)
{
	size_t n = 4 + strlen(id) + 1 + strlen(name) + 1;

	if (capabilities.len)
		n += 1 + capabilities.len;
	str_addf(out, "%04zx%s %s", n, id, name);
	if (capabilities.len) {
		str_add_c(out, '\0');
		str_add_view(out, capabilities);
	}
	str_add_c(out, '\n');
}

/* What git says of itself, and the nonce of a signed push, which is this process's own: git is
 * handed the commands of a certificate once that has been looked at (push_cert.c). */
static int list_refs(const char *path, struct str *capabilities, const char *nonce, struct str *out,
	struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct vcs_ref *refs;
	size_t n;

	if (vcs_repository_open(path, &git, err) < 0 ||
		vcs_refs_list(git, "refs/", &a, &refs, &n, err) < 0)
		return -1;
	if (nonce)
		str_addf(capabilities, " push-cert=%s", nonce);
	if (n == 0)
		add_ref(out, VCS_ID_ZERO.hex, NO_REFERENCES, str_view(capabilities));
	for (size_t i = 0; i < n; i++)
		add_ref(out, refs[i].id.hex, refs[i].name,
			i == 0 ? str_view(capabilities) : (struct view){NULL, 0});
	str_add(out, PKT_FLUSH);
	return 0;
}

int vcs_advertise(const char *path, enum vcs_service service, const char *protocol,
	const char *nonce, struct str *out, struct err *err)
{
	CLEANUP(freep) char *file = path_join(path, "config");
	CLEANUP_STR struct str config = STR_INIT, capabilities = STR_INIT;
	bool push = service == VCS_RECEIVE_PACK;
	size_t start = out->len;
	struct view said;

	/* Other protocols mix what git says of itself with more. */
	if (push ? has_version(protocol, "version=1") : !has_version(protocol, "version=2"))
		return ask_git(path, service, protocol, out, err);
	if (file_read(file, CONFIG_MAX, &config, err) < 0)
		return -1;
	if (!push && recall(service, &config, out))
		return 0;
	if (push && recall(service, &config, &capabilities))
		return list_refs(path, &capabilities, nonce, out, err);
	if (ask_git(path, service, protocol, out, err) < 0)
		return -1;
	said = (struct view){out->p + start, out->len - start};
	remember(service, &config, push ? capabilities_of(said) : said);
	if (!push || !nonce || !recall(service, &config, &capabilities))
		return 0;
	str_truncate(out, start);
	return list_refs(path, &capabilities, nonce, out, err);
}

int vcs_advertise_http(const char *path, enum vcs_service service, const char *protocol,
	const char *nonce, struct str *out, struct err *err)
{
	if (service == VCS_RECEIVE_PACK || !has_version(protocol, "version=2")) {
		pkt_addf(out, "# service=%s\n", services[service].name);
		str_add(out, PKT_FLUSH);
	}
	return vcs_advertise(path, service, protocol, nonce, out, err);
}
