/* SPDX-License-Identifier: Apache-2.0 */
/* Images from blobs to unpacked layers: what is taken, what is refused and how, and which layers
 * are collected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "compute/image.h"
#include "crypto/digest.h"
#include "unit/skip.h"

#define HOUR (3600 * USEC_PER_SEC)
#define NOW (INT64_C(1800000000) * USEC_PER_SEC)

static struct {
	char dir[64], blobs[80], layers[80];
	struct arena a;
} t;

static int setup(void **state)
{
	(void)state;
	snprintf(t.dir, sizeof(t.dir), "/var/tmp/towpath-image-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.blobs, sizeof(t.blobs), "%s/blobs", t.dir);
	snprintf(t.layers, sizeof(t.layers), "%s/layers", t.dir);
	return file_make_dirs(t.blobs, 0700, NULL);
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&t.a);
	return file_remove_tree(t.dir, NULL);
}

/* ---- images to be ---- */

static const char *blob_path(const char *digest)
{
	return arena_printf(&t.a, "%s/%s", t.blobs, digest + strlen("sha256:"));
}

static const char *put(struct view bytes)
{
	struct digest_value v = digest_of(DIGEST_SHA256, bytes);
	const char *digest = arena_printf(&t.a, "sha256:%s", digest_hex(&v).text);

	assert_int_equal(file_write_atomic(blob_path(digest), bytes, 0600, NULL), 0);
	return digest;
}

/* A layer of one file, whose name in the archive is `name`. */
static const char *put_layer(const char *name, const char *content)
{
	char *file CLEANUP(freep) = xasprintf("%s/file", t.dir);
	char *rename CLEANUP(freep) = xasprintf("s,^file$,%s,", name);
	const char *argv[] = {
		"tar", "-C", t.dir, "-P", "--transform", rename, "-cf", "-", "file", NULL};
	struct str tar CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;

	assert_int_equal(file_write_atomic(file, view_of(content), 0644, &err), 0);
	if (spawn_check(argv, &tar, &err) < 0)
		fail_msg("%s", err_message(&err));
	return put(str_view(&tar));
}

static const char *put_config(void)
{
	return put(
		VIEW("{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"A=1\"],"
		     "\"Entrypoint\":[\"/bin/sh\"],\"Cmd\":[\"-c\",\"true\"],\"User\":\"shop\","
		     "\"WorkingDir\":\"\",\"StopSignal\":\"SIGINT\"}}"));
}

/* layers: a JSON list of descriptors */
static const char *put_manifest(const char *layers)
{
	char *text CLEANUP(freep) =
		xasprintf("{\"schemaVersion\":2,\"config\":{\"digest\":\"%s\"},\"layers\":%s}",
			put_config(), layers);

	return put(view_of(text));
}

static const char *image_of(const char *lower, const char *upper)
{
	return put_manifest(arena_printf(
		&t.a, "[{\"digest\":\"%s\"},{\"digest\":\"%s\"}]", lower, upper ? upper : lower));
}

static int open_blob(void *arg, const char *digest, int *ret_fd, struct err *err)
{
	(void)arg;
	*ret_fd = open(blob_path(digest), O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(err, ERR_NOT_FOUND, "there is no blob %s", digest) : 0;
}

static int prepare_at(int64_t now, const char *digest, struct image *ret, struct err *err)
{
	const struct image_store store = {t.layers, now};
	const struct image_source source = {.open = open_blob};

	return image_prepare(&store, digest, (struct view){0}, &source, &t.a, ret, err);
}

static void prepare(const char *digest, struct image *ret)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (prepare_at(NOW, digest, ret, &err) < 0)
		fail_msg("%s", err_message(&err));
}

static void expect_content(const char *layer, const char *name, const char *content)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", layer, name);
	struct str text CLEANUP_STR = STR_INIT;

	assert_int_equal(file_read(path, 4096, &text, NULL), 0);
	assert_string_equal(str_text(&text), content);
}

/* Refused with this kind and word; nothing half unpacked is left, no lease is held. */
static void refuse(const char *digest, enum err_kind kind, const char *word)
{
	const char *argv[] = {"sh", "-c", "ls -A \"$0\" | grep partial- || true", t.layers, NULL};
	struct err err CLEANUP_ERR = ERR_INIT;
	struct str left CLEANUP_STR = STR_INIT;
	struct image image;

	assert_int_equal(prepare_at(NOW, digest, &image, &err), -1);
	if (!strstr(err_message(&err), word))
		fail_msg("'%s' does not say '%s'", err_message(&err), word);
	assert_int_equal(err.kind, kind);
	assert_int_equal(image.n_leases, 0);
	assert_int_equal(spawn_check(argv, &left, NULL), 0);
	assert_int_equal(left.len, 0);
}

/* ---- tests ---- */

static void test_layers_and_configuration(void **state)
{
	const char *lower, *upper;
	struct image image, again;
	struct stat before, after;

	(void)state;
	lower = put_layer("a", "lower");
	upper = put_layer("b", "upper");
	prepare(image_of(lower, upper), &image);
	assert_int_equal(image.n_layers, 2);
	expect_content(image.layers[0], "b", "upper");
	expect_content(image.layers[1], "a", "lower");
	assert_string_equal(image.env[0], "A=1");
	assert_null(image.env[1]);
	assert_string_equal(image.entrypoint[0], "/bin/sh");
	assert_string_equal(image.cmd[1], "true");
	assert_string_equal(image.user, "shop");
	assert_null(image.working_dir);
	assert_string_equal(image.stop_signal, "SIGINT");

	/* another image with one of the layers finds it unpacked, even without its blob */
	assert_int_equal(unlink(blob_path(upper)), 0);
	assert_int_equal(stat(image.layers[0], &before), 0);
	prepare(image_of(upper, NULL), &again);
	assert_int_equal(stat(again.layers[0], &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	image_release(&image);
	image_release(&again);
}

static void test_index(void **state)
{
	const char *mine = image_of(put_layer("c", "indexed"), NULL);
	struct image image;

	(void)state;
	/* an entry without a platform fits every machine */
	prepare(put(view_of(arena_printf(&t.a,
			"{\"manifests\":[{\"digest\":\"%s\",\"platform\":{\"os\":\"plan9\","
			"\"architecture\":\"mips\"}},{\"digest\":\"%s\"}]}",
			put_config(), mine))),
		&image);
	assert_string_equal(image.digest, mine);
	image_release(&image);
	refuse(put(view_of(arena_printf(&t.a,
		       "{\"manifests\":[{\"digest\":\"%s\",\"platform\":{\"os\":\"plan9\","
		       "\"architecture\":\"mips\"}}]}",
		       mine))),
		ERR_NOT_FOUND, "no manifest for linux/");
}

static void test_refused(void **state)
{
	const char *layer = put_layer("d", "good"), *missing;

	(void)state;
	refuse(put_manifest("[]"), ERR_MALFORMED, "names no layers");
	refuse(put_manifest("[{\"digest\":\"sha256:12\"}]"), ERR_MALFORMED, "no sha256 digest");
	refuse(put_manifest("[{\"digest\":\"../../etc\"}]"), ERR_MALFORMED, "no sha256 digest");
	refuse(put(VIEW("no json")), ERR_MALFORMED, "manifest");
	missing = put_layer("e", "missing");
	assert_int_equal(unlink(blob_path(missing)), 0);
	refuse(image_of(layer, missing), ERR_NOT_FOUND, missing);
	/* what comes is not what the digest says */
	assert_int_equal(
		file_write_atomic(blob_path(missing), VIEW("something else"), 0600, NULL), 0);
	refuse(image_of(layer, missing), ERR_MALFORMED, missing);
	refuse(image_of(layer, put_layer("../../out", "x")), ERR_MALFORMED, "../../out");
	refuse(image_of(layer, put(VIEW("no archive"))), ERR_MALFORMED, "layer");
}

static void collect_at(int64_t now)
{
	const struct image_store store = {t.layers, now};
	struct err err CLEANUP_ERR = ERR_INIT;

	if (image_store_collect(&store, HOUR, &err) < 0)
		fail_msg("%s", err_message(&err));
}

static void test_collection(void **state)
{
	const char *digest = image_of(put_layer("f", "collected"), NULL);
	struct image image, second;
	char *lease CLEANUP(freep) = NULL;

	(void)state;
	prepare(digest, &image);
	lease = xasprintf("%s.lease", image.layers[0]);
	/* held, however long */
	collect_at(NOW + 100 * HOUR);
	expect_content(image.layers[0], "f", "collected");
	image_release(&image);
	/* used a short time ago */
	collect_at(NOW + HOUR / 2);
	expect_content(image.layers[0], "f", "collected");
	/* each use counts */
	assert_int_equal(prepare_at(NOW + 10 * HOUR, digest, &second, NULL), 0);
	image_release(&second);
	collect_at(NOW + 10 * HOUR + HOUR / 2);
	expect_content(image.layers[0], "f", "collected");
	collect_at(NOW + 12 * HOUR);
	assert_false(file_exists(image.layers[0]));
	assert_false(file_exists(lease));
	/* and it comes again */
	prepare(digest, &image);
	expect_content(image.layers[0], "f", "collected");
	image_release(&image);
}

static void test_mounted_layers_stay(void **state)
{
	const char *digest = image_of(put_layer("g", "mounted"), put_layer("h", "too"));
	char *options CLEANUP(freep) = NULL;
	char *target CLEANUP(freep) = xasprintf("%s/root", t.dir);
	struct image image;

	(void)state;
	prepare(digest, &image);
	image_release(&image);
	options = xasprintf("lowerdir=%s:%s", image.layers[0], image.layers[1]);
	assert_int_equal(mkdir(target, 0700), 0);
	if (mount("overlay", target, "overlay", MS_RDONLY, options) < 0)
		SKIP_CASE("no overlay mounts here");
	collect_at(NOW + 100 * HOUR);
	expect_content(target, "g", "mounted");
	assert_true(file_exists(image.layers[0]));
	assert_true(file_exists(image.layers[1]));
	assert_int_equal(umount2(target, 0), 0);
	collect_at(NOW + 100 * HOUR);
	assert_false(file_exists(image.layers[0]));
	assert_false(file_exists(image.layers[1]));
}

static void test_clean(void **state)
{
	char *partial CLEANUP(freep) = xasprintf("%s/partial-0123", t.layers);
	struct image image;

	(void)state;
	prepare(image_of(put_layer("i", "whole"), NULL), &image);
	image_release(&image);
	assert_int_equal(file_make_dirs(partial, 0700, NULL), 0);
	assert_int_equal(image_store_clean(t.layers, NULL), 0);
	assert_false(file_exists(partial));
	expect_content(image.layers[0], "i", "whole");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers_and_configuration),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_collection),
		cmocka_unit_test(test_mounted_layers_stay),
		cmocka_unit_test(test_clean),
	};

	if (geteuid() != 0)
		SKIP_ALL("layers are unpacked by root");
	return cmocka_run_group_tests(tests, setup, teardown);
}
